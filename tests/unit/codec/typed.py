#!/usr/bin/env python3
"""Typed values through an envelope with brotli, read and written by other programs: protobuf by
protoc, JSON by Python, and, where Python has it, both by Google's protobuf library.

usage: typed.py CODEC_TYPED PROTOC PROTO_DIR
"""
import json
import math
import subprocess
import sys
import tempfile

TOOL, PROTOC, PROTO_DIR = sys.argv[1:4]
FILES = {"Product": "test.proto", "Everything": "test.proto", "Legacy": "legacy.proto"}


def run(*command, data=b""):
    done = subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr.decode()}")
    return done.stdout


def protoc(verb, message, data):
    return run(PROTOC, f"--{verb}=memstache.test.{message}", f"--proto_path={PROTO_DIR}",
               FILES[message], data=data)


def payload(serializer, message):
    """Sealed and compressed, then opened: what a far tier would hand back."""
    return run(TOOL, "open", data=run(TOOL, "seal", serializer, message))


def check(condition, what):
    if not condition:
        sys.exit("failed: " + what)


def canonical(message):
    """The message as text, by protoc, which sorts its maps."""
    return protoc("decode", message, payload("protobuf", message))


def check_reads(serializer, message, data):
    """What somebody else wrote is the same message to us."""
    text = protoc("decode", message, run(TOOL, "recode", serializer, message, data=data))
    check(text == canonical(message),
          f"{message} in {serializer} is read as another message:\n{data}\n{text.decode()}")


def check_protobuf(message):
    text = canonical(message)
    check_reads("protobuf", message, protoc("encode", message, text))
    return text.decode()


def variants(tree):
    """The same value as other writers may spell it."""
    yield json.dumps(tree)
    yield json.dumps(tree, indent=2, ensure_ascii=False)
    yield json.dumps({key: tree[key] for key in reversed(list(tree))}, sort_keys=False)


def check_json(message):
    data = payload("json", message)
    tree = json.loads(data.decode("utf-8"))
    for text in variants(tree):
        check_reads("json", message, text.encode())
    return tree


def check_product():
    text = check_protobuf("Product")
    for line in ('sku: "4711-B"', "price_cents: 9007199254740993", "color: COLOR_GREEN",
                 'key: "Glockengasse"'):
        check(line in text, f"protoc does not print {line}:\n{text}")
    check(check_json("Product") == {
        "sku": "4711-B",
        "displayName": "Eau de Cologne, Echt Koelnisch Wasser, Eau de Cologne de Cologne",
        "priceCents": "9007199254740993",
        "tags": ["perfume for him", "perfume for her", "perfume for all"],
        "color": "COLOR_GREEN",
        "stockByStore": {"Glockengasse": 12, "Paris": 0},
        "related": {"sku": "4711-A"},
        "thumbnail": "iVBORw0KGgo=",
        "weightKg": 0.35,
    }, "the JSON of Product")


def check_everything():
    check_protobuf("Everything")
    tree = check_json("Everything")
    check(tree["fString"] == 'quote " back \\ tab \t new \n \x01 \xe4 \u20ac \U0001f600 </script>',
          "the string")
    check(tree["rUint64"] == ["0", str(2**64 - 1), str(2**63)], "64 bits")
    check(tree["rDouble"][:3] == [0, 0, 1] and math.copysign(1, tree["rDouble"][1]) == -1, "reals")
    check(tree["rDouble"][9] == "-Infinity" and tree["rDouble"][8] == 1 / 3, "reals")
    check(tree["rColor"] == ["COLOR_UNSET", "COLOR_RED", "COLOR_BELOW", 99], "enums")
    check(tree["mBool"] == {"true": 0.5, "false": -0.25}, "a map")
    check(tree["notAMap"] == [{"key": "key", "value": 3}], "a list that looks like a map")
    check(tree["rChain"][1] == {"number": "0"}, "a oneof that is zero")


def check_against_google():
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
    except ImportError:
        print("Python has no protobuf library: left out")
        return
    with tempfile.NamedTemporaryFile() as out:
        run(PROTOC, f"--proto_path={PROTO_DIR}", f"--descriptor_set_out={out.name}", "test.proto")
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    for name in ("Product", "Everything"):
        descriptor = pool.FindMessageTypeByName("memstache.test." + name)
        factory = (message_factory.GetMessageClass(descriptor)
                   if hasattr(message_factory, "GetMessageClass")
                   else message_factory.MessageFactory(pool).GetPrototype(descriptor))
        ours = json_format.Parse(payload("json", name).decode(), factory())
        packed = factory.FromString(payload("protobuf", name))
        check(ours == packed, f"{name}: Google's library reads another message from the JSON")
        for options in ({}, {"preserving_proto_field_name": True}, {"use_integers_for_enums": True}):
            text = json_format.MessageToJson(packed, **options)
            check_reads("json", name, text.encode())


check_product()
check_everything()
check_protobuf("Legacy")
check_json("Legacy")
check_against_google()
