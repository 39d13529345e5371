"""`memstache simulate`, beside models of the policies in a few lines of Python."""
import gzip
import json
import lzma
import os
import random
import re
import shutil
import struct
import subprocess
import xml.etree.ElementTree

import command
import models
from models import lru_hits, optimal_hits, zipf

ALL = ['adaptive', 'arc', 'clock', 'clockpro', 'fifo', 'lfu', 'lru', 'random', 's3fifo', 'sieve', 'ttl',
       'wtinylfu']
MEMBERS = {'policy', 'size', 'unit', 'requests', 'distinct', 'hits', 'hit_ratio', 'optimal_hit_ratio',
           'requests_per_s'}


class Simulation(command.Case):
    def trace(self, keys, name='trace.txt'):
        return self.write(name, ''.join(f'{key}\n' for key in keys))

    def study(self, *words, err='', **more):
        found = json.loads(self.expect(0, 'simulate', '--json', *words, err=err, **more).out)
        for row in found:
            self.assertEqual(set(row), MEMBERS)
            self.assertAlmostEqual(row['hit_ratio'], row['hits'] / row['requests'], 6)
            self.assertGreater(row['requests_per_s'], 0)
        return {(row['policy'], row['size']): row for row in found}


class Hits(Simulation):
    def test_agree_with_the_models(self):
        keys = zipf(20000, 3000, 1)
        self.trace(keys)
        found = self.study('--trace', 'trace.txt', '--sizes', '1,30,300,3000')
        self.assertEqual(sorted({policy for policy, _ in found}), ALL)
        for size in (1, 30, 300, 3000):
            self.assertEqual(found['lru', size]['hits'], lru_hits(keys, size))
            self.assertEqual(found['fifo', size]['hits'], lru_hits(keys, size, renew=False))
            best = optimal_hits(keys, size)
            for policy in ALL:
                row = found[policy, size]
                self.assertAlmostEqual(row['optimal_hit_ratio'] * 20000, best, 2)
                self.assertLessEqual(row['hits'], best, row)
                self.assertEqual((row['requests'], row['unit']), (20000, 'entries'))
                if size == 3000:
                    self.assertEqual(row['hits'], 20000 - len(set(keys)), row)

    def test_are_exactly_those_of_the_models(self):
        for name, keys in models.traces().items():
            self.trace(keys)
            found = self.study('--trace', 'trace.txt', '--sizes', '1,7,100,390', '--policies',
                               ','.join(models.EXACT))
            for (policy, size), row in found.items():
                self.assertEqual(row['hits'], models.EXACT[policy](keys, size), (name, policy, size))
                self.assertEqual(round(row['optimal_hit_ratio'] * len(keys)),
                                 optimal_hits(keys, size), (name, size))

    def test_what_is_special_about_some(self):
        """On a loop that does not fit lru keeps nothing; after a scan sieve still has what was read."""
        self.trace(list(range(120)) * 100)
        found = self.study('--trace', 'trace.txt', '--sizes', '100')
        self.assertEqual(found['lru', 100]['hits'], 0)
        for policy in ('adaptive', 'clockpro', 'wtinylfu'):
            self.assertGreater(found[policy, 100]['hits'], 6000)
        self.trace([*range(50), *range(50), *range(1000, 1040), *range(50)])
        found = self.study('--trace', 'trace.txt', '--sizes', '60', '--policies', 'lru,sieve')
        self.assertEqual(found['lru', 60]['hits'], 50)
        self.assertEqual(found['sieve', 60]['hits'], 100)

    def test_bytes(self):
        keys = zipf(5000, 500, 2)
        draw = random.Random(3)
        sizes = {key: draw.randrange(1, 300) for key in range(500)}
        for gap in (' ', ',', '\t', ', '):
            self.write('trace.txt', ''.join(f'{key}{gap}{sizes[key]}\r\n' for key in keys))
            found = self.study('--trace', 'trace.txt', '--sizes', '100,10KiB', '--max-bytes',
                               '--policies', 'lru')
            for size in (100, 10240):
                row = found['lru', size]
                self.assertEqual(row['hits'], lru_hits(keys, size, sizes.get))
                self.assertEqual((row['unit'], row['optimal_hit_ratio']), ('bytes', None))
        found = self.study('--trace', 'trace.txt', '--sizes', '64', '--policies', 'lru')
        self.assertEqual(found['lru', 64]['hits'], lru_hits(keys, 64))

    def test_policies_have_the_keys_of_their_sections(self):
        self.trace('abcabc')
        self.write('memstache.ini', '[eviction.mine]\nplugin = fifo\n')
        found = self.study('--trace', 'trace.txt', '--sizes', '2', '--policies', 'mine,lru')
        self.assertEqual([policy for policy, _ in found], ['mine', 'lru'])

    def test_recommended_lines_work(self):
        self.trace(zipf(5000, 1000, 4))
        text = self.expect(0, 'simulate', '--trace', 'trace.txt', '--sizes', '10,100,1000',
                           '--policies', 'lru,fifo', '--recommend', err='').out
        self.write('memstache.ini', text)
        answer = self.expect(0, '--json', 'config', 'show', err='')
        found = {(s['section'], s['key']): s['value'] for s in self.objects(answer)}
        self.assertEqual(found['provider.memory', 'eviction'], 'lru')
        self.assertEqual(found['provider.memory', 'max_entries'], '1000')

    def test_table(self):
        self.trace('abcadab')
        text = self.expect(0, 'simulate', '--trace', 'trace.txt', '--sizes', '2', '--policies', 'lru',
                           err='').out.decode()
        self.assertTrue(text.startswith('trace.txt: 7 requests of 4 keys\n'))
        self.assertRegex(text, r'lru +2 +1 +0\.142857 +0\.5000 +[\d.]+\n')
        self.assertRegex(text, r'\(optimum\) +2 +2 +0\.285714 +1\.0000 +-\n')

    def test_shares_of_the_keys(self):
        self.trace(range(200))
        found = self.study('--trace', 'trace.txt', '--sizes', '5%,0.1%,100%,10', '--policies', 'lru')
        self.assertEqual([size for _, size in found], [10, 1, 200])
        found = self.study('--trace', 'trace.txt', '--policies', 'lru')
        self.assertEqual([size for _, size in found], [2, 6, 20, 60])
        found = self.study('--trace', 'trace.txt', '--sizes', '1k,2M', '--policies', 'lru')
        self.assertEqual([size for _, size in found], [1000, 2000000])

    def test_a_trace_of_bench(self):
        self.expect(0, 'bench', '--seconds', '0.05', '--keys', '50', '--trace-out', 'asked.txt',
                    '--value-size', '123')
        with open(self.path('asked.txt'), encoding='ascii') as file:
            lines = file.read().splitlines()
        self.assertTrue(all(re.fullmatch(r'bench:[0-9a-f]{10} 123', line) for line in lines))
        found = self.study('--trace', 'asked.txt', '--sizes', '50', '--policies', 'lru')
        self.assertEqual(found['lru', 50]['requests'], len(lines))
        self.assertEqual(found['lru', 50]['distinct'], 50)
        self.expect(4, 'bench', '--seconds', '0.05', '--trace-out', 'no/such/place',
                    err='--trace-out no/such/place: No such file or directory')


