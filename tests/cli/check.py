"""`plugin check`: finds the fault of each wrong plugin and names it, and none in a right one."""
import concurrent.futures
import os
import re
import shutil
import socket
import subprocess
import unittest

import command

WRONG = os.path.join(command.BUILD, 'tests', 'plugins', 'wrong')

# kind, fault: the case that has to find it, and words of what it has to say.
FAULTS = {
    ('compressor', 'exports_more'): ('load/exports-only-module', 'wrong_helper'),
    ('compressor', 'missing_symbol'): ('load/needs', 'nobody_has_this'),
    ('compressor', 'unnamed_library'): ('load/needs', 'uv_version'),
    ('compressor', 'crashes_on_load'): ('load/accepted', 'in loading the file'),
    ('compressor', 'no_decompress'): ('load/accepted', 'required op decompress is missing'),
    ('compressor', 'no_summary'): ('load/description', 'summary is empty'),
    ('compressor', 'taken_wire_id'): ('load/description', 'wire_id 3'),
    ('compressor', 'option_overlap'): ('describe/options-parse', '"level" and "other"'),
    ('compressor', 'option_default'): ('describe/options-parse', '4x'),
    ('compressor', 'option_without_help'): ('describe/options-parse', '"level" has no help'),
    ('compressor', 'leaks_memory'): ('life/init-fini-x1000-no-leak', 'not given back'),
    ('compressor', 'leaks_malloc'): ('life/init-fini-x1000-no-leak', 'of malloc()'),
    ('compressor', 'failed_init_leaks'): ('life/fini-after-failed-init', 'not given back'),
    ('compressor', 'unchecked_allocation'): ('oom/every-allocation', 'allocation 3 has failed'),
    ('compressor', 'prints'): ('life/init-fini-x1000-no-leak', 'hello from a plugin'),
    ('compressor', 'instance_overrun'): ('life/init-fini-x1000-no-leak', 'end of the instance'),
    ('compressor', 'frees_twice'): ('life/init-fini-x1000-no-leak', 'back twice'),
    ('compressor', 'crashes_in_fini'): ('life/init-fini-x1000-no-leak', 'in fini()'),
    ('compressor', 'loses_last_byte'): ('codec/roundtrip-corpus', 'do not come back'),
    ('compressor', 'small_bound'): ('codec/roundtrip-corpus', 'bound() asks for failed'),
    ('compressor', 'any_length'): ('codec/exact-length', 'and not MST_ECORRUPT'),
    ('compressor', 'reads_beyond_input'): ('codec/truncated-input', 'beyond the end of the input'),
    ('compressor', 'writes_beyond_output'): ('codec/bit-flips', 'beyond the end of the output'),
    ('compressor', 'wrong_status'): ('codec/nonsense', 'MST_EIO'),
    ('compressor', 'exits_on_nonsense'): ('codec/nonsense', 'exit(3)'),
    ('compressor', 'hangs_on_truncated'): ('codec/truncated-input', 'was not done after'),
    ('compressor', 'ignores_cap'): ('codec/cap-too-small', 'beyond the end of the output'),
    ('compressor', 'allocates_for_bomb'): ('codec/bomb-bounded', 'a few bytes took 8388'),
    ('compressor', 'static_buffer'): ('codec/concurrent', 'threads at once'),
    ('compressor', 'writes_to_input'): ('codec/roundtrip-corpus', 'touched the input'),
    ('compressor', 'calls_timer'): ('codec/roundtrip-corpus', 'has no loop'),
    ('serializer', 'keeps_input'): ('codec/roundtrip-corpus', 'touched the input'),
    ('serializer', 'ignores_sink'): ('codec/cap-too-small', 'although the sink was full'),
    ('serializer', 'believes_length'): ('codec/truncated-input', 'the input of decode()'),
    ('serializer', 'shared_scratch'): ('codec/concurrent', 'threads at once'),
    ('serializer', 'out_of_reserve'): ('codec/roundtrip-corpus', 'end of what reserve() gave'),
    ('eviction', 'evicts_twice'): ('eviction/each-node-once', 'evicted or removed before'),
    ('eviction', 'forgets_removal'): ('eviction/fuzz-vs-model', 'evict()'),
    ('eviction', 'loses_entry'): ('eviction/each-node-once', 'evict() returned nothing'),
    ('eviction', 'touches_removed'): ('eviction/no-touch-after-remove', 'entry that is gone'),
    ('eviction', 'one_list_for_all'): ('eviction/shard-independence', 'another shard'),
    ('eviction', 'counts_hits_in_shard'): ('eviction/hit-shared-touches-only-node', 'the shard'),
    ('eviction', 'counts_hits_twice'): ('eviction/hits-counted-as-said', 'reads_max (1)'),
    ('eviction', 'no_footprint'): ('eviction/footprint', 'without a footprint()'),
    ('eviction', 'logs_on_insert'): ('eviction/calls-nothing', 'log()'),
    ('eviction', 'node_overrun'): ('eviction/fuzz-vs-model', 'outside of a node'),
    ('provider', 'cuts_values'): ('provider/verbs-vs-model', 'bytes where'),
    ('provider', 'clears_everything'): ('provider/verbs-vs-model', 'the key is there'),
    ('provider', 'ignores_conditions'): ('provider/conditions', 'condition does not hold'),
    ('provider', 'ignores_same'): ('provider/if-same', 'another entry has taken the place'),
    ('provider', 'reverses_batches'): ('provider/batch-equals-singles', 'returned'),
    ('provider', 'keeps_key'): ('provider/verbs-vs-model', 'the key is there'),
    ('provider', 'no_status'): ('provider/verbs-vs-model', 'status of a CLEAR'),
    ('provider', 'lives_for_ever'): ('provider/ttl', 'expires_ms is over'),
    ('provider', 'peek_renews'): ('provider/sliding', 'MST_OPF_PEEK renews nothing'),
    ('provider', 'lends_its_own'): ('provider/out-released', 'changed when the key was set again'),
    ('provider', 'no_retain'): ('provider/out-released', 'not given back after fini()'),
    ('provider', 'lookup_forgets_space'): ('provider/lookup-equals-get', 'where a GET says'),
    ('provider', 'object_leaks'): ('provider/objects', 'references'),
    ('provider', 'hits_after_removal'): ('provider/evictor', 'on_hit()'),
    ('provider', 'no_lock'): ('provider/concurrent', ''),
    ('provider', 'works_elsewhere'): ('provider/wrong-thread', 'timer_open()'),
    ('provider', 'completes_twice'): ('provider/completes-exactly-once', 'twice'),
    ('provider', 'cancel_forgets'): ('provider/cancel', 'did not complete'),
    ('provider', 'stop_forgets'): ('provider/stop-with-pending', 'was not completed'),
    ('provider', 'timer_stays_open'): ('provider/stop-with-pending', 'a timer is open'),
    ('exporter', 'leaks_descriptor'): ('exporter/start-stop-no-leak', 'descriptors open'),
    ('exporter', 'leaks_in_start'): ('exporter/start-stop-no-leak', 'of malloc()'),
    ('exporter', 'never_stopped'): ('exporter/stop-with-pending', 'did not call stopped()'),
    ('exporter', 'leaves_timer'): ('exporter/stop-with-pending', 'a timer is open'),
    ('exporter', 'long_label'): ('exporter/walk-any-shape', 'beyond the end of a block'),
    ('exporter', 'texts_as_strings'): ('exporter/spans-any-shape', 'beyond the end of the spans'),
    ('exporter', 'keeps_span'): ('exporter/spans-copied', 'touched the spans'),
    ('exporter', 'keeps_all'): ('exporter/spans-bounded', 'after twice as many'),
    ('exporter', 'spans_set_timer'): ('exporter/spans-concurrent', 'timer_set()'),
    ('exporter', 'frees_in_stop'): ('exporter/late-spans', 'crashed'),
}
RIGHT = ['compressor_right', 'compressor_cpp', 'serializer_right', 'eviction_right', 'exporter_right',
         'provider_inproc', 'provider_blocking', 'provider_later']


