"""manpages.py ROOT - mandoc has no warning about any manual page."""
import re
import shutil
import subprocess
import sys

import common


def check(root):
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
    common.run(check, sys.argv[1])
