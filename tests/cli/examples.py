"""The example programs of sdk/examples."""
import os
import pty
import re
import subprocess

import command

FILETREE = os.path.join(command.BUILD, 'sdk', 'examples', 'filetree')
EMBED = os.path.join(command.BUILD, 'sdk', 'examples', 'embed')
CONFIG = os.path.join(command.SOURCE, 'sdk', 'examples', 'filetree.ini')


def run(*words, cwd):
    return command.Answer(subprocess.run(words, capture_output=True, cwd=cwd, check=False,
                                         env=command.environment(), timeout=300))


class Embed(command.Case):
    def test_runs(self):
        answer = run(EMBED, cwd=self.directory)
        self.assertEqual((answer.code, answer.err), (0, ''), answer)
        self.assertEqual(answer.out, b'hello, hit\nloaded, loaded\n')


class Filetree(command.Case):
    def setUp(self):
        super().setUp()
        if not command.has_plugin('compressor_brotli'):
            self.skipTest('no brotli here')

    def tree(self):
        """Files of many sizes, one of them empty, one larger than what is packed on a loop."""
        os.makedirs(self.path('tree/deep/deeper'))
        sizes = [0, 1, 100, 5000, 70000, 300000, 5000000]
        for i, size in enumerate(sizes):
            text = b'the same words again and again ' * (size // 20 + 1)
            self.write(f'tree/deep/file{i}', text[:size])
            self.write(f'tree/deep/deeper/noise{i}', os.urandom(size))
        os.symlink('deep/file0', self.path('tree/link'))
        os.mkfifo(self.path('tree/pipe'))
        return 2 * len(sizes), 2 * sum(sizes)

    def figure(self, text, name):
        return float(re.search(rf'(?m)^{name} +([\d.]+)', text).group(1))

    def test_table(self):
        files, size = self.tree()
        answer = run(FILETREE, CONFIG, 'tree', cwd=self.directory)
        text = answer.out.decode()
        self.assertEqual((answer.code, answer.err), (0, ''), answer)
        self.assertEqual(self.figure(text, 'files'), files)
        self.assertIn(' 0 unreadable and 2 not regular files skipped\n', text)
        self.assertEqual(self.figure(text, 'bytes in'), size)
        self.assertLess(self.figure(text, 'bytes held'), size)
        self.assertGreater(self.figure(text, 'bytes held'), size / 2)  # the noise
        self.assertGreater(self.figure(text, 'ratio'), 1)
        self.assertEqual(self.figure(text, 'loads'), files)
        first, second = (re.search(rf'(?m)^pass {n} +(\d+) +(\d+) +([\d.]+)% +(\d+) ', text).groups()
                         for n in (1, 2))
        self.assertEqual((first[0], first[3]), (str(4 * files), str(files)))
        self.assertEqual(second, (str(4 * files), str(4 * files), '100.00', '0'))
        self.assertIn(f'verified: {8 * files} answers, {8 * size} bytes, all equal', text)

    def test_many_requests_for_few_files(self):
        os.mkdir(self.path('tree'))
        self.write('tree/a', b'a' * 10000)
        self.write('tree/b', b'')
        answer = run(FILETREE, CONFIG, 'tree', '--requests', '200', '--threads', '8',
                     cwd=self.directory)
        self.assertEqual(answer.code, 0, answer)
        self.assertEqual(self.figure(answer.out.decode(), 'loads'), 2)

    def test_progress_on_a_terminal(self):
        files, _ = self.tree()
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        done = subprocess.run([FILETREE, CONFIG, 'tree'], stdout=subprocess.DEVNULL, stderr=slave,
                              cwd=self.directory, env=command.environment(), timeout=300,
                              check=False)
        os.close(slave)
        shown = os.read(master, 10000).decode()
        self.assertEqual(done.returncode, 0, shown)
        for name in ('pass 1', 'pass 2'):
            self.assertIn(f'\r{name}: {files} of {files} files, 100 %', shown)
        self.assertTrue(shown.endswith('\r\x1b[K'), shown)

    def test_cache_that_is_too_small(self):
        os.mkdir(self.path('tree'))
        for i in range(20):
            self.write(f'tree/{i}', os.urandom(60000))
        with open(CONFIG, encoding='utf-8') as file:
            text = re.sub(r'max_bytes = .*', 'max_bytes = 300KiB\nshards = 1', file.read())
        answer = run(FILETREE, self.write('small.ini', text), 'tree', cwd=self.directory)
        self.assertEqual(answer.code, 1, answer)
        self.assertIn(b'the second pass was not all hits', answer.out)
        self.assertIn(b'all equal to their files', answer.out)

    def test_wrong_use(self):
        os.mkdir(self.path('tree'))
        for words in ([], [CONFIG], [CONFIG, 'tree', '--requests'],
                      [CONFIG, 'tree', '--requests', '0'], [CONFIG, 'tree', '--threads', '65'],
                      [CONFIG, 'tree', '--what', '1']):
            answer = run(FILETREE, *words, cwd=self.directory)
            self.assertEqual(answer.code, 2, answer)
            self.assertIn('usage: filetree', answer.err)
        answer = run(FILETREE, CONFIG, 'tree', cwd=self.directory)
        self.assertEqual(answer.code, 2)
        self.assertIn('there is no file that can be read', answer.err)
        answer = run(FILETREE, CONFIG, 'nowhere', cwd=self.directory)
        self.assertEqual(answer.code, 2)
        self.assertIn('nowhere: No such file', answer.err)
        self.write('tree/a', '')
        answer = run(FILETREE, 'nowhere.ini', 'tree', cwd=self.directory)
        self.assertEqual(answer.code, 2)
        self.assertIn('nowhere.ini', answer.err)


if __name__ == '__main__':
    command.main()