class Ratios(Simulation):
    """The benchmark of hit ratios, on traces whose figures are those of the models."""
    SIZES = (30, 300)

    def anchors(self, wrong=0):
        lines = ['trace,cache_size,policy,kind,hit_ratio,hits,lo,hi,requests,sources']
        for name, keys in models.traces().items():
            self.trace(keys, name + '.txt')
            for size in self.SIZES:
                rows = {policy.upper(): model(keys, size) for policy, model in models.EXACT.items()}
                rows['OPT'] = optimal_hits(keys, size)
                rows['LRU'] += wrong
                for policy, hits in rows.items():
                    lines.append(f'{name},{size},{policy},exact,,{hits},,,{len(keys)},models')
                lines.append(f'{name},{size},CLOCK,band,,,{-wrong},{1 - 2 * wrong},{len(keys)},none')
        self.write('anchors.csv', '\n'.join(lines) + '\n')

    def judged(self):
        program = os.path.join(command.SOURCE, 'tests', 'bench', 'hit_ratios.py')
        done = subprocess.run(['python3', '-B', program, command.BUILD, self.directory], text=True,
                              capture_output=True, check=False, env=command.environment())
        self.assertEqual(done.stderr, '')
        return done

    def test_agree(self):
        self.anchors()
        done = self.judged()
        self.assertEqual(done.returncode, 0, done.stdout)
        for policy in models.EXACT:
            self.assertRegex(done.stdout, rf'\| {policy} \|.*\| 6 of 6 hits \|\n')
        self.assertRegex(done.stdout, r'\| adaptive \| 0\.\d+ \| 0\.\d+, \w+ 30')

    def test_or_not(self):
        self.anchors(wrong=1)
        done = self.judged()
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn('| 0 of 6 hits |', done.stdout)
        self.assertRegex(done.stdout, r'\nlru with 30 of loop: 0 hits, not 1\n')
        self.assertRegex(done.stdout, r'\nclock with 30 of loop: 0\.0000 is not in -1\.0000 to -1')