class Check(command.Case):
    def check(self, *words, **env):
        """Runs the kit; exit code, what it says on stderr, and its answers by case."""
        done = subprocess.run([command.MEMSTACHE, '--json', 'plugin', 'check', *words],
                              capture_output=True, cwd=self.directory, check=False, timeout=200,
                              env=command.environment(**env))
        answer = command.Answer(done)
        return answer, {o['case']: o for o in self.objects(answer)}

    def side_by_side(self, function, items):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            return list(pool.map(function, items))


class Faults(Check):
    # A sanitizer finds some of them first. It tells the kit, which reads what the child prints.
    reports = {name: re.sub(r'log_path=[^:]*:?', '', os.environ[name])
               for name in ('ASAN_OPTIONS', 'UBSAN_OPTIONS') if name in os.environ}

    def find(self, item):
        (kind, fault), (case, words) = item
        file = os.path.join(WRONG, f'{kind}_{fault}.so')
        limit = '1s' if fault == 'hangs_on_truncated' else '5s'
        answer, cases = self.check(file, '--only', case, '--timeout', limit, **self.reports)
        found = cases.get(case, {}).get('fault') or ''
        named = words in found or 'Sanitizer' in found or 'runtime error' in found
        return None if answer.code == 1 and named else f'{kind} {fault}: {answer}'

    def test_each_is_found_and_named(self):
        self.assertGreaterEqual(len(FAULTS), 20)
        missed = [text for text in self.side_by_side(self.find, FAULTS.items()) if text]
        self.assertEqual(missed, [])


