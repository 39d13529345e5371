"""`memstache bench`: short runs of every workload. Nothing here judges speed."""
import json
import math
import os
import pty
import select
import subprocess

import command

SHORT = ['bench', '--seconds', '0.1', '--keys', '500']
MEMBERS = {'workload', 'writes', 'keys', 'value_size', 'depth', 'threads', 'batch', 'dist',
           'seconds', 'warmup_s', 'rate', 'wall_s', 'ops', 'reads', 'ops_per_s', 'ns_per_op',
           'cpu_ns_per_op', 'p50_us', 'p99_us', 'p999_us', 'p9999_us', 'max_us', 'hit_ratio',
           'refused', 'errors', 'wrong', 'unsent'}


class Runs(command.Case):
    def figures(self, *words, code=0, err=''):
        found, = self.objects(self.expect(code, *SHORT, '--json', *words, err=err))
        self.assertEqual(set(found), MEMBERS)
        return found

    def sane(self, found):
        """What holds for the figures of every run without errors."""
        self.assertEqual((found['errors'], found['wrong'], found['unsent']), (0, 0, 0), found)
        self.assertGreater(found['ops'], 0)
        self.assertEqual(found['ops'] % found['batch'], 0)
        self.assertGreaterEqual(found['wall_s'], found['seconds'])
        self.assertAlmostEqual(found['ops_per_s'] * found['wall_s'] / found['ops'], 1, 5)
        each = found['wall_s'] * 1e9 * found['threads'] / found['ops']
        self.assertAlmostEqual(found['ns_per_op'] / each, 1, 5)
        self.assertGreater(found['cpu_ns_per_op'], 0)
        times = [found[f'{p}_us'] for p in ('p50', 'p99', 'p999', 'p9999', 'max')]
        self.assertEqual(times, sorted(times))
        self.assertGreater(times[0], 0)

    def test_every_workload(self):
        for workload, ratio in (('get', 1), ('set', None), ('mixed', 1), ('get_many', 1)):
            for more in ([], ['--threads', '2', '--depth', '4', '--dist', 'zipf:0.99']):
                found = self.figures('--workload', workload, *more)
                self.sane(found)
                self.assertEqual(found['hit_ratio'], ratio, workload)
                self.assertEqual(found['workload'], workload)
                self.assertEqual(found['batch'], 16 if workload == 'get_many' else 1)

    def test_share_of_sets(self):
        for workload, writes in (('get', 0), ('get_many', 0), ('set', 1), ('mixed', 0.1),
                                 ('mixed:40', 0.4), ('mixed:0.5', 0.005), ('mixed:99.9', 0.999)):
            found = self.figures('--workload', workload)
            self.sane(found)
            self.assertEqual(found['workload'], workload.split(':', maxsplit=1)[0])
            self.assertAlmostEqual(found['writes'], writes)
            sigma = math.sqrt(writes * (1 - writes) / found['ops'])
            self.assertLessEqual(abs(1 - found['reads'] / found['ops'] - writes), 6 * sigma)
        text = self.expect(0, *SHORT, '--workload', 'mixed:12.5').out.decode()
        self.assertIn('workload    mixed, 12.5 % sets, 500 keys', text)

    def test_settings_are_told(self):
        found = self.figures('--workload', 'get_many', '--value-size', '8', '--depth', '3',
                             '--threads', '2', '--batch', '5', '--dist', 'zipf:1')
        self.assertEqual({name: found[name] for name in ('keys', 'value_size', 'depth', 'threads',
                                                         'batch', 'dist', 'seconds', 'rate')},
                         {'keys': 500, 'value_size': 8, 'depth': 3, 'threads': 2, 'batch': 5,
                          'dist': 'zipf:1', 'seconds': 0.1, 'rate': None})

    def test_far_tier(self):
        """Every answer comes through a loop, and nothing is left behind."""
        for workload in ('get', 'set', 'mixed', 'get_many'):
            for tiers in ('shelf', 'memory, shelf'):
                words = [*self.shelf('cache.tiers=' + tiers), '--workload', workload,
                         '--threads', '2', '--depth', '8', '--keys', '50']
                found = self.figures(*words)
                self.sane(found)
                self.assertIn(found['hit_ratio'], (1, None))
                self.assertEqual(os.listdir(self.path('values')), [])

    def test_misses_are_no_errors(self):
        found = self.figures('--set', 'provider.memory.max_entries=100')
        self.sane(found)
        self.assertTrue(0 < found['hit_ratio'] < 1, found)

    def test_near_tier_that_is_full(self):
        """A fifth of the keys fits: others go out, or do not come in, and neither is an error."""
        for policy in ('lru', 'sieve', 'none'):
            for more in ([], ['--threads', '2', '--dist', 'zipf:0.99']):
                found = self.figures('--set', 'provider.memory.max_entries=100', '--set',
                                     'provider.memory.eviction=' + policy, '--workload',
                                     'mixed:50', *more)
                self.sane(found)
                self.assertTrue(0 < found['hit_ratio'] < 1, found)
                self.assertEqual(found['refused'] > 0, policy == 'none', found)
        text = self.expect(0, *SHORT, '--workload', 'set', '--set', 'provider.memory.eviction=none',
                           '--set', 'provider.memory.max_entries=100').out.decode()
        self.assertRegex(text, r'\nrefused     \d+ sets\nerrors      0\n')

    def test_sealed_values(self):
        if command.has_plugin('compressor_brotli'):
            found = self.figures('--set', 'cache.compressor=brotli', '--value-size', '1000')
            self.sane(found)
            self.assertEqual(found['hit_ratio'], 1)

    def test_rate(self):
        found = self.figures('--rate', '2000', '--threads', '2', '--seconds', '0.5')
        self.sane(found)
        self.assertEqual(found['rate'], 2000)
        self.assertEqual(found['ops'], 1000)  # as many as are due, however late they went out
        found = self.figures('--rate', '4000', '--workload', 'get_many', '--batch', '4')
        self.assertEqual(found['ops'], 400)

    def test_rate_out_of_reach(self):
        """A tier that takes half a second: most of what is due is never sent, and that is said."""
        found = self.figures(*self.shelf('provider.shelf.pause=on'), '--keys', '1', '--rate',
                             '1000', code=4, err='the load fell behind: ')
        self.assertGreater(found['unsent'], 0)
        self.assertEqual(found['unsent'] + found['ops'], 100)
        self.assertGreater(found['max_us'], 400000)

    def test_errors_are_counted(self):
        """One place for pending requests, and eight that want it."""
        found = self.figures(*self.shelf('cache.max_pending=1'), '--keys', '1', '--depth', '8',
                             code=4, err='errors, one of them: ')
        self.assertGreater(found['errors'], 0)
        self.assertLess(found['hit_ratio'], 1)
        self.assertEqual(found['wrong'], 0)

    def test_cannot_fill(self):
        self.expect(4, *self.shelf('provider.shelf.fail=error'), *SHORT, out=b'',
                    err='bench: cannot store the keys: ')

    def test_table(self):
        text = self.expect(0, *SHORT, '--workload', 'get_many', err='').out.decode()
        for pattern in (r'workload    get_many of 16, 500 keys of 16 bytes, values of 100 bytes, uni',
                        r'load        1 thread, depth 1, closed loop\n', r'throughput  \d+ ops/s \(',
                        r'cost        [\d.]+ ns/op wall, [\d.]+ ns/op CPU\n',
                        r'latency us  p50 [\d.]+, p99 [\d.]+, p99.9 [\d.]+, p99.99 [\d.]+, max',
                        r'hit ratio   1.000000\n', r'errors      0\n'):
            self.assertRegex(text, pattern)
        text = self.expect(0, *SHORT, '--workload', 'set', '--rate', '1000').out.decode()
        self.assertIn('open loop at 1000 ops/s', text)
        self.assertNotIn('hit ratio', text)

    def test_in_a_batch(self):
        answer = self.batch(0, 'set a 1', ' '.join(SHORT) + ' --json', 'get a', err='')
        self.assertEqual(json.loads(answer.out.splitlines()[0])['errors'], 0)
        self.assertEqual(answer.out.splitlines()[1], b'1')

    def test_progress_on_a_terminal(self):
        for quiet in ([], ['-q']):
            master, slave = pty.openpty()
            words = [command.MEMSTACHE, 'bench', '--seconds', '1.1', *quiet]
            done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=slave, timeout=60,
                                  cwd=self.directory, env=command.environment(), check=False)
            os.close(slave)
            ready = select.select([master], [], [], 0)[0]
            shown = os.read(master, 10000) if ready and not quiet else b''
            os.close(master)
            self.assertEqual(done.returncode, 0)
            self.assertEqual(b'measuring: ' in shown, not quiet)


