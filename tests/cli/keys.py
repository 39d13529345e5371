"""The commands for keys: get, set, del, exists, ttl, touch, mget, clear."""
import base64
import os
import pty
import select
import subprocess

import command


class Values(command.Case):
    def test_set_and_get(self):
        self.batch(0, 'set a hello', 'get a', out=b'hello\n', err='')

    def test_value_of_several_words_and_empty(self):
        self.batch(0, 'set a "hello world"', "set b ''", 'get a', 'get b', out=b'hello world\n\n')

    def test_value_from_file_keeps_every_byte(self):
        data = bytes(range(256)) * 40
        name = self.write('value', data)
        answer = self.batch(0, f'set a --file {name}', 'get a')
        self.assertEqual(answer.out, data + b'\n')

    def test_value_from_standard_input(self):
        shelf = self.shelf()
        for words in (['set', 'a'], ['set', 'a', '-'], ['set', 'a', '--file', '-']):
            data = b'in: ' + ' '.join(words).encode() + b'\0\n'
            self.expect(0, *shelf, *words, stdin=data, out=b'', err='')
            self.expect(0, *shelf, 'get', 'a', out=data, err='')

    def test_value_with_a_dash(self):
        self.batch(0, 'set a -- -5', 'get a', out=b'-5\n')

    def test_one_shot_memory_says_that_nothing_stays(self):
        self.assertEqual(self.expect(0, 'set', 'a', 'b').err, command.NOTE)
        self.expect(0, '--quiet', 'set', 'a', 'b', out=b'', err='')
        self.expect(0, '-q', 'set', 'a', 'b', out=b'', err='')

    def test_what_is_outside_stays(self):
        shelf = self.shelf()
        self.expect(0, *shelf, 'set', 'a', 'b', out=b'', err='')
        self.expect(0, *shelf, 'get', 'a', out=b'b', err='')
        self.expect(0, *shelf, '--set', 'cache.tiers=memory, shelf', 'get', 'a', out=b'b', err='')

    def test_missing_file(self):
        self.expect(4, 'set', 'a', '--file', 'nowhere', err='cannot read nowhere: No such file')
        self.expect(4, 'set', 'a', '--file', '.', err='cannot read .: Is a directory')

    def test_no_value(self):
        self.batch(2, 'set a', err='-:1: set: no value; in a batch give VALUE or --file F')
        self.batch(2, 'set a -', err='-:1: set: no value')
        self.expect(2, 'set', 'a', 'b', '--file', 'c', err='a VALUE and --file at once')

    def test_too_big(self):
        answer = self.batch(4, 'set a 0123456789', words=['--set', 'cache.max_value_bytes=5B'],
                            out=b'')
        self.assertIn('set "a": larger than the configured limit', answer.err)
        self.assertIn('raise max_value_bytes of the cache', answer.err)

    def test_conditions(self):
        self.batch(1, 'set a 1 --if-present', 'get a', out=b'',
                   err='-:1: set "a": the condition did not hold, nothing was changed')
        self.batch(1, 'set a 1 --if-absent', 'set a 2 --if-absent', 'get a', out=b'1\n',
                   err='-:2: set "a": the condition did not hold')
        self.batch(0, 'set a 1', 'set a 2 --if-present', 'get a', out=b'2\n', err='')


class Misses(command.Case):
    def test_get(self):
        self.batch(1, 'get a', out=b'', err='-:1: get "a": not in the cache (no tier had it)\n')
        self.batch(1, 'get a', words=['--quiet'], out=b'', err='')

    def test_others(self):
        for verb in ('ttl', 'touch'):
            self.batch(1, f'{verb} a', out=b'', err=f'-:1: {verb} "a": not in the cache')

    def test_counting(self):
        self.batch(1, 'set a 1', 'set b 2', 'exists a b c', 'exists a', 'del a c', 'exists a',
                   out=b'2\n1\n1\n0\n', err='-:3: exists "c": not in the cache')
        self.batch(0, 'set a 1', 'set b 2', 'del a b', out=b'2\n', err='')

    def test_mget(self):
        self.batch(1, 'set a 1', "set b ''", 'mget a x b', out=b'a 1\n1\nx -\nb 0\n\n')
        self.batch(0, 'set a 1', 'mget a a', out=b'a 1\n1\na 1\n1\n', err='')


