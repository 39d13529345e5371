"""`inspect`: the stored form of a value, offline."""
import os

import command


class Envelope(command.Case):
    def stored(self, *lines, value=b'hello', options=()):
        """What a far tier got for a value."""
        words = self.shelf(*lines)
        self.expect(0, *words, 'set', 'a', *options, stdin=value)
        name, = os.listdir(self.path('values'))
        return os.path.join(self.path('values'), name)

    def inspect(self, *words, **more):
        found, = self.objects(self.expect(0, '--json', 'inspect', *words, err='', **more))
        return found

    def test_fields(self):
        name = self.stored()
        found = self.inspect(name)
        self.assertEqual(
            {key: found[key] for key in ('envelope', 'version', 'serializer', 'compressor',
                                         'compressor_id', 'raw_length', 'payload_length',
                                         'payload_head', 'expires_ms', 'sliding_ms')},
            {'envelope': True, 'version': 1, 'serializer': 'raw', 'compressor': 'none',
             'compressor_id': 0, 'raw_length': 5, 'payload_length': 5, 'payload_head': 'hello',
             'expires_ms': 0, 'sliding_ms': 0})
        self.assertEqual(found['header_length'] + 5, os.path.getsize(name))

    def test_text(self):
        name = self.stored(options=['--expire', '1h', '--sliding', '10m'])
        text = self.expect(0, 'inspect', name, err='').out.decode()
        self.assertRegex(text, r'(?m)^envelope    version 1, \d+ bytes: header \d+, payload 5$')
        self.assertRegex(text, r'(?m)^serializer  1 \(raw\)$')
        self.assertRegex(text, r'(?m)^compressor  0 \(none\)$')
        self.assertRegex(text, r'(?m)^created     \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$')
        self.assertRegex(text, r'(?m)^expires     \S+Z, in \d+m?s$')
        self.assertRegex(text, r'(?m)^sliding     \d+m?s?$')
        self.assertRegex(text, r'(?m)^  0000  68 65 6c 6c 6f .* hello$')

    def test_where_the_bytes_come_from(self):
        name = self.stored()
        with open(name, 'rb') as file:
            data = file.read()
        whole = self.inspect(name)
        self.assertEqual(self.inspect('-', stdin=data), whole)
        self.assertEqual(self.inspect(stdin=data), whole)
        self.assertEqual(self.inspect('--hex', data.hex()), whole)
        self.assertEqual(self.inspect('--hex', data.hex(' ').upper()), whole)
        self.assertEqual(self.inspect('--hex', data.hex(':')), whole)
        self.assertEqual(self.inspect('--hex', ''.join(f'\\x{b:02x}' for b in data)), whole)
        answer = self.batch(0, 'inspect ' + name, words=['--json'])
        self.assertEqual(self.objects(answer), [whole])

    def test_compressed(self):
        tried = 0
        for compressor in ('brotli', 'gzip', 'lz4', 'zstd'):
            if command.has_plugin('compressor_' + compressor):
                name = self.stored('cache.compressor=' + compressor, value=b'abc' * 1000)
                found = self.inspect(name)
                self.assertEqual((found['compressor'], found['raw_length']), (compressor, 3000))
                self.assertLess(found['payload_length'], 300)
                tried += 1
        if not tried:
            self.skipTest('no compressors here')

    def test_long_payload_is_cut(self):
        name = self.stored(value=b'x' * 5000)
        self.assertEqual(self.inspect(name)['payload_head'], 'x' * 64)
        text = self.expect(0, 'inspect', name).out.decode()
        self.assertIn('payload, its beginning\n', text)
        self.assertEqual(text.count('\n  0'), 4)

    def test_works_when_the_configuration_does_not(self):
        name = self.stored()
        self.assertEqual(self.inspect('-c', 'nowhere', name)['serializer'], 'raw')

    def test_passed(self):
        name = self.stored(options=['--expire', '1ms'])
        asked = 0
        while b', passed\n' not in self.expect(0, 'inspect', name).out:
            asked += 1
            self.assertLess(asked, 1000)


class Others(command.Case):
    def test_no_envelope(self):
        for data in (b'', b'x', b'plain text', bytes(40), b'\xc1', b'\xc1\x10\x01'):
            name = self.write('value', data)
            self.expect(1, 'inspect', name, err='memstache: not an envelope of memstache: ')
            found, = self.objects(self.expect(1, '--json', 'inspect', name, err=''))
            self.assertEqual((found['envelope'], found['length']), (False, len(data)))
            self.assertTrue(found['reason'])

    def test_beginning_is_shown(self):
        name = self.write('value', b'plain text')
        answer = self.expect(1, 'inspect', name, err='10 bytes that begin with')
        self.assertIn(b'70 6c 61 69 6e', answer.out)

    def test_damaged(self):
        words = self.shelf()
        self.expect(0, *words, 'set', 'a', 'hello')
        name, = os.listdir(self.path('values'))
        with open(os.path.join(self.path('values'), name), 'rb') as file:
            data = bytearray(file.read())
        data[-1] ^= 1
        self.expect(1, 'inspect', '--hex', data.hex(), err='not an envelope')

    def test_input_that_is_none(self):
        self.expect(4, 'inspect', 'nowhere', err='cannot read nowhere: No such file')
        self.expect(2, 'inspect', '--hex', 'abc', err='no pair of hexadecimal digits at "c"')
        self.expect(2, 'inspect', '--hex', 'zz', err='no pair of hexadecimal digits at "zz"')
        self.expect(2, 'inspect', 'x', '--hex', 'ab', err='a FILE and --hex at once')
        self.batch(2, 'inspect', err='inspect: nothing to read')


if __name__ == '__main__':
    command.main()
