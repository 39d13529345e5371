"""memstache.ini and the manual pages say what the command says: nothing can drift apart."""
import os
import re

import command
import usage

SHIPPED = ['provider memory', 'provider redis', 'compressor brotli', 'compressor gzip',
           'compressor lz4', 'compressor zstd', 'serializer raw', 'serializer protobuf', 'serializer json',
           'serializer msgpack', *('eviction ' + name for name in (
               'adaptive', 'arc', 'clock', 'clockpro', 'fifo', 'lfu', 'lru', 'random', 's3fifo', 'sieve', 'ttl',
               'wtinylfu')), 'exporter prometheus', 'exporter otlp']


def read(*parts):
    with open(os.path.join(command.SOURCE, *parts), encoding='utf-8') as file:
        return file.read()


def shipped():
    return [plugin for plugin in SHIPPED if command.has_plugin(plugin.replace(' ', '_'))]


class Ini(command.Case):
    def setUp(self):
        super().setUp()
        self.text = read('memstache.ini')
        self.active = re.sub(r'(?m)^;(?=[a-z_]+ =)', '', self.text)

    def keys(self, text):
        """{(section, key): value}"""
        found, section = {}, None
        for line in text.splitlines():
            if match := re.fullmatch(r'\[(\S+)\]', line):
                section = match.group(1)
            elif match := re.fullmatch(r'([a-z_]+) =(?: (.*))?', line):
                self.assertNotIn((section, match.group(1)), found)
                found[section, match.group(1)] = match.group(2) or ''
            else:
                self.assertRegex(line, r'^(# .*|#|)$', 'neither a key nor a comment')
        return found

    def settings(self, *words):
        answer = self.expect(0, *words, '--json', 'config', 'show', err='')
        return {(s['section'], s['key']): s['value'] for s in self.objects(answer)}

    def test_works_as_it_is(self):
        self.write('memstache.ini', self.text)
        self.expect(0, 'config', 'check', out=b'memstache.ini: ok, 1 cache, 3 plugins\n', err='')
        self.batch(0, 'set a 1', 'get a', out=b'1\n', err='')

    def test_changes_nothing(self):
        """Neither as it is nor with every line taken in: they are the defaults."""
        defaults = self.settings('-c', '/dev/null')
        for text in (self.text, self.active):
            self.write('memstache.ini', text)
            self.assertEqual(self.settings(), defaults)

    def test_every_line_is_understood_when_selected(self):
        self.write('memstache.ini', self.active)
        for plugin in shipped():
            kind, name = plugin.split()
            key = {'provider': 'cache.tiers', 'eviction': 'provider.memory.eviction',
                   'exporter': 'runtime.exporters'}.get(kind, 'cache.' + kind)
            self.expect(0, '--set', f'{key}={name}', 'config', 'check', err='')

    def test_every_key_is_there(self):
        """The keys of the core from what is in effect, those of the plugins from their infos."""
        wanted = {key: value for key, value in self.settings('-c', '/dev/null').items()
                  if '.' not in key[0]}
        for plugin in shipped():
            kind, name = plugin.split()
            info, = self.objects(self.expect(0, '--json', 'plugin', 'info', kind, name, err=''))
            for option in info['options'] + info['core_keys']:
                if name == 'redis' and option['name'] in ('eviction', 'hold'):
                    continue  # for providers in the process only
                wanted[f'{kind}.{name}', option['name']] = option['default'] or ''
        found = {key: value for key, value in self.keys(self.active).items()
                 if '.' not in key[0] or key[0].replace('.', ' ') in shipped()}
        self.assertEqual(sorted(found.items()), sorted(wanted.items()))


class Manual(command.Case):
    def page(self, name):
        """The text of a page, without its markup."""
        return re.sub(r'\\[&e]', '', read('sdk', 'man', name)).replace('Fl -', '--')

    def words_of(self, page):
        return ' '.join(page.split())

    def test_every_command(self):
        page = self.page('memstache.1')
        for name in usage.commands(self):
            self.assertRegex(page, rf'(?m)^\.(It|Ic|It Xo\n\.Ic) (Ic )?{name}\b', name)

    def test_every_option(self):
        page = self.page('memstache.1')
        for name in usage.commands(self):
            for option in re.findall(r'--([a-z-]+)',
                                     self.expect(0, 'help', *name.split()).out.decode()):
                self.assertRegex(page, rf'--{option}\b|Fl -{option}\b', name)

    def test_every_exit_code(self):
        header = read('sdk', 'cli', 'cli.h')
        codes = re.findall(r'\bCLI_\w+ = (\d)', header.split('};')[0])
        self.assertGreaterEqual(len(codes), 5)
        section = self.page('memstache.1').split('.Sh EXIT STATUS')[1].split('.Sh')[0]
        self.assertEqual(re.findall(r'(?m)^\.It (\d)$', section), codes)

    def test_note(self):
        text = self.words_of(self.page('memstache.1'))
        self.assertIn(command.NOTE.removeprefix('memstache: ').strip(), text)

    def test_every_json_member(self):
        page = self.page('memstache.1')
        name = self.write('value', b'\xff')
        answers = self.objects(self.batch(1, f'set a --file {name}', 'get a', 'get "\\xff"',
                                          'config check', 'version', 'bench --seconds 0.1',
                                          words=['--json']))
        for answer in answers:
            for member in answer:
                if member not in ('caches', 'plugins'):
                    self.assertIn(member, page)

    def test_every_key_with_its_default(self):
        """[section] key of the core: named, with the default that is in effect."""
        page = self.page('memstache.5')
        answer = self.expect(0, '-c', '/dev/null', '--json', 'config', 'show')
        for setting in self.objects(answer):
            if '.' in setting['section']:
                continue
            section = re.split(rf'\.Ss Sections? {setting["section"]}\b', page)
            self.assertEqual(len(section), 2, setting)
            section = re.split(r'(?m)^\.S[sh] ', section[1])[0]
            default = setting['value'] or '(empty|the name of the cache)'
            self.assertRegex(section, rf'(?m)^\.It Ic {setting["key"]} No \(.*\bdefault '
                                      rf'{default}\)$', setting)

    def test_every_key_of_shipped_plugins(self):
        page = self.page('memstache.5')
        for plugin in shipped():
            kind, name = plugin.split()
            self.assertIn(f'{kind} {name}', page)
            info, = self.objects(self.expect(0, '--json', 'plugin', 'info', kind, name))
            for option in info['options']:
                if name == 'json':  # the same as those of protobuf
                    self.assertIn('.Ic ' + option['name'], page)
                elif option['default'] is None:
                    self.assertRegex(page, rf'(?m)^\.It Ic {option["name"]} No \(', plugin)
                else:
                    self.assertRegex(page, rf'(?m)^\.It Ic {option["name"]} No \(.*\bdefault '
                                           rf'{re.escape(option["default"])}\)$', plugin)
            for key in info['core_keys']:
                section = re.split(rf'(?m)^\.Ss .*\b{kind}\.NAME\b', page)[1].split('.Ss')[0]
                self.assertIn(f'.It Ic {key["name"]} ', section, plugin)