class Formats(Simulation):
    KEYS = zipf(3000, 300, 5)

    def hits(self, name, *more, **env):
        found = self.study('--trace', name, '--sizes', '40', '--policies', 'lru', *more, **env)
        return found['lru', 40]['hits']

    def test_all_say_the_same(self):
        expected = lru_hits(self.KEYS, 40)
        text = '# keys\n\n' + '\n'.join(map(str, self.KEYS))  # no line end
        binary = b''.join(struct.pack('<IQIq', i, key, 1, -2) for i, key in enumerate(self.KEYS))
        for data in (text.encode(), binary):
            self.write('plain', data)
            self.assertEqual(self.hits('plain'), expected)
            self.assertEqual(self.hits('-', stdin=data), expected)
            self.write('packed.gz', gzip.compress(data))
            self.assertEqual(self.hits('packed.gz'), expected)
            self.write('packed', lzma.compress(data))
            self.assertEqual(self.hits('packed'), expected)
            if shutil.which('zstd'):
                subprocess.run(['zstd', '-qf', 'plain', '-o', 'plain.zst'], cwd=self.directory, check=True)
                self.assertEqual(self.hits('plain.zst'), expected)
        self.assertEqual(self.hits('plain', '--format', 'oracle'), expected)
        self.write('text', text)
        self.assertEqual(self.hits('text', '--format', 'text'), expected)

    def test_keys_of_any_bytes(self):
        self.write('trace', 'k\u00e9y\nkey\nkey;x\n\xffk\nkey\n'.encode('latin-1'))
        found = self.study('--trace', 'trace', '--sizes', '4', '--policies', 'lru')
        self.assertEqual((found['lru', 4]['distinct'], found['lru', 4]['hits']), (4, 1))

    def test_lines_at_the_seams_of_blocks(self):
        keys = [f'{i % 977:0{900 + i % 90}}' for i in range(5000)]
        self.trace(keys)
        found = self.study('--trace', 'trace.txt', '--sizes', '500', '--policies', 'lru')
        self.assertEqual(found['lru', 500]['distinct'], len(set(keys)))
        self.assertEqual(found['lru', 500]['requests'], 5000)


