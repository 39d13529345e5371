"""scripts.py ROOT - shellcheck has nothing to say about any shell script."""
import re
import shutil
import subprocess
import sys

import common


def scripts(root):
    for path in common.files(root):
        if path.endswith('.sh'):
            yield path
        elif '.' not in path.rsplit('/', 1)[-1]:
            if re.match(r'#!.*\b(sh|bash|dash)\b', common.read(root, path)[:80]):
                yield path


def check(root):
    if not shutil.which('shellcheck'):
        raise common.Unavailable('no shellcheck')
    paths = list(scripts(root))
    done = subprocess.run(['shellcheck', '--external-sources', '--format=gcc', *paths], cwd=root,
                          capture_output=True, text=True, check=False)
    for match in re.finditer(r'^(.+?):(\d+):\d+: (.*)$', done.stdout, re.MULTILINE):
        yield match.group(1), int(match.group(2)), match.group(3)
    if done.returncode > 1:
        yield 'shellcheck', 0, done.stderr.strip()


if __name__ == '__main__':
    common.run(check, sys.argv[1])
