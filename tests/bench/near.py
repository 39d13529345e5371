#!/usr/bin/env python3
"""The near cache beside its yardsticks: runs all programs of this folder that measure it.

    python3 tests/bench/near.py BUILD [--only hit,threads,evict,growth,memory,mixed,caffeine]
        [--repeats 3] [--rounds 5] [--largest 10000000] [--eviction NAME] [--clock wall|cpu]
        [--memcached PROGRAM] [--caffeine JAR] [--short]

BUILD is a build directory, configured with --buildtype=release. Prints a table in Markdown; every
figure is the median of `repeats` processes, each of which takes the median of `rounds` rounds. What
needs more entries than --largest is left out, and so is what is not installed. --short is for the
tests: small sizes, one round, and nothing is judged but that the figures make sense.
"""
import argparse
import json
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

import near_peers

MILLION = 1000000
SHORT = 2000
JAR = '/usr/share/java/caffeine.jar'


def at_most(bound, value, unit=''):
    """A goal: its text, and whether it is met."""
    return f'at most {bound:g}{unit}', 'yes' if value <= bound else 'no'


def at_least(bound, value):
    return f'at least {bound:g}', 'yes' if value >= bound else 'no'


class Bench:
    def __init__(self, options):
        self.o = options
        self.tools = pathlib.Path(options.build).resolve() / 'tests/bench'
        self.env = dict(os.environ)
        self.env['MEMSTACHE_PLUGIN_PATH'] = str(self.tools.parents[1] / 'plugins')
        self.policy = None
        self.rows = []

    # ---- running

    def sizes(self, *sizes):
        return [SHORT] if self.o.short else [n for n in sizes if n <= self.o.largest]

    def once(self, words):
        done = subprocess.run([str(w) for w in words], env=self.env, capture_output=True, text=True,
                              check=False)
        if done.returncode:
            sys.exit(f'{words[0]}: exit status {done.returncode}: {done.stderr}')
        figures = json.loads(done.stdout)
        for name, value in figures.items():
            # Tiny caches may fit into what was there before: _over may be less than nothing.
            if not isinstance(value, str) and not (math.isfinite(value) and
                                                   (value >= 0 or name.endswith('_over'))):
                sys.exit(f'{words[0]}: {name} is {value}')
        return figures

    def ours(self, program, entries, **more):
        """The figures of one program: medians of all its runs."""
        options = {'entries': entries, 'clock': self.o.clock, **more}
        if self.o.eviction:
            options['eviction'] = self.o.eviction
        if self.o.short:
            options['lookups'] = 4096
        words = [self.tools / program]
        for name, value in options.items():
            words += ['--' + name.replace('_', '-'), value]
        return self.medians(lambda: self.once(words))

    def medians(self, run):
        runs = [run() for _ in range(self.o.repeats)]
        self.policy = runs[0].get('eviction', self.policy)
        return {name: value if isinstance(value, str) else
                statistics.median(r[name] for r in runs) for name, value in runs[0].items()}

    # ---- rows of the table

    def row(self, what, entries, ours, yardstick, ratio=None, goal=('', '')):
        shown = '' if ratio is None else f'{ratio:.2f}'
        print(f'| {what} | {entries:,} | {ours} | {yardstick} | {shown} | {goal[0]} | {goal[1]} |',
              flush=True)

    def hit(self):
        rounds = {'rounds': self.o.rounds}
        for entries in self.sizes(MILLION // 10, MILLION, 10 * MILLION):
            f = self.ours('near_hit', entries, **rounds)
            hit, many = f"{f['hit_ns']:.1f} ns", f"{f['get_many_ns']:.1f} ns"
            self.row('hit / floor', entries, hit, f"{f['floor_ns']:.1f} ns", f['hit_floor'],
                     at_most(2.2, f['hit_floor']))
            self.row('hit / handmade', entries, hit, f"{f['handmade_ns']:.1f} ns",
                     f['hit_handmade'], at_most(0.45, f['hit_handmade']))
            self.row('get_many of 16 / floor16', entries, many, f"{f['floor16_ns']:.1f} ns",
                     f['get_many_floor16'], at_most(2, f['get_many_floor16']))

    def threads(self):
        for entries in self.sizes(MILLION):
            f = self.ours('near_threads', entries, rounds=self.o.rounds)
            for name, what in (('floor', 'floor itself'), ('hits', 'all hits'),
                               ('mixed', '90 % hits, 10 % sets')):
                one, two = f[name + '_1_ops_per_s'] / MILLION, f[name + '_2_ops_per_s'] / MILLION
                ratio = f[name + '_ratio']
                self.row(f'two threads / one: {what}', entries, f'{two:.2f} M/s', f'{one:.2f} M/s',
                         ratio, ('', '') if name == 'floor' else at_least(1.8, ratio))

    def evict(self):
        for entries in self.sizes(MILLION):
            f = self.ours('near_evict', entries, rounds=self.o.rounds)
            if abs(f['losses_per_set'] - 1) > 0.01:
                sys.exit(f"near_evict: {f['losses_per_set']} entries went for each set")
            self.row('set of a new key into a full cache / handmade', entries,
                     f"{f['set_ns']:.0f} ns", f"{f['handmade_ns']:.0f} ns", f['set_handmade'],
                     at_most(2, f['set_handmade']))

    def growth(self):
        for entries in self.sizes(self.o.largest):
            for clock in ('wall', 'cpu'):
                f = self.ours('near_growth', entries, clock=clock)
                for who in ('set', 'handmade'):
                    times = [f[f'{who}_{p}_us'] for p in ('p50', 'p99', 'p9999', 'max')]
                    if times != sorted(times):
                        sys.exit(f'near_growth: {times}')
                for p, name in (('p50', 'half'), ('p99', '99 %'), ('p9999', '99.99 %'),
                                ('max', 'all')):
                    ours, theirs = f[f'set_{p}_us'], f[f'handmade_{p}_us']
                    self.row(f'growth from nothing, {clock} clock: {name} of the sets within',
                             entries, f'{ours:,.2f} us', f'{theirs:,.2f} us', ours / theirs,
                             at_most(100, ours, ' us') if p == 'p9999' else ('', ''))
            self.row('most entries that one set moves', entries, f"{f['most_moved']:.0f}", '', None,
                     ('a small constant', ''))

    def memory(self):
        for entries in self.sizes(MILLION, 10 * MILLION):
            f = self.ours('near_memory', entries)
            self.row('bytes an entry over key and value: resident / reported', entries,
                     f"{f['resident_over']:.1f} B", f"{f['reported_over']:.1f} B",
                     f['resident_over'] / f['reported_over'], at_most(56, f['resident_over'], ' B'))
            for peer in near_peers.PEERS:
                program = self.o.memcached if peer == 'memcached' else None
                p = near_peers.measure(peer, entries, program)
                if not p:
                    print(f'no {peer}: left out', file=sys.stderr)
                    continue
                self.row(f'the same: resident / {peer}', entries, f"{f['resident_over']:.1f} B",
                         f"{p['resident_over']:.1f} B", f['resident_over'] / p['resident_over'])

    def mixed(self):
        more = {'max_bytes': 128 << 20} if self.o.short else {}
        for entries in self.sizes(MILLION):
            f = self.ours('near_mixed', entries, **more)
            if f['reported_bytes'] > f['max_bytes']:
                sys.exit(f"near_mixed: {f['reported_bytes']} bytes are more than allowed")
            mib = {n: f'{f[n] / 2**20:.0f} MiB' for n in ('reported_bytes', 'resident_bytes',
                                                          'max_bytes')}
            what = f"{f['operations'] / MILLION:g} M operations of mixed sizes"
            self.row(f'{what}: reported / resident', entries, mib['reported_bytes'],
                     mib['resident_bytes'], f['reported_resident'],
                     at_least(0.9, f['reported_resident']))
            self.row(f'{what}: largest resident / max_bytes', entries,
                     f"{f['peak_max_bytes'] * f['max_bytes'] / 2**20:.0f} MiB", mib['max_bytes'],
                     f['peak_max_bytes'], at_most(1.02, f['peak_max_bytes']))

    def caffeine(self):
        if not shutil.which('java') or not os.path.exists(self.o.caffeine):
            print('no java, or no Caffeine (libcaffeine-java): left out', file=sys.stderr)
            return
        lookups = 4096 if self.o.short else 1 << 20
        source = pathlib.Path(__file__).resolve().parent / 'NearCaffeine.java'
        for entries in self.sizes(MILLION // 10, MILLION):
            words = ['java', '-cp', self.o.caffeine, source, entries, lookups, self.o.rounds]
            c = self.medians(lambda words=words: self.once(words))
            # Caffeine's other threads are part of its price: both by the wall.
            f = self.ours('near_threads', entries, rounds=self.o.rounds, clock='wall')
            for n, what in ((1, 'one thread'), (2, 'two threads')):
                name = f'hits_{n}_ops_per_s'
                self.row(f'hits / Caffeine, {what}', entries, f'{f[name] / MILLION:.2f} M/s',
                         f'{c[name] / MILLION:.2f} M/s', f[name] / c[name])


SECTIONS = ['hit', 'threads', 'evict', 'growth', 'memory', 'mixed', 'caffeine']


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    p.add_argument('build')
    p.add_argument('--only', default=','.join(SECTIONS))
    p.add_argument('--repeats', type=int, default=3)
    p.add_argument('--rounds', type=int, default=5)
    p.add_argument('--largest', type=int, default=10 * MILLION)
    p.add_argument('--eviction')
    p.add_argument('--clock', choices=['wall', 'cpu'], default='wall')
    p.add_argument('--memcached')
    p.add_argument('--caffeine', default=JAR)
    p.add_argument('--short', action='store_true')
    o = p.parse_args()
    if o.short:
        o.repeats = o.rounds = 1
    unknown = set(o.only.split(',')) - set(SECTIONS)
    if unknown:
        p.error(f'--only: {", ".join(unknown)} is none of {", ".join(SECTIONS)}')
    bench = Bench(o)
    print('| what | entries | memstache | yardstick | ratio | goal | met |')
    print('|---|---|---|---|---|---|---|')
    for section in SECTIONS:
        if section in o.only.split(','):
            getattr(bench, section)()
    print(f'\nPolicy {bench.policy}; medians of {o.repeats} runs of {o.rounds} rounds, '
          f'{o.clock} clock.')
    return 0


if __name__ == '__main__':
    sys.exit(main())