class Right(Check):
    """No false alarm, and nothing is skipped that ought not to be."""

    def alarms(self, file, *words):
        answer, cases = self.check(file, *words)
        self.assertTrue(cases, answer)
        wrong = [f'{file} {o["case"]}: {o["fault"]}' for o in cases.values()
                 if o['result'] == 'failed']
        return cases, wrong or ([] if answer.code == 0 else [f'{file}: {answer}'])

    def expect_none(self, files):
        self.assertTrue(files)
        self.assertEqual([text for _, found in self.side_by_side(self.alarms, files)
                          for text in found], [])

    def test_without_a_fault(self):
        self.expect_none([os.path.join(WRONG, name + '.so') for name in RIGHT])

    def test_shipped(self):
        directory = os.path.join(command.BUILD, 'plugins')
        self.expect_none(sorted(os.path.join(directory, name) for name in os.listdir(directory)
                                if name.endswith('.so')))

    def skipped(self, plugin, *options):
        """Without an alarm; the cases of its kind that do not apply."""
        words = [word for option in options for word in ('--option', option)]
        cases, wrong = self.alarms(plugin, *words)
        self.assertEqual(wrong, [])
        return {name: o['reason'] for name, o in cases.items()
                if o['result'] == 'skipped' and name.startswith('exporter/')}

    @unittest.skipUnless(command.has_plugin('exporter_prometheus'), 'no prometheus')
    def test_prometheus_on_a_free_port_and_in_a_file(self):
        skipped = self.skipped('exporter_prometheus', 'listen=127.0.0.1:0',
                               'textfile=' + self.path('metrics.prom'))
        self.assertEqual(set(skipped.values()), {'it takes no spans'})
        self.assertIn('exporter/walk-any-shape', self.skipped(
            'exporter_prometheus', 'listen=127.0.0.1:0'))

    @unittest.skipUnless(command.has_plugin('exporter_otlp'), 'no otlp')
    def test_otlp_without_a_collector(self):
        with socket.socket() as nobody:  # bound, so that nobody else listens there
            nobody.bind(('127.0.0.1', 0))
            endpoint = 'endpoint=http://127.0.0.1:%d' % nobody.getsockname()[1]
            self.assertEqual(self.skipped('exporter_otlp', endpoint), {})

    def test_exporter_of_the_template(self):
        file = os.path.join(command.BUILD, 'sdk', 'template', 'exporter_skeleton.so')
        self.assertEqual(self.skipped(file, 'file=' + self.path('figures')), {})
        with open(self.path('figures'), encoding='utf-8') as figures:
            self.assertGreater(len(figures.readlines()), 20)

    def test_exporters_write_nowhere_unasked(self):
        """Neither to a collector at the default address, nor into files."""
        for plugin in filter(command.has_plugin, ('exporter_prometheus', 'exporter_otlp')):
            cases, wrong = self.alarms(plugin, '--only', 'exporter/*')
            self.assertEqual(wrong, [])
            for case, o in cases.items():
                self.assertEqual(o['result'], 'skipped', case)
                self.assertIn('--option', o['reason'])

    def test_serializers_get_objects(self):
        for name in ('raw', 'json', 'protobuf', 'msgpack'):
            if command.has_plugin('serializer_' + name):
                _, cases = self.check('serializer', name, '--only', 'codec/roundtrip*')
                self.assertEqual(cases['codec/roundtrip-corpus']['result'], 'passed', name)

    @unittest.skipUnless(command.has_plugin('provider_redis') and shutil.which('redis-server'),
                         'no redis')
    def test_redis_on_a_server(self):
        path = self.path('redis.sock')
        server = subprocess.Popen(['redis-server', '--port', '0', '--unixsocket', path, '--save',
                                   '', '--dir', self.directory, '--logfile', 'log'])
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        while not os.path.exists(path):
            self.assertIsNone(server.poll(), 'the server has ended')
        cases, wrong = self.alarms('provider_redis', '--option', 'url=unix://' + path)
        self.assertEqual(wrong, [])
        self.assertEqual({name for name, o in cases.items() if o['result'] == 'skipped'},
                         {'provider/if-same', 'provider/sliding', 'provider/lookup-equals-get',
                          'provider/objects', 'provider/evictor', 'provider/concurrent'})
        left = subprocess.run(['redis-cli', '-s', path, 'dbsize'], capture_output=True, check=True)
        self.assertEqual(left.stdout.strip(), b'0')

    def test_without_a_server(self):
        """Neither an alarm, nor a write to whatever runs at the default address."""
        for words in ((), ('--option', 'url=unix://' + self.path('nobody.sock'))):
            cases, wrong = self.alarms('provider_redis', *words, '--only', 'provider/verbs*')
            self.assertEqual(wrong, [])
            self.assertEqual(cases['provider/verbs-vs-model']['result'], 'skipped')
            self.assertIn('--option', cases['provider/verbs-vs-model']['reason'])


