"""What the lints share: the files of the tree, C source without its comments, reporting.

A lint is a function check(root, ...) that yields (file, line, message); its file is a program that
prints them as "file:line: message" and exits with 1 when there is one, 77 when it cannot run here.
selftest.py shows each of them a bad sample.
"""
import os
import re
import sys

SKIPPED = 77
C_SUFFIXES = ('.c', '.h', '.cc', '.hpp')


class Unavailable(Exception):
    """The lint cannot run on this machine; the text says why."""


def files(root, top='', suffixes=None):
    """Paths relative to root of all files of the project below `top`, sorted. Build directories
    and what version control keeps for itself are no files of the project."""
    found = []
    for directory, names, entries in os.walk(os.path.join(root, top)):
        names[:] = [name for name in names if not ignored(root, directory, name)]
        for entry in entries:
            if suffixes is None or entry.endswith(suffixes):
                found.append(os.path.relpath(os.path.join(directory, entry), root))
    return sorted(found)


def ignored(root, directory, name):
    if name in ('.git', '__pycache__'):
        return True
    return os.path.samefile(directory, root) and name.startswith('build')


def read(root, path):
    with open(os.path.join(root, path), encoding='utf-8', errors='replace', newline='') as file:
        return file.read()


TOKEN = re.compile(r'''
    //[^\n]*                      # comments
  | /\*.*?\*/
  | "(?:\\.|[^"\\\n])*"           # literals
  | '(?:\\.|[^'\\\n])*'
''', re.VERBOSE | re.DOTALL)


def blank(match):
    """The same number of lines, and nothing else; literals keep their quotes."""
    text = match.group()
    if text[0] in '"\'':
        return text[0] * 2
    return ' ' + '\n' * text.count('\n')


def code(text):
    """C source with comments and the insides of literals taken out, line for line."""
    return TOKEN.sub(blank, text)


def without_directives(text):
    """code() with preprocessor lines (and their continuations) emptied."""
    lines = []
    inside = False
    for line in text.split('\n'):
        directive = inside or line.lstrip().startswith('#')
        inside = directive and line.endswith('\\')
        lines.append('' if directive else line)
    return '\n'.join(lines)


def line_of(text, offset):
    return text.count('\n', 0, offset) + 1


def run(check, *arguments):
    """The main function of a lint."""
    try:
        problems = list(check(*arguments))
    except Unavailable as reason:
        print(f'skipped: {reason}')
        sys.exit(SKIPPED)
    for path, line, message in problems:
        print(f'{path}:{line}: {message}' if line else f'{path}: {message}')
    if problems:
        print(f'{len(problems)} problems')
        sys.exit(1)
