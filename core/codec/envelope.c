/* envelope.c - see envelope.h. Parsing reads each byte once, through a cursor that cannot run over
 * the end; it looks at the claims of a header only after the checksum has covered them. */
#include "codec/envelope.h"

#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"

enum {
    MAGIC = 0xC1,
    FLAG_COMPRESSED = 1,
    FLAG_SCHEMA = 2,
    FLAG_EXPIRY = 4,
    FLAG_SLIDING = 8,
    CHECK_SIZE = 4,
    MANTISSA_BITS = 13,
    MANTISSA_MAX = (1 << MANTISSA_BITS) - 1,
    EXPONENT_MAX = 7
};
#define CREATED_MAX ((UINT64_C(1) << 48) - 1)

const char *msi_envelope_fault_text(msi_envelope_fault fault)
{
    switch (fault) {
    case MSI_ENVELOPE_OK:
        return "ok";
    case MSI_ENVELOPE_TRUNCATED:
        return "the header is cut short";
    case MSI_ENVELOPE_NO_MAGIC:
        return "not an envelope: it does not begin with 0xC1";
    case MSI_ENVELOPE_VERSION_UNKNOWN:
        return "an envelope of an unknown version";
    case MSI_ENVELOPE_CHECK_FAILED:
        return "the checksum does not match";
    case MSI_ENVELOPE_MALFORMED:
        return "the header has a field that cannot be";
    case MSI_ENVELOPE_TOO_BIG:
        return "larger than max_value_bytes";
    case MSI_ENVELOPE_CODEC_UNKNOWN:
        return "written by a serializer or compressor that is not loaded";
    case MSI_ENVELOPE_FAULTS:
        return "the payload cannot be decoded";
    }
    return "unknown fault";
}

/* ---- writing */

static uint8_t *put(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        *at++ = (uint8_t) (value >> (8 * i));
    }
    return at;
}

static uint8_t *put_id(uint8_t *at, uint32_t id)
{
    if (id < 0x80) {
        return put(at, id, 1);
    }
    at = put(at, 0x80 | (id & 0x7f), 1);
    return put(at, id >> 7, 1);
}

/* 0: longer than the format can say (69 years), which is as good as no window. */
static uint16_t sliding_code(uint64_t ms)
{
    unsigned exponent = 0;
    for (; ms > MANTISSA_MAX && exponent < EXPONENT_MAX; exponent++) {
        ms = (ms >> 4) + ((ms & 15) != 0);
    }
    return ms > MANTISSA_MAX ? 0 : (uint16_t) (ms | exponent << MANTISSA_BITS);
}

static uint32_t checksum(const uint8_t *header, size_t len, size_t check_at, mst_slice payload)
{
    uint8_t copy[MSI_ENVELOPE_MAX];
    memcpy(copy, header, len);
    memset(copy + check_at, 0, CHECK_SIZE);
    return (uint32_t) msi_hash(payload.data, payload.len, msi_hash(copy, len, 0));
}

size_t msi_envelope_write(uint8_t *dst, mst_envelope *e, mst_slice payload)
{
    uint64_t created = e->created_ms < CREATED_MAX ? e->created_ms : CREATED_MAX;
    uint64_t life = e->expires_ms > created ? e->expires_ms - created : 0;
    uint16_t sliding = sliding_code(e->sliding_ms);
    unsigned flags = (e->compressor_id ? FLAG_COMPRESSED : 0) | (e->schema_id ? FLAG_SCHEMA : 0) |
                     (e->expires_ms && life <= MSI_ENVELOPE_EXPIRY_MAX ? FLAG_EXPIRY : 0) |
                     (sliding ? FLAG_SLIDING : 0);

    uint8_t *at = put(dst, MAGIC, 1);
    at = put(at, MSI_ENVELOPE_VERSION << 4 | flags, 1);
    at = put_id(at, e->serializer_id);
    at = put(at, created, 6);
    size_t check_at = (size_t) (at - dst);
    at = put(at, 0, CHECK_SIZE);
    if (flags & FLAG_COMPRESSED) {
        at = put_id(at, e->compressor_id);
        at = put(at, e->raw_len, 4);
    }
    if (flags & FLAG_SCHEMA) {
        at = put(at, e->schema_id, 4);
    }
    if (flags & FLAG_EXPIRY) {
        at = put(at, life, 5);
    }
    if (flags & FLAG_SLIDING) {
        at = put(at, sliding, 2);
    }
    e->version = MSI_ENVELOPE_VERSION;
    e->header_len = (size_t) (at - dst);
    e->payload_len = payload.len;
    put(dst + check_at, checksum(dst, e->header_len, check_at, payload), CHECK_SIZE);
    return e->header_len;
}

/* ---- reading */

typedef struct cursor {
    const uint8_t *at, *end;
    bool cut, malformed;
} cursor;

