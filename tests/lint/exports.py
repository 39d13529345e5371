"""exports.py ROOT BUILD - the symbols of the built libraries and plugins.

- a plugin defines one dynamic symbol, memstache_module
- libmemstache.so exports exactly what the public headers mark with MST_EXPORT
- everything global in libmemstache.a has a prefix of ours, for programs that link it
- neither calls what ends, interrupts or prints into its host process
- neither keeps writable global state, of a thread neither, but for one hint
"""
import os
import re
import subprocess
import sys

import common

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from plugins import modules  # noqa: E402

MODULE_SYMBOL = 'memstache_module'
PREFIXES = ('mst_', 'msi_', 'memstache_module_')
FORBIDDEN = {
    'exit', '_exit', '_Exit', 'quick_exit', 'abort', '__assert_fail', '__assert',
    'printf', 'vprintf', 'fprintf', 'vfprintf', 'dprintf', 'vdprintf', 'puts', 'fputs', 'putchar',
    'putc', 'fputc', 'putc_unlocked', 'fwrite', 'perror', '__printf_chk', '__vprintf_chk',
    '__fprintf_chk', '__vfprintf_chk', '__dprintf_chk', 'stdout', 'stderr', 'syslog',
    'signal', 'sigaction', 'bsd_signal', 'sysv_signal', '__sysv_signal',
    'atexit', 'system', 'popen', 'uv_default_loop',
}
WRITABLE = re.compile(r'^\.(data|bss|tdata|tbss)(?!\.rel\.ro)')
# What is not of an instance nevertheless: the tally that a thread used last (core/pipeline/counters.h).
HINTS = {'msi_last_tally'}
# What the compiler and the C runtime put into every shared object.
RUNTIME = re.compile(r'^(completed\.\d+|__dso_handle|__TMC_END__|_edata|_end|__bss_start)$')


def tool(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f'{" ".join(command)}: {done.stderr.strip()}')
    return done.stdout


def symbols(path, *options):
    """The names that nm prints, without versions (@GLIBC_2.2.5)."""
    names = []
    for line in tool('nm', '--format=posix', *options, path).splitlines():
        words = line.split()
        if len(words) >= 2 and not line.endswith(':'):
            names.append(words[0].split('@')[0])
    return sorted(set(names))


def declared(root):
    """Names declared with MST_EXPORT in the public headers."""
    names = set()
    for path in common.files(root, 'sdk/include', ('.h',)):
        text = common.without_directives(common.code(common.read(root, path)))
        names.update(re.findall(r'\bMST_EXPORT\b[^;{}()]*?\b(\w+)\s*\(', text))
    return names


def compare_exports(exported, wanted, path):
    for name in sorted(set(exported) - wanted):
        yield path, 0, f'exports {name}, which no public header declares with MST_EXPORT'
    for name in sorted(wanted - set(exported)):
        yield path, 0, f'does not export {name}, which a public header declares'


def forbidden(undefined, path):
    for name in sorted(FORBIDDEN & set(undefined)):
        yield path, 0, f'needs {name}: a library does not do that to its host'


def writable(table, path):
    """From `objdump -t`: data symbols in sections that can be written to."""
    for line in table.splitlines():
        match = re.match(r'^[0-9a-f]+ (.{7}) (\S+)\s+([0-9a-f]+)\s+(?:\.hidden )?(\S+)$', line)
        if not match or RUNTIME.match(match.group(4)) or match.group(4) in HINTS:
            continue
        of_thread = match.group(2) in ('.tdata', '.tbss') and 'd' not in match.group(1)
        if 'O' in match.group(1) or of_thread:
            if WRITABLE.match(match.group(2)) or match.group(2) == '*COM*':
                yield path, 0, f'{match.group(4)} is global state that can be written to'


def check_plugin(build, path):
    short = os.path.relpath(path, build)
    exported = symbols(path, '--dynamic', '--defined-only')
    if exported != [MODULE_SYMBOL]:
        yield short, 0, f'must export {MODULE_SYMBOL} and nothing else, not: {" ".join(exported)}'
    yield from forbidden(symbols(path, '--dynamic', '--undefined-only'), short)
    yield from writable(tool('objdump', '-t', path), short)


def check_library(root, build):
    shared = os.path.join(build, 'core', 'libmemstache.so')
    static = os.path.join(build, 'core', 'libmemstache.a')
    yield from compare_exports(symbols(shared, '--dynamic', '--defined-only'), declared(root),
                               'core/libmemstache.so')
    yield from forbidden(symbols(shared, '--dynamic', '--undefined-only'), 'core/libmemstache.so')
    yield from writable(tool('objdump', '-t', shared), 'core/libmemstache.so')
    for name in symbols(static, '--defined-only', '--extern-only'):
        if not name.startswith(PREFIXES):
            yield 'core/libmemstache.a', 0, f'global symbol {name} without a prefix of ours'


def check(root, build):
    build = os.path.abspath(build)
    yield from check_library(root, build)
    for _, path in modules(build):
        yield from check_plugin(build, path)


if __name__ == '__main__':
    common.run(check, sys.argv[1], sys.argv[2])
