"""`plugin new`: what it writes, and what it refuses. tests/install/authors.py builds and runs it."""
import os
import re
import resource
import stat
import subprocess

import command

TEMPLATE = os.path.join(command.SOURCE, 'sdk', 'template')
KINDS = sorted(name for name in os.listdir(TEMPLATE)
               if os.path.isdir(os.path.join(TEMPLATE, name)) and name != 'common')


def template(kind):
    """{name: text} of a kind's files, as they lie in the source tree."""
    found = {}
    for folder in ('common', kind):
        for name in os.listdir(os.path.join(TEMPLATE, folder)):
            with open(os.path.join(TEMPLATE, folder, name), encoding='utf-8') as file:
                found[name] = file.read()
    return found


class Write(command.Case):
    def files(self, directory):
        found = {}
        for name in os.listdir(self.path(directory)):
            with open(os.path.join(self.path(directory), name), encoding='utf-8') as file:
                found[name] = file.read()
        return found

    def test_every_kind(self):
        """The whole template of the kind, with name, kind and wire id filled in."""
        self.assertGreaterEqual(len(KINDS), 5)
        for kind in KINDS:
            self.expect(0, 'plugin', 'new', kind, 'mine', '--dir', kind, err='')
            found = self.files(kind)
            ids = re.findall(r'\.wire_id = (\d+),', found[f'{kind}_mine.c'])
            self.assertEqual(len(ids), kind in ('serializer', 'compressor'))
            wanted = {}
            for name, text in template(kind).items():
                options = '--option file=/dev/null ' if kind == 'exporter' else ''
                text = text.replace('skeleton', 'mine').replace('@kind@', kind)
                text = text.replace('@options@', options)
                wanted[name.replace('skeleton', 'mine')] = text.replace('32767', *ids or [''], 1)
            self.assertEqual(found, wanted)
            for text in found.values():
                self.assertNotRegex(text, r'skeleton|@\w+@|32767')

    def test_wire_ids(self):
        """Free ones, others for other names, the same for the same name."""
        found = []
        for name in ('a', 'b', 'zz', 'a'):
            directory = f'{name}{len(found)}'
            self.expect(0, 'plugin', 'new', 'compressor', name, '--dir', directory)
            text = self.files(directory)[f'compressor_{name}.c']
            found.append(int(re.search(r'\.wire_id = (\d+),', text).group(1)))
        self.assertEqual(found[0], found[3])
        self.assertEqual(len(set(found)), 3)
        for number in found:
            self.assertTrue(128 <= number <= 32766, number)

    def test_what_to_do_next(self):
        """Five commands to a plugin that has passed the kit and a cache that uses it."""
        for directory, word in (('mine', 'mine'), ("it's here", "'it'\\''s here'")):
            answer = self.expect(0, 'plugin', 'new', 'eviction', 'mine', '--dir', directory, err='')
            lines = re.findall(r'(?m)^  (.*?) *(?:# .*)?$', answer.out.decode())
            self.assertEqual(lines, ['cd ' + word, 'make', 'make check', 'make demo',
                                     'make install'])
            self.assertLessEqual(1 + lines.index('make demo') + 1, 5)

    def test_json(self):
        answer = self.expect(0, '--json', 'plugin', 'new', 'provider', 'mine', err='')
        found, = self.objects(answer)
        self.assertEqual((found['kind'], found['name'], found['directory']),
                         ('provider', 'mine', 'mine'))
        self.assertEqual(sorted(found['files']),
                         sorted(os.path.join('mine', name) for name in self.files('mine')))
        self.assertIn('make check', found['commands'])

    def test_nobody_else_can_write(self):
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        self.expect(0, 'plugin', 'new', 'eviction', 'mine')
        self.assertEqual(stat.S_IMODE(os.stat(self.path('mine')).st_mode), 0o755)

    def test_names_that_are_words_of_c(self):
        for name in ('int', 'a', 'a' * 31, 'z_9'):
            self.expect(0, 'plugin', 'new', 'compressor', name, err='')
            subprocess.run(['gcc', '-std=c11', '-fsyntax-only', '-Wall', '-Werror', '-I',
                            os.path.join(command.SOURCE, 'sdk', 'include'),
                            os.path.join(self.path(name), f'compressor_{name}.c')], check=True)


class Refuse(command.Case):
    def refused(self, code, *words, err):
        before = sorted(os.listdir(self.directory))
        self.expect(code, 'plugin', 'new', *words, out=b'', err=err)
        self.assertEqual(sorted(os.listdir(self.directory)), before)

    def test_names(self):
        for name in ('', 'Mine', '9', '_a', 'a-b', 'a b', 'ä', '../x', 'a/b', 'a' * 32):
            self.refused(2, 'eviction', name, err=f'cannot be named "{name}"')

    def test_kinds(self):
        for kind in ('', 'evict', 'common', 'Eviction'):
            self.refused(2, kind, 'mine', err=f'no kind of plugin "{kind}"; kinds: serializer, '
                                              'compressor, provider, eviction, exporter')
        self.refused(2, 'eviction', err='something is missing')
        self.refused(2, 'eviction', 'a', 'b', err='too many')

    def test_taken(self):
        self.refused(2, 'eviction', 'lru', err='there is a plugin eviction_lru already: ')
        self.expect(0, 'plugin', 'new', 'compressor', 'lru')

    def test_directory_is_there(self):
        os.mkdir(self.path('empty'))
        self.write('file', 'text')
        os.symlink('nowhere', self.path('link'))
        for name in ('empty', 'file', 'link'):
            self.refused(4, 'eviction', 'mine', '--dir', name, err=f'{name} exists already')
        self.assertEqual(os.listdir(self.path('empty')), [])
        self.assertFalse(os.path.exists(self.path('nowhere')))
        self.refused(4, 'eviction', 'mine', '--dir', 'no/where', err='cannot make no/where: No such')

    def test_half_of_it_is_nothing(self):
        """When a file cannot be written, nothing is left."""
        def small_files():
            resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))
        done = subprocess.run([command.MEMSTACHE, 'plugin', 'new', 'eviction', 'mine'],
                              cwd=self.directory, env=command.environment(), capture_output=True,
                              preexec_fn=small_files, restore_signals=False, check=False)
        self.assertEqual((done.returncode, done.stdout), (4, b''))
        self.assertRegex(done.stderr.decode(), 'cannot write mine/[^ ]*: File too large')
        self.assertEqual(os.listdir(self.directory), [])


if __name__ == '__main__':
    command.main()
