#!/usr/bin/env python3
"""What the compressors write is read by the tools of their libraries, and the other way round.

usage: packed.py CODEC_PACKED
"""
import os
import random
import shutil
import subprocess
import sys

TOOL = sys.argv[1]
REFUSED = 3

# Compressor: the options to write with; how its tool packs; how it unpacks. From stdin to stdout, or
# with a file, so that the tool can know the length of the content beforehand.
TOOLS = {
    'zstd': ([[], ['level', '1'], ['level', '19'], ['checksum', 'yes']],
             [['zstd', '-qc'], ['zstd', '-qc', '-1', '--no-check'], ['zstd', '-qc', '-19'],
              ['zstd', '-qc', '--long=27', '--fast=3'],
              ['zstd', '-qc', '--no-content-size']],
             ['zstd', '-dqc']),
    'lz4': ([[], ['level', '3'], ['level', '12'], ['checksum', 'yes']],
            [['lz4', '-c'], ['lz4', '-c', '-9', '-B4', '-BD'], ['lz4', '-c', '-B7', '-BX'],
             ['lz4', '-c', '--no-frame-crc'], ['lz4', '-c', '-12', '--favor-decSpeed']],
            ['lz4', '-dc']),
    'gzip': ([[], ['level', '1'], ['level', '9']],
             [['gzip', '-c'], ['gzip', '-c', '-1'], ['gzip', '-c', '-9']],
             ['gunzip', '-c']),
}


def values():
    rng = random.Random(20240610)
    words = [b'eau', b'de', b'Cologne', b'4711', b'Glockengasse', b'\xc3\xa4', b'\0\xff']
    yield b'x'
    yield rng.randbytes(777)
    for length in (65537, 700000):
        yield b' '.join(rng.choices(words, k=length // 4))[:length]


def run(*command, data=b'', status=0):
    done = subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False)
    if done.returncode != status:
        sys.exit(f'{" ".join(command)}: exit {done.returncode}\n{done.stderr.decode()}')
    return done.stdout


def check(condition, what):
    if not condition:
        sys.exit('failed: ' + what)


def check_written(name, options, unpack, value):
    packed = run(TOOL, 'pack', name, *options, data=value)
    check(run(*unpack, data=packed) == value, f'{unpack} reads another value from {name} {options}')
    check(len(packed) < len(value) + 100, f'{name} {options} is as small as it should be')
    return packed


def check_read(name, pack, value):
    packed = run(*pack, data=value)
    length = str(len(value))
    check(run(TOOL, 'unpack', name, length, data=packed) == value, f'{name} reads what {pack} wrote')
    if len(value) != 777:
        return
    for other in (str(len(value) + 1), str(len(value) - 1), '0'):
        run(TOOL, 'unpack', name, other, data=packed, status=REFUSED)
    run(TOOL, 'unpack', name, length, data=packed[:-1], status=REFUSED)
    run(TOOL, 'unpack', name, length, data=packed + packed, status=REFUSED)


def main():
    checked = 0
    for name, (options, packs, unpack) in TOOLS.items():
        if not shutil.which(unpack[0]):
            print(f'there is no {unpack[0]} here')
            continue
        for value in values():
            for given in options:
                check_written(name, given, unpack, value)
            for pack in packs:
                check_read(name, pack, value)
            checked += len(options) + len(packs)
    print(checked, 'streams')
    sys.exit(0 if checked else 77)


os.environ.pop('ZSTD_CLEVEL', None)
main()
