"""Runs what the pages show: programs are compiled, run and compared with the output that stands
beside them, configurations are checked, shell commands are run.

Each page has a directory of its own, in which its blocks happen from top to bottom.
"""
import os
import re
import shutil
import subprocess

import markdown

# What the blocks of the pages are compiled with: also by tests/docs/README.md.
WARNINGS = ['-Wall', '-Wextra', '-Wno-unused-parameter', '-Werror']
TIMEOUT_S = 120
MARKED = ('c', 'ini', 'sh')  # a block in one of these languages needs a mark,
TRIED = ('README.md', 'sdk/docs/')  # on these pages


class Failed(Exception):
    """The text says why."""


class Skipped(Exception):
    """The text says what is not there."""


class Page:
    """The blocks of a page, collected into units."""

    def __init__(self, root, page, directory):
        self.root = root
        self.page = page
        self.directory = directory
        self.blocks = markdown.blocks(page, markdown.read(root, page))
        self.outputs = {}

    def unmarked(self):
        for block in self.blocks:
            if (block.language in MARKED and block.mark is None
                    and self.page.startswith(TRIED)):
                yield block.place

    def units(self):
        """(mark, name, blocks): blocks of one name are parts of one thing, which is made where its
        last part stands. Expected outputs are put aside."""
        parts, order = {}, []
        for number, block in enumerate(self.blocks):
            if block.mark == 'output':
                self.outputs[block.name] = block
                continue
            if block.mark in (None, 'not run'):
                continue
            key = (block.mark, block.name or f'{block.mark}_{number}')
            if key in parts:
                order.remove(key)
            parts.setdefault(key, []).append(block)
            order.append(key)
        return [(mark, name, parts[mark, name]) for mark, name in order]

    def path(self, name):
        path = os.path.join(self.directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def write(self, name, text):
        with open(self.path(name), 'w', encoding='utf-8') as file:
            file.write(text)

    def call(self, *words):
        """Its output; its errors as well when it fails."""
        try:
            done = subprocess.run(words, cwd=self.directory, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  errors='replace', timeout=TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            raise Failed(f'{words[0]}: still running after {TIMEOUT_S} s') from None
        if done.returncode != 0:
            raise Failed(f'{" ".join(words[:3])}: status {done.returncode}\n'
                         f'{done.stdout}{done.stderr}')
        return done.stdout

    def packages(self, option, names):
        return self.call('pkg-config', option, *names).split()

    def compare(self, name, got):
        block = self.outputs.get(name)
        if block is not None and not matches(block.text, got):
            raise Failed(f'{block.place}: the output is not what the page says, but:\n{got}')

    def make(self, mark, name, parts):
        settings = {}
        for part in parts:
            settings.update(part.settings)
        for need in settings.get('needs', '').split(','):
            if need and not available(need):
                raise Skipped(f'no {need} here')
        getattr(self, 'make_' + mark)(name, ''.join(part.text for part in parts), settings)

    def make_run(self, name, text, settings):
        packages = ['memstache'] + [p for p in settings.get('pkg', '').split(',') if p]
        sources = [name + '.c'] + [s for s in settings.get('with', '').split(',') if s]
        self.write(name + '.c', text)
        self.call('gcc', f'-std={settings.get("std", "c11")}', '-O1', *WARNINGS,
                  *self.packages('--cflags', packages), *sources, '-o', name,
                  *self.packages('--libs', packages), '-pthread')
        self.compare(name, self.call('./' + name))

    def make_plugin(self, name, text, settings):
        self.write(name + '.c', text)
        self.path('plugins/')
        self.call('gcc', f'-std={settings.get("std", "c11")}', '-O1', *WARNINGS, '-fPIC', '-shared',
                  '-fvisibility=hidden', '-Wl,-z,defs',
                  *self.packages('--cflags', ['memstache-plugin']), name + '.c',
                  '-o', f'plugins/{name}.so')
        kind, plugin = name.split('_', 1)
        self.call('memstache', '--set', f'plugins.path={self.path("plugins")}', 'plugin', 'info',
                  kind, plugin)

    def make_file(self, name, text, _):
        self.write(name, text)

    def make_config(self, name, text, _):
        name = name if '.' in name else name + '.ini'
        self.write(name, text)
        self.call('memstache', '-c', name, 'config', 'check')

    def make_shell(self, name, text, _):
        self.compare(name, self.call('sh', '-euc', text))

    def make_table(self, _, text, __):
        """What the filetree example prints: the same words everywhere; numbers are of one run."""
        program = os.environ.get('FILETREE')
        if not program or not os.path.exists(program):
            raise Skipped('no filetree example here')
        for number in range(4):
            self.write(f'tree/{number}', 'text ' * 200 * (number + 1))
        config = os.path.join(self.root, 'sdk', 'examples', 'filetree.ini')
        got = self.call(program, config, self.path('tree'))
        if shape(got) != shape(text):
            raise Failed(f'the table has changed:\n{got}')


def shape(text):
    return [re.sub(r'[0-9.]+', '0', line) for line in tidy(text)]


def available(need):
    """A command, or a plugin as kind_name."""
    plugins = os.environ['MEMSTACHE_PLUGIN_PATH']
    return shutil.which(need) or os.path.exists(os.path.join(plugins, need + '.so'))


def tidy(text):
    """Lines without the blanks at their ends, and with one where there are several."""
    return [' '.join(line.split()) for line in text.rstrip('\n').split('\n')]


def matches(expected, got):
    """Three dots stand for any text; a line of nothing else for any lines, or none."""
    wanted = ''
    for line in tidy(expected):
        if line == '...':
            wanted += r'(?:.*\n)*?'
        else:
            wanted += '.*'.join(re.escape(piece) for piece in line.split('...')) + r'\n'
    return re.fullmatch(wanted, '\n'.join(tidy(got)) + '\n') is not None


def run(root, scratch, report):
    """report(outcome, name, text) for everything."""
    for page_name in markdown.pages(root):
        try:
            page = Page(root, page_name, os.path.join(scratch, page_name.replace('/', '_')))
        except ValueError as error:
            report('fail', page_name, str(error))
            continue
        os.makedirs(page.directory)
        for place in page.unmarked():
            report('fail', place, 'neither run nor marked as not run')
        for mark, name, parts in page.units():
            try:
                page.make(mark, name, parts)
            except Failed as error:
                report('fail', f'{parts[-1].place}: {mark} {name}', str(error))
            except Skipped as error:
                report('skip', f'{page_name}: {mark} {name}', str(error))
            else:
                report('pass', f'{page_name}: {mark} {name}', '')
