"""banned.py ROOT - functions that are not called here, each with what to use instead."""
import re
import sys

import common

EVERYWHERE = {
    'sprintf': 'snprintf or base/text.h',
    'vsprintf': 'vsnprintf',
    'strcpy': 'memcpy with a length',
    'stpcpy': 'memcpy with a length',
    'strcat': 'base/text.h',
    'strtok': 'memchr or strcspn',
    'atoi': 'strtol, or the units of config/units.h',
    'atol': 'strtol',
    'atoll': 'strtoll',
    'atof': 'strtod',
    'alloca': 'an array with a bound, or the allocator',
    'gets': 'fgets',
    'system': 'posix_spawn',
    'uv_default_loop': 'the loop of the host',
}

LIBRARY = {  # core and plugins: guests in somebody else's process
    **{name: 'the log of the host' for name in
       ('printf', 'fprintf', 'vprintf', 'vfprintf', 'dprintf', 'puts', 'fputs', 'putchar', 'putc',
        'fputc', 'perror', 'syslog')},
    **{name: 'an mst_status' for name in
       ('exit', '_exit', '_Exit', 'quick_exit', 'abort', 'assert')},
    **{name: 'nothing: that belongs to the host program' for name in
       ('signal', 'sigaction', 'sigprocmask', 'atexit', 'setlocale', 'srand',
        'setenv', 'putenv', 'unsetenv', 'chdir', 'umask')},
    'rand': 'a seeded generator of the instance',
    'strerror': 'strerror_r or uv_strerror_r',
    'getenv': 'secure_getenv',
    'localtime': 'localtime_r',
    'gmtime': 'gmtime_r',
}

MEMORY = ('malloc', 'calloc', 'realloc', 'free', 'strdup', 'strndup', 'aligned_alloc',
          'posix_memalign', 'asprintf', 'vasprintf')
MEMORY_HOME = 'core/base/alloc.c'

CALL = re.compile(r'(?<![\w.])(?<!->)(\w+)\s*\(')
# "void *realloc(" declares a member's or a function's name; so does "free)(": not matched at all.
DECLARATION = re.compile(r'(?:\b(?:void|char|int|size_t)\s*\*?|\*)\s*$')


def rules(path):
    table = dict(EVERYWHERE)
    if path.startswith(('core/', 'plugins/')):
        table.update(LIBRARY)
        if path != MEMORY_HOME:
            home = 'base/alloc.h' if path.startswith('core/') else 'host->alloc'
            table.update({name: home for name in MEMORY})
    return table


def check(root):
    for path in common.files(root, suffixes=common.C_SUFFIXES):
        table = rules(path)
        text = common.code(common.read(root, path))
        for match in CALL.finditer(text):
            name = match.group(1)
            if name in table and not DECLARATION.search(text[:match.start()][-40:]):
                yield path, common.line_of(text, match.start()), f'{name}(): use {table[name]}'


if __name__ == '__main__':
    common.run(check, sys.argv[1])
