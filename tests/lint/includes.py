"""includes.py ROOT - who may include what.

core/    a floor includes itself and earlier ones; "floor/file.h" for own headers
plugins/ <memstache/...>, system and library headers, files of plugins/<kind>/; nothing of core
sdk/     public headers include each other and freestanding ones, those for C++ (.hpp) also what the
         standard library of C++ has; programs nothing of core
"""
import os
import re
import sys

import common

FLOORS = ['base', 'config', 'plugin', 'codec', 'tier', 'pipeline', 'api']
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
FREESTANDING = {'stddef.h', 'stdint.h'}


def includes(root, path):
    text = common.read(root, path)
    # Comments go, but the names in quotes have to stay.
    bare = common.TOKEN.sub(lambda m: m.group() if m.group()[0] in '"\'' else common.blank(m), text)
    for match in INCLUDE.finditer(bare):
        yield common.line_of(bare, match.start()), match.group(1), match.group(2)


def floor_of(name):
    first = name.split('/')[0]
    return FLOORS.index(first) if '/' in name and first in FLOORS else None


def check_core(root, path, line, quote, name):
    parts = path.split('/')
    if len(parts) < 3 or parts[1] not in FLOORS:
        yield path, 0, f'core has the floors {" ".join(FLOORS)}; this file is on none of them'
        return
    target = floor_of(name)
    if quote == '"' and target is None:
        yield path, line, f'"{name}": own headers are written "floor/file.h"'
    elif quote == '<' and target is not None:
        yield path, line, f'<{name}>: a header of core is written in quotes'
    elif target is not None and target > FLOORS.index(parts[1]):
        yield path, line, f'{parts[1]} may not include {name}: {FLOORS[target]} is a later floor'


def check_plugin(root, path, line, quote, name):
    target = os.path.normpath(os.path.join(os.path.dirname(path), name))
    kind = '/'.join(path.split('/')[:2])
    own = target.startswith(kind + '/') and os.path.isfile(os.path.join(root, target))
    if quote == '"' and not own:
        yield path, line, f'"{name}": a plugin includes the public headers and files of {kind}/'
    elif quote == '<' and ('..' in name.split('/') or floor_of(name) is not None):
        yield path, line, f'<{name}>: a plugin includes nothing of core'


def check_public(root, path, line, quote, name):
    beside = os.path.isfile(os.path.join(root, os.path.dirname(path), name))
    standard = name in FREESTANDING or (path.endswith('.hpp') and '.' not in name)
    if not (beside if quote == '"' else standard):
        yield path, line, f'{name}: public headers need each other, stddef.h and stdint.h'


def check_program(root, path, line, quote, name):
    beside = os.path.isfile(os.path.join(root, os.path.dirname(path), name))
    if not beside and ('..' in name.split('/') or name.startswith('core/') or
                       (quote == '"' and floor_of(name) is not None)):
        yield path, line, f'{name}: programs of sdk/ use the public headers only'


RULES = [('core', check_core), ('plugins', check_plugin), ('sdk/include', check_public),
         ('sdk', check_program)]


def check(root):
    for path in common.files(root, suffixes=common.C_SUFFIXES + ('.c.in',)):
        rule = next((rule for top, rule in RULES if path.startswith(top + '/')), None)
        if rule:
            for line, quote, name in includes(root, path):
                yield from rule(root, path, line, quote, name)


if __name__ == '__main__':
    common.run(check, sys.argv[1])
