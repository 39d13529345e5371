"""headers.py ROOT - every header compiles alone: public ones as C11 and C++17 (.hpp: C++17), warnings
and all, by every compiler that is here; those of core as the C that core is written in."""
import os
import shutil
import subprocess
import sys

import common

PEDANTIC = ['-Wall', '-Wextra', '-Wpedantic', '-Werror', '-fsyntax-only']
COMPILERS = [('gcc', 'c', '-std=c11'), ('clang', 'c', '-std=c11'),
             ('g++', 'c++', '-std=c++17'), ('clang++', 'c++', '-std=c++17')]


def compiles(root, command, name):
    """None, or the first complaint of the compiler about a file that includes the header twice."""
    source = f'#include {name}\n#include {name}\n'
    done = subprocess.run(command + ['-'], input=source, cwd=root, capture_output=True, text=True,
                          check=False)
    if done.returncode == 0:
        return None
    lines = [line for line in done.stderr.splitlines() if 'error' in line] or [done.stderr.strip()]
    return lines[0]


def library_flags():
    if not shutil.which('pkg-config'):
        return []
    done = subprocess.run(['pkg-config', '--cflags', 'libuv', 'inih', 'libxxhash'],
                          capture_output=True, text=True, check=False)
    return done.stdout.split()


def check(root):
    compilers = [row for row in COMPILERS if shutil.which(row[0])]
    if not compilers:
        raise common.Unavailable('no compiler')
    public = common.files(root, 'sdk/include', ('.h', '.hpp'))
    for path in public:
        name = '<' + os.path.relpath(path, 'sdk/include') + '>'
        for compiler, language, standard in compilers:
            if path.endswith('.hpp') and language == 'c':
                continue
            command = [compiler, '-x', language, standard, *PEDANTIC, '-Isdk/include']
            message = compiles(root, command, name)
            if message:
                yield path, 0, f'alone, by {compiler} {standard}: {message}'
    compiler = compilers[0][0]
    for path in common.files(root, 'core', ('.h',)):
        command = [compiler, '-x', 'c', '-std=gnu11', '-Wall', '-Wextra', '-Wno-unused-parameter',
                   '-Werror', '-fsyntax-only', '-Icore', '-Isdk/include', *library_flags()]
        message = compiles(root, command, '"' + os.path.relpath(path, 'core') + '"')
        if message:
            yield path, 0, f'alone: {message}'


if __name__ == '__main__':
    common.run(check, sys.argv[1])
