#!/usr/bin/env python3
"""What a policy costs that was built outside of this repository: the SIEVE of the examples, compiled
with plain cc against the public headers, beside the built-in one.

    python3 tests/bench/near_plugin.py BUILD [--repeats 31] [--entries 100000,1000000]
        [--clock wall|cpu] [--short]

Runs `near_hit` and `near_evict` with each in turns, and prints a table in Markdown: medians of the
times, the median of the ratios of neighbouring runs, and what two runs of the built-in one differ by,
so that nobody takes the machine's noise for a figure. Both must keep the same, or nothing is measured.
--short is for the tests.
"""
import argparse
import json
import os
import pathlib
import shlex
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / 'sdk/examples/plugins/eviction_mysieve.c'
OURS, THEIRS = 'sieve', 'mysieve'
FIGURES = {'near_hit': 'hit_ns', 'near_evict': 'set_ns'}


def run(words, env=None):
    done = subprocess.run([str(w) for w in words], env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f'{words[0]}: exit status {done.returncode}: {done.stderr}')
    return done.stdout


def build_plugin(directory):
    run([*shlex.split(os.environ.get('CC', 'cc')), '-std=c11', '-Wall', '-Wextra', '-Werror', '-O2', '-shared',
         '-fPIC', '-fvisibility=hidden', '-I', ROOT / 'sdk/include', EXAMPLE, '-o',
         pathlib.Path(directory) / 'eviction_mysieve.so'])


def same_hits(build, env, directory):
    """Both on a trace that scans, loops and comes back."""
    trace = pathlib.Path(directory) / 'trace'
    keys = (i * i % 997 if i % 3 else i // 6 for i in range(30000))
    trace.write_text('\n'.join(map(str, keys)), encoding='ascii')
    rows = json.loads(run([build / 'memstache', '--json', '-q', 'simulate', '--trace', trace, '--policies',
                           f'{OURS},{THEIRS}', '--sizes', '1,10,100,500'], env))
    hits = {policy: [row['hits'] for row in rows if row['policy'] == policy] for policy in (OURS, THEIRS)}
    if hits[OURS] != hits[THEIRS] or sum(hits[OURS]) == 0:
        sys.exit(f'they do not keep the same: {hits}')


def measure(o, env, program, entries):
    """Ours, theirs, ours again: what the machine does meanwhile is in both, and `noise` says how much."""
    ratios, noise, times = [], [], {OURS: [], THEIRS: []}
    for _ in range(o.repeats):
        found = []
        for policy in (OURS, THEIRS, OURS):
            words = [o.build / 'tests/bench' / program, '--entries', entries, '--eviction', policy, '--clock',
                     o.clock, '--rounds', 1 if o.short else 3, '--lookups', 4096 if o.short else 1 << 17]
            figures = json.loads(run(words, env))
            if figures['eviction'] != policy:
                sys.exit(f"{program} used {figures['eviction']}")
            found.append(figures[FIGURES[program]])
            times[policy].append(found[-1])
        ratios.append(2 * found[1] / (found[0] + found[2]))
        noise.append(max(found[0], found[2]) / min(found[0], found[2]))
    ratio = statistics.median(ratios)
    what = 'hit' if program == 'near_hit' else 'set of a new key into a full cache'
    print(f'| {what} | {entries:,} | {statistics.median(times[THEIRS]):.1f} ns '
          f'| {statistics.median(times[OURS]):.1f} ns | {ratio:.3f} | {statistics.median(noise):.3f} '
          f"| at most 1.05 | {'yes' if ratio <= 1.05 else 'no'} |", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    p.add_argument('build', type=pathlib.Path)
    p.add_argument('--repeats', type=int, default=31)
    p.add_argument('--entries', default='100000,1000000')
    p.add_argument('--clock', choices=['wall', 'cpu'], default='wall')
    p.add_argument('--short', action='store_true')
    o = p.parse_args()
    o.build = o.build.resolve()
    if o.short:
        o.repeats, o.entries = 1, '2000'
    with tempfile.TemporaryDirectory() as directory:
        build_plugin(directory)
        env = {**os.environ, 'MEMSTACHE_PLUGIN_PATH': f"{o.build / 'plugins'}:{directory}"}
        same_hits(o.build, env, directory)
        print('| what | entries | example, out of tree | built-in | ratio | built-in beside itself | goal | met |')
        print('|---|---|---|---|---|---|---|---|')
        for entries in map(int, o.entries.split(',')):
            for program in FIGURES:
                measure(o, env, program, entries)
    return 0


if __name__ == '__main__':
    sys.exit(main())
