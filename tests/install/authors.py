"""authors.py PREFIX WORK CASE - what authors of plugins do, against an installation in PREFIX:

  new KIND    `plugin new`, and then its own commands as it prints them, word for word
  meson KIND  the same project, by Meson
  examples    sdk/examples/plugins, built by its Makefile and dropped into a directory

Each works in a directory of its own below WORK. Exits with 0 when all is as it should be.
"""
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMMANDS_MAX = 5


class Wrong(Exception):
    pass


def environment(prefix):
    env = {name: value for name, value in os.environ.items()
           if not name.startswith(('MEMSTACHE_', 'MAKE', 'CFLAGS', 'DESTDIR'))}
    env['PATH'] = f'{prefix}/bin:{env["PATH"]}'
    for name, directory in (('PKG_CONFIG_PATH', 'lib/pkgconfig'), ('LD_LIBRARY_PATH', 'lib')):
        env[name] = ':'.join(filter(None, [f'{prefix}/{directory}', env.get(name)]))
    return env


class Place:
    """A directory, and commands that run in it."""

    def __init__(self, prefix, directory):
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        self.directory = directory
        self.environment = environment(prefix)

    def run(self, *words, code=0, cwd='.', stdin=None):
        """Standard output of a command that has to end with `code`."""
        done = subprocess.run(words, cwd=os.path.join(self.directory, cwd), env=self.environment,
                              input=stdin, text=True, capture_output=True, timeout=600, check=False)
        print('$', *words)
        print(done.stdout + done.stderr)
        if done.returncode != code:
            raise Wrong(f'{words}: exit code {done.returncode}, not {code}')
        return done.stdout

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def write(self, name, text):
        with open(self.path(name), 'w', encoding='utf-8') as file:
            file.write(text)


def expect(condition, text):
    if not condition:
        raise Wrong(text)


def plugin_file(place, prefix, kind, *words):
    """Where a configuration finds the plugin."""
    for line in place.run('memstache', '--json', *words, 'plugin', 'list', cwd='mine').splitlines():
        found = json.loads(line)
        if (found['kind'], found['name']) == (kind, 'mine'):
            return os.path.relpath(found['file'], prefix)
    raise Wrong('the configuration does not select the plugin')


# ---- plugin new

def new(prefix, place, kind):
    """Everything that is needed stands in what the first command prints."""
    first = f'memstache plugin new {kind} mine'
    printed = place.run('sh', '-euc', first)
    lines = re.findall(r'(?m)^  (.*?) *(?:# .*)?$', printed)
    # The demonstration comes after the kit, and both within five commands.
    needed = lines[:lines.index('make demo') + 1]
    expect('make check' in needed, 'the kit is not among the commands')
    expect(1 + len(needed) <= COMMANDS_MAX, f'more than {COMMANDS_MAX} commands: {needed}')
    output = place.run('sh', '-euc', '\n'.join(needed))
    file = f'{kind}_mine.so'
    expect(f'memstache plugin check {file}' in output, 'make check does not run the kit')
    expect(re.search(rf'(?m)^{kind} +mine .*/mine/\.?/?{file}$', output),
           'the cache of the demonstration does not use the plugin')
    print(f'{kind}: {1 + len(needed)} commands:', '; '.join([first, *needed]))

    # Installed, it is found by its name, and its project can be made again under another.
    place.run('sh', '-euc', '\n'.join([lines[0], 'make install']))
    try:
        found = plugin_file(place, prefix, kind, '--config', 'mine.ini')
        expect(found == f'lib/memstache/plugins/{file}', f'found at {found}')
        place.run('memstache', 'plugin', 'new', kind, 'mine', '--dir', 'again', code=2)
    finally:
        os.remove(f'{prefix}/lib/memstache/plugins/{file}')
    place.run('make', 'clean', cwd='mine')
    left = place.run('memstache', '--json', 'plugin', 'new', kind, 'mine', '--dir', 'again')
    expect(sorted(os.listdir(place.path('mine'))) ==
           sorted(os.path.basename(name) for name in json.loads(left)['files']),
           'make clean leaves something')


