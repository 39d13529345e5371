"""`config check`, `config show`, and where the configuration comes from."""
import re

import command


class Origin(command.Case):
    def section(self, answer, section, key):
        for setting in self.objects(answer):
            if (setting['section'], setting['key']) == (section, key):
                return setting['value'], setting['origin']
        self.fail(f'no [{section}] {key}')

    def show(self, *words, **env):
        return self.expect(0, *words, '--json', 'config', 'show', err='', **env)

    def test_nothing_given(self):
        self.assertEqual(self.section(self.show(), 'cache', 'tiers'), ('memory', 'default'))
        self.expect(0, 'config', 'check', out=b'built-in defaults: ok, 1 cache, 3 plugins\n')

    def test_file_of_the_directory(self):
        self.write('memstache.ini', '[cache]\nexpire = 5m\n')
        self.assertEqual(self.section(self.show(), 'cache', 'expire'), ('5m', 'memstache.ini:2'))

    def test_file_of_the_environment_comes_before(self):
        self.write('memstache.ini', '[cache]\nexpire = 5m\n')
        name = self.write('other.ini', '[cache]\n\nexpire = 6m\n')
        answer = self.show(MEMSTACHE_CONFIG=name)
        self.assertEqual(self.section(answer, 'cache', 'expire'), ('6m', name + ':3'))

    def test_file_of_the_option_comes_first(self):
        self.write('one.ini', '[cache]\nexpire = 1m\n')
        for words in (['-c', 'one.ini'], ['-cone.ini'], ['--config', 'one.ini'],
                      ['--config=one.ini']):
            answer = self.show(*words, MEMSTACHE_CONFIG='nowhere')
            self.assertEqual(self.section(answer, 'cache', 'expire'), ('1m', 'one.ini:2'))

    def test_set_and_environment(self):
        self.write('memstache.ini', '[cache]\nexpire = 5m\n')
        answer = self.show('--set', 'cache.expire=7m')
        self.assertEqual(self.section(answer, 'cache', 'expire'), ('7m', 'program'))
        answer = self.show('--set', 'cache.expire=7m', MEMSTACHE_CACHE_EXPIRE='8m')
        self.assertEqual(self.section(answer, 'cache', 'expire'), ('8m', 'environment'))

    def test_set_with_a_dot_in_the_section(self):
        answer = self.show('--set', 'provider.memory.max_bytes=1MiB', '--set', 'cache.namespace=a=b')
        self.assertEqual(self.section(answer, 'provider.memory', 'max_bytes'),
                         ('1MiB', 'program'))
        self.assertEqual(self.section(answer, 'cache', 'namespace'), ('a=b', 'program'))

    def test_set_that_cannot_be(self):
        self.expect(2, '--set', 'x', 'config', 'show', err='--set x: write SECTION.KEY=VALUE')
        self.expect(2, '--set', 'x=1', 'config', 'show', err='--set x=1: no section')
        self.expect(2, '--set', 'cache.Bad-Key=1', 'config', 'show', err='not a name of a section')
        self.expect(2, '--set', 'a' * 300 + '.b=1', 'config', 'show', err='write SECTION.KEY=VALUE')


class Check(command.Case):
    bad = ('[cache]\nexpire = 5x\nexpyre = 1m\nno equals sign here\n[nonsense]\na = 1\n'
           '[provider.memory]\nmax_bytes = 1\n')

    def lines_of(self, text):
        return [int(n) for n in re.findall(r'^bad\.ini:(\d+):', text, re.MULTILINE)]

    def test_every_problem_is_printed(self):
        self.write('bad.ini', self.bad)
        answer = self.expect(3, '-c', 'bad.ini', 'config', 'check', out=b'')
        self.assertEqual(self.lines_of(answer.err), [2, 3, 4, 5, 8])
        self.assertIn('did you mean "expire"?', answer.err)
        self.assertIn('memstache: bad.ini: 5 problems\n', answer.err)

    def test_so_do_all_other_commands(self):
        self.write('bad.ini', self.bad)
        for words in (['config', 'show'], ['get', 'a'], ['plugin', 'list'], ['run']):
            answer = self.expect(3, '-c', 'bad.ini', *words, out=b'')
            self.assertEqual(self.lines_of(answer.err), [2, 3, 4, 5, 8], words)
            self.assertIn('bad.ini: 5 problems, nothing was done', answer.err)

    def test_json(self):
        self.write('bad.ini', self.bad)
        answer = self.expect(3, '-c', 'bad.ini', '--json', 'config', 'check', err='')
        found, = self.objects(answer)
        self.assertEqual((found['ok'], found['file'], len(found['problems'])),
                         (False, 'bad.ini', 5))
        found, = self.objects(self.expect(0, '--json', 'config', 'check', err=''))
        self.assertEqual((found['ok'], found['file'], found['problems'], found['caches'],
                          found['plugins']), (True, None, [], 1, 3))

    def test_file_that_cannot_be_read(self):
        for words in (['config', 'check'], ['get', 'a'], ['plugin', 'info', 'provider', 'memory']):
            self.expect(3, '-c', 'nowhere', *words, out=b'', err='nowhere: cannot be read: no such')
        found, = self.objects(self.expect(3, '-c', 'nowhere', '--json', 'config', 'check'))
        self.assertIn('nowhere: cannot be read', found['problems'][0])

    def test_counts(self):
        self.write('memstache.ini', '[cache]\n[cache.b]\ntiers = x\n[provider.x]\nplugin = memory\n')
        self.expect(0, 'config', 'check', out=b'memstache.ini: ok, 2 caches, 4 plugins\n', err='')

    def test_deprecated(self):
        shelf = self.shelf('provider.shelf.folder=x')
        text = 'program: [provider.shelf] folder: deprecated, still works: Use path.'
        self.expect(0, *shelf, 'config', 'check', err=text)
        found, = self.objects(self.expect(0, *shelf, '--json', 'config', 'check', err=''))
        self.assertEqual((found['ok'], found['problems']), (True, [text]))
        self.expect(0, *self.shelf(), 'config', 'check', err='')

    def test_required(self):
        answer = self.expect(3, '--set', 'plugins.path=' + command.SHELF_DIRECTORY, '--set',
                             'cache.tiers=shelf', 'config', 'check')
        self.assertIn('[provider.shelf] required key "path" is missing: The directory.', answer.err)


