/* typed.c - the bytes of typed values, for other programs to read and to write: see typed.py.
 *
 *   codec_typed seal SERIALIZER MESSAGE    an envelope with the message, compressed by brotli
 *   codec_typed open                       the payload of an envelope
 *   codec_typed recode SERIALIZER MESSAGE  the message of a payload, packed by protobuf-c
 *
 * Input and output are files on stdin and stdout. */
#include <stdio.h>
#include <string.h>

#include "codec_floor.h"
#include "messages.h"

enum { INPUT_MAX = 1 << 20 };

static const ProtobufCMessage *message_named(const char *name)
{
    if (strcmp(name, "Product") == 0) {
        return &message_product()->base;
    }
    if (strcmp(name, "Legacy") == 0) {
        return &message_legacy()->base;
    }
    return &message_everything()->base;
}

static int serializer_named(const char *name)
{
    if (strcmp(name, "msgpack") == 0) {
        return FLOOR_MSGPACK;
    }
    return strcmp(name, "json") == 0 ? FLOOR_JSON : FLOOR_PROTOBUF;
}

static int write_out(const void *data, size_t len)
{
    return fwrite(data, 1, len, stdout) == len && fflush(stdout) == 0 ? 0 : 1;
}

/* Legacy is too small to gain anything; the others must. */
static int seal(msi_codec *codec, const mst_type *type, const ProtobufCMessage *message)
{
    bool large = message->descriptor != &memstache__test__legacy__descriptor;
    msi_bytes out;
    msi_sealed sealed;
    msi_meta meta = {.serializer_id = msi_codec_serializer_id(codec, type), .schema_id = 7};
    int failed = 1;
    msi_bytes_init(&out, codec->allocator, INPUT_MAX);
    if (msi_codec_encode(codec, type, message, &out) == MST_OK &&
        msi_codec_seal(codec, (mst_slice){out.data, out.len}, &meta, MST_YES, &sealed) == MST_OK) {
        failed = (large && !sealed.owned) || write_out(sealed.header, sealed.header_len) ||
                 write_out(sealed.payload.data, sealed.payload.len);
        msi_sealed_fini(codec, &sealed);
    }
    msi_bytes_fini(&out);
    return failed;
}

static int open_it(msi_codec *codec, mst_slice stored)
{
    msi_meta meta;
    mst_slice payload;
    uint8_t *inflated = NULL;
    int failed = 1;
    if (msi_codec_open(codec, stored, &meta, &payload, &inflated) == MST_OK &&
        meta.schema_id == 7) {
        failed = write_out(payload.data, payload.len);
    }
    msi_free(codec->allocator, inflated);
    return failed;
}

static int recode(msi_codec *codec, const mst_type *type, mst_slice payload)
{
    static uint8_t packed[INPUT_MAX];
    msi_object *o;
    int failed = 1;
    mst_status status = msi_codec_decode(codec, 0, type, payload, &o);
    if (status) {
        fprintf(stderr, "decode: %d\n", (int) status);
        return 1;
    }
    if (protobuf_c_message_get_packed_size(o->object) <= sizeof packed) {
        failed = write_out(packed, protobuf_c_message_pack(o->object, packed));
    }
    msi_object_release(o);
    return failed;
}

int main(int argc, char **argv)
{
    static char input[INPUT_MAX];
    codec_floor floor;
    int failed = 1;
    const char *verb = argc > 1 ? argv[1] : "", *serializer = argc > 2 ? argv[2] : "";
    const ProtobufCMessage *message = message_named(argc > 3 ? argv[3] : "");
    mst_type type = {"message", message->descriptor, 0};
    codec_floor_open(&floor);
    floor.codec.serializer = floor.readers[serializer_named(serializer)];
    floor.codec.compressor = floor.readers[FLOOR_BROTLI];
    floor.codec.settings.min_gain = 0;
    mst_slice in = {input, 0};
    if (strcmp(verb, "seal") == 0) {
        failed = seal(&floor.codec, &type, message);
    } else {
        in.len = fread(input, 1, sizeof input, stdin);
        failed =
            strcmp(verb, "open") == 0 ? open_it(&floor.codec, in) : recode(&floor.codec, &type, in);
    }
    if (codec_floor_close(&floor)) {
        fprintf(stderr, "memory is left over\n");
        failed = 1;
    }
    return failed;
}
