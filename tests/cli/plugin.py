"""`plugin list` and `plugin info`."""
import os
import shutil

import command


class List(command.Case):
    def test_selected(self):
        answer = self.expect(0, '--json', 'plugin', 'list', err='')
        found = {(p['section'], p['kind'], p['name']) for p in self.objects(answer)}
        self.assertEqual(found, {('provider.memory', 'provider', 'memory'),
                                 ('serializer.raw', 'serializer', 'raw'),
                                 ('eviction.adaptive', 'eviction', 'adaptive')})
        for plugin in self.objects(answer):
            self.assertEqual(os.path.basename(plugin['file']),
                             plugin['kind'] + '_' + plugin['name'] + '.so')
            self.assertTrue(plugin['version'])

    def test_text(self):
        answer = self.expect(0, 'plugin', 'list', err='')
        rows = [line.split() for line in answer.out.decode().splitlines()]
        self.assertEqual(len(rows), 3)
        for kind, name, _, section, file in rows:
            self.assertEqual(section, f'{kind}.{name}')
            self.assertTrue(file.endswith(f'{kind}_{name}.so'))

    def test_alias(self):
        words = ['--set', 'cache.tiers=near', '--set', 'provider.near.plugin=memory']
        found = [(p['section'], p['name']) for p in
                 self.objects(self.expect(0, *words, '--json', 'plugin', 'list'))]
        self.assertIn(('provider.near', 'memory'), found)

    def test_all_lists_files_and_loads_none(self):
        os.mkdir(self.path('more'))
        self.write('more/provider_zz.so', 'no plugin at all')
        self.write('more/readme.txt', '')
        self.write('more/other.so', '')
        words = ['--set', 'plugins.path=' + self.path('more')]
        answer = self.expect(0, *words, 'plugin', 'list', '--all', err='')
        text = answer.out.decode()
        self.assertIn(self.path('more') + '/provider_zz.so\n', text)
        self.assertIn('/eviction_random.so\n', text)
        self.assertNotIn('readme', text)
        self.assertNotIn('other.so', text)
        answer = self.expect(0, *words, '--json', 'plugin', 'list', '--all', err='')
        found = [p for p in self.objects(answer) if p.get('directory') == self.path('more')]
        self.assertEqual([p['name'] for p in found], ['provider_zz.so'])

    def test_dropped_into_a_directory(self):
        """A file built elsewhere is selected by its name."""
        os.mkdir(self.path('more'))
        shutil.copy(os.path.join(command.SHELF_DIRECTORY, 'provider_shelf.so'), self.path('more'))
        os.makedirs(self.path('values'))
        self.write('memstache.ini', f'[plugins]\npath = {self.path("more")}\n[cache]\n'
                                    f'tiers = shelf\n[provider.shelf]\npath = values\n')
        found = self.objects(self.expect(0, '--json', 'plugin', 'list', err=''))
        self.assertIn(('shelf', '1.2.3', self.path('more') + '/provider_shelf.so'),
                      [(p['name'], p['version'], p['file']) for p in found])
        self.expect(0, 'set', 'a', 'b', err='')
        self.expect(0, 'get', 'a', out=b'b')

    def test_refused(self):
        os.mkdir(self.path('more'))
        self.write('more/provider_zz.so', 'no plugin at all')
        answer = self.expect(3, '--set', 'plugins.path=' + self.path('more'), '--set',
                             'cache.tiers=zz', 'plugin', 'list', out=b'')
        self.assertIn('provider_zz.so', answer.err)
        answer = self.expect(3, '--set', 'cache.tiers=memry', 'plugin', 'list', out=b'')
        self.assertIn('memry', answer.err)


class Info(command.Case):
    def info(self, *words):
        found, = self.objects(self.expect(0, '--json', *self.words, 'plugin', 'info', *words,
                                          err=''))
        return found

    words = ['--set', 'plugins.path=' + command.SHELF_DIRECTORY]

    def test_fields(self):
        found = self.info('provider', 'shelf')
        self.assertEqual(
            {name: found[name] for name in ('kind', 'name', 'version', 'summary', 'author',
                                            'license', 'wire_id')},
            {'kind': 'provider', 'name': 'shelf', 'version': '1.2.3',
             'summary': 'Files in a directory, for tests', 'author': 'memstache', 'license': 'MIT',
             'wire_id': 0})
        options = {o['name']: o for o in found['options']}
        self.assertEqual(list(options), ['path', 'password', 'folder', 'fail', 'pause', 'share'])
        self.assertTrue(options['path']['required'])
        self.assertTrue(options['password']['secret'])
        self.assertTrue(options['folder']['deprecated'])
        self.assertEqual((options['fail']['type'], options['fail']['choices'],
                          options['fail']['default']), ('one of', 'no|error|slow', 'no'))
        self.assertEqual((options['share']['type'], options['share']['min'],
                          options['share']['max']), ('percent', '1%', '50%'))

    def test_text(self):
        answer = self.expect(0, *self.words, 'plugin', 'info', 'provider', 'shelf', err='')
        text = answer.out.decode()
        for part in ('provider shelf 1.2.3: Files in a directory, for tests\n', 'license  MIT\n',
                     'path             text, required\n      The directory.\n',
                     'password         text, secret\n', 'password_file = FILE',
                     'folder           text, deprecated\n',
                     'fail             one of no|error|slow, default no\n',
                     'share            percent 1%..50%, default 10%\n'):
            self.assertIn(part, text)

    def test_one_word(self):
        self.assertEqual(self.info('provider_memory'), self.info('provider', 'memory'))

    def test_keys_of_the_core(self):
        keys = {k['name'] for k in self.info('provider', 'memory')['core_keys']}
        self.assertEqual(keys, {'plugin', 'eviction', 'hold', 'expire', 'timeout',
                                'breaker_failures', 'breaker_pause'})
        self.assertEqual([k['name'] for k in self.info('eviction', 'random')['core_keys']],
                         ['plugin'])
        text = self.expect(0, 'plugin', 'info', 'provider', 'memory', err='').out.decode()
        self.assertIn('keys of [provider.memory] that every provider has:\n', text)
        self.assertIn('  hold             default auto\n', text)
        text = self.expect(0, 'plugin', 'info', 'eviction', 'lru', err='').out.decode()
        self.assertIn('keys of [eviction.lru]: none of its own\n', text)

    def test_wire_id(self):
        self.assertGreater(self.info('serializer', 'raw')['wire_id'], 0)
        self.assertIn(b'  wire id  ', self.expect(0, 'plugin', 'info', 'serializer_raw').out)

    def test_works_when_the_configuration_does_not(self):
        self.write('memstache.ini', '[cache]\ntiers = nothing\n')
        self.assertEqual(self.info('eviction', 'lru')['name'], 'lru')

    def test_wrong_words(self):
        self.expect(2, 'plugin', 'info', 'memory', out=b'', err='plugin info memory: not a kind')
        self.expect(2, 'plugin', 'info', 'thing', 'memory', out=b'', err='not a kind')
        self.expect(2, 'plugin', 'info', out=b'', err='plugin info: something is missing')
        self.expect(2, 'plugin', 'info', 'a', 'b', 'c', out=b'', err='too many operands')

    def test_not_found(self):
        answer = self.expect(3, 'plugin', 'info', 'provider', 'memry', out=b'')
        self.assertIn('memry', answer.err)
        self.expect(3, 'plugin', 'info', 'provider', '../memory', out=b'')
        self.expect(3, 'plugin', 'info', 'provider_', out=b'')


if __name__ == '__main__':
    command.main()