class Wrong(command.Case):
    def refused(self, text, *words):
        self.expect(2, 'bench', *words, out=b'', err=text)

    def test_settings(self):
        self.refused('"gte" is not one of get, set, mixed, mixed:P, get_many; did you mean get?',
                     '--workload', 'gte')
        for percent in ('', '0', '100', '-1', 'x', '1x', ' 1', 'nan', '0x1p1'):
            self.refused(f'"mixed:{percent}" is not mixed:P', '--workload', f'mixed:{percent}')
        for dist in ('zipf', 'zipf:', 'zipf:0', 'zipf:-1', 'zipf:11', 'zipf:1x', 'normal', ''):
            self.refused(f'"{dist}" is neither uniform nor zipf:A', '--dist', dist)
        for name in ('keys', 'value-size', 'depth', 'threads', 'batch'):
            for text in ('x', '', '-1', '1.5', '1k', ' 1', '+1', '0x10', 'inf'):
                self.refused(f'--{name}: "{text}" is not a whole number', f'--{name}={text}')
            self.refused(f'--{name}: 0 is not from ', '--workload', 'get_many', f'--{name}', '0')
        for name in ('seconds', 'rate'):
            for text in ('x', '', '-1', '1s', 'nan', '1e3', '1.2.3'):
                self.refused(f'--{name}: "{text}" is not a number', f'--{name}={text}')
            self.refused(f'--{name}: 0 is not from ', f'--{name}', '0')
        self.refused('--value-size: 7 is not from 8 to ', '--value-size', '7')
        self.refused('--batch goes with --workload get_many only', '--batch', '4')
        self.refused('in flight', '--depth', '65536', '--threads', '256', '--workload', 'get_many')
        self.refused('too many operands', 'x')
        self.expect(2, 'get', 'a', '--keys', '5', out=b'', err='get takes no --keys')


if __name__ == '__main__':
    command.main()
