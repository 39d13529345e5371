#!/usr/bin/env python3
"""Typed values as MessagePack, read and written by Python's msgpack library.

usage: typed_msgpack.py CODEC_TYPED
"""
import math
import subprocess
import sys

try:
    import msgpack
except ImportError:
    print('this Python has no msgpack library')
    sys.exit(77)

TOOL = sys.argv[1]


def run(*command, data=b''):
    done = subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False)
    if done.returncode != 0:
        sys.exit(f'{" ".join(command)}: exit {done.returncode}\n{done.stderr.decode()}')
    return done.stdout


def payload(serializer, message):
    """Sealed and compressed, then opened: what a far tier would hand back."""
    return run(TOOL, 'open', data=run(TOOL, 'seal', serializer, message))


def check(condition, what):
    if not condition:
        sys.exit('failed: ' + what)


def reordered(tree):
    if isinstance(tree, dict):
        return {key: reordered(tree[key]) for key in reversed(list(tree))}
    return [reordered(item) for item in tree] if isinstance(tree, list) else tree


def as_float(tree):
    """Integers as a language with one kind of number would write them."""
    if isinstance(tree, dict):
        return {key: as_float(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [as_float(item) for item in tree]
    is_exact = type(tree) is int and abs(tree) < 2**53
    return float(tree) if is_exact else tree


def variants(tree):
    """The same value as other writers may spell it."""
    yield msgpack.packb(tree)
    yield msgpack.packb(tree, use_bin_type=False)  # bytes as text
    yield msgpack.packb(as_float(tree))
    packer = msgpack.Packer(autoreset=False)
    packer.pack_map_pairs([('unknown', [{'deep': [msgpack.ExtType(5, b'x')]}]), (b'bytes', 1),
                           *tree.items(), ('unknown', None), (-1, msgpack.Timestamp(1, 2))])
    yield packer.bytes()


def check_message(message):
    canonical = run(TOOL, 'recode', 'protobuf', message, data=payload('protobuf', message))
    data = payload('msgpack', message)
    tree = msgpack.unpackb(data, strict_map_key=False)
    check(msgpack.packb(tree, use_single_float=False) == data or message == 'Everything',
          f'{message}: Python would write the same bytes')
    for other in variants(tree):
        check(run(TOOL, 'recode', 'msgpack', message, data=other) == canonical,
              f'{message} is read as another message:\n{other}')
    # The order of the maps in a message is not kept by whoever reorders; the fields are.
    again = run(TOOL, 'recode', 'msgpack', message, data=msgpack.packb(reordered(tree)))
    check(len(again) == len(canonical) and sorted(again) == sorted(canonical), 'the order matters')
    return tree


def check_product():
    check(check_message('Product') == {
        'sku': '4711-B',
        'display_name': 'Eau de Cologne, Echt Koelnisch Wasser, Eau de Cologne de Cologne',
        'price_cents': 9007199254740993,
        'tags': ['perfume for him', 'perfume for her', 'perfume for all'],
        'color': 'COLOR_GREEN',
        'stock_by_store': {'Glockengasse': 12, 'Paris': 0},
        'related': {'sku': '4711-A'},
        'thumbnail': b'\x89PNG\r\n\x1a\n',
        'weight_kg': 0.35,
    }, 'Product')


def check_everything():
    tree = check_message('Everything')
    check(tree['f_string'] == 'quote " back \\ tab \t new \n \x01 \xe4 \u20ac \U0001f600 </script>',
          'the string')
    check(tree['f_bytes'] == b'\0\x01\xfe\xff\x80', 'the bytes')
    check(tree['f_int64'] == -2**63 and tree['f_uint64'] == 2**64 - 1, 'the widest integers')
    check(tree['r_uint64'] == [0, 2**64 - 1, 2**63], '64 bits')
    check(tree['r_double'][:3] == [0, 0, 1] and math.copysign(1, tree['r_double'][1]) == -1, 'reals')
    check(tree['r_double'][9] == -math.inf and tree['r_double'][8] == 1 / 3, 'reals')
    check(tree['r_color'] == ['COLOR_UNSET', 'COLOR_RED', 'COLOR_BELOW', 99], 'enums')
    check(tree['m_int32'] == {-5: 'five', 0: ''}, 'a map with integers for keys')
    check(tree['m_uint64'] == {2**64 - 1: b'u'}, 'a map of bytes')
    check(tree['m_bool'] == {True: 0.5, False: -0.25}, 'a map with booleans for keys')
    check(tree['not_a_map'] == [{'key': 'key', 'value': 3}], 'a list that looks like a map')
    check(tree['r_chain'][1] == {'number': 0}, 'a oneof that is zero')


def check_legacy():
    tree = check_message('Legacy')
    check(tree['id'] == '' and tree['raw'] == b'' and tree['active'] is False, 'present, though empty')
    check(tree['names'] == {5: 'five'} and 'label' not in tree, 'Legacy')


check_product()
check_everything()
check_legacy()
