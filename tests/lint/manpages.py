"""manpages.py ROOT [--write] - mandoc has no warning about any manual page; memstache(3) has every
function of the headers for programs, as it is declared there. --write makes its synopsis
anew, and the list of names under which the page is installed.
"""
import os
import re
import shutil
import subprocess
import sys

import common

PAGE = 'sdk/man/memstache.3'
NAMES = 'sdk/man/meson.build'
HEADERS = ['memstache.h', 'config.h']
BUILDING = '.Dl cc $(pkg-config --cflags memstache) prog.c $(pkg-config --libs memstache)\n'
WRITE = 'python3 -B tests/lint/manpages.py . --write'


def arguments(text):
    """The parameters of a declaration, which may be functions themselves."""
    found, depth = [''], 0
    for char in text:
        depth += (char == '(') - (char == ')')
        if char == ',' and depth == 0:
            found.append('')
        else:
            found[-1] += char
    return [' '.join(argument.split()) for argument in found]


def functions(root, header):
    """(type, name, parameters) of each, in order."""
    text = common.read(root, 'sdk/include/memstache/' + header)
    text = common.without_directives(common.code(text))
    for match in re.finditer(r'\bMST_EXPORT\s+(?:inline\s+)?([^;]*?)(\w+)\s*\(([^;]*)\)\s*;', text):
        yield ' '.join(match.group(1).split()), match.group(2), arguments(match.group(3))


def synopsis(root):
    """The section of the page, from its heading to its end."""
    lines = ['.Sh SYNOPSIS']
    for header in HEADERS:
        lines.append(f'.In memstache/{header}')
        lines += [BUILDING.rstrip('\n')] if header == HEADERS[0] else []
        for kind, name, parameters in functions(root, header):
            lines += [f'.Ft "{kind}"', f'.Fo {name}']
            lines += [f'.Fa "{parameter}"' for parameter in parameters] + ['.Fc']
    return '\n'.join(lines) + '\n'


def names(root):
    """The list of the names, as it stands in the build file."""
    found = sorted(name for header in HEADERS for _, name, _ in functions(root, header))
    return 'function_names = [\n' + ''.join(f"  '{name}',\n" for name in found) + ']\n'


SECTION = re.compile(r'(?ms)^\.Sh SYNOPSIS\n.*?(?=^\.Sh )')
LIST = re.compile(r'(?ms)^function_names = \[\n.*?^\]\n')
MADE = [(PAGE, SECTION, synopsis), (NAMES, LIST, names)]


def compare(root):
    for path, pattern, make in MADE:
        if not os.path.exists(os.path.join(root, path)):
            continue
        text = common.read(root, path)
        match, wanted = pattern.search(text), make(root)
        if not match or match.group() != wanted:
            start = match.start() if match else 0
            there = match.group().split('\n') if match else []
            first = next((i for i, (a, b) in enumerate(zip(there, wanted.split('\n'))) if a != b), 0)
            yield path, common.line_of(text, start) + first, f'not what the headers say; {WRITE}'


def write(root):
    for path, pattern, make in MADE:
        text = pattern.sub(lambda _: make(root), common.read(root, path))
        with open(os.path.join(root, path), 'w', encoding='utf-8') as file:
            file.write(text)


def check(root):
    yield from compare(root)
    if not shutil.which('mandoc'):
        raise common.Unavailable('no mandoc')
    for path in common.files(root, 'sdk/man'):
        if not re.search(r'\.[1-9]$', path):
            continue
        done = subprocess.run(['mandoc', '-T', 'lint', '-W', 'warning', path], cwd=root,
                              capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            match = re.match(r'^mandoc: (.+?):(\d+):\d+: (.*)$', line)
            if match:
                yield path, int(match.group(2)), match.group(3)
        if done.returncode > 2 and not done.stdout:
            yield path, 0, done.stderr.strip()


if __name__ == '__main__':
    if sys.argv[2:] == ['--write']:
        write(sys.argv[1])
    else:
        common.run(check, sys.argv[1])