static uint64_t get(cursor *c, unsigned bytes)
{
    uint64_t value = 0;
    if ((size_t) (c->end - c->at) < bytes) {
        c->cut = true;
        c->at = c->end;
        return 0;
    }
    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t) *c->at++ << (8 * i);
    }
    return value;
}

static uint32_t get_id(cursor *c)
{
    uint32_t id = (uint32_t) get(c, 1);
    if (id & 0x80) {
        id = (id & 0x7f) | (uint32_t) get(c, 1) << 7;
        c->malformed |= id < 0x80;
    }
    c->malformed |= id == 0;
    return id;
}

static uint64_t get_sliding(cursor *c)
{
    uint64_t code = get(c, 2), mantissa = code & MANTISSA_MAX, exponent = code >> MANTISSA_BITS;
    c->malformed |= mantissa == 0 || (exponent && mantissa <= MANTISSA_MAX / 16);
    return mantissa << (4 * exponent);
}

/* Everything but the checksum's verdict. */
static msi_envelope_fault parse_header(mst_slice bytes, mst_envelope *e, size_t *check_at,
                                       bool *malformed)
{
    memset(e, 0, sizeof *e);
    if (bytes.len == 0) {
        return MSI_ENVELOPE_TRUNCATED;
    }
    const uint8_t *start = bytes.data;
    cursor c = {start, start + bytes.len, false, false};
    if (get(&c, 1) != MAGIC) {
        return MSI_ENVELOPE_NO_MAGIC;
    }
    unsigned flags = (unsigned) get(&c, 1);
    e->version = flags >> 4;
    if (!c.cut && e->version != MSI_ENVELOPE_VERSION) {
        return MSI_ENVELOPE_VERSION_UNKNOWN;
    }
    e->serializer_id = get_id(&c);
    e->created_ms = get(&c, 6);
    *check_at = (size_t) (c.at - start);
    get(&c, CHECK_SIZE);
    if (flags & FLAG_COMPRESSED) {
        e->compressor_id = get_id(&c);
        e->raw_len = get(&c, 4);
        c.malformed |= e->raw_len == 0;
    }
    if (flags & FLAG_SCHEMA) {
        e->schema_id = (uint32_t) get(&c, 4);
        c.malformed |= e->schema_id == 0;
    }
    if (flags & FLAG_EXPIRY) {
        uint64_t expires = e->created_ms + get(&c, 5);
        e->expires_ms = expires ? expires : 1; /* 0 would say never */
    }
    if (flags & FLAG_SLIDING) {
        e->sliding_ms = get_sliding(&c);
    }
    if (c.cut) {
        return MSI_ENVELOPE_TRUNCATED;
    }
    e->header_len = (size_t) (c.at - start);
    e->payload_len = bytes.len - e->header_len;
    if (!(flags & FLAG_COMPRESSED)) {
        e->raw_len = e->payload_len;
    }
    *malformed = c.malformed;
    return MSI_ENVELOPE_OK;
}

msi_envelope_fault msi_envelope_parse(mst_slice bytes, uint64_t max_raw, mst_envelope *e)
{
    size_t check_at = 0;
    bool malformed = false;
    msi_envelope_fault fault = parse_header(bytes, e, &check_at, &malformed);
    if (fault) {
        return fault;
    }
    const uint8_t *start = bytes.data;
    cursor stored = {start + check_at, start + check_at + CHECK_SIZE, false, false};
    mst_slice payload = {start + e->header_len, e->payload_len};
    if (get(&stored, CHECK_SIZE) != checksum(start, e->header_len, check_at, payload)) {
        return MSI_ENVELOPE_CHECK_FAILED;
    }
    if (malformed) {
        return MSI_ENVELOPE_MALFORMED;
    }
    return e->raw_len > max_raw ? MSI_ENVELOPE_TOO_BIG : MSI_ENVELOPE_OK;
}

uint64_t msi_envelope_inflates(mst_slice bytes)
{
    mst_envelope e;
    size_t check_at;
    bool malformed;
    bool usable = parse_header(bytes, &e, &check_at, &malformed) == MSI_ENVELOPE_OK;
    return usable && e.compressor_id ? e.raw_len : 0;
}

mst_status mst_envelope_read(mst_slice bytes, mst_envelope *out, mst_error *error)
{
    mst_envelope e;
    if (!out || (!bytes.data && bytes.len)) {
        return msi_error(error, MST_EINVAL, "mst_envelope_read: no bytes, or nowhere to answer");
    }
    msi_envelope_fault fault = msi_envelope_parse(bytes, UINT64_MAX, &e);
    *out = e;
    if (fault) {
        return msi_error(error, MST_ECORRUPT, "%s", msi_envelope_fault_text(fault));
    }
    return MST_OK;
}