class Picture(Simulation):
    def test_is_well_formed_and_complete(self):
        keys = zipf(2000, 300, 6)
        self.trace(keys, 'a&b.txt')
        self.expect(0, 'simulate', '--trace', 'a&b.txt', '--sizes', '200,10,50', '--svg', 'p.svg', err='')
        root = xml.etree.ElementTree.parse(self.path('p.svg')).getroot()
        space = '{http://www.w3.org/2000/svg}'
        texts = [t.text for t in root.iter(space + 'text')]
        title = f'a&b.txt: 2000 requests of {len(set(keys))} keys'
        for name in [*ALL, 'optimum', 'miss ratio', title, '10', '200']:
            self.assertIn(name, texts)
        curves = [p for p in root.iter(space + 'path') if p.get('d').count('L') == 2]
        self.assertEqual(len(curves), len(ALL) + 1)
        for curve in curves:
            points = [float(x) for x in re.findall(r'[\d.]+', curve.get('d'))]
            self.assertEqual(points[0::2], sorted(points[0::2]))
            self.assertTrue(all(50 <= y <= 410 for y in points[1::2]))
        self.expect(4, 'simulate', '--trace', 'a&b.txt', '--sizes', '9', '--policies', 'lru', '--svg',
                    'no/p.svg', err='--svg no/p.svg: No such file or directory')


class Wrong(Simulation):
    def refused(self, code, text, *words, **more):
        self.expect(code, 'simulate', *words, out=b'', err=text, **more)

    def test_traces(self):
        self.refused(2, 'simulate needs --trace FILE')
        self.refused(4, 'memstache: nix: No such file or directory', '--trace', 'nix')
        self.write('empty', '# nothing\n\n')
        self.refused(4, 'empty: there is no request in it', '--trace', 'empty')
        for line in ('a x', 'a 0', 'a -1', 'a 4294967296', 'a 1 2', 'a 1x'):
            self.write('bad', f'a 5\n{line}\n')
            self.refused(4, 'bad:2: behind the key may stand its size in bytes', '--trace', 'bad')
        self.write('bad', 'a\n b\n')
        self.refused(4, 'bad:2: no key before the blank', '--trace', 'bad')
        self.write('bad', 'a' * 70000)
        self.refused(4, 'bad:1: a key of more than 65535 bytes', '--trace', 'bad')
        self.write('bad', 'a' * 1100000)
        self.refused(4, 'bad:1: a line of more than a million bytes', '--trace', 'bad')
        self.write('bad', bytes(24) + b'\0\1\2')
        self.refused(4, 'bad:2: the last record is cut: each has 24 bytes', '--trace', 'bad')
        self.write('bad', gzip.compress(b'a\n' * 9999)[:-20])
        self.refused(4, 'bad: gzip could not unpack it', '--trace', 'bad')
        os.mkdir(self.path('folder'))
        self.refused(4, 'folder: Is a directory', '--trace', 'folder')

    def test_an_unpacker_that_is_not_there(self):
        self.write('t.gz', gzip.compress(b'a\n'))
        self.refused(4, 't.gz: cannot run gzip, which unpacks it: No such file or directory; install it',
                     '--trace', 't.gz', PATH='/nowhere')

    def test_settings(self):
        self.trace('abc')
        words = ['--trace', 'trace.txt', '--sizes', '2']
        self.refused(2, '--format: "txt" is not one of auto, text, oracle', *words, '--format', 'txt')
        self.refused(3, 'did you mean "lru"?', *words, '--policies', 'lur')
        self.refused(2, 'simulate: no name in --policies', *words, '--policies', ',')
        for size in ('0', 'x', '-1', '10MiB', '1.2.3', '101%', '0%', 'nan', '1e3', '5kk'):
            self.refused(2, f'--sizes: "{size}" is not a size', *words[:2], '--sizes', size)
        self.refused(2, '--sizes: no size in it', *words[:2], '--sizes', '')
        self.refused(2, '--sizes: "2M" is not a size; write bytes', *words[:2], '--sizes', '2M',
                     '--max-bytes')
        self.expect(2, 'simulate', 'x', '--trace', 'trace.txt', err='too many operands')

    def test_a_directory_with_something_else(self):
        os.mkdir(self.path('more'))
        self.write('more/eviction_broken.so', 'not a plugin')
        self.trace('abc')
        self.expect(0, 'simulate', '--trace', 'trace.txt', '--sizes', '2', '--set',
                    'plugins.path=' + self.path('more'), err='note: broken is left out: ')


if __name__ == '__main__':
    command.main()