class Life(command.Case):
    def test_ttl(self):
        self.batch(0, 'set a 1', 'ttl a', 'set b 1 --expire never', 'ttl b',
                   out=b'never\nnever\n')
        answer = self.batch(0, 'set a 1 --expire 1h', 'ttl a')
        self.assertTrue(3590000 < self.milliseconds(answer.out) <= 3600000, answer)

    def test_touch_gives_a_new_life(self):
        answer = self.batch(0, 'set a 1 --expire 1h', 'touch a --expire 2h', 'ttl a', 'get a')
        ttl, value = answer.out.splitlines()
        self.assertTrue(7190000 < self.milliseconds(ttl) <= 7200000, answer)
        self.assertEqual(value, b'1')

    def test_configured_life(self):
        answer = self.batch(0, 'set a 1', 'ttl a', words=['--set', 'cache.expire=10m'])
        self.assertTrue(590000 < self.milliseconds(answer.out) <= 600000, answer)
        answer = self.batch(0, 'set a 1', 'ttl a', MEMSTACHE_CACHE_EXPIRE='10m')
        self.assertTrue(590000 < self.milliseconds(answer.out) <= 600000, answer)

    def test_expiry_and_sliding(self):
        """Asks until the entry is gone; the answers come while the batch is still open."""
        for option in ('--expire 50ms', '--sliding 50ms'):
            batch = subprocess.Popen([command.MEMSTACHE, 'run'], cwd=self.directory,
                                     env=command.environment(), stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            with batch:
                def ask(line):
                    batch.stdin.write(line.encode() + b'\n')
                    batch.stdin.flush()
                    return batch.stdout.readline()

                self.assertEqual(ask(f'set a 1 {option}\nexists a'), b'1\n')
                asked = 0
                while ask('exists a') != b'0\n':
                    asked += 1
                    self.assertLess(asked, 1000000, option)
                batch.stdin.close()
            self.assertEqual(batch.returncode, 1)

    def milliseconds(self, text):
        text = text.decode().strip()
        for unit, factor in (('ms', 1), ('s', 1000), ('m', 60000), ('h', 3600000), ('d', 86400000)):
            if text.endswith(unit):
                return int(text[:-len(unit)]) * factor
        self.fail(f'no duration: {text}')


class Clear(command.Case):
    def test_clear(self):
        self.batch(2, 'set a 1', 'clear', 'get a', out=b'1\n', err='add --yes to do it')
        self.batch(1, 'set a 1', 'clear --yes', 'exists a', out=b'0\n')

    def test_only_its_own_namespace(self):
        self.write('memstache.ini', '[cache]\n[cache.other]\n')
        self.batch(1, 'set a 1', 'set a 2 --cache other', 'get a --cache other',
                   'clear --yes --cache other', 'get a', 'exists a --cache other',
                   out=b'2\n1\n0\n')


class Failures(command.Case):
    def test_key(self):
        self.expect(2, 'get', '', err='a key has 1 to 65535 bytes, this one 0')
        self.expect(2, 'get', 'k' * 65536, err='a key has 1 to 65535 bytes, this one 65536')
        self.batch(0, 'set ' + 'k' * 65535 + ' 1', 'exists ' + 'k' * 65535, out=b'1\n')

    def test_tier_that_fails(self):
        shelf = self.shelf('provider.shelf.fail=error')
        self.expect(4, *shelf, 'get', 'a', out=b'', err='a tier failed or was too slow')
        self.expect(4, *shelf, 'set', 'a', 'b', out=b'', err='set "a": ')

    def test_timeout(self):
        shelf = self.shelf('provider.shelf.fail=slow')
        answer = self.expect(4, *shelf, 'get', 'a', '--timeout', '50', out=b'')
        self.assertIn('get "a": the deadline passed', answer.err)
        self.assertIn('--timeout', answer.err)
        self.expect(1, *shelf, 'get', 'a', '--timeout', '30s', out=b'', err='not in the cache')

    def test_full_disk_and_closed_pipe(self):
        shelf = self.shelf()
        self.expect(0, *shelf, 'set', 'a', stdin=b'x' * 300000)
        with open('/dev/full', 'wb') as full:
            done = subprocess.run([command.MEMSTACHE, *shelf, 'get', 'a'], stdout=full,
                                  stderr=subprocess.PIPE, cwd=self.directory, check=False,
                                  env=command.environment(), timeout=60)
        self.assertEqual(done.returncode, 4)
        self.assertIn(b'cannot write the answer: No space left on device', done.stderr)
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run([command.MEMSTACHE, *shelf, 'get', 'a'], stdout=write,
                              stderr=subprocess.PIPE, cwd=self.directory, check=False,
                              env=command.environment(), timeout=60)
        os.close(write)
        self.assertEqual(done.returncode, 4)
        self.assertIn(b'cannot write the answer: Broken pipe', done.stderr)


class Shown(command.Case):
    def test_explain(self):
        answer = self.batch(0, 'set a hello --expire 1d', 'get a --explain', out=b'hello\n')
        self.assertRegex(answer.err, r'^-:2: "a": status=MST_OK why=hit tier=memory age=\d+m?s '
                                     r'ttl=\w+ length=5\n$')
        answer = self.batch(1, 'get a', words=['--explain', '--quiet'], out=b'')
        self.assertRegex(answer.err, r'^-:1: "a": status=MST_MISS why=miss tier=none age=unknown '
                                     r'ttl=never length=0\n$')

    def test_json(self):
        answer = self.batch(1, 'set a hello', 'get a', 'get x', 'exists a', 'ttl a', 'touch a',
                            'mget a x', 'del a', 'clear --yes', words=['--json'], err='')
        answers = self.objects(answer)
        self.assertEqual([a['status'] for a in answers],
                         ['MST_OK', 'MST_OK', 'MST_MISS', 'MST_OK', 'MST_OK', 'MST_OK', 'MST_OK',
                          'MST_MISS', 'MST_OK', 'MST_OK'])
        for a in answers:
            self.assertLessEqual({'key', 'status', 'why', 'tier', 'age_ms', 'ttl_ms'}, set(a))
        get = answers[1]
        self.assertEqual((get['key'], get['value'], get['length'], get['why'], get['tier']),
                         ('a', 'hello', 5, 'hit', 'memory'))
        self.assertIsNone(get['ttl_ms'])
        self.assertNotIn('value', answers[2])
        self.assertIsNone(answers[2]['tier'])

    def test_json_strings(self):
        for data in (b'"\\/\b\f\n\r\t\x01\x1f\x7f', 'ÄЖ漢😀'.encode(), b'', b'\0'):
            name = self.write('value', data)
            answer = self.batch(0, f'set a --file {name}', 'get a', words=['--json'])
            found = self.objects(answer)[1]
            self.assertEqual(found['value'].encode(), data)
            self.assertNotIn('encoding', found)

    def test_json_bytes(self):
        surrogate, overlong, too_high = b'\xed\xa0\x80', b'\xc0\x80', b'\xf4\x90\x80\x80'
        for data in (b'\xff', b'a\xffb', b'ab\xc3', surrogate, overlong, too_high,
                     bytes(range(256))):
            name = self.write('value', data)
            answer = self.batch(0, f'set a --file {name}', 'get a', words=['--json'])
            found = self.objects(answer)[1]
            self.assertEqual(found['encoding'], 'base64')
            self.assertEqual(base64.b64decode(found['value'], validate=True), data)

    def test_json_key(self):
        answer = self.batch(1, 'get "a\\xffb"', words=['--json'])
        found = self.objects(answer)[0]
        self.assertEqual(base64.b64decode(found['key']), b'a\xffb')
        self.assertEqual(found['key_encoding'], 'base64')

    def test_line_end_on_a_terminal_only(self):
        shelf = self.shelf()
        self.expect(0, *shelf, 'set', 'a', 'b')
        self.expect(0, *shelf, 'get', 'a', out=b'b')
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        subprocess.run([command.MEMSTACHE, *shelf, 'get', 'a'], stdout=slave, cwd=self.directory,
                       env=command.environment(), timeout=60, check=True)
        os.close(slave)
        shown = b''
        while not shown.endswith(b'\n'):
            self.assertTrue(select.select([master], [], [], 60)[0], shown)
            shown += os.read(master, 100)
        self.assertEqual(shown, b'b\r\n')

    def test_value_wanted_on_a_terminal(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        done = subprocess.run([command.MEMSTACHE, 'set', 'a'], stdin=slave, capture_output=True,
                              cwd=self.directory, env=command.environment(), timeout=60,
                              check=False)
        os.close(slave)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b'set: no value; give VALUE or --file F, or pipe it in', done.stderr)


if __name__ == '__main__':
    command.main()
