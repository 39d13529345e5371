"""configuration.py [--write] - sdk/docs/configuration.md is made from what the command says of the core
and of each plugin; the test compares it. With --write it is made anew (`ninja configuration-page`).

A build without some plugin compares the rest of the page, and cannot write it.
"""
import os
import re
import sys

import command
import documents

PAGE = os.path.join(command.SOURCE, 'sdk', 'docs', 'configuration.md')
HEAD = """\
# Configuration

Every key of every section, with its default. The page is made from the option tables of the library and of its
plugins, by `ninja -C build configuration-page`; a test says when it is out of date. How a file is written, and what
comes before what, stands in memstache.ini(5); [memstache.ini](../../memstache.ini) is a file with every key in it.

Sizes have a unit (`512B`, `64KiB`, `1.5GiB`; `10MB` is decimal), durations as well (`250ms`, `5s`, `30m`, `12h`,
`7d`, or `never`). The environment variable `MEMSTACHE_CACHE_EXPIRE` overrides `expire` of `[cache]`, and so on.

`memstache config show` prints what is in effect, `memstache config check` every mistake, and
`memstache plugin info KIND NAME` the keys of a plugin that is not on this page.
"""


def cell(text):
    return ' '.join(text.split()).replace('|', '\\|')


def code(text):
    return f'`{cell(text)}`' if text else ''


def table(columns, rows):
    lines = [' | '.join(columns), ' | '.join(['---'] * len(columns))]
    lines += [' | '.join(row) for row in rows]
    return ''.join(re.sub(' +', ' ', f'| {line} |\n') for line in lines)


def kind_of_value(option):
    """ "size, 64KiB to 128GiB" """
    words = [option['type']]
    if option['choices']:
        words = ['one of ' + ', '.join(f'`{word}`' for word in option['choices'].split('|'))]
    if option['min'] and option['max']:
        words.append(f"{option['min']} to {option['max']}")
    elif option['min'] or option['max']:
        words.append(f"at least {option['min']}" if option['min'] else f"at most {option['max']}")
    words += [word for word in ('required', 'secret', 'deprecated') if option[word]]
    return ', '.join(words)


class Page(command.Case):
    def sections(self):
        """{heading: text} of what this build knows, in the order of the page."""
        answer = self.expect(0, '-c', '/dev/null', '--json', 'config', 'show', err='')
        settings = self.objects(answer)
        made = {}
        for section in dict.fromkeys(s['section'] for s in settings if '.' not in s['section']):
            rows = [(code(s['key']), code(s['value']), cell(s['help']))
                    for s in settings if s['section'] == section]
            named = ' and `[cache.NAME]`' if section == 'cache' else ''
            made[f'## `[{section}]`{named}'] = table(('key', 'default', 'meaning'), rows)
        for plugin in documents.shipped():
            self.add_plugin(made, *plugin.split())
        return made

    def add_plugin(self, made, kind, name):
        info, = self.objects(self.expect(0, '--json', 'plugin', 'info', kind, name, err=''))
        common = f'## `[{kind}.NAME]`'
        if common not in made:
            rows = [(code(key['name']), 'NAME' if key['name'] == 'plugin' else code(key['default']),
                     cell(key['help'])) for key in info['core_keys']]
            made[common] = table(('key', 'default', 'meaning'), rows)
        rows = [(code(option['name']), kind_of_value(option), code(option['default']),
                 cell(option['help'])) for option in info['options']]
        keys = table(('key', 'value', 'default', 'meaning'), rows) if rows else 'No keys of its own.\n'
        made[f'### `[{kind}.{name}]`'] = f"{cell(info['summary'])}.\n\n{keys}"

    def on_page(self):
        """(head, {heading: text}) of the page as it is."""
        if not os.path.exists(PAGE):
            return '', {}
        with open(PAGE, encoding='utf-8') as file:
            parts = re.split(r'(?m)^(###? .*)\n\n', file.read())
        return parts[0].rstrip('\n') + '\n', {heading: text.rstrip('\n') + '\n' for heading, text in
                                              zip(parts[1::2], parts[2::2])}

    def missing(self, heading):
        """Is it of a plugin that this build does not have?"""
        match = re.fullmatch(r'### `\[(\w+)\.(\w+)\]`', heading)
        return (match is not None and ' '.join(match.groups()) in documents.SHIPPED
                and not command.has_plugin('_'.join(match.groups())))

    def test_page(self):
        head, there = self.on_page()
        there = {heading: text for heading, text in there.items() if not self.missing(heading)}
        made = self.sections()
        say = 'sdk/docs/configuration.md is out of date: run `ninja -C build configuration-page`'
        self.assertEqual(head, HEAD, say)
        self.assertEqual(there, made, say)
        self.assertEqual(list(there), list(made), say)

    def write(self):
        made = self.sections()
        with open(PAGE, 'w', encoding='utf-8') as file:
            file.write(HEAD)
            for heading, text in made.items():
                file.write(f'\n{heading}\n\n{text}')


if __name__ == '__main__':
    if sys.argv[1:] == ['--write']:
        if documents.shipped() != documents.SHIPPED:
            sys.exit('this build has not all plugins')
        page = Page()
        page.setUp()
        page.write()
        page.doCleanups()
    else:
        command.main()
