"""versions.py ROOT - the same numbers wherever the version and the ABI are written down."""
import re
import sys

import common

BUILD = 'meson.build'
API = 'sdk/include/memstache/memstache.h'
ABI = 'sdk/include/memstache/abi.h'


def find(root, path, pattern):
    match = re.search(pattern, common.read(root, path), re.MULTILINE)
    return match.group(1) if match else None


def check(root):
    version = find(root, BUILD, r"^\s*version:\s*'([\d.]+)'")
    parts = [find(root, API, rf'^#define MST_VERSION_{part} (\d+)$')
             for part in ('MAJOR', 'MINOR', 'PATCH')]
    pairs = [
        (API, 'MST_VERSION', find(root, API, r'^#define MST_VERSION "([\d.]+)"$'), version),
        (API, 'MST_VERSION_*', '.'.join(part or '?' for part in parts), version),
        (ABI, 'MST_ABI_MAJOR', find(root, ABI, r'^#define MST_ABI_MAJOR (\d+)u$'),
         find(root, BUILD, r"^abi_major = '(\d+)'")),
        (ABI, 'MST_ABI_MINOR', find(root, ABI, r'^#define MST_ABI_MINOR (\d+)u$'),
         find(root, BUILD, r"^abi_minor = '(\d+)'")),
    ]
    for path, name, here, there in pairs:
        if here is None or there is None or here != there:
            yield path, 0, f'{name} is {here}, {BUILD} says {there}'


if __name__ == '__main__':
    common.run(check, sys.argv[1])
