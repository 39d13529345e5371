#!/usr/bin/env python3
"""What traces cost: the same load with the otlp exporter (1 % of requests sampled) and without.

    python3 tests/bench/traces.py BUILD [--pairs 200] [--ms 50] [--ratio 1%]

BUILD is a build directory, best configured with --buildtype=release. Starts a redis-server and a
collector of its own on loopback (traces_sink.c), which is to get the spans that it should. traces.c
says how it is measured.
"""
import argparse
import json
import math
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import redis

# What, the tiers, and how many gets are under way.
ROWS = [
    ('redis get, 512 under way', 'redis', 512),
    ('redis get, 16 under way', 'redis', 16),
    ('redis get, one at a time', 'redis', 1),
    ('near get', 'memory', 0),
]


class Sink:
    """The collector, a program of its own: what it does with a request costs next to nothing."""
    def __init__(self, build):
        self.process = subprocess.Popen([build / 'tests/bench/traces_sink'], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def taken(self):
        """Bytes and spans so far."""
        self.process.stdin.write('\n')
        self.process.stdin.flush()
        return [int(n) for n in self.process.stdout.readline().split()]

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Traces:
    def __init__(self, options, folder, port, sink):
        self.o, self.folder, self.port, self.sink = options, pathlib.Path(folder), port, sink
        self.build = pathlib.Path(options.build).resolve()
        self.env = dict(os.environ, MEMSTACHE_PLUGIN_PATH=str(self.build / 'plugins'))

    def config(self, tiers, traced):
        path = self.folder / f'{tiers}-{traced}.ini'
        runtime = f'[runtime]\nexporters = otlp\ntrace_ratio = {self.o.ratio}\n' if traced else ''
        otlp = f'[exporter.otlp]\nendpoint = http://127.0.0.1:{self.sink.port}\n' if traced else ''
        path.write_text(f'{runtime}{otlp}[cache]\ntiers = {tiers}\n[provider.redis]\n'
                        f'url = redis://127.0.0.1:{self.port}\n', 'utf-8')
        return path

    def check(self, spans, requests):
        """Each request that the lot falls on has two; a lot is a lot, so six deviations are fine."""
        ratio = float(self.o.ratio.rstrip('%')) / 100
        wanted, deviation = 2 * ratio * requests, 2 * math.sqrt(ratio * requests)
        if abs(spans - wanted) > 6 * deviation:
            sys.exit(f'{spans} spans arrived; it should be about {wanted:.0f}')

    def row(self, title, tiers, depth):
        before = self.sink.taken()
        done = subprocess.run([self.build / 'tests/bench/traces', self.config(tiers, False),
                               self.config(tiers, True), str(depth), str(self.o.pairs),
                               str(self.o.ms)], env=self.env, capture_output=True, text=True,
                              check=False)
        if done.returncode:
            sys.exit(f'exit status {done.returncode}: {done.stderr}')
        f = json.loads(done.stdout)
        size, spans = (now - then for now, then in zip(self.sink.taken(), before))
        if depth:
            self.check(spans, f['traced'])
        print(f"| {title} | {f['rate']:.3f}x ({f['rate_q1']:.3f} to {f['rate_q3']:.3f}) | "
              f"{f['cpu']:.3f}x | {f['plain_gets_per_s']:,.0f} | {f['plain_cpu_ns']:,.0f} ns | "
              f'{spans:,} | {size / 1e6:.1f} MB |', flush=True)


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
    sink = Sink(pathlib.Path(options.build).resolve())
    with tempfile.TemporaryDirectory() as folder:
        server, port = redis.start_server(folder)
        try:
            traces = Traces(options, folder, port, sink)
            print(f'with traces, {options.ratio} of requests sampled / without; medians of '
                  f'{options.pairs} pairs of {options.ms} ms, quartiles\n')
            print('| workload | gets/s | CPU of the loop a get | gets/s without | CPU without | '
                  'spans | sent |')
            print('|---|---|---|---|---|---|---|')
            for row in ROWS:
                traces.row(*row)
        finally:
            server.terminate()
            server.wait()
            sink.end()
    return 0


if __name__ == '__main__':
    sys.exit(main())