class Interface(command.Case):
    """memstache-plugin(7) names what the headers declare, no less and no more."""

    def setUp(self):
        super().setUp()
        self.page = re.sub(r'\\[&e]', '', read('sdk', 'man', 'memstache-plugin.7'))
        headers = ''.join(read('sdk', 'include', 'memstache', name + '.h')
                          for name in ('abi', 'plugin', 'codec', 'provider', 'eviction', 'metrics',
                                       'exporter'))
        self.code = re.sub(r'/\*.*?\*/', '', headers, flags=re.DOTALL)

    def members(self, struct):
        body = re.search(rf'struct {struct} {{(.*?)\n}}', self.code, re.DOTALL).group(1)
        found = []
        for declaration in body.split(';'):
            if function := re.search(r'\(\*(\w+)\)\(', declaration):
                found.append(function.group(1))
            else:
                found += re.findall(r'(\w+)(?:\[\d+\])?\s*(?=,|$)', declaration.strip())
        self.assertGreater(len(found), 2, struct)
        return found

    def tags(self, heading):
        """What the list below a heading is of."""
        text = re.split(rf'(?m)^\.S[hs] {heading}$', self.page)
        self.assertEqual(len(text), 2, heading)
        text = re.split(r'(?m)^\.S[hs] ', text[1])[0]
        return [word for line in re.findall(r'(?m)^\.It (?:Fn|Va|Dv|Sy) (.*)$', text)
                for word in line.split(' , ')]

    def test_every_member(self):
        structs = set(re.findall(r'typedef struct (mst_\w+_ops) {', self.code))
        self.assertGreaterEqual(len(structs), 5)
        for struct in structs | {'mst_host', 'mst_op', 'mst_module', 'mst_plugin', 'mst_option',
                                 'mst_shard_info', 'mst_entry_info', 'mst_span', 'mst_attribute',
                                 'mst_metrics', 'mst_meter_options', 'mst_metric'}:
            self.assertEqual(sorted(self.tags(struct)), sorted(self.members(struct)), struct)

    def test_every_kind_and_status(self):
        kinds = re.findall(r'XX\(MST_KIND_\w+, \d+, (\w+),', self.code)
        self.assertEqual(self.tags('Kinds'), kinds)
        for kind in kinds:
            self.assertIn(f'mst_{kind}_ops', self.page)
        statuses = re.findall(r'XX\((MST_\w+), -?\d+, "', self.code)
        self.assertGreater(len(statuses), 15)
        self.assertEqual(self.tags('STATUS CODES'), statuses)

    def test_every_constant(self):
        """Types and flags of options, operations, capabilities and all the others."""
        constants = set(re.findall(r'\b(MST_[A-Z0-9_]*[A-Z0-9])\b(?= = | ?,|\n)', ''.join(
            re.findall(r'enum {(.*?)}', self.code, re.DOTALL))))
        constants -= {'MST_KIND_MAP', 'MST_STATUS_MAP', 'MST_KIND_ENUM', 'MST_STATUS_ENUM'}
        self.assertGreater(len(constants), 40)
        self.assertEqual({name for name in constants if not re.search(rf'\b{name}\b', self.page)},
                         set())
        for heading, prefix in (('Types', 'MST_OPT_'), ('Flags', 'MST_OPTF_'),
                                ('Capabilities', 'MST_CAP_'), ('Operations', 'MST_OP_')):
            self.assertEqual(set(self.tags(heading)),
                             {name for name in constants if name.startswith(prefix)})
        named = re.findall(r'\bMST_[A-Z_]+[A-Z]\b', self.page)
        self.assertEqual({name for name in named if not re.search(rf'\b{name}\b', self.code)}, set())


if __name__ == '__main__':
    command.main()