def meson(prefix, place, kind):
    place.run('memstache', 'plugin', 'new', kind, 'mine')
    place.run('meson', 'setup', '-Dwerror=true', 'build', cwd='mine')
    place.run('meson', 'test', '-C', 'build', '--print-errorlogs', cwd='mine')
    place.run('sh', 'demo.sh', cwd='mine')
    place.run('meson', 'install', '-C', 'build', cwd='mine')
    file = f'lib/memstache/plugins/{kind}_mine.so'
    try:
        found = plugin_file(place, prefix, kind, '--config', 'mine.ini')
        expect(found == file, f'found at {found}')
    finally:
        os.remove(os.path.join(prefix, file))


# ---- the examples

INI = '''
[plugins]
path = {dropped}

[cache]
tiers      = memory, mymemory, sqlite
serializer = jsonc
compressor = mylz4
expire     = 1h

[provider.memory]
eviction = myrandom

[provider.sqlite]
file = {database}
'''
OPTIONS = {'provider_sqlite': ['--option', 'file=kit.db']}


def build_examples(place):
    shutil.copytree(os.path.join(SOURCE, 'sdk', 'examples', 'plugins'), place.path('source'))
    place.run('make', 'CFLAGS=-O2 -Werror', cwd='source')
    os.mkdir(place.path('dropped'))
    names = [name for name in os.listdir(place.path('source')) if name.endswith('.so')]
    sources = [name for name in os.listdir(place.path('source'))
               if re.match(r'(serializer|compressor|provider|eviction)_.*\.c$', name)]
    expect(sorted(name[:-3] for name in names) == sorted(name[:-2] for name in sources),
           f'the Makefile builds {names}, there are {sources}')
    for name in names:
        shutil.copy(place.path('source', name), place.path('dropped'))
    place.write('host.ini', INI.format(dropped=place.path('dropped'),
                                       database=place.path('values.db')))
    return sorted(name[:-3] for name in names)


def memstache(place, *words, **how):
    return place.run('memstache', '--config', 'host.ini', *words, **how)


def survives_a_restart(place):
    """Every command is a process of its own: only what SQLite holds is there for the next one."""
    text = 'the same words again and again ' * 100
    memstache(place, 'set', 'long', text)
    memstache(place, 'set', 'short', 'x')
    memstache(place, 'set', 'empty', '')
    for key, value in (('long', text), ('short', 'x'), ('empty', '')):
        expect(memstache(place, 'get', key) == value, f'{key} is another value')
    memstache(place, 'set', 'short', 'y', '--if-absent', code=1)
    memstache(place, 'set', 'other', 'y', '--if-present', code=1)
    memstache(place, 'set', 'short', 'z', '--if-present')
    expect(memstache(place, 'get', 'short') == 'z', 'a condition that holds changes nothing')
    place.run(place.path('source', 'jsonc_user'), 'host.ini', '7', 'Ada')
    expect(place.run(place.path('source', 'jsonc_user'), 'host.ini', '7') == '7 Ada 12.50 active\n',
           'another user was stored')
    with sqlite3.connect(place.path('values.db')) as db:
        rows = dict(db.execute('SELECT CAST(key AS TEXT), value FROM entries'))
    expect(sorted(rows) == ['7', 'empty', 'long', 'short'], f'the database has {sorted(rows)}')
    expect(b'{"id":7,"name":"Ada","balance":12.5,"active":true}' in rows['7'], rows['7'])
    place.write('long.bin', '')
    with open(place.path('long.bin'), 'wb') as file:
        file.write(rows['long'])
    shown = memstache(place, 'inspect', 'long.bin')
    expect(re.search(r'compressor +1003 \(mylz4\)', shown), 'not compressed by mylz4')
    expect(len(rows['long']) < len(text) / 10, 'hardly compressed')


