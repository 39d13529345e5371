"""selftest.py LIB - each lint finds what is wrong with a small bad sample, and nothing else; and
what counts the tests of a build counts right. LIB is tests/lib."""
import os
import subprocess
import sys
import tempfile

import banned
import ceilings
import common
import exports
import format as formatting
import headers
import includes
import layout
import manpages
import reference
import scripts
import versions
import words

sys.path.insert(0, sys.argv[1])
import options  # noqa: E402
import testlog  # noqa: E402

failures = []


def expect(name, found, wanted):
    """`wanted`: (place, part of the message) of each problem, in any order."""
    found = [(f'{path}:{line}' if line else path, message) for path, line, message in found]
    for place, part in wanted:
        match = next((f for f in found if f[0] == place and part in f[1]), None)
        if match:
            found.remove(match)
        else:
            failures.append(f'{name}: does not say "{part}" at {place}')
    failures.extend(f'{name}: says at {place}: {message}' for place, message in found)


def tree(directory, samples):
    for path, text in samples.items():
        path = os.path.join(directory, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8', newline='') as file:
            file.write(text)


def lint(module, samples, wanted):
    with tempfile.TemporaryDirectory() as root:
        tree(root, samples)
        try:
            expect(module.__name__, module.check(root), wanted)
        except common.Unavailable as reason:
            print(f'{module.__name__}: not proved: {reason}')


def test_includes():
    lint(includes, {
        'core/base/a.c': '#include "base/a.h"\n#include "tier/t.h"\n#include "a.h"\n'
                         '#include <uv.h>\n#include <memstache/abi.h>\n',
        'core/tier/t.c': '#include "base/a.h"\n  #  include "tier/t.h" /* "api/x.h" */\n'
                         '// #include "api/x.h"\n#include <codec/c.h>\n',
        'core/api/x.c': '#include "pipeline/p.h"\n',
        'core/extra.c': '#include "base/a.h"\n',
        'plugins/eviction/lru/lru.c': '#include <memstache/eviction.h>\n#include "node.h"\n'
                                      '#include "base/list.h"\n#include "../other/x.h"\n'
                                      '#include "../shared/list.h"\n#include <tier/tier.h>\n',
        'plugins/eviction/shared/list.h': '#include <stddef.h>\n',
        'plugins/provider/x/x.h': '#include "../../eviction/lru/node.h"\n',
        'plugins/eviction/lru/node.h': '#include <stddef.h>\n',
        'sdk/include/memstache/abi.h': '#include <stdint.h>\n#include <uv.h>\n',
        'sdk/include/memstache/types.hpp': '#include <string>\n#include "abi.h"\n#include <uv.h>\n',
        'sdk/cli/main.c': '#include "cli.h"\n#include "base/text.h"\n#include <stdio.h>\n',
    }, [
        ('core/base/a.c:2', 'tier is a later floor'), ('core/base/a.c:3', '"floor/file.h"'),
        ('core/tier/t.c:4', 'in quotes'), ('core/extra.c', 'none of them'),
        ('plugins/eviction/lru/lru.c:3', 'files of plugins/eviction'),
        ('plugins/eviction/lru/lru.c:4', 'files of plugins/eviction'),
        ('plugins/eviction/lru/lru.c:6', 'nothing of core'),
        ('plugins/provider/x/x.h:1', 'files of plugins/provider'),
        ('sdk/include/memstache/abi.h:2', 'public headers'), ('sdk/cli/main.c:2', 'public headers'),
        ('sdk/include/memstache/types.hpp:3', 'public headers'),
    ])


def test_ceilings():
    def function(name, lines):
        return f'int {name}(void)\n{{\n' + '    x = "}{";\n' * (lines - 2) + '}\n\n'
    lint(ceilings, {
        'core/base/good.c': function('good', 60) +
        'struct s {\n' + '    int member;\n' * 70 + '};\n'
        'static const int table[] = {\n' + '    1,\n' * 70 + '};\n'
        '#define M(x) \\\n    do { \\\n        x; \\\n    } while (0)\n',
        'core/base/bad.c': '/* { */\n' + function('bad', 61),
        'core/base/bad.h': '#ifdef __cplusplus\nextern "C" {\n#endif\n' + function('inner', 80) +
        '#ifdef __cplusplus\n}\n#endif\n',
        'tests/t.c': 'Test(suite, name, .init = up)\n{\n' + '    x;\n' * 60 + '}\n',
        'core/base/long.c': '\n' * 601,
        'core/base/split.c': '#if A\nint f(void) {\n#else\nint f(int a) {\n#endif\n}\n',
    }, [
        ('core/base/bad.c:3', 'bad() has 61 lines'), ('core/base/bad.h:5', 'inner() has 80 lines'),
        ('tests/t.c:2', 'Test() has 62 lines'), ('core/base/long.c:601', '601 lines'),
        ('core/base/split.c:7', 'cannot match'),
    ])


def test_banned():
    lint(banned, {
        'core/base/a.c': 'f() {\n  sprintf(b, "x");\n  p->free(p);\n  a.realloc(p);\n  free(p);\n'
                         '  /* abort() */\n  msi_free(p);\n  static_assert(1);\n  (*a->free)(p);\n'
                         '  snprintf(b, 1, "exit(1)");\n  exit(1);\n}\n',
        'core/base/alloc.c': 'f() {\n  return malloc(1);\n}\n',
        'plugins/provider/x/x.c': 'static void *realloc(void *, int);\nf() {\n  printf("");\n}\n',
        'sdk/cli/main.c': 'f() {\n  printf("");\n  strcpy(a, b);\n}\n',
    }, [
        ('core/base/a.c:2', 'sprintf'), ('core/base/a.c:5', 'free()'), ('core/base/a.c:11', 'exit'),
        ('plugins/provider/x/x.c:3', 'printf'), ('sdk/cli/main.c:3', 'strcpy'),
    ])


def test_layout():
    good = {name if '.' in name[1:] or name.isupper() or name[0] == '.' else f'{name}/x': ''
            for name in layout.REQUIRED - {'README.md'}}
    lint(layout, {**good, 'docs/x': '', 'core/util/x.c': '', 'plugins/misc/x.c': '', 'build/x': '',
                  'core/base/x.c': '', 'plugins/eviction/x.c': ''},
         [('README.md', 'missing'), ('docs', 'top level'), ('core/util', 'floors'),
          ('plugins/misc', 'kinds')])


def test_words():
    home = '/' + 'home/somebody/x'
    lint(words, {
        'a.md': f'see {home}\n', 'b.c': '/* TO' 'DO: more */\n\tint a;\n', 'c.sh': 'x \ny\r\n',
        'd.c': 'int a;', 'e.md': 'https://example.org' + home + '\n$HOME' + home + '\n',
        'tests/corpus/v1.hex': 'x \n', 'build/x.c': '\t\n', 'f.c': 'XX' 'X(a)\n',
    }, [
        ('a.md:1', home), ('b.c:1', 'note to self'), ('b.c:2', 'tab'), ('c.sh:1', 'blanks'),
        ('c.sh:2', 'carriage return'), ('d.c:1', 'no line end'),
    ])


def test_versions():
    samples = {
        versions.BUILD: "project('x',\n  version: '1.2.3')\nabi_major = '4'\nabi_minor = '5'\n",
        versions.API: '#define MST_VERSION_MAJOR 1\n#define MST_VERSION_MINOR 2\n'
                      '#define MST_VERSION_PATCH 3\n#define MST_VERSION "1.2.3"\n',
        versions.ABI: '#define MST_ABI_MAJOR 4u\n#define MST_ABI_MINOR 5u\n',
    }
    lint(versions, samples, [])
    lint(versions, {**samples,
                    versions.API: samples[versions.API].replace('PATCH 3', 'PATCH 4'),
                    versions.ABI: '#define MST_ABI_MAJOR 4u\n#define MST_ABI_MINOR 6u\n'},
         [(versions.API, 'MST_VERSION_*'), (versions.ABI, 'MST_ABI_MINOR')])
    lint(versions, {**samples, versions.API: samples[versions.API].replace('"1.2.3"', '"1.2.4"')},
         [(versions.API, 'MST_VERSION is 1.2.4')])


def test_headers():
    good = '#ifndef A_H\n#define A_H\n#include <stddef.h>\nstruct a {\n    size_t n;\n};\n#endif\n'
    with tempfile.TemporaryDirectory() as root:
        tree(root, {'sdk/include/memstache/a.h': good,
                    'sdk/include/memstache/b.h': good.replace('#include <stddef.h>\n', ''),
                    'sdk/include/memstache/c.h': good.replace('size_t n', 'int class'),
                    'core/base/d.h': good.replace('#ifndef A_H', '#ifndef UNSEEN'),
                    'sdk/include/memstache/f.hpp': good + '#include <string>\n',
                    'core/base/e.h': good})
        seen = {path: message for path, _, message in headers.check(root)}
    if set(seen) != {'sdk/include/memstache/b.h', 'sdk/include/memstache/c.h', 'core/base/d.h'} or \
            'c++17' not in seen['sdk/include/memstache/c.h']:
        failures.append(f'headers: {seen}')


def test_tools():
    style = {'.clang-format': 'BasedOnStyle: LLVM\nIndentWidth: 4\n'}
    lint(formatting, {**style, 'a.c': 'int a;\n', 'b.c': 'int a;\nint   b;\nint  c;\n'},
         [('b.c:2', 'clang-format')])
    lint(scripts, {'good.sh': '#!/bin/sh\necho "$1"\n', 'bad.sh': '#!/bin/sh\nrm $1\n',
                   'run': '#!/usr/bin/env bash\ncd "$1"\n', 'prose': 'rm $1\n'},
         [('bad.sh:2', 'SC2086'), ('run:2', 'SC2164')])
    page = '.Dd January 1, 2025\n.Dt X 1\n.Os\n.Sh NAME\n.Nm x\n.Nd a sample\n'
    lint(manpages, {'sdk/man/good.1': page, 'sdk/man/bad.1': page + '.Sh DESCRIPTION\n.Zz\n',
                    'sdk/man/README': '.Zz\n'}, [('sdk/man/bad.1:8', 'Zz')])
    headers_of = {'sdk/include/memstache/memstache.h': 'MST_EXPORT void mst_a(int x,\n    int (*f)(int, int));',
                  'sdk/include/memstache/config.h': '/* MST_EXPORT int no(void); */'}
    good = ('.Sh SYNOPSIS\n.In memstache/memstache.h\n' + manpages.BUILDING + '.Ft "void"\n.Fo mst_a\n'
            '.Fa "int x"\n.Fa "int (*f)(int, int)"\n.Fc\n.In memstache/config.h\n')
    listed = "function_names = [\n  'mst_a',\n]\n"
    page = page.replace('X 1', 'X 3') + good + '.Sh DESCRIPTION\nWords.\n'
    lint(manpages, {**headers_of, manpages.PAGE: page, manpages.NAMES: listed}, [])
    lint(manpages, {**headers_of, manpages.PAGE: page.replace('int x', 'long x'),
                    manpages.NAMES: listed.replace('_a', '_b')},
         [(manpages.PAGE + ':12', 'the headers say'), (manpages.NAMES + ':2', 'the headers say')])
    here = os.path.join(os.path.dirname(__file__), '..', '..')
    doxygen = {path: common.read(here, path) for path in (reference.CONFIG, 'sdk/docs/doxygen.sh')}
    lint(reference, {**doxygen, 'sdk/include/memstache/a.h': '/* a <kind> of b */\nint a; /* b */\n',
                     'sdk/include/memstache/b.h': '/* a @ref nothing of this kind */\nint b(int c);\n'},
         [('sdk/include/memstache/b.h:1', 'nothing')])


def test_exports():
    source = '''
        #define EXPORT __attribute__((visibility("default")))
        void exit(int);
        extern const int memstache_module;
        EXPORT const int memstache_module = 1;
        EXPORT int helper(int a) { return a; }
        static int counter;
        static _Thread_local int mine;
        static const char *const names[] = {"a", "b"};
        const char *name(int i) { if (i > 9) exit(counter++ + mine++); return names[i]; }
    '''
    with tempfile.TemporaryDirectory() as build:
        path = os.path.join(build, 'bad.so')
        subprocess.run(['gcc', '-shared', '-fPIC', '-O0', '-fvisibility=hidden', '-o', path,
                        '-x', 'c', '-'], input=source, text=True, check=True)
        expect('exports', exports.check_plugin(build, path), [
            ('bad.so', 'helper memstache_module'), ('bad.so', 'needs exit'),
            ('bad.so', 'counter is global state'), ('bad.so', 'mine is global state')])
    with tempfile.TemporaryDirectory() as root:
        tree(root, {'sdk/include/memstache/a.h':
                    '#define MST_EXPORT_X MST_EXPORT\n'
                    'MST_EXPORT const char *mst_a(void (*done)(int));\n'
                    '/* MST_EXPORT int mst_c(); */\n'
                    'int mst_static(void);\nMST_EXPORT struct s *\nmst_b(int a);\n'})
        if exports.declared(root) != {'mst_a', 'mst_b'}:
            failures.append(f'exports: declared {exports.declared(root)}')
    expect('exports', exports.compare_exports(['mst_a', 'mst_c'], {'mst_a', 'mst_b'}, 'lib'),
           [('lib', 'exports mst_c'), ('lib', 'does not export mst_b')])


def test_counting():
    log = ['{"name": "a", "result": "OK"}', '{"name": "b", "result": "FAIL", "stdout": "no"}',
           '{"name": "c", "result": "TIMEOUT"}', '{"name": "d", "result": "SKIP"}', '',
           '{"name": "e", "result": "ERROR"}', '{"name": "f", "result": "UNEXPECTEDPASS"}']
    found = [outcome for outcome, _ in testlog.outcomes(log)]
    if found != ['pass', 'fail', 'fail', 'skip', 'fail', 'fail']:
        failures.append(f'testlog: {found}')
    with tempfile.TemporaryDirectory() as build:
        tree(build, {'meson-info/intro-buildoptions.json':
                     '[{"name": "tests", "value": true}, {"name": "b", "value": ["x", "y"]}]'})
        found = [options.main(build, wanted) for wanted in
                 (['-Dtests=true', '-Db=x,y'], ['-Dtests=false'], ['-Dother=1'])]
    if found != [0, 1, 1]:
        failures.append(f'options: {found}')


for name, function in sorted(globals().items()):
    if name.startswith('test_'):
        function()
for failure in failures:
    print(failure)
sys.exit(1 if failures else 0)
