"""reference.py ROOT - Doxygen has no warning about the public headers."""
import re
import shutil
import subprocess
import sys
import tempfile

import common

CONFIG = 'sdk/docs/Doxyfile'


def check(root):
    if not shutil.which('doxygen'):
        raise common.Unavailable('no doxygen')
    with tempfile.TemporaryDirectory() as directory:
        config = common.read(root, CONFIG) + f'\nOUTPUT_DIRECTORY = {directory}\n'
        done = subprocess.run(['doxygen', '-'], input=config, cwd=root, capture_output=True, text=True,
                              check=False)
    found = False
    for line in done.stderr.splitlines():
        match = re.match(r'^(.+?):(\d+): (?:warning|error): (.*)$', line)
        if match:
            found = True
            yield match.group(1).removeprefix(root.rstrip('/') + '/'), int(match.group(2)), match.group(3)
    if done.returncode != 0 and not found:
        yield CONFIG, 0, done.stderr.strip() or f'doxygen ended with {done.returncode}'


if __name__ == '__main__':
    common.run(check, sys.argv[1])
