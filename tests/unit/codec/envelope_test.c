/* envelope_test.c - the layout of the stored form: what is written is read, everything else is
 * refused with its reason. The golden files are in corpus_test.c. */
#include "codec/envelope.h"

#include <criterion/criterion.h>
#include <string.h>

#include <memstache/codec.h>

#include "base/hash.h"

static mst_slice slice(const void *data, size_t len)
{
    return (mst_slice){data, len};
}

/* header + payload in one buffer */
static size_t compose(uint8_t *out, mst_envelope *e, mst_slice payload)
{
    size_t len = msi_envelope_write(out, e, payload);
    memcpy(out + len, payload.data, payload.len);
    return len + payload.len;
}

/* Makes the checksum right again after a change; check_at: where it stands. */
static void reseal(uint8_t *bytes, size_t header_len, size_t check_at, size_t len)
{
    uint64_t check;
    memset(bytes + check_at, 0, 4);
    check = msi_hash(bytes + header_len, len - header_len, msi_hash(bytes, header_len, 0));
    for (int i = 0; i < 4; i++) {
        bytes[check_at + (size_t) i] = (uint8_t) (check >> (8 * i));
    }
}

static const mst_envelope full = {
    .serializer_id = 2,
    .schema_id = 0x01020304,
    .created_ms = 1700000000000,
    .expires_ms = 1700000060000,
    .sliding_ms = 16000,
};

Test(envelope, every_combination_of_fields_comes_back)
{
    uint8_t bytes[64];
    for (unsigned flags = 0; flags < 16; flags++) {
        mst_envelope e = {.serializer_id = 2, .created_ms = 1700000000000, .raw_len = 5}, got;
        e.compressor_id = flags & 1 ? 1 : 0;
        e.raw_len = flags & 1 ? 1000 : 5;
        e.schema_id = flags & 2 ? 0xFFFFFFFF : 0;
        e.expires_ms = flags & 4 ? e.created_ms + 1 : 0;
        e.sliding_ms = flags & 8 ? 8191 : 0;
        size_t len = compose(bytes, &e, slice("hello", 5));
        cr_assert_eq(bytes[1], 0x10 | flags);
        cr_assert_eq(msi_envelope_parse(slice(bytes, len), 1000, &got), MSI_ENVELOPE_OK);
        cr_assert_eq(memcmp(&e, &got, sizeof e), 0, "flags %u", flags);
        cr_assert_eq(got.version, 1);
        cr_assert_eq(got.payload_len, 5);
        cr_assert_eq(msi_envelope_inflates(slice(bytes, len)), flags & 1 ? 1000 : 0);
    }
}

Test(envelope, the_overhead_is_as_promised)
{
    uint8_t bytes[MSI_ENVELOPE_MAX];
    mst_envelope e = full;
    cr_assert_eq(msi_envelope_write(bytes, &e, slice("v", 1)), 24);
    e = (mst_envelope){.serializer_id = 1};
    cr_assert_eq(msi_envelope_write(bytes, &e, slice("v", 1)), MSI_ENVELOPE_MIN);
    e = full;
    e.serializer_id = e.compressor_id = MST_WIRE_ID_MAX;
    cr_assert_eq(msi_envelope_write(bytes, &e, slice("v", 1)), MSI_ENVELOPE_MAX);
}

Test(envelope, ids_of_two_bytes_come_back)
{
    static const uint32_t ids[] = {1, 127, 128, 129, 255, 256, 16383, 16384, 32767};
    uint8_t bytes[64];
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        mst_envelope e = {.serializer_id = ids[i], .compressor_id = ids[i], .raw_len = 9}, got;
        size_t len = compose(bytes, &e, slice("x", 1));
        cr_assert_eq(e.header_len, 13 + 5 + (ids[i] > 127 ? 2u : 0u));
        cr_assert_eq(msi_envelope_parse(slice(bytes, len), 9, &got), MSI_ENVELOPE_OK);
        cr_assert_eq(got.serializer_id, ids[i]);
        cr_assert_eq(got.compressor_id, ids[i]);
    }
}

static uint64_t sliding_of(uint64_t ms)
{
    uint8_t bytes[64];
    mst_envelope e = {.serializer_id = 1, .sliding_ms = ms}, got;
    size_t len = compose(bytes, &e, slice("x", 1));
    cr_assert_eq(msi_envelope_parse(slice(bytes, len), 9, &got), MSI_ENVELOPE_OK, "%llu",
                 (unsigned long long) ms);
    return got.sliding_ms;
}

