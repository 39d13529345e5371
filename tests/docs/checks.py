"""What the pages say about names and files, compared with the sources: nothing can drift apart."""
import os
import re

import markdown

DOCS = 'sdk/docs'


def source(root, path):
    with open(os.path.join(root, path), encoding='utf-8') as file:
        return file.read()


def header(root, name):
    return source(root, 'sdk/include/memstache/' + name)


def section(text, heading):
    """The part of a page below a heading, up to the next one of the same rank."""
    match = re.search(rf'(?m)^(#+) {re.escape(heading)}$', text)
    if not match:
        return ''
    rest = text[match.end():]
    end = re.search(rf'(?m)^#{{1,{len(match.group(1))}}} ', rest)
    return rest[:end.start()] if end else rest


def first_cells(text):
    """The code spans that begin the rows of the tables in a text."""
    return [cell.replace('\\|', '|') for cell in re.findall(r'(?m)^\| `([^`]+)`', text)]


def map_rows(text, name):
    """The arguments of each XX(...) of a macro map, as texts."""
    body = re.search(rf'#define {name}\(XX\)((?:[^\n]*\\\n)*[^\n]*)', text).group(1)
    return [[part.strip() for part in row.split(',')] for row in re.findall(r'XX\(([^)]*)\)', body)]


def difference(page, what, said, real):
    for name in sorted(set(real) - set(said)):
        yield f'{page}: {what} {name} is not described'
    for name in sorted(set(said) - set(real)):
        yield f'{page}: there is no {what} {name}'
    for name in sorted({name for name in said if list(said).count(name) > 1}):
        yield f'{page}: {what} {name} is described twice'


def links(root):
    for page in markdown.pages(root):
        text = markdown.read(root, page)
        for line, target in markdown.links(text):
            path, _, anchor = target.partition('#')
            there = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
            if not os.path.exists(os.path.join(root, there)):
                yield f'{page}:{line}: {target} is not there'
            elif anchor and there.endswith('.md'):
                if anchor not in markdown.anchors(markdown.read(root, there)):
                    yield f'{page}:{line}: {there} has no heading "{anchor}"'


def tree(root):
    """Each line of the README's tree begins with a path from the root."""
    text = section(markdown.read(root, 'README.md'), 'Where things are')
    paths = [line.split()[0] for block in markdown.blocks('README.md', text)
             for line in block.text.split('\n') if line.strip()]
    if not paths:
        yield 'README.md: there is no tree'
    for path in paths:
        if not os.path.exists(os.path.join(root, path)):
            yield f'README.md: {path} is not there'


def counters(root):
    page = f'{DOCS}/counters.md'
    text = markdown.read(root, page)
    public = header(root, 'memstache.h')
    names = [row[0] for row in map_rows(public, 'MST_COUNTER_MAP')]
    yield from difference(page, 'counter', first_cells(section(text, 'Counters of a cache')), names)
    names = [row[1].strip('"') for row in map_rows(header(root, 'result.h'), 'MST_WHY_MAP')]
    yield from difference(page, 'reason', first_cells(section(text, 'Reasons')), names)
    provider = source(root, 'plugins/provider/memory/memory.c')
    names = re.findall(r'emit\(arg, "(\w+)"', provider)
    shard = source(root, 'plugins/provider/memory/shard.h')
    names += [row[0] for row in map_rows(re.sub(r'/\*.*?\*/', '', shard), 'MEM_COUNTER_MAP')]
    said = first_cells(section(text, 'Figures of the memory provider'))
    yield from difference(page, 'figure', said, names)


def metrics(root):
    """Each family with its kind and its sentence; what stands in the labels is for people."""
    page = f'{DOCS}/monitoring.md'
    real = []
    for name in ('metrics', 'metrics_cache', 'metrics_plugin'):
        text = re.sub(r'"\s*\n\s*"', '', source(root, f'core/api/{name}.c'))
        real += [(family, kind.lower(), help_) for kind, family, help_ in re.findall(
            r'MSI_FAMILY\((\w+),\s*"(\w+)",\s*"\w*",\s*"([^"]+)"', text)]
    said = re.findall(r'(?m)^\| `(memstache_\w+)` \| (\w+) \| [^|]+ \| (.*) \|$',
                      section(markdown.read(root, page), 'All metrics'))
    if len(real) < 30:
        yield 'core/api: the families of metrics are not found'
    yield from difference(page, 'metric', [' '.join(row) for row in said],
                          [' '.join(row) for row in real])


