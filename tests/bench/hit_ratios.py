#!/usr/bin/env python3
"""The hit ratios of the eviction policies on traces whose figures are known from other programs.

    python3 tests/bench/hit_ratios.py BUILD TRACES [--policies lru,sieve] [--all] [--set SECTION.KEY=VALUE]

TRACES is a directory with NAME.txt.xz (or NAME.txt, or NAME with another end that `memstache
simulate` reads) and anchors.csv, which has the columns trace, cache_size, policy, kind, hits, lo, hi
and a row for each policy of another program: `exact` ones must have the same hits, `band` ones a hit
ratio between lo and hi, widened by half a point. A reference.csv beside it, with the columns trace,
cache_size, policy, source, hit_ratio, gives the figures of CLOCK-Pro; as they are those of one
program, differences are shown and no failure. A trace without a file is left out, with a line on
standard error. Prints tables in Markdown; --all also prints every pair. The exit status says whether
the policies agree with anchors.csv, never how good they are.
"""
import argparse
import csv
import json
import os
import pathlib
import statistics
import subprocess
import sys

EXACT = {'fifo': 'FIFO', 'lru': 'LRU', 'lfu': 'LFU', 'sieve': 'SIEVE'}
BANDS = {'clock': ['CLOCK'], 'arc': ['ARC'], 's3fifo': ['S3-FIFO'], 'random': ['Random'],
         'wtinylfu': ['W-TinyLFU', 'Caffeine-adaptive'], 'clockpro': ['CLOCK-Pro']}
INFORMATIVE = ['clockpro']
WIDENED = 0.005
LOOPS = ['loop', '2_pools', 'multi1', 'multi2', 'sprite', 'cpp', 'gli']
WEB = ['web07', 'orm-night', 'cloudPhysicsIO']
# What is asked of the policies: mean of all, mean of WEB, the worst pair.
DEFAULT, DEFAULT_GOALS, BEST_GOAL = 'adaptive', (0.892, 0.83, 0.6), 0.915


def rows_of(path):
    with open(path, encoding='ascii', newline='') as file:
        yield from csv.DictReader(file)


class Anchors:
    def __init__(self, traces):
        self.exact, self.band, self.sizes = {}, {}, {}
        for row in rows_of(traces / 'anchors.csv'):
            pair = row['trace'], int(row['cache_size'])
            if pair[1] not in self.sizes.setdefault(pair[0], []):
                self.sizes[pair[0]].append(pair[1])
            if row['kind'] == 'exact':
                self.exact[(*pair, row['policy'])] = int(row['hits'])
            else:
                self.band[(*pair, row['policy'])] = float(row['lo']), float(row['hi'])
        if (traces / 'reference.csv').exists():
            for row in rows_of(traces / 'reference.csv'):
                if row['policy'] == 'CLOCK-Pro':
                    ratio = float(row['hit_ratio'])
                    self.band[row['trace'], int(row['cache_size']), 'CLOCK-Pro'] = ratio, ratio

    def complaint(self, pair, policy, row):
        """What is wrong with a row of `simulate`, or None; False when there is nothing to compare."""
        if policy in EXACT:
            hits = self.exact.get((*pair, EXACT[policy]))
            if hits is None:
                return False
            return None if row['hits'] == hits else f"{row['hits']} hits, not {hits}"
        bands = [self.band[(*pair, name)] for name in BANDS.get(policy, [])
                 if (*pair, name) in self.band]
        if not bands:
            return False
        low, high = min(b[0] for b in bands), max(b[1] for b in bands)
        if low - WIDENED <= row['hit_ratio'] <= high + WIDENED:
            return None
        return f"{row['hit_ratio']:.4f} is not in {low:.4f} to {high:.4f}"


def simulate(o, trace, sizes):
    """The rows of one trace: {(size, policy): row}."""
    words = [str(o.build / 'memstache'), '--json', '-q', 'simulate', '--trace', str(trace), '--sizes',
             ','.join(map(str, sizes))]
    if o.policies:
        words += ['--policies', o.policies]
    for setting in o.set:
        words += ['--set', setting]
    env = {**os.environ, 'MEMSTACHE_PLUGIN_PATH': str(o.build / 'plugins')}
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f'{trace}: exit status {done.returncode}: {done.stderr}')
    return {(row['size'], row['policy']): row for row in json.loads(done.stdout)}