Test(envelope, sliding_windows_are_rounded_up_by_little)
{
    uint64_t random = 1;
    for (uint64_t ms = 1; ms < 10000; ms++) {
        uint64_t got = sliding_of(ms);
        cr_assert(got >= ms && (got - ms) * 512 <= ms);
        cr_assert(ms > 8191 || got == ms);
    }
    for (int i = 0; i < 100000; i++) {
        random = msi_mix(random + 1);
        uint64_t ms = 1 + random % (UINT64_C(8191) << (random >> 59));
        uint64_t got = sliding_of(ms > UINT64_C(8191) << 28 ? 1 : ms);
        cr_assert(got == 1 || (got >= ms && (got - ms) * 512 <= ms));
    }
    cr_assert_eq(sliding_of(UINT64_C(8191) << 28), UINT64_C(8191) << 28);
    cr_assert_eq(sliding_of((UINT64_C(8191) << 28) + 1), 0, "longer than 69 years is no window");
    cr_assert_eq(sliding_of(UINT64_MAX), 0);
}

static uint64_t expires_of(uint64_t created, uint64_t expires)
{
    uint8_t bytes[64];
    mst_envelope e = {.serializer_id = 1, .created_ms = created, .expires_ms = expires}, got;
    size_t len = compose(bytes, &e, slice("x", 1));
    cr_assert_eq(msi_envelope_parse(slice(bytes, len), 9, &got), MSI_ENVELOPE_OK);
    return got.expires_ms;
}

Test(envelope, expiry_is_exact_up_to_35_years_and_then_never)
{
    cr_assert_eq(expires_of(1000, 1001), 1001);
    cr_assert_eq(expires_of(1000, 1000), 1000);
    cr_assert_eq(expires_of(1000, 999), 1000, "gone before it was made: gone at once");
    cr_assert_eq(expires_of(1000, 1000 + MSI_ENVELOPE_EXPIRY_MAX), 1000 + MSI_ENVELOPE_EXPIRY_MAX);
    cr_assert_eq(expires_of(1000, 1001 + MSI_ENVELOPE_EXPIRY_MAX), 0);
    cr_assert_eq(expires_of(1000, UINT64_MAX), 0);
    cr_assert_eq(expires_of(1000, 0), 0);
    cr_assert_eq(expires_of(0, 0), 0);
    cr_assert_eq(expires_of(UINT64_MAX, UINT64_MAX - 1), 0, "clocks beyond the year 10889");
}

Test(envelope, every_flipped_bit_is_refused)
{
    uint8_t bytes[64];
    mst_envelope e = full, got;
    size_t len = compose(bytes, &e, slice("hello", 5));
    for (size_t bit = 0; bit < 8 * len; bit++) {
        bytes[bit / 8] ^= (uint8_t) (1u << bit % 8);
        cr_assert_neq(msi_envelope_parse(slice(bytes, len), 9, &got), MSI_ENVELOPE_OK, "bit %zu",
                      bit);
        bytes[bit / 8] ^= (uint8_t) (1u << bit % 8);
    }
    cr_assert_eq(msi_envelope_parse(slice(bytes, len), 9, &got), MSI_ENVELOPE_OK);
}

Test(envelope, every_truncation_is_refused)
{
    uint8_t bytes[64];
    mst_envelope e = full, got;
    e.compressor_id = 200;
    e.raw_len = 9;
    size_t len = compose(bytes, &e, slice("hello", 5));
    for (size_t cut = 0; cut < len; cut++) {
        msi_envelope_fault fault = msi_envelope_parse(slice(bytes, cut), 9, &got);
        cr_assert_eq(fault,
                     cut < e.header_len ? MSI_ENVELOPE_TRUNCATED : MSI_ENVELOPE_CHECK_FAILED);
        cr_assert(cut >= e.header_len || msi_envelope_inflates(slice(bytes, cut)) == 0);
    }
    cr_assert_eq(msi_envelope_parse(slice(NULL, 0), 9, &got), MSI_ENVELOPE_TRUNCATED);
}

Test(envelope, faults_say_what_is_wrong)
{
    uint8_t bytes[64];
    mst_envelope e = full, got;
    size_t len = compose(bytes, &e, slice("hello", 5));
    bytes[0] = '{';
    cr_assert_eq(msi_envelope_parse(slice(bytes, len), 9, &got), MSI_ENVELOPE_NO_MAGIC);
    bytes[0] = 0xC1;
    for (unsigned version = 0; version < 16; version++) {
        bytes[1] = (uint8_t) (version << 4 | 2 | 4 | 8);
        reseal(bytes, e.header_len, 9, len);
        cr_assert_eq(msi_envelope_parse(slice(bytes, len), 9, &got),
                     version == 1 ? MSI_ENVELOPE_OK : MSI_ENVELOPE_VERSION_UNKNOWN);
    }
    bytes[1] = 0x1E;
    reseal(bytes, e.header_len, 9, len);
    cr_assert_eq(msi_envelope_parse(slice(bytes, len), 5, &got), MSI_ENVELOPE_OK);
    cr_assert_eq(msi_envelope_parse(slice(bytes, len), 4, &got), MSI_ENVELOPE_TOO_BIG);
}

