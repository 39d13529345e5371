/* mutation_test.c - ten thousand broken values: each is opened as a value from a far tier would be,
 * and decoded as a typed one. None may crash, leak, or make the core allocate more than the limit
 * for values allows. The seed is fixed: a failure comes back. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "codec_floor.h"
#include "corpus.h"
#include "test.pb-c.h"

enum {
    MUTATIONS = 10000,
    VALUE_MAX = 96 << 10, /* brotli_70k fits */
    /* What lz4 may take for a frame with the largest blocks, and what the others keep. Brotli, with
     * two ring buffers of 128 KiB and its tables, stays below. */
    INFLATE_MAX = (8 << 20) + (512 << 10),
    /* One object of the core, beside the value. */
    SLACK = 512,
    BUFFER = 256 << 10
};

static corpus golden;
static uint64_t state = 20240610;

static uint64_t draw(uint64_t below)
{
    state = msi_mix(state + 0x9E3779B97F4A7C15u);
    return state % below;
}

static void reseal(uint8_t *bytes, size_t len)
{
    mst_envelope e;
    size_t check_at = 2 + (len > 2 && bytes[2] & 0x80 ? 2 : 1) + 6;
    /* Where the payload begins is only known of bytes that parse; the fault does not matter. */
    msi_envelope_parse((mst_slice){bytes, len}, UINT64_MAX, &e);
    if (e.header_len == 0 || e.header_len > len) {
        return;
    }
    memset(bytes + check_at, 0, 4);
    uint64_t check =
        msi_hash(bytes + e.header_len, len - e.header_len, msi_hash(bytes, e.header_len, 0));
    for (unsigned i = 0; i < 4; i++) {
        bytes[check_at + i] = (uint8_t) (check >> (8 * i));
    }
}

static const corpus_file *any_file(void)
{
    return &golden.files[draw(golden.count)];
}

static size_t truncate_it(uint8_t *bytes, size_t len)
{
    return draw(len);
}

static size_t flip_bits(uint8_t *bytes, size_t len)
{
    for (uint64_t n = 1 + draw(4); n > 0; n--) {
        bytes[draw(len)] ^= (uint8_t) (1u << draw(8));
    }
    return len;
}

/* The header claims another length of the payload, and the checksum agrees. */
static size_t claim_raw_len(uint8_t *bytes, size_t len)
{
    static const uint32_t claims[] = {0, 1, VALUE_MAX, VALUE_MAX + 1, 1u << 24, UINT32_MAX};
    uint32_t claim = draw(2) ? claims[draw(6)] : (uint32_t) draw(UINT32_MAX);
    size_t at = 2 + (bytes[2] & 0x80 ? 2 : 1) + 6 + 4;
    if (!(bytes[1] & 1) || len < at + 6) {
        return flip_bits(bytes, len);
    }
    at += bytes[at] & 0x80 ? 2 : 1;
    memcpy(bytes + at, &claim, 4);
    reseal(bytes, len);
    return len;
}

/* The head of one file and the tail of another. */
static size_t splice(uint8_t *bytes, size_t len)
{
    const corpus_file *other = any_file();
    size_t head = draw(len), tail = draw(other->len);
    memcpy(bytes + head, other->bytes + other->len - tail, tail);
    return head + tail;
}

/* Broken behind a checksum that is right: what a hostile writer would send. */
static size_t flip_and_seal(uint8_t *bytes, size_t len)
{
    len = draw(4) ? flip_bits(bytes, len) : splice(bytes, len);
    reseal(bytes, len);
    return len;
}

/* Random bytes as a compressed payload or as a message, sealed properly. */
static size_t invent(uint8_t *bytes, size_t len)
{
    uint8_t payload[512];
    mst_slice slice = {payload, draw(sizeof payload)};
    mst_envelope e = {.serializer_id = 1 + (uint32_t) draw(4),
                      .compressor_id = (uint32_t) draw(5),
                      .raw_len = 1 + draw(2 * VALUE_MAX)};
    for (size_t i = 0; i < slice.len; i++) {
        payload[i] = (uint8_t) draw(256);
    }
    len = msi_envelope_write(bytes, &e, slice);
    memcpy(bytes + len, payload, slice.len);
    return len + slice.len;
}

/* Opens and decodes; true when both went well. */
static bool use(codec_floor *floor, mst_slice bytes)
{
    static const mst_type type = {"everything", &memstache__test__everything__descriptor, 0};
    msi_meta meta;
    mst_slice payload;
    uint8_t *inflated;
    msi_object *object = NULL;
    mst_status status = msi_codec_open(&floor->codec, bytes, &meta, &payload, &inflated);
    cr_assert(status == MST_OK || status == MST_ECORRUPT || status == MST_ETOOBIG);
    if (status == MST_OK) {
        cr_assert_leq(payload.len, VALUE_MAX);
        msi_codec_decode(&floor->codec, meta.serializer_id, &type, payload, &object);
    }
    if (object) {
        msi_object_release(object);
    }
    msi_free(floor->codec.allocator, inflated);
    cr_assert_eq(floor->own.blocks, 0);
    return status == MST_OK;
}

Test(mutation, ten_thousand_broken_values_are_misses)
{
    static size_t (*const mutate[])(uint8_t *, size_t) = {truncate_it, flip_bits,     claim_raw_len,
                                                          splice,      flip_and_seal, invent};
    static uint8_t bytes[BUFFER];
    codec_floor floor;
    unsigned opened = 0;
    const char *wrong = corpus_load(&golden);
    cr_assert_null(wrong, "%s", wrong);
    codec_floor_open(&floor);
    floor.codec.max_value_bytes = VALUE_MAX;
    floor.codec.serializer = floor.readers[FLOOR_PROTOBUF];
    floor.own.largest = floor.plugins.peak = 0;
    size_t resting = floor.plugins.bytes;
    for (int i = 0; i < MUTATIONS; i++) {
        const corpus_file *f = any_file();
        memcpy(bytes, f->bytes, f->len);
        size_t len = mutate[(unsigned) i % 6](bytes, f->len);
        opened += use(&floor, (mst_slice){bytes, len});
    }
    cr_assert_leq(floor.own.largest, VALUE_MAX + SLACK);
    cr_assert_leq(floor.plugins.peak - resting, INFLATE_MAX);
    cr_assert_lt(opened, MUTATIONS / 3, "most of what was resealed is refused as well");

    uint64_t faults = 0;
    for (int i = 1; i <= MSI_ENVELOPE_FAULTS; i++) {
        fprintf(stderr, "%8llu  %s\n", (unsigned long long) floor.codec.faults[i],
                msi_envelope_fault_text((msi_envelope_fault) i));
        cr_assert_gt(floor.codec.faults[i], 0, "no mutation was refused for: %s",
                     msi_envelope_fault_text((msi_envelope_fault) i));
        faults += floor.codec.faults[i];
    }
    fprintf(stderr, "%8u  opened; largest allocation %zu, of plugins at most %zu\n", opened,
            floor.own.largest, floor.plugins.peak - resting);
    /* One fault each, but an opened one may fail to decode, and so count as well. */
    cr_assert_geq(faults, MUTATIONS - opened);
    cr_assert_leq(faults, MUTATIONS);
    cr_assert_lt(floor.log_lines, 100, "the log is limited");
    cr_assert_eq(codec_floor_close(&floor), 0);
    corpus_free(&golden);
}
