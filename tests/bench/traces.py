#!/usr/bin/env python3
"""What traces cost: the same load with the otlp exporter (1 % of requests sampled) and without.

    python3 tests/bench/traces.py BUILD [--pairs 200] [--ms 50] [--ratio 1%]

BUILD is a build directory, best configured with --buildtype=release. Starts a redis-server and a
collector of its own on loopback; the collector takes everything and looks at nothing. traces.c says
how it is measured.
"""
import argparse
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading

import redis

# What, the tiers, and how many gets are under way.
ROWS = [
    ('redis get, 512 under way', 'redis', 512),
    ('redis get, 16 under way', 'redis', 16),
    ('redis get, one at a time', 'redis', 1),
    ('near get', 'memory', 0),
]


class Sink(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    taken = 0

    def do_POST(self):
        length = int(self.headers['Content-Length'])
        Sink.taken += len(self.rfile.read(length))
        self.send_response(200)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *args):
        pass


class Traces:
    def __init__(self, options, folder, port, sink):
        self.o, self.folder, self.port, self.sink = options, pathlib.Path(folder), port, sink
        self.build = pathlib.Path(options.build).resolve()
        self.env = dict(os.environ, MEMSTACHE_PLUGIN_PATH=str(self.build / 'plugins'))

    def config(self, tiers, traced):
        path = self.folder / f'{tiers}-{traced}.ini'
        runtime = f'[runtime]\nexporters = otlp\ntrace_ratio = {self.o.ratio}\n' if traced else ''
        otlp = f'[exporter.otlp]\nendpoint = http://127.0.0.1:{self.sink}\n' if traced else ''
        path.write_text(f'{runtime}{otlp}[cache]\ntiers = {tiers}\n[provider.redis]\n'
                        f'url = redis://127.0.0.1:{self.port}\n', 'utf-8')
        return path

    def row(self, title, tiers, depth):
        before = Sink.taken
        done = subprocess.run([self.build / 'tests/bench/traces', self.config(tiers, False),
                               self.config(tiers, True), str(depth), str(self.o.pairs),
                               str(self.o.ms)], env=self.env, capture_output=True, text=True,
                              check=False)
        if done.returncode:
            sys.exit(f'exit status {done.returncode}: {done.stderr}')
        f = json.loads(done.stdout)
        print(f"| {title} | {f['rate']:.3f}x ({f['rate_q1']:.3f} to {f['rate_q3']:.3f}) | "
              f"{f['cpu']:.3f}x | {f['plain_gets_per_s']:,.0f} | {f['plain_cpu_ns']:,.0f} ns | "
              f'{(Sink.taken - before) / 1e6:.1f} MB |', flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    p.add_argument('build')
    p.add_argument('--pairs', type=int, default=200)
    p.add_argument('--ms', type=int, default=50)
    p.add_argument('--ratio', default='1%')
    options = p.parse_args()
    if not shutil.which('redis-server'):
        print('no redis-server', file=sys.stderr)
        return 77
    sink = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Sink)
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        server, port = redis.start_server(folder)
        try:
            traces = Traces(options, folder, port, sink.server_address[1])
            print(f'with traces, {options.ratio} of requests sampled / without; medians of '
                  f'{options.pairs} pairs of {options.ms} ms, quartiles\n')
            print('| workload | gets/s | CPU of the loop a get | gets/s without | CPU without | '
                  'sent |')
            print('|---|---|---|---|---|---|')
            for row in ROWS:
                traces.row(*row)
        finally:
            server.terminate()
            server.wait()
    return 0


if __name__ == '__main__':
    sys.exit(main())