def replay(o, anchors):
    """{(trace, size): {policy: row}} of all traces that are there."""
    found = {}
    for name, sizes in anchors.sizes.items():
        files = sorted(o.traces.glob(name + '.*'))
        if not files:
            print(f'{name}: no file of this trace; left out', file=sys.stderr)
            continue
        for (size, policy), row in simulate(o, files[0], sizes).items():
            found.setdefault((name, size), {})[policy] = row
    if not found:
        sys.exit(f'{o.traces}: no trace')
    return found


def judge(anchors, found):
    """Lines of the policies' agreement, {policy: [compared, complaints]}."""
    verdicts = {}
    for pair, rows in found.items():
        for policy, row in rows.items():
            complaint = anchors.complaint(pair, policy, row)
            verdict = verdicts.setdefault(policy, [0, []])
            verdict[0] += complaint is not False
            if complaint:
                verdict[1].append(f'{policy} with {pair[1]} of {pair[0]}: {complaint}')
        best = anchors.exact.get((*pair, 'OPT'))
        for row in rows.values():
            if best is not None and round(row['optimal_hit_ratio'] * row['requests']) != best:
                verdicts.setdefault('(optimum)', [0, []])[1].append(
                    f"optimum with {pair[1]} of {pair[0]}: "
                    f"{row['optimal_hit_ratio'] * row['requests']:.0f} hits, not {best}")
                break
    return verdicts


def of_optimum(found, policy, traces=None):
    return {pair: rows[policy]['hit_ratio'] / rows[policy]['optimal_hit_ratio']
            for pair, rows in found.items() if traces is None or pair[0] in traces}


def mean(shares):
    return statistics.fmean(shares.values()) if shares else float('nan')


def table(found, verdicts):
    policies = {policy for rows in found.values() for policy in rows}
    print(f'| policy | all {len(found)} pairs | worst pair | loops | web, database, storage '
          '| agrees with the others |')
    print('|---|---|---|---|---|---|')
    for policy in sorted(policies, key=lambda p: -mean(of_optimum(found, p))):
        shares = of_optimum(found, policy)
        worst = min(shares, key=shares.get)
        compared, complaints = verdicts[policy]
        kind = ' hits' if policy in EXACT else ' bands'
        agrees = f'{compared - len(complaints)} of {compared}{kind}' if compared else ''
        print(f'| {policy} | {mean(shares):.3f} | {shares[worst]:.3f}, {worst[0]} {worst[1]} '
              f'| {mean(of_optimum(found, policy, LOOPS)):.3f} '
              f'| {mean(of_optimum(found, policy, WEB)):.3f} | {agrees} |')


def pairs(found):
    policies = sorted(next(iter(found.values())))
    print('\n| trace | size | optimum | ' + ' | '.join(policies) + ' |')
    print('|---|---|---|' + '---|' * len(policies))
    for (trace, size), rows in found.items():
        best = next(iter(rows.values()))['optimal_hit_ratio']
        print(f'| {trace} | {size} | {best:.4f} | ' +
              ' | '.join(f"{rows[p]['hit_ratio']:.4f}" for p in policies) + ' |')


def goals(found):
    policies = next(iter(found.values()))
    print('\n| goal | figure | met |\n|---|---|---|')

    def goal(what, least, figure):
        print(f"| {what}: at least {least:g} | {figure:.3f} | {'yes' if figure >= least else 'no'} |")

    if DEFAULT in policies:
        shares = of_optimum(found, DEFAULT)
        figures = mean(shares), mean(of_optimum(found, DEFAULT, WEB)), min(shares.values())
        names = 'all pairs', 'web, database, storage', 'the worst pair'
        for name, least, figure in zip(names, DEFAULT_GOALS, figures):
            goal(f'{DEFAULT}, {name}', least, figure)
    best = max(policies, key=lambda p: mean(of_optimum(found, p)))
    goal(f'the best policy ({best}), all pairs', BEST_GOAL, mean(of_optimum(found, best)))


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    p.add_argument('build', type=pathlib.Path)
    p.add_argument('traces', type=pathlib.Path)
    p.add_argument('--policies')
    p.add_argument('--set', action='append', default=[], help='for simulate, as SECTION.KEY=VALUE')
    p.add_argument('--all', action='store_true', help='print every pair')
    o = p.parse_args()
    o.build = o.build.resolve()
    anchors = Anchors(o.traces)
    found = replay(o, anchors)
    verdicts = judge(anchors, found)
    table(found, verdicts)
    goals(found)
    if o.all:
        pairs(found)
    for _, lines in verdicts.values():
        print(*[''][:len(lines)], *lines, sep='\n', end='\n' if lines else '')
    return 1 if any(lines for p, (_, lines) in verdicts.items() if p not in INFORMATIVE) else 0


if __name__ == '__main__':
    sys.exit(main())
