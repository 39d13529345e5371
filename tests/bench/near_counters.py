#!/usr/bin/env python3
"""What counting costs a near hit: the library as it is beside one without counters, in one run.

    python3 tests/bench/near_counters.py BUILD [--repeats 31] [--entries 1000,100000,1000000]
        [--clock wall|cpu] [--other DIRECTORY]

Builds the other one, with -Dcounters=false, in a directory beside BUILD. Runs `near_hit` with counters,
without, with, in turns, and prints a table in Markdown: medians of the times, the median of the
differences of neighbouring runs, and what two runs with counters differ by, so that nobody takes the
machine's noise for a figure.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOAL_NS = 3
FIGURES = {'hit_ns': 'get and release', 'get_many_ns': 'one of 16 in a batch'}


def run(words, env=None):
    done = subprocess.run([str(w) for w in words], env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f'{words[0]}: exit status {done.returncode}: {done.stdout}{done.stderr}')
    return done.stdout


def make(build, *options):
    if not (build / 'build.ninja').exists():
        run(['meson', 'setup', build, ROOT, '-Dtests=true', *options])
    run(['ninja', '-C', build, 'tests/bench/near_hit', 'plugins/provider_memory.so',
         'plugins/eviction_adaptive.so', 'plugins/serializer_raw.so'])


def one(o, build, entries):
    env = {**os.environ, 'MEMSTACHE_PLUGIN_PATH': str(build / 'plugins')}
    words = [build / 'tests/bench/near_hit', '--entries', entries, '--clock', o.clock, '--rounds', 5,
             '--lookups', 1 << 17]
    return json.loads(run(words, env))


def measure(o, entries):
    differences, noise = {f: [] for f in FIGURES}, {f: [] for f in FIGURES}
    counted, bare = {f: [] for f in FIGURES}, {f: [] for f in FIGURES}
    for _ in range(o.repeats):
        runs = [one(o, build, entries) for build in (o.build, o.other, o.build)]
        for figure in FIGURES:
            first, without, last = (found[figure] for found in runs)
            counted[figure] += [first, last]
            bare[figure].append(without)
            differences[figure].append((first + last) / 2 - without)
            noise[figure].append(abs(first - last))
    for figure, what in FIGURES.items():
        costs = statistics.median(differences[figure])
        with_, without = statistics.median(counted[figure]), statistics.median(bare[figure])
        print(f'| {what} | {entries:,} | {with_:.1f} ns | {without:.1f} ns | {with_ / without:.3f} | {costs:+.2f} ns '
              f'| {statistics.median(noise[figure]):.2f} ns | at most {GOAL_NS} ns | {"yes" if costs <= GOAL_NS else "no"} |',
              flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    p.add_argument('build', type=pathlib.Path)
    p.add_argument('--repeats', type=int, default=31)
    p.add_argument('--entries', default='1000,100000,1000000')
    p.add_argument('--clock', choices=['wall', 'cpu'], default='cpu')
    p.add_argument('--other', type=pathlib.Path)
    o = p.parse_args()
    o.build = o.build.resolve()
    o.other = (o.other or o.build.parent / (o.build.name + '-uncounted')).resolve()
    make(o.build)
    make(o.other, '-Dcounters=false')
    print('| near hit | entries | with counters | without | ratio | difference | of two runs with counters | goal | met |')
    print('|---|---|---|---|---|---|---|---|---|')
    for entries in map(int, o.entries.split(',')):
        measure(o, entries)
    return 0


if __name__ == '__main__':
    sys.exit(main())
