"""Compares the table of sdk/docs/failure-modes.md with what failures.c brings about.

A log line is compared where the page has one: lines are left out at a rate that depends on time.
"""
import os
import subprocess

import checks
import examples
import markdown

PAGE = 'sdk/docs/failure-modes.md'
LOG = 5  # the column


def rows(text):
    """The cells of the rows of a table, without its head."""
    found = []
    for line in text.split('\n'):
        if line.startswith('|') and not line.startswith(('| What', '| ---')):
            found.append([cell.strip() for cell in line.strip().strip('|').split('|')])
    return found


def program(root, directory):
    """What it prints."""
    words = subprocess.run(['pkg-config', '--cflags', '--libs', 'memstache'], check=True,
                           capture_output=True, text=True).stdout.split()
    path = os.path.join(directory, 'failures')
    subprocess.run(['gcc', '-std=gnu11', '-g', *examples.WARNINGS, '-o', path,
                    os.path.join(root, 'tests', 'docs', 'failures.c'), *words, '-pthread'],
                   check=True, capture_output=True, text=True)
    return subprocess.run([path], check=True, capture_output=True, text=True,
                          timeout=examples.TIMEOUT_S).stdout


def compare(said, real):
    for want in real:
        same = [row for row in said if row[:LOG] == want[:LOG]]
        if not same:
            yield 'missing: | ' + ' | '.join(want) + ' |'
        elif same[0][LOG] not in ('', want[LOG]):
            yield f'logged is "{want[LOG]}", and not "{same[0][LOG]}"'
    for row in said:
        if row[:LOG] not in [want[:LOG] for want in real]:
            yield 'does not happen: | ' + ' | '.join(row) + ' |'


def run(root, scratch, report):
    text = checks.section(markdown.read(root, PAGE), 'What the caller sees')
    try:
        problems = list(compare(rows(text), rows(program(root, scratch))))
    except subprocess.CalledProcessError as error:
        problems = [f'{error.cmd[0]}: status {error.returncode}', error.stdout, error.stderr]
    except subprocess.TimeoutExpired:
        problems = ['failures.c: still running']
    report('fail' if problems else 'pass', f'{PAGE}: table', '\n'.join(problems))
