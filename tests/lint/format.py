"""format.py ROOT - clang-format 14 has nothing to change in any C file.

Other versions format a little differently, so without version 14 nothing is checked."""
import re
import shutil
import subprocess
import sys

import common

VERSION = 14


def formatter():
    for name in (f'clang-format-{VERSION}', 'clang-format'):
        if shutil.which(name):
            text = subprocess.run([name, '--version'], capture_output=True, text=True,
                                  check=False).stdout
            match = re.search(r'version (\d+)', text)
            if match and int(match.group(1)) == VERSION:
                return name
    raise common.Unavailable(f'no clang-format {VERSION}')


def check(root):
    paths = common.files(root, suffixes=common.C_SUFFIXES)
    command = [formatter(), '--dry-run', '-Werror', '--style=file', *paths]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    seen = set()
    for match in re.finditer(r'^(.+?):(\d+):\d+: error: (.*)$', done.stderr, re.MULTILINE):
        if match.group(1) not in seen:  # one line per file is enough to know what to do
            seen.add(match.group(1))
            yield match.group(1), int(match.group(2)), 'run clang-format -i on it'
    if done.returncode != 0 and not seen:
        yield 'clang-format', 0, done.stderr.strip()


if __name__ == '__main__':
    common.run(check, sys.argv[1])
