/* depth.c - protobuf-c unpacks submessages by recursion and knows no limit: 100 kB of nested length
 * prefixes would overflow the stack. So the nesting is walked first, by the same rules, without
 * touching anything but tags and lengths. Bytes that this walk refuses are refused by the unpacker
 * as well. */
#include "depth.h"

#include <limits.h>

typedef struct level {
    const uint8_t *end;
    const ProtobufCMessageDescriptor *type;
} level;

/* The bytes of the varint at `at`, at most `max` of them; 0 when it does not end. */
static size_t varint_len(const uint8_t *at, const uint8_t *end, size_t max)
{
    for (size_t i = 0; i < max && at + i < end; i++) {
        if (!(at[i] & 0x80)) {
            return i + 1;
        }
    }
    return 0;
}

static uint64_t varint(const uint8_t *at, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        value |= (uint64_t) (at[i] & 0x7f) << (7 * i);
    }
    return value;
}

/* A length-prefixed field: *len bytes follow the prefix. Returns the size of the prefix, or 0. */
static size_t prefix(const uint8_t *at, const uint8_t *end, size_t *len)
{
    size_t n = varint_len(at, end, 5);
    uint64_t value = varint(at, n);
    *len = (size_t) value;
    return value <= INT_MAX && value <= (size_t) (end - at) - n ? n : 0;
}

/* Moves *at over one field of `in`; for a submessage to its first byte, and *inside is then its
 * level. 0 when the field is cut short or of no known kind. */
static int step(const level *in, const uint8_t **at, level *inside)
{
    size_t n = varint_len(*at, in->end, 5), len = 0;
    uint64_t tag = varint(*at, n);
    const uint8_t *body = *at + n;
    if (n == 0) {
        return 0;
    }
    inside->type = NULL;
    switch (tag & 7) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        len = varint_len(body, in->end, 10);
        *at = body + len;
        return len != 0;
    case PROTOBUF_C_WIRE_TYPE_64BIT:
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        len = (tag & 7) == PROTOBUF_C_WIRE_TYPE_64BIT ? 8 : 4;
        break;
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED: {
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(in->type, (unsigned) (tag >> 3));
        n = prefix(body, in->end, &len);
        body += n;
        if (n == 0) {
            return 0;
        }
        if (field && field->type == PROTOBUF_C_TYPE_MESSAGE) {
            *inside = (level){body + len, field->descriptor};
            *at = body;
            return 1;
        }
        break;
    }
    default:
        return 0;
    }
    if (len > (size_t) (in->end - body)) {
        return 0;
    }
    *at = body + len;
    return 1;
}

mst_status mst_protobuf_depth(const ProtobufCMessageDescriptor *type, mst_slice packed,
                              unsigned max)
{
    if (packed.len / 2 <= max) {
        return MST_OK; /* each level costs a tag and a length */
    }
    level levels[DEPTH_LIMIT + 1];
    unsigned depth = 0;
    const uint8_t *at = packed.data;
    levels[0] = (level){at + packed.len, type};
    for (;;) {
        level inside;
        if (at == levels[depth].end) {
            if (depth == 0) {
                return MST_OK;
            }
            depth--;
            continue;
        }
        if (!step(&levels[depth], &at, &inside)) {
            return MST_ECORRUPT;
        }
        if (inside.type) {
            if (depth == max || depth == DEPTH_LIMIT) {
                return MST_ECORRUPT;
            }
            levels[++depth] = inside;
        }
    }
}