/* Bytes 0 and 1, id, created, check, then `rest`, a payload of one byte, and a right checksum. */
static msi_envelope_fault parse_built(unsigned flags, const char *id, size_t id_len,
                                      const char *rest, size_t rest_len)
{
    uint8_t bytes[64] = {0xC1, (uint8_t) (0x10 | flags)};
    mst_envelope got;
    size_t check_at = 2 + id_len + 6, header_len = check_at + 4 + rest_len;
    memcpy(bytes + 2, id, id_len);
    memcpy(bytes + check_at + 4, rest, rest_len);
    bytes[header_len] = 'x';
    reseal(bytes, header_len, check_at, header_len + 1);
    return msi_envelope_parse(slice(bytes, header_len + 1), 9, &got);
}

Test(envelope, other_spellings_are_refused)
{
    cr_assert_eq(parse_built(0, "\x01", 1, "", 0), MSI_ENVELOPE_OK);
    cr_assert_eq(parse_built(0, "\x00", 1, "", 0), MSI_ENVELOPE_MALFORMED, "serializer 0");
    cr_assert_eq(parse_built(0, "\x81\x00", 2, "", 0), MSI_ENVELOPE_MALFORMED, "1 in two bytes");
    cr_assert_eq(parse_built(0, "\x80\x00", 2, "", 0), MSI_ENVELOPE_MALFORMED, "0 in two bytes");
    cr_assert_eq(parse_built(0, "\x80\x01", 2, "", 0), MSI_ENVELOPE_OK);
    cr_assert_eq(parse_built(1, "\x01", 1, "\x01\x09\0\0\0", 5), MSI_ENVELOPE_OK);
    cr_assert_eq(parse_built(1, "\x01", 1, "\x00\x09\0\0\0", 5), MSI_ENVELOPE_MALFORMED);
    cr_assert_eq(parse_built(1, "\x01", 1, "\x01\x00\0\0\0", 5), MSI_ENVELOPE_MALFORMED);
    cr_assert_eq(parse_built(1, "\x01", 1, "\x01\x0a\0\0\0", 5), MSI_ENVELOPE_TOO_BIG);
    cr_assert_eq(parse_built(2, "\x01", 1, "\0\0\0\0", 4), MSI_ENVELOPE_MALFORMED, "schema 0");
    cr_assert_eq(parse_built(8, "\x01", 1, "\0\0", 2), MSI_ENVELOPE_MALFORMED, "window 0");
    cr_assert_eq(parse_built(8, "\x01", 1, "\0\x20", 2), MSI_ENVELOPE_MALFORMED, "0 * 16");
    cr_assert_eq(parse_built(8, "\x01", 1, "\xff\x21", 2), MSI_ENVELOPE_MALFORMED, "511 * 16");
    cr_assert_eq(parse_built(8, "\x01", 1, "\x00\x22", 2), MSI_ENVELOPE_OK, "512 * 16");
}

Test(envelope, the_public_reader_explains)
{
    uint8_t bytes[64];
    mst_envelope e = full, got;
    mst_error error = {0, ""};
    size_t len = compose(bytes, &e, slice("hello", 5));
    cr_assert_eq(mst_envelope_read(slice(bytes, len), &got, &error), MST_OK);
    cr_assert_eq(got.schema_id, full.schema_id);
    cr_assert_eq(got.raw_len, 5);
    bytes[len - 1] ^= 1;
    cr_assert_eq(mst_envelope_read(slice(bytes, len), &got, &error), MST_ECORRUPT);
    cr_assert(strstr(error.text, "checksum"), "%s", error.text);
    cr_assert_eq(mst_envelope_read(slice("", 0), &got, NULL), MST_ECORRUPT);
    cr_assert_eq(mst_envelope_read(slice(NULL, 5), &got, NULL), MST_EINVAL);
    cr_assert_eq(mst_envelope_read(slice(bytes, len), NULL, NULL), MST_EINVAL);
}

Test(envelope, each_fault_has_its_own_text)
{
    for (int i = 0; i <= MSI_ENVELOPE_FAULTS; i++) {
        for (int k = 0; k < i; k++) {
            cr_assert_str_neq(msi_envelope_fault_text((msi_envelope_fault) i),
                              msi_envelope_fault_text((msi_envelope_fault) k));
        }
    }
}
