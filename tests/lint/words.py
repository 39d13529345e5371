"""words.py ROOT - text files: no paths of one machine, no notes to self, clean ends of lines."""
import re
import sys

import common

BINARY = ('.bin', '.desc', '.png')
HOME_PATH = re.compile(r'(?<![\w.$}])/(?:home|work|root|Users|tmp/build)/[\w./-]+')
NOTE = re.compile(r'\b(?:TO' r'DO|FIX' r'ME|XX' r'X|HA' r'CK)\b(?!\()')
CODE = common.C_SUFFIXES + ('.py', '.sh', '.build', '.ini', '.proto')


def check_line(path, number, line):
    match = HOME_PATH.search(line)
    if match:
        yield path, number, f'{match.group()}: a path of one machine'
    if path.endswith(CODE) and NOTE.search(line):
        yield path, number, f'{NOTE.search(line).group()}: a note to self; do it, or file it'
    if line.endswith('\r'):
        yield path, number, 'a carriage return at the end of the line'
    elif line != line.rstrip():
        yield path, number, 'blanks at the end of the line'
    if '\t' in line and path.endswith(CODE):
        yield path, number, 'a tab'


def check(root):
    for path in common.files(root):
        if path.endswith(BINARY) or path.startswith('tests/corpus/'):
            continue
        text = common.read(root, path)
        if '\0' in text:
            yield path, 0, 'a binary file; is it meant to be here?'
            continue
        for number, line in enumerate(text.split('\n'), 1):
            yield from check_line(path, number, line)
        if text and not text.endswith('\n'):
            yield path, text.count('\n') + 1, 'no line end at the end of the file'


if __name__ == '__main__':
    common.run(check, sys.argv[1])
