"""`memstache run`: several commands in one process."""
import os
import pty
import select
import subprocess

import command


class Lines(command.Case):
    def test_from_a_file(self):
        name = self.write('commands', 'set a 1\nget a\n')
        self.expect(0, 'run', name, out=b'1\n', err='')
        self.expect(4, 'run', 'nowhere', err='cannot read nowhere: No such file')
        self.expect(4, 'run', '.', err='Is a directory')

    def test_from_standard_input(self):
        for words in (['run'], ['run', '-']):
            self.expect(0, *words, stdin=b'set a 1\nget a', out=b'1\n', err='')

    def test_words(self):
        self.batch(0, '', '  # a comment', 'set a 1 # another', '\tget  a\t', out=b'1\n', err='')
        self.batch(0, "set 'a b' 'c \"\\ d'", 'get "a b"', 'get a\\ b', out=b'c "\\ d\n' * 2)
        self.batch(0, r'set a "\x41\n\t\r\"\\\q"', 'get a', out=b'A\n\t\r"\\q\n')
        self.batch(0, 'set a b#c', 'get a', "set a '#'", 'get a', out=b'b#c\n#\n')
        self.batch(0, "set a '' ", 'get a', 'set a x""y\'\'z', 'get a', out=b'\nxyz\n')

    def test_bad_lines(self):
        self.batch(2, "get 'a", err='-:1: a quote is not closed')
        self.batch(2, 'get "a', err='-:1: a quote is not closed')
        self.batch(2, 'get "a\\', err='-:1: a quote is not closed')
        for escape in ('\\x', '\\xg0', '\\x00', '\\x+1'):
            self.batch(2, f'get "{escape}"', err='-:1: \\x wants two hexadecimal digits')
        self.expect(2, 'run', stdin=b'get a\0b\n', err='-:1: a byte 0 in the line')

    def test_every_line_runs_and_the_highest_code_counts(self):
        answer = self.batch(2, 'set a 1', 'get x', 'gett a', 'get a', out=b'1\n')
        self.assertIn('-:2: get "x": not in the cache', answer.err)
        self.assertIn('-:3: unknown command gett; did you mean get?', answer.err)

    def test_what_belongs_before(self):
        for words in ('-c x', '--set a.b=c', '--verbose'):
            self.batch(2, f'get a {words}', err='belong before `run`')
        self.batch(2, 'run', err='-:1: run: not within run')

    def test_options_of_the_run_hold_for_its_lines(self):
        answer = self.batch(1, 'get a', 'get b', words=['--json'])
        self.assertEqual([a['key'] for a in self.objects(answer)], ['a', 'b'])
        answer = self.batch(0, 'set a 1', 'get a --json', 'get a')
        self.assertEqual(answer.out.splitlines()[1], b'1')

    def test_no_configuration_no_lines(self):
        answer = self.batch(3, 'set a 1', 'get a', words=['--set', 'cache.tiers=nothing'], out=b'')
        self.assertEqual(answer.err.count('nothing was done'), 1)

    def test_help_and_configuration_in_a_batch(self):
        answer = self.batch(0, 'get --help', 'config check', 'plugin list', 'version')
        self.assertIn(b'usage: memstache', answer.out)
        self.assertIn(b': ok, 1 cache', answer.out)

    def test_full_output_ends_it(self):
        with open('/dev/full', 'wb') as full:
            done = subprocess.run([command.MEMSTACHE, 'run'], input=b'version\nset a 1\nget a\n',
                                  stdout=full, stderr=subprocess.PIPE, cwd=self.directory,
                                  env=command.environment(), timeout=60, check=False)
        self.assertEqual(done.returncode, 4)
        self.assertIn(b'cannot write the answer', done.stderr)

    def test_prompt_on_a_terminal(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        process = subprocess.Popen([command.MEMSTACHE, 'run'], stdin=slave, stdout=slave,
                                   stderr=slave, cwd=self.directory, env=command.environment())
        os.close(slave)
        shown = b''
        for line in (b'set a 1\n', b'get a\n', b'\x04'):
            while not shown.endswith(b'memstache> '):
                self.assertTrue(select.select([master], [], [], 60)[0], shown)
                shown += os.read(master, 1000)
            os.write(master, line)
            shown += b'|'
        self.assertEqual(process.wait(60), 0)
        self.assertIn(b'1\r\nmemstache> ', shown)


if __name__ == '__main__':
    command.main()