class Show(command.Case):
    def test_can_be_fed_back(self):
        words = ['--set', 'cache.jitter=10%', '--set', 'cache.b.tiers=x, memory', '--set',
                 'provider.x.plugin=memory', '--set', 'provider.x.max_bytes=1.5MiB', '--set',
                 'cache.expire=90s', '--set', 'cache.namespace=n;m']
        if command.has_plugin('compressor_brotli'):
            words += ['--set', 'cache.b.compressor=brotli']
        text = self.expect(0, *words, 'config', 'show', err='').out
        self.write('again.ini', text)
        first, again = (
            [{**setting, 'origin': ''} for setting in
             self.objects(self.expect(0, *given, '--json', 'config', 'show', err=''))]
            for given in (words, ['-c', 'again.ini']))
        self.assertEqual(first, again)

    def test_secrets(self):
        self.write('secret', 'open sesame\n')
        for setting in ('password=open sesame', 'password_file=' + self.path('secret')):
            words = self.shelf('provider.shelf.' + setting)
            answer = self.expect(0, *words, 'config', 'show', err='')
            self.assertNotIn(b'open sesame', answer.out)
            self.assertRegex(answer.out, rb'(?m)^;password +\= \*\*\* +; program$')
            answer = self.expect(0, *words, '--json', 'config', 'show', err='')
            self.assertNotIn(b'open sesame', answer.out)
            secret, = (s for s in self.objects(answer) if s['key'] == 'password')
            self.assertEqual(secret['value'], '***')

    def test_selected_components(self):
        """Three lines change what is in use."""
        if not command.has_plugin('serializer_json') or not command.has_plugin('compressor_brotli'):
            self.skipTest('no json or brotli here')
        self.write('memstache.ini', '[cache]\nserializer = json\ncompressor = brotli\n'
                                    '[provider.memory]\neviction = random\n')
        sections = {s['section'] for s in
                    self.objects(self.expect(0, '--json', 'config', 'show'))}
        self.assertEqual(sections, {'runtime', 'plugins', 'cache', 'provider.memory',
                                    'serializer.json', 'compressor.brotli', 'eviction.random'})
        listed = {(p['kind'], p['name']) for p in
                  self.objects(self.expect(0, '--json', 'plugin', 'list'))}
        self.assertEqual(listed, {('provider', 'memory'), ('serializer', 'json'),
                                  ('compressor', 'brotli'), ('eviction', 'random')})


class Caches(command.Case):
    def test_named(self):
        self.write('memstache.ini', '[cache]\nexpire = 1h\n[cache.sessions]\nexpire = 1d\n')
        answer = self.batch(0, 'set a 1', 'get a', words=['--cache', 'sessions', '--json'])
        self.assertGreater(self.objects(answer)[1]['ttl_ms'], 3600000)

    def test_unknown(self):
        self.write('memstache.ini', '[cache]\n[cache.sessions]\n')
        self.expect(3, '--cache', 'session', 'get', 'a', out=b'',
                    err='there is no [cache.session] in memstache.ini; did you mean '
                        '[cache.sessions]?')
        self.expect(3, '--cache', 'zzz', 'get', 'a', out=b'',
                    err='there is no [cache.zzz] in memstache.ini; there are: [cache] '
                        '[cache.sessions]')

    def test_default_one_may_be_missing(self):
        self.write('memstache.ini', '[cache.sessions]\n')
        self.expect(3, 'get', 'a', out=b'', err='there is no [cache] in memstache.ini; there are: '
                                                '[cache.sessions]')
        self.batch(0, 'set a 1', 'get a', words=['--cache', 'sessions'], out=b'1\n')

    def test_note_names_the_cache(self):
        self.write('memstache.ini', '[cache.sessions]\n')
        self.expect(0, '--cache', 'sessions', 'set', 'a', '1',
                    err='note: all tiers of [cache.sessions] live in this process')


class Log(command.Case):
    def test_verbose(self):
        """What the library logs is not lost; warnings come in any case."""
        shelf = self.shelf('provider.shelf.fail=error')
        quiet = self.expect(4, *shelf, 'get', 'a').err
        verbose = self.expect(4, *shelf, '--verbose', 'get', 'a').err
        self.assertGreaterEqual(len(verbose), len(quiet))


if __name__ == '__main__':
    command.main()