def lives_and_ends(place):
    memstache(place, 'set', 'brief', 'x', '--expire', '300ms')
    deadline = time.monotonic() + 20
    while place.run('sh', '-c', 'memstache --config host.ini get brief || true') == 'x':
        expect(time.monotonic() < deadline, 'it does not expire')
    left = memstache(place, 'ttl', 'short')
    expect(re.fullmatch(r'(3[0-9]{6}ms|[45][0-9]m|1h)\n', left), f'one hour is now {left}')
    memstache(place, 'touch', 'short', '--expire', '7d')
    left = memstache(place, 'ttl', 'short')
    expect(re.match(r'(6048|6047)[0-9]{5}ms|7d', left), f'seven days are now {left}')
    expect(memstache(place, 'exists', 'short', 'brief', 'never', code=1) == '1\n', 'exists')
    expect(memstache(place, 'del', 'short', 'never', code=1) == '1\n', 'del')
    with sqlite3.connect(place.path('values.db')) as db:
        ends, = db.execute("SELECT count(*) FROM entries WHERE key = CAST('brief' AS BLOB)").fetchone()
    expect(ends == 0, 'what has expired is still in the database')
    memstache(place, '--set', 'cache.namespace=other', 'set', 'kept', '1')
    memstache(place, 'clear', '--yes')
    memstache(place, 'get', 'long', code=1)
    expect(memstache(place, '--set', 'cache.namespace=other', 'get', 'kept') == '1',
           'clear took another cache along')


def works_in_one_process(place):
    script = 'set a 1\nset b 2\nget a\ndel a\nset b 3\nmget a b\nclear --yes\nget b\n'
    printed = memstache(place, '--set', 'cache.tiers=mymemory', 'run', stdin=script, code=1)
    expect(printed == '1\n1\na -\nb 1\n3\n', f'printed {printed!r}')
    for tiers in ('mymemory', 'sqlite', 'mymemory, sqlite'):
        figures = json.loads(memstache(place, '--set', 'cache.tiers=' + tiers, '--json', 'bench',
                                       '--workload', 'mixed', '--threads', '4', '--keys', '500',
                                       '--seconds', '0.5'))
        expect(figures['errors'] == 0 and figures['hit_ratio'] == 1, f'{tiers}: {figures}')


def evicts_at_random(place):
    """As many hits as the shipped policy that also draws lots, on a trace where others differ."""
    place.write('trace', ''.join(f'{(i * i) % 997 if i % 3 else i % 50}\n' for i in range(30000)))
    rows = json.loads(memstache(place, '--json', 'simulate', '--trace', 'trace', '--policies',
                                'random,myrandom,lru', '--sizes', '100'))
    hits = {row['policy']: row['hit_ratio'] for row in rows}
    expect(abs(hits['random'] - hits['myrandom']) < 0.02 and
           hits['myrandom'] - hits['lru'] > 0.05, f'{hits}')


def examples(prefix, place):
    names = build_examples(place)
    expect(len(names) >= 6, f'too few: {names}')
    for name in names:
        place.run('memstache', 'plugin', 'check', *OPTIONS.get(name, []),
                  place.path('dropped', name + '.so'))
    memstache(place, 'config', 'check')
    place.run('memstache', '--config', 'source/examples.ini', '--set',
              'plugins.path=' + place.path('dropped'), 'config', 'check')
    listed = memstache(place, 'plugin', 'list')
    for name in ('provider_mymemory', 'provider_sqlite', 'serializer_jsonc', 'compressor_mylz4',
                 'eviction_myrandom'):
        expect(place.path('dropped', name + '.so') in listed, f'{name} is not in use')
    survives_a_restart(place)
    lives_and_ends(place)
    works_in_one_process(place)
    evicts_at_random(place)


def main():
    prefix, work, case, *rest = sys.argv[1:]
    place = Place(prefix, os.path.join(work, '-'.join([case, *rest])))
    try:
        {'new': new, 'meson': meson, 'examples': examples}[case](prefix, place, *rest)
    except Wrong as problem:
        print(f'{case} {" ".join(rest)}: {problem}')
        sys.exit(1)


if __name__ == '__main__':
    main()
