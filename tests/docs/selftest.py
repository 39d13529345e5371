"""Shows the runner of examples and the link check a page in which everything is wrong."""
import os

import checks
import examples

GOOD = 'int main(void) { return 0; }'
PRINTS = '#include <stdio.h>\nint main(void) { puts("one\\ntwo  three"); return 0; }'

# (mark, language, text, outcome) of each block.
SAMPLES = [
    ('run: good', 'c', GOOD, 'pass'),
    ('run: fails', 'c', 'int main(void) { return 1; }', 'fail'),
    ('run: warns', 'c', 'int main(void) { int x; return 0; }', 'fail'),
    ('run: absent needs=no_such_thing', 'c', GOOD, 'skip'),
    ('run: says', 'c', PRINTS, 'pass'),
    ('output: says', 'text', '...\ntwo thr...', None),
    ('run: says_more', 'c', PRINTS, 'fail'),
    ('output: says_more', 'text', 'two three', None),
    ('run: says_less', 'c', PRINTS, 'fail'),
    ('output: says_less', 'text', 'one\ntwo three\nfour', None),
    ('plugin: compressor_none', 'c', 'int answer(void);', 'fail'),
    ('config: right', 'ini', '[cache]\nexpire = 5m', 'pass'),
    ('config: wrong', 'ini', '[cache]\nexpire = 5', 'fail'),
    ('shell: right', 'sh', 'test -f right.ini', 'pass'),
    ('shell: wrong', 'sh', 'false\ntrue', 'fail'),
    ('not run: for a reason', 'sh', 'false', None),
    (None, 'sh', 'true', 'unmarked'),
]
LINKS = [('[a](README.md)', True), ('[a](README.md#here)', True), ('[a](https://x.example)', True),
         ('[a](nothing.md)', False), ('[a](README.md#there)', False), ('`[a](nothing.md)`', True)]


def page():
    text = '# Here\n'
    for mark, language, body, _ in SAMPLES:
        text += f'\n<!-- {mark} -->\n' if mark else '\nNo mark.\n'
        text += f'```{language}\n{body}\n```\n'
    return text


def outcomes(scratch):
    """What the runner says of each sample."""
    root = os.path.join(scratch, 'wrong')
    os.makedirs(root)
    with open(os.path.join(root, 'README.md'), 'w', encoding='utf-8') as file:
        file.write(page())
    got = []
    examples.run(root, os.path.join(scratch, 'of_wrong'),
                 lambda outcome, name, text: got.append((outcome, name.split(': ')[-1])))
    return got


def problems(scratch):
    got = outcomes(scratch)
    for mark, _, _, want in SAMPLES:
        if want == 'unmarked':
            if sum(name.startswith('README.md:') for _, name in got) != 1:
                yield 'a block without a mark is not noticed'
        elif want is not None:
            kind, name = mark.split(': ')
            if (want, f'{kind} {name.split()[0]}') not in got:
                yield f'{mark}: not {want}'
    for text, right in LINKS:
        with open(os.path.join(scratch, 'wrong', 'README.md'), 'w', encoding='utf-8') as file:
            file.write('# Here\n\n' + text + '\n')
        if bool(list(checks.links(os.path.join(scratch, 'wrong')))) == right:
            yield f'{text}: not judged rightly'


def run(scratch, report):
    found = list(problems(scratch))
    report('fail' if found else 'pass', 'the runner notices mistakes', '\n'.join(found))
