#!/usr/bin/env python3
"""memstache over Redis beside hiredis used by hand, in alternating rounds; medians and ratios.

    python3 tests/bench/redis.py BUILD [--rounds 5] [--seconds 2] [--keys 100000] [--yardstick FILE]

BUILD is a build directory, best configured with --buildtype=release. Starts a redis-server of its
own on loopback. The table goes to standard output; what is measured is said in its rows.
"""
import argparse
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

# What, the options of memstache bench, those of the yardstick, settings, what is to hold.
ROWS = [
    ('get, 512 under way, envelope none', ['get', '512', 1], ['get', 512, 1], 'none'),
    ('get, 512 under way, envelope on', ['get', '512', 1], ['get', 512, 1], 'on'),
    ('get, one at a time', ['get', '1', 1], ['get', 1, 1], 'none'),
    ('get_many of 64, one at a time', ['get_many', '1', 64], ['mget', 1, 64], 'none'),
    ('get_many of 64, 8 under way', ['get_many', '8', 64], ['mget', 8, 64], 'none'),
    ('set, 256 under way', ['set', '256', 1], ['set', 256, 1], 'none'),
]
VALUE = 100


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def start_server(folder):
    port = free_port()
    server = subprocess.Popen(
        ['redis-server', '--port', str(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder],
        stdout=subprocess.DEVNULL)
    for _ in range(200):
        try:
            socket.create_connection(('127.0.0.1', port)).close()
            return server, port
        except OSError:
            time.sleep(0.05)
    server.kill()
    sys.exit('redis-server does not start')


def fill(port, keys):
    """The keys that the yardstick asks for."""
    with socket.create_connection(('127.0.0.1', port)) as s, s.makefile('rb') as replies:
        for begin in range(0, keys, 1000):
            some = range(begin, min(begin + 1000, keys))
            s.sendall(b''.join(b'*3\r\n$3\r\nSET\r\n$17\r\ndirect:%010x\r\n$%d\r\n%s\r\n'
                               % (n, VALUE, b'x' * VALUE) for n in some))
            for _ in some:
                if replies.readline() != b'+OK\r\n':
                    sys.exit('the server does not take the keys')


class Bench:
    def __init__(self, options, folder, port):
        self.o, self.folder, self.port = options, folder, port
        self.build = pathlib.Path(options.build).resolve()
        self.env = dict(os.environ, MEMSTACHE_PLUGIN_PATH=str(self.build / 'plugins'))

    def run(self, words):
        done = subprocess.run([str(w) for w in words], env=self.env, capture_output=True, text=True,
                              check=False)
        if done.returncode:
            sys.exit(f'{words[0]}: exit status {done.returncode}: {done.stderr}')
        return json.loads(done.stdout)

    def config(self, envelope):
        path = pathlib.Path(self.folder, envelope + '.ini')
        space = 'namespace = sealed\n' if envelope == 'on' else ''
        path.write_text(f'[cache]\ntiers = redis\nserializer = raw\nenvelope = {envelope}\n{space}'
                        f'[provider.redis]\nurl = redis://127.0.0.1:{self.port}\n', 'utf-8')
        return path

    def ours(self, workload, depth, batch, envelope):
        return self.run([self.build / 'memstache', '-c', self.config(envelope), '--json', 'bench',
                         '--workload', workload, '--depth', depth,
                         *(['--batch', batch] if batch > 1 else []), '--keys', self.o.keys, '--value-size', VALUE,
                         '--seconds', self.o.seconds])

    def theirs(self, what, in_flight, batch):
        tool = self.o.yardstick or self.build / 'tests/bench/hiredis_direct'
        return self.run([tool, self.port, what, in_flight, max(1, int(self.o.seconds)), self.o.keys,
                         VALUE, batch])

    def row(self, title, ours, theirs, envelope):
        rate, cpu, latency = [], [], []
        for _ in range(self.o.rounds):
            b = self.theirs(*theirs)
            a = self.ours(*ours, envelope)
            if a['errors'] or b['errors']:
                sys.exit(f'{title}: errors')
            rate.append(a['ops_per_s'] / b['ops_per_s'])
            cpu.append(a['cpu_ns_per_op'] / b['cpu_ns_per_op'])
            latency.append(a['p50_us'] / b['p50_us'])
            last = f"{a['ops_per_s']:,.0f} / {b['ops_per_s']:,.0f}"
        median = statistics.median
        print(f'| {title} | {median(rate):.2f}x | {median(cpu):.2f}x | {median(latency):.2f}x | '
              f'{last} |', flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    p.add_argument('build')
    p.add_argument('--rounds', type=int, default=5)
    p.add_argument('--seconds', type=float, default=2)
    p.add_argument('--keys', type=int, default=100000)
    p.add_argument('--yardstick')
    options = p.parse_args()
    if not shutil.which('redis-server'):
        print('no redis-server', file=sys.stderr)
        return 77
    with tempfile.TemporaryDirectory() as folder:
        server, port = start_server(folder)
        try:
            bench = Bench(options, folder, port)
            fill(port, options.keys)
            print(f'memstache over Redis / hiredis by hand; values of {VALUE} bytes, '
                  f'{options.keys} keys, medians of {options.rounds} alternating rounds\n')
            print('| workload | keys/s | CPU a key | median latency | keys/s of the last round |')
            print('|---|---|---|---|---|')
            for row in ROWS:
                bench.row(*row)
        finally:
            server.terminate()
            server.wait()
    return 0


if __name__ == '__main__':
    sys.exit(main())
