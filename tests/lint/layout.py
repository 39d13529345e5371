"""layout.py ROOT - what stands at the top level, and which folders stand below it."""
import os
import sys

import common
import includes

REQUIRED = {
    'core', 'plugins', 'sdk', 'tests', 'meson.build', 'memstache.ini', 'README.md',
    'meson_options.txt', 'LICENSE', 'CHANGELOG.md', 'CONTRIBUTING.md',
    '.ci', '.clang-format', '.gitignore',
}
KINDS = {'serializer', 'compressor', 'provider', 'eviction', 'exporter'}


def names(root, *parts):
    directory = os.path.join(root, *parts)
    if not os.path.isdir(directory):
        return set()
    return {name for name in os.listdir(directory) if not common.ignored(root, directory, name)}


def folders(root, *parts):
    return {name for name in names(root, *parts) if os.path.isdir(os.path.join(root, *parts, name))}


def check(root):
    top = names(root)
    for name in sorted(REQUIRED - top):
        yield name, 0, 'missing'
    for name in sorted(top - REQUIRED):
        if not name.startswith('.'):
            yield name, 0, 'the top level is fixed; this belongs into core, plugins, sdk or tests'
    for name in sorted(folders(root, 'core') - set(includes.FLOORS)):
        yield f'core/{name}', 0, f'not one of the floors {" ".join(includes.FLOORS)}'
    for name in sorted(folders(root, 'plugins') - KINDS):
        yield f'plugins/{name}', 0, f'not one of the kinds {" ".join(sorted(KINDS))}'


if __name__ == '__main__':
    common.run(check, sys.argv[1])
