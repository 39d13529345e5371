"""The Markdown files of the project: their fenced blocks with the marks before them, their links.

A mark is an HTML comment on one line, which readers of the rendered page do not see, directly before
a fence. README.md of this folder explains them.
"""
import os
import re

SKIPPED = ('build', '.')  # directories at the top that are no part of the project
FENCE = re.compile(r'^(```+)\s*([A-Za-z0-9_+-]*)\s*$')
MARK = re.compile(r'^<!-- (run|plugin|file|config|shell|output|table|not run)(?:: (.*?))? -->$')


class Block:
    """One fence: its language, text, line, and the mark before it."""

    def __init__(self, page, line, language, text, mark):
        self.page = page
        self.line = line
        self.language = language
        self.text = text
        self.mark, words = mark or (None, None)
        self.reason = words if self.mark == 'not run' else None
        words = (words or '').split() if self.reason is None else []
        self.name = words[0] if words and '=' not in words[0] else ''
        self.settings = dict(word.split('=', 1) for word in words if '=' in word)

    @property
    def place(self):
        return f'{self.page}:{self.line}'


def pages(root):
    """All Markdown files, relative to root, sorted."""
    found = []
    for directory, names, files in os.walk(root):
        if os.path.samefile(directory, root):
            names[:] = [name for name in names if not name.startswith(SKIPPED)]
        names[:] = [name for name in names if name != '__pycache__']
        found += [os.path.relpath(os.path.join(directory, name), root)
                  for name in files if name.endswith('.md')]
    return sorted(found)


def read(root, page):
    with open(os.path.join(root, page), encoding='utf-8') as file:
        return file.read()


def blocks(page, text):
    """The fenced blocks of a page, in order."""
    found = []
    mark, fence, start, lines = None, None, 0, []
    for number, line in enumerate(text.split('\n'), 1):
        opening = FENCE.match(line)
        if fence is None and opening:
            fence, language, start, lines = opening.group(1), opening.group(2), number, []
        elif fence is not None and line.rstrip() == fence:
            found.append(Block(page, start, language, '\n'.join(lines) + '\n', mark))
            mark, fence = None, None
        elif fence is not None:
            lines.append(line)
        elif MARK.match(line):
            mark = MARK.match(line).groups()
        elif line.strip():
            mark = None
    if fence is not None:
        raise ValueError(f'{page}:{start}: a fence that does not end')
    return found


def prose(text):
    """The text without fenced blocks and code spans, line for line."""
    lines, fence = [], None
    for line in text.split('\n'):
        opening = FENCE.match(line)
        if fence is None and opening:
            fence = opening.group(1)
            lines.append('')
        elif fence is not None:
            fence = None if line.rstrip() == fence else fence
            lines.append('')
        else:
            lines.append(re.sub(r'`[^`]*`', '``', line))
    return '\n'.join(lines)


def anchors(text):
    """The names under which the headings of a page can be linked to."""
    found = set()
    for line in re.sub(r'(?ms)^```.*?^```', '', text).split('\n'):
        heading = re.match(r'#+ (.*)', line)
        if heading:
            name = re.sub(r'[^\w\- ]', '', heading.group(1).lower())
            found.add(name.strip().replace(' ', '-'))
    return found


def links(text):
    """(line, target) of each link that is no address on the web."""
    for number, line in enumerate(prose(text).split('\n'), 1):
        for target in re.findall(r'\]\(([^)\s]+)\)', line):
            if not re.match(r'[a-z]+:', target):
                yield number, target