class Use(Check):
    def test_tap(self):
        answer = self.expect(0, 'plugin', 'check', 'eviction_fifo', '--only', 'load/*', '--seed',
                             '5', err='')
        lines = answer.out.decode().splitlines()
        self.assertEqual(lines[0], 'TAP version 13')
        self.assertRegex(lines[1], r'^# /.*/eviction_fifo.so, seed 5$')
        self.assertEqual(lines[2], '1..4')
        self.assertEqual(lines[3], 'ok 1 - load/exports-only-module')
        self.assertEqual(lines[-1], '# 4 passed, 0 failed, 0 skipped')

    def test_tap_of_a_fault(self):
        file = os.path.join(WRONG, 'compressor_wrong_status.so')
        answer = self.expect(1, 'plugin', 'check', file, '--only', 'codec/nonsense', '--seed', '9')
        text = answer.out.decode()
        self.assertIn('not ok 1 - codec/nonsense\n  ---\n  rule: \'', text)
        self.assertRegex(text, r"\n  fault: '.*MST_EIO.*'\n  seed: 9\n  \.\.\.\n")
        self.assertIn('# 0 passed, 1 failed, 0 skipped; --seed repeats it\n', text)

    def test_seed_repeats(self):
        file = os.path.join(WRONG, 'provider_cuts_values.so')
        first, again, other = (self.check(file, '--only', '*verbs*', '--seed', seed)[1]
                               ['provider/verbs-vs-model']['fault'] for seed in ('1', '1', '2'))
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)

    def test_list(self):
        text = self.expect(0, 'plugin', 'check', '--list', err='').out.decode()
        rows = [line.split(None, 2) for line in text.splitlines()]
        self.assertGreaterEqual({kind for kind, _, _ in rows},
                                {'serializer', 'compressor', 'provider', 'eviction', 'exporter'})
        self.assertEqual(len({(kind, case) for kind, case, _ in rows}), len(rows))
        for _, case, sentence in rows:
            self.assertRegex(case, r'^[a-z]+/[a-z0-9-]+$')
            self.assertRegex(sentence, r'^[A-Za-z].*\.$')
        planted = {case for case, _ in FAULTS.values()}
        self.assertEqual({case for _, case, _ in rows}, planted)

    def test_options(self):
        right = os.path.join(WRONG, 'compressor_right.so')
        for option, err in (('level=99', '"99" is too much'), ('levle=1', 'levle'),
                            ('level', 'write KEY=VALUE')):
            self.expect(3, 'plugin', 'check', right, '--option', option, out=b'', err=err)
        self.expect(0, 'plugin', 'check', right, '--option', 'level=9', '--only', 'life/*', err='')
        shelf = os.path.join(command.SHELF_DIRECTORY, 'provider_shelf.so')
        self.expect(3, 'plugin', 'check', shelf, out=b'', err='path')
        self.expect(0, 'plugin', 'check', shelf, '--option', 'path=.', '--only', 'life/*')

    def test_wrong_words(self):
        self.expect(2, 'plugin', 'check', out=b'', err='say which')
        self.expect(2, 'plugin', 'check', 'memory', out=b'', err='plugin check memory: not a kind')
        self.expect(3, 'plugin', 'check', './compressor_x.so', out=b'', err='cannot find')
        self.expect(3, 'plugin', 'check', 'compressor_x', out=b'', err='no compressor_x.so in')
        self.write('x.so', '')
        self.expect(2, 'plugin', 'check', 'x.so', out=b'', err='call it KIND_NAME.so')
        self.expect(2, 'plugin', 'check', 'eviction_lru', '--only', 'codec/*', out=b'',
                    err='eviction: no case is called codec/*')
        self.batch(2, 'plugin check eviction_lru', err='not within run')

    def lacking(self, plugin, old, new):
        """What is said about a copy of a plugin that needs `new` in place of `old`."""
        self.assertEqual(len(old), len(new))
        with open(os.path.join(command.BUILD, 'plugins', plugin + '.so'), 'rb') as file:
            text = file.read()
        self.assertTrue(old in text, f'{plugin} has no {old}')
        copy = self.write(plugin + '.so', text.replace(old, new))
        return self.check(copy, '--only', 'load/needs')[1]['load/needs']['fault']

    @unittest.skipUnless(command.has_plugin('compressor_gzip'), 'no gzip')
    def test_what_the_machine_lacks(self):
        self.assertEqual(self.lacking('compressor_gzip', b'libz.so.1', b'libq.so.7'),
                         'needs what this machine does not have: library libq.so.7')
        self.assertIn('symbol inflateInix_', self.lacking('compressor_gzip', b'inflateInit2_\0',
                                                          b'inflateInix_x\0'))
        self.assertRegex(self.lacking('provider_memory', b'GLIBC_2.2.5\0', b'GLIBC_2.299\0'),
                         r'^needs what this machine does not have: glibc 2\.299 \(here is 2\.\d+\)')

    def test_refused(self):
        """What the loader refuses is a fault of that case, and no reason to stop."""
        answer, cases = self.check(self.write('compressor_x.so', 'no plugin at all'))
        self.assertEqual(answer.code, 1)
        self.assertEqual(cases['load/exports-only-module']['fault'], 'is not a shared object')
        self.assertEqual(cases['load/accepted']['result'], 'failed')
        self.assertEqual(cases['codec/roundtrip-corpus']['result'], 'skipped')


if __name__ == '__main__':
    command.main()
