"""ceilings.py ROOT - no source file over 600 lines, no function over 60.

A function is what clang-format's Linux braces make visible: a block at the outermost level that
follows a closing parenthesis. It is counted from the line of its opening brace to that of its
closing one. Preprocessor lines count, but their braces do not.
"""
import re
import sys

import common

FILE_LINES = 600
FUNCTION_LINES = 60
# Blocks that do not nest what is inside.
TRANSPARENT = re.compile(r'(extern\s*""|namespace(\s+\w+)?)\s*$')
# What may stand between a parameter list and the body: attributes and qualifiers.
FUNCTION_HEAD = re.compile(r'\)(\s|const|noexcept|override)*$')


def functions(text):
    """(name, first line, lines) of each function of a C file; the line of an unbalanced brace
    comes as (None, line, 0)."""
    text = common.without_directives(common.code(text))
    stack = []  # for each open brace: its offset when a function opens there, 'open', 'nested'
    start = 0   # where the current outermost declaration begins
    for match in re.finditer(r'[{};]', text):
        offset = match.start()
        outermost = all(kind == 'open' for kind in stack)
        if match.group() == '{':
            head = text[start:offset]
            if outermost and TRANSPARENT.search(head):
                stack.append('open')
                start = offset + 1
            elif outermost and FUNCTION_HEAD.search(head):
                stack.append((name_in(head), offset))
            else:
                stack.append('nested')
        elif match.group() == '}':
            if not stack:
                yield None, common.line_of(text, offset), 0
                return
            kind = stack.pop()
            if isinstance(kind, tuple):
                first = common.line_of(text, kind[1])
                yield kind[0], first, common.line_of(text, offset) - first + 1
            if all(kind == 'open' for kind in stack):
                start = offset + 1
        elif outermost:
            start = offset + 1
    if stack:
        yield None, common.line_of(text, len(text)), 0


def name_in(head):
    names = re.findall(r'(\w+)\s*\(', head)
    return next((name for name in names if name != '__attribute__'), 'function')


def check(root):
    for path in common.files(root, suffixes=common.C_SUFFIXES):
        text = common.read(root, path)
        lines = text.count('\n')
        if lines > FILE_LINES:
            yield path, lines, f'{lines} lines; the ceiling of a file is {FILE_LINES}'
        for name, line, length in functions(text):
            if name is None:
                yield path, line, 'braces that the lint cannot match; are they split by #if?'
            elif length > FUNCTION_LINES:
                yield (path, line, f'{name}() has {length} lines; '
                       f'the ceiling of a function is {FUNCTION_LINES}')


if __name__ == '__main__':
    common.run(check, sys.argv[1])