def statuses(root):
    page = f'{DOCS}/embedding.md'
    said = re.findall(r'(?m)^\| `(MST_\w+)` \| (-?\d+) \|', markdown.read(root, page))
    real = [(row[0], row[1]) for row in map_rows(header(root, 'abi.h'), 'MST_STATUS_MAP')]
    yield from difference(page, 'status', [' '.join(row) for row in said],
                          [' '.join(row) for row in real])


def abi(root):
    page = f'{DOCS}/abi.md'
    text = markdown.read(root, page)
    numbers = [re.search(rf'MST_ABI_{part} (\d+)u', header(root, 'abi.h')).group(1)
               for part in ('MAJOR', 'MINOR')]
    history = section(text, 'History')
    if not re.search(rf'(?m)^\| {".".join(numbers)} \|', history):
        yield f'{page}: the history does not name version {".".join(numbers)}'
    real = re.findall(r'#define MST_(\w+)_VERSION (\d+)u', header(root, 'plugin.h'))
    said = re.findall(r'(?m)^\| `(\w+)` \| \d+ \| (\d+) \|', section(text, 'Kinds'))
    yield from difference(page, 'kind', [' '.join(row) for row in said],
                          [f'{kind.lower()} {version}' for kind, version in real])


def literals(root, top):
    """All string literals of the C files below `top`, joined where the compiler joins them."""
    joined = []
    for directory, _, files in os.walk(os.path.join(root, top)):
        for name in sorted(files):
            if name.endswith('.c'):
                text = source(root, os.path.relpath(os.path.join(directory, name), root))
                joined.append(re.sub(r'"\s*\n\s*"', '', text))
    return '\n'.join(joined)


def refusals(root):
    """Each message of the table, between the <words> that stand for something, is in the core."""
    page = f'{DOCS}/writing-a-plugin.md'
    messages = first_cells(section(markdown.read(root, page), 'What the loader refuses'))
    if len(messages) < 20:
        yield f'{page}: the table of refusals is not there'
    core = literals(root, 'core').replace('\\"', '"')
    for message in messages:
        for piece in re.split(r'<[^>]*>|; |: |[()"]', message):
            piece = piece.strip(' ,')
            if len(piece) > 2 and piece not in core:
                yield f'{page}: no message has "{piece}"'


TOPICS = 16  # code blocks of the document that advanced-topics.md goes through


def topics(root):
    """Every block has a row with a file, and a test that has the name that is given."""
    page = f'{DOCS}/advanced-topics.md'
    text = markdown.read(root, page)
    rows = re.findall(r'(?m)^\| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$', text)
    numbers = [int(row[0]) for row in rows]
    if numbers != list(range(1, TOPICS + 1)):
        yield f'{page}: the rows are {numbers}, and not 1 to {TOPICS}'
    for number, _, files, test in rows:
        if not re.search(r'\]\([^)]+\)', files):
            yield f'{page}: block {number} has no file'
        tests = re.findall(r'\[[^]]+\]\(\.\./\.\./(tests/[^)]+)\) `([^`]+)`', test)
        if not tests:
            yield f'{page}: block {number} has no test, with a name in it'
        for path, name in tests:
            there = os.path.exists(os.path.join(root, path))
            if not there or not re.search(rf'(?<!\w){name}(?!\w)', source(root, path)):
                yield f'{page}: block {number}: nothing is named {name} in {path}'


def versions(root):
    version = re.search(r"version: '([^']+)'", source(root, 'meson.build')).group(1)
    if not re.search(rf'(?m)^## {re.escape(version)}\b', markdown.read(root, 'CHANGELOG.md')):
        yield f'CHANGELOG.md: nothing about {version}'


CHECKS = [links, tree, counters, metrics, statuses, abi, refusals, topics, versions]


def run(root, report):
    for check in CHECKS:
        try:
            problems = list(check(root))
        except (OSError, AttributeError, ValueError) as error:
            problems = [f'{type(error).__name__}: {error}']
        report('fail' if problems else 'pass', check.__name__, '\n'.join(problems))
