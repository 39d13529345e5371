#!/usr/bin/env python3
"""What counting costs a near hit: the library as it is beside one without counters, in one process.

    python3 tests/bench/near_counters.py BUILD [--repeats 15] [--entries 1000,100000]
        [--clock wall|cpu] [--other DIRECTORY]

Builds the other one, with -Dcounters=false, in a directory beside BUILD. `near_counters` loads both, and
slices of lookups take turns. Each repetition is a process, with the two in the other order: where their
memory happens to lie makes a difference, too. Prints a table in Markdown: medians over the repetitions, and
the quartiles of the differences, so that nobody takes the machine's noise for a figure. The library beside
itself says what a difference of nothing looks like.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOAL_NS = 3


def run(words):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f'{words[0]}: exit status {done.returncode}: {done.stdout}{done.stderr}')
    return done.stdout


def make(build, *options):
    if not (build / 'build.ninja').exists():
        run(['meson', 'setup', build, ROOT, '-Dtests=true', *options])
    run(['ninja', '-C', build, 'tests/bench/near_counters', 'core/libmemstache.so.0', 'plugins/provider_memory.so',
         'plugins/eviction_adaptive.so', 'plugins/serializer_raw.so'])


def one(o, first, second, entries):
    """Nanoseconds of the first, of the second, and what they differ by."""
    words = [o.build / 'tests/bench/near_counters']
    for build in (first, second):
        words += [build / 'core/libmemstache.so.0', build / 'plugins']
    found = json.loads(run([*words, '--entries', entries, '--clock', o.clock]))
    return found['first_ns'], found['second_ns'], found['difference_ns']


def measure(o, other, what, entries):
    rows = []
    for i in range(o.repeats):
        if i % 2:
            second, first, difference = one(o, other, o.build, entries)
            rows.append((first, second, -difference))
        else:
            rows.append(one(o, o.build, other, entries))
    first, second, costs = (statistics.median(row[i] for row in rows) for i in range(3))
    low, _, high = statistics.quantiles([row[2] for row in rows], n=4)
    print(f'| {what} | {entries:,} | {first:.1f} ns | {second:.1f} ns | {first / second:.3f} | {costs:+.2f} ns '
          f'| {low:+.2f} to {high:+.2f} ns | at most {GOAL_NS} ns | {"yes" if costs <= GOAL_NS else "no"} |',
          flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    p.add_argument('build', type=pathlib.Path)
    p.add_argument('--repeats', type=int, default=15)
    p.add_argument('--entries', default='1000,100000')
    p.add_argument('--clock', choices=['wall', 'cpu'], default='cpu')
    p.add_argument('--other', type=pathlib.Path)
    o = p.parse_args()
    o.build = o.build.resolve()
    o.other = (o.other or o.build.parent / (o.build.name + '-uncounted')).resolve()
    make(o.build)
    make(o.other, '-Dcounters=false')
    print('| near hit | entries | as it is | the other | ratio | difference | quartiles | goal | met |')
    print('|---|---|---|---|---|---|---|---|---|')
    for entries in map(int, o.entries.split(',')):
        measure(o, o.other, 'beside one without counters', entries)
        measure(o, o.build, 'beside itself', entries)
    return 0


if __name__ == '__main__':
    sys.exit(main())
