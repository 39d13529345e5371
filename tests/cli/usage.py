"""Help, and what is said to somebody who uses the command in a wrong way."""
import re

import command


def commands(case):
    """The names of all commands, from the overview."""
    text = case.expect(0, 'help', err='').out.decode()
    body = text.split('\n\n')[1]
    return [re.match(r'  ((?:config |plugin )?\S+)', line).group(1) for line in body.splitlines()]


class Help(command.Case):
    def test_overview(self):
        text = self.expect(0, 'help', err='').out
        for words in (['--help'], ['-h']):
            self.expect(0, *words, out=text, err='')
        self.assertEqual(set(commands(self)),
                         {'get', 'set', 'del', 'exists', 'ttl', 'touch', 'mget', 'clear',
                          'config check', 'config show', 'plugin list', 'plugin info',
                          'plugin check', 'plugin new', 'inspect', 'stat', 'health', 'bench',
                          'simulate', 'run', 'version', 'help'})
        self.assertTrue(all(len(line) <= 100 for line in text.decode().splitlines()))

    def test_every_command(self):
        for name in commands(self):
            words = name.split()
            text = self.expect(0, 'help', *words, err='').out
            self.assertIn(f'usage: memstache [OPTION]... {name}'.encode(), text)
            for help_word in ('--help', '-h'):
                self.expect(0, *words, help_word, out=text, err='')
                self.expect(0, help_word, *words, out=text, err='')
            self.assertTrue(all(len(line) <= 100 for line in text.decode().splitlines()), name)

    def test_options_of_a_command(self):
        text = self.expect(0, 'help', 'set').out.decode()
        for option in ('--expire D', '--sliding D', '--compress yes|no', '--if-absent',
                       '--if-present', '--file F', '-c, --config FILE', '--json'):
            self.assertIn(option, text)
        self.assertNotIn('--expire', self.expect(0, 'help', 'get').out.decode())

    def test_unknown(self):
        self.expect(2, 'help', 'gett', out=b'', err='unknown command gett; did you mean get?')
        self.expect(2, 'help', 'config', out=b'', err='config: say what to do: check, show')

    def test_version(self):
        answer = self.expect(0, 'version', err='')
        self.assertRegex(answer.out.decode(), r'^memstache \d+\.\d+\.\d+\nlibrary   \d+\.\d+\.\d+\n'
                                              r'ABI       \d+\.\d+\n(plugins   /.*\n)+$')
        self.expect(0, '--version', out=answer.out, err='')
        found, = self.objects(self.expect(0, '--json', 'version', err=''))
        self.assertEqual(found['command'], found['library'])
        self.assertTrue(found['plugin_directories'])
        self.expect(0, '-c', 'nowhere', 'version', err='')


class Wrong(command.Case):
    def test_commands(self):
        self.expect(2, out=b'', err='no command; memstache help lists the commands')
        self.expect(2, 'frobnicate', out=b'', err='unknown command frobnicate; memstache help lists')
        self.expect(2, 'ste', out=b'', err='unknown command ste; did you mean set?')
        self.expect(2, 'exist', out=b'', err='did you mean exists?')
        self.expect(2, 'confgi', 'check', out=b'', err='did you mean config check?')
        self.expect(2, 'config', 'chek', out=b'', err='config chek: say what to do: check, show')
        self.expect(2, 'plugin', out=b'', err='plugin: say what to do: list, info')
        self.expect(2, '', out=b'', err='unknown command ')

    def test_options(self):
        self.expect(2, '--jsn', 'get', 'a', out=b'', err='option --jsn; did you mean --json?')
        self.expect(2, '--zzzzzz', 'get', 'a', out=b'', err='unknown option --zzzzzz; see')
        self.expect(2, '-x', 'get', 'a', out=b'', err='unknown option -x; see memstache help, or '
                                                      'write -- before a word')
        self.expect(2, '-qv', 'get', 'a', out=b'', err='unknown option -qv')
        self.expect(2, '--json=1', 'get', 'a', out=b'', err='--json takes no value')
        self.expect(2, 'get', 'a', '--timeout', out=b'', err='--timeout needs a value: MS')
        self.expect(2, 'get', 'a', '--expire', '5m', out=b'', err='get takes no --expire; see '
                                                                  'memstache help get')
        self.expect(2, 'config', 'show', '--yes', out=b'', err='config show takes no --yes')

    def test_durations(self):
        for text in ('5', '5x', 'x', '-5s', '5 s', '', '99999999999999999999s', '5.5s'):
            answer = self.expect(2, 'set', 'a', 'b', '--expire=' + text, out=b'')
            self.assertIn(f'--expire: "{text}" is not a duration; write 250ms, 5s', answer.err)
        self.expect(2, 'set', 'a', 'b', '--sliding', '0s', err='--sliding: 0 is no duration')
        self.expect(2, 'get', 'a', '--timeout', '5x', err='is not a duration; write milliseconds')
        self.batch(0, 'set a b --timeout 1000', 'set a b --timeout 5s', 'get a --timeout never',
                   'set a b --expire 1d', out=b'b\n', err='')

    def test_yes_or_no(self):
        self.expect(2, 'set', 'a', 'b', '--compress', 'maybe',
                    err='--compress: "maybe" is neither yes nor no')
        self.batch(0, 'set a b --compress yes', 'set a b --compress no', err='')

    def test_operands(self):
        for words, name in ((['get'], 'get'), (['set'], 'set'), (['del'], 'del'),
                            (['exists'], 'exists'), (['ttl'], 'ttl'), (['touch'], 'touch'),
                            (['mget'], 'mget'), (['plugin', 'info'], 'plugin info')):
            self.expect(2, *words, out=b'', err=f'{name}: something is missing; usage: memstache')
        for words in (['get', 'a', 'b'], ['set', 'a', 'b', 'c'], ['clear', 'a'],
                      ['config', 'check', 'a'], ['plugin', 'list', 'a'], ['inspect', 'a', 'b'],
                      ['run', 'a', 'b'], ['version', 'a']):
            self.expect(2, *words, out=b'', err='too many operands; usage: memstache')

    def test_options_stand_anywhere(self):
        self.expect(1, 'exists', '--json', 'a', '-q', '--timeout', '1s')
        self.expect(1, '-q', '--json', 'exists', '--', 'a')
        self.expect(1, 'exists', '--', 'a', '--json', '--zz', out=b'0\n')


if __name__ == '__main__':
    command.main()
