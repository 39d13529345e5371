/* msgpack_test.c - messages as MessagePack: exact bytes, what is accepted, what is refused. That
 * other programs agree is tested by typed_msgpack.py.
 *
 * Payloads are spelt in hexadecimal, with short texts in quotes: "81 'f_int32' 05". */
#include <criterion/criterion.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "codec_floor.h"
#include "messages.h"
#include "plugins/serializer/msgpack/mapping.h"

#define DESCRIPTOR(name) &memstache__test__##name##__descriptor

typedef Memstache__Test__Everything everything;
typedef Memstache__Test__Chain chain;
typedef Memstache__Test__Legacy legacy;

static codec_floor floor_;
static msi_instance *instance; /* what the functions below use */

static void setup(void)
{
    codec_floor_open(&floor_);
    instance = floor_.readers[FLOOR_MSGPACK];
}

#define MSGPACK_TEST(name) Test(msgpack, name, .init = setup)

static mst_status encode(const void *object, msi_bytes *out)
{
    const ProtobufCMessage *message = object;
    msi_bytes_init(out, &floor_.own.allocator, 64 << 20);
    return instance->plugin->ops.serializer.encode(instance->self, message->descriptor, object,
                                                   &out->sink);
}

static void *decode(const void *descriptor, const void *data, size_t len, mst_status *status)
{
    void *object = NULL;
    size_t bytes = 0, before = (size_t) instance->bytes;
    *status = instance->plugin->ops.serializer.decode(instance->self, descriptor,
                                                      (mst_slice){data, len}, &object, &bytes);
    cr_assert_eq((size_t) instance->bytes - before, *status ? 0 : bytes, "charged as taken");
    return object;
}

static void destroy(void *object)
{
    instance->plugin->ops.serializer.destroy(instance->self,
                                             ((ProtobufCMessage *) object)->descriptor, object);
}

static mst_status decode_only(const void *descriptor, const void *data, size_t len)
{
    mst_status status;
    void *object = decode(descriptor, data, len, &status);
    if (status == MST_OK) {
        destroy(object);
    }
    return status;
}

/* The length. */
static size_t spell(const char *text, uint8_t *out)
{
    uint8_t *at = out;
    while (*text) {
        if (*text == '\'') {
            size_t len = strcspn(text + 1, "'");
            *at++ = (uint8_t) (0xA0 | len);
            memcpy(at, text + 1, len);
            at += len;
            text += len + 2;
        } else if (isspace((unsigned char) *text)) {
            text++;
        } else {
            unsigned byte = 0;
            cr_assert_eq(sscanf(text, "%2x", &byte), 1, "%s", text);
            *at++ = (uint8_t) byte;
            text += 2;
        }
    }
    return (size_t) (at - out);
}

static void round_trip(const void *object)
{
    msi_bytes out;
    const ProtobufCMessage *message = object;
    mst_status status;
    cr_assert_eq(encode(object, &out), MST_OK);
    void *got = decode(message->descriptor, out.data, out.len, &status);
    cr_assert_eq(status, MST_OK);
    cr_assert(message_equal(got, message));
    destroy(got);
    msi_bytes_fini(&out);
}

static void expect_bytes(const void *object, const char *spelt)
{
    uint8_t wanted[2048];
    size_t len = spell(spelt, wanted);
    msi_bytes out;
    cr_assert_eq(encode(object, &out), MST_OK);
    for (size_t i = 0; i < len && i < out.len; i++) {
        cr_assert_eq(out.data[i], wanted[i], "byte %zu is %02x and not %02x", i, out.data[i],
                     wanted[i]);
    }
    cr_assert_eq(out.len, len);
    msi_bytes_fini(&out);
}

static void all_round_trips(void)
{
    Memstache__Test__Product empty = MEMSTACHE__TEST__PRODUCT__INIT;
    round_trip(message_everything());
    round_trip(message_product());
    round_trip(message_legacy());
    round_trip(&empty);
}

MSGPACK_TEST(every_kind_of_field_comes_back)
{
    all_round_trips();
    instance = codec_floor_instance(&floor_, &memstache_module_serializer_msgpack,
                                    (const char *[]){"names", "no", NULL});
    all_round_trips();
    msi_instance_release(instance);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

MSGPACK_TEST(the_bytes_are_as_the_page_says)
{
    Memstache__Test__Product empty = MEMSTACHE__TEST__PRODUCT__INIT;
    expect_bytes(&empty, "80");
    expect_bytes(
        message_product(),
        "89 'sku' '4711-B' 'display_name' d9 40"
        "4561752064652043 6f6c6f676e652c20 4563687420 4b6f656c6e6973636820 5761737365722c20"
        "4561752064652043 6f6c6f676e652064 6520436f6c6f676e65"
        "'price_cents' cf 00 20 00 00 00 00 00 01"
        "'tags' 93 'perfume for him' 'perfume for her' 'perfume for all'"
        "'color' 'COLOR_GREEN' 'stock_by_store' 82 'Glockengasse' 0c 'Paris' 00"
        "'related' 81 'sku' '4711-A' 'thumbnail' c4 08 89504e470d0a1a0a"
        "'weight_kg' cb 3fd6666666666666");
    expect_bytes(message_legacy(),
                 "8b 'id' a0 'count' 00 'level' 00 'raw' c4 00 'active' c2 'size' 'SIZE_S'"
                 "'child' 82 'id' 'child' 'count' fd 'packed' 93 01 02 03 'loose' 92 04 05"
                 "'names' 81 05 'five' 'word' 'picked'");
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

MSGPACK_TEST(numbers_are_smaller_than_names)
{
    instance = codec_floor_instance(&floor_, &memstache_module_serializer_msgpack,
                                    (const char *[]){"names", "no", NULL});
    chain leaf = MEMSTACHE__TEST__CHAIN__INIT, root = MEMSTACHE__TEST__CHAIN__INIT;
    leaf.value = -1;
    root.next = &leaf;
    root.choice_case = MEMSTACHE__TEST__CHAIN__CHOICE_SHADE;
    root.shade = MEMSTACHE__TEST__COLOR__COLOR_GREEN;
    expect_bytes(&root, "82 01 81 03 ff 09 02");
    msi_instance_release(instance);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

/* ---- reading what others write */

static bool reads(const void *descriptor, const char *spelt)
{
    uint8_t bytes[1024], *exact;
    size_t len = spell(spelt, bytes);
    exact = malloc(len + !len); /* so that ASan sees what is read behind it */
    memcpy(exact, bytes, len);
    mst_status status = decode_only(descriptor, exact, len);
    free(exact);
    cr_assert(status == MST_OK || status == MST_ECORRUPT, "%d: %s", (int) status, spelt);
    return status == MST_OK;
}

static const everything *read_everything(const char *spelt)
{
    static everything *last;
    uint8_t bytes[1024];
    mst_status status;
    if (last) {
        destroy(last);
        last = NULL;
    }
    if (spelt) {
        size_t len = spell(spelt, bytes);
        last = decode(DESCRIPTOR(everything), bytes, len, &status);
        cr_assert_eq(status, MST_OK, "%s", spelt);
    }
    return last;
}

MSGPACK_TEST(both_keys_of_a_field_are_read)
{
    cr_assert_eq(read_everything("81 'f_int32' 05")->f_int32, 5);
    cr_assert_eq(read_everything("81 01 06")->f_int32, 6);
    cr_assert_eq(read_everything("81 cf0000000000000001 06")->f_int32, 6);
    cr_assert_str_eq(read_everything("81 '_odd__Name9_x' 'y'")->_odd__name9_x, "y");
    cr_assert_eq(read_everything("82 'f_int32' 05 'f_int32' 07")->f_int32, 7, "the last one");
    cr_assert_eq(read_everything("83 'f_int32' c0 'f_chain' c0 'r_int32' c0")->f_int32, 0);
    read_everything(NULL);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

MSGPACK_TEST(what_the_type_does_not_know_is_ignored)
{
    static const char *const unknown[] = {
        "'f_int3' 05",
        "'f_int322' 05",
        "a0 05",
        "64 05",
        "ff 05",
        "cfffffffffffffffff 05",
        "cf0000000100000001 'x'",
        "c4 07 665f696e743332 05", /* bytes are no name */
        "c0 05",
        "93 01 02 03 05",
        "'other' 92 01 82 'a' c0 01 93 c2 c3 80",
        "'other' c7 03 01 aabbcc",
        "'other' d4 ff 00",
        "'other' d6 ff 5e9f2d00",
        "'other' ca 7fc00000",
        "'other' c4 02 0000",
    };
    char text[256];
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        snprintf(text, sizeof text, "83 'f_sint32' 04 %s 'f_int32' 07", unknown[i]);
        const everything *e = read_everything(text);
        cr_assert(e->f_int32 == 7 && e->f_sint32 == 4, "%s", text);
    }
    read_everything(NULL);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

MSGPACK_TEST(numbers_are_read_in_all_spellings)
{
    static const char *const minus_one[] = {"ff",
                                            "d0ff",
                                            "d1ffff",
                                            "d2ffffffff",
                                            "d3ffffffffffffffff",
                                            "cabf800000",
                                            "cbbff0000000000000"};
    static const char *const seven[] = {"07",
                                        "cc07",
                                        "cd0007",
                                        "ce00000007",
                                        "cf0000000000000007",
                                        "d007",
                                        "d10007",
                                        "d200000007",
                                        "d30000000000000007",
                                        "ca40e00000",
                                        "cb401c000000000000"};
    char text[256];
    for (size_t i = 0; i < sizeof minus_one / sizeof minus_one[0]; i++) {
        snprintf(text, sizeof text, "83 'f_int32' %s 'f_sint64' %s 'f_float' %s", minus_one[i],
                 minus_one[i], minus_one[i]);
        const everything *e = read_everything(text);
        cr_assert(e->f_int32 == -1 && e->f_sint64 == -1 && e->f_float == -1, "%s", text);
    }
    for (size_t i = 0; i < sizeof seven / sizeof seven[0]; i++) {
        snprintf(text, sizeof text, "84 'f_int32' %s 'f_uint64' %s 'f_double' %s 'f_uint32' %s",
                 seven[i], seven[i], seven[i], seven[i]);
        const everything *e = read_everything(text);
        cr_assert(e->f_int32 == 7 && e->f_uint64 == 7 && e->f_double == 7 && e->f_uint32 == 7, "%s",
                  text);
    }
    cr_assert_eq(read_everything("81 'f_int64' d38000000000000000")->f_int64, INT64_MIN);
    cr_assert_eq(read_everything("81 'f_int64' cbc3e0000000000000")->f_int64, INT64_MIN);
    cr_assert_eq(read_everything("81 'f_uint64' cb43e0000000000000")->f_uint64, UINT64_C(1) << 63);
    cr_assert_eq(read_everything("81 'f_uint64' cfffffffffffffffff")->f_uint64, UINT64_MAX);
    cr_assert_eq(read_everything("81 'f_int32' cb8000000000000000")->f_int32, 0, "minus zero");
    cr_assert_float_eq(read_everything("81 'f_float' cb47efffffe0000000")->f_float, 3.4028235e38f,
                       0);
    cr_assert(isnan(read_everything("81 'f_float' cb7ff8000000000000")->f_float));
    cr_assert(isinf(read_everything("81 'f_double' caff800000")->f_double));
    cr_assert_eq(read_everything("81 'f_color' fb")->f_color, MEMSTACHE__TEST__COLOR__COLOR_BELOW);
    cr_assert_eq(read_everything("81 'f_color' 'COLOR_RED'")->f_color, 1);
    cr_assert_eq((int) read_everything("81 'f_color' cd0300")->f_color, 768);
    cr_assert_eq(memcmp(read_everything("81 'f_bytes' a2 ff00")->f_bytes.data, "\xff\0", 2), 0);
    read_everything(NULL);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

static const char *const bad[] = {
    "",
    "c0",
    "90",
    "05",
    "'text'",
    "c1",
    "81",
    "81 'f_int32'",
    "80 80",
    "80 c0",
    "81 'f_int32' c1",
    "81 'f_int32' ce80000000",
    "81 'f_int32' d3ffffffff7fffffff",
    "81 'f_int32' cb3ff8000000000000", /* 1.5 */
    "81 'f_int32' cb7ff8000000000000", /* not a number */
    "81 'f_int32' cb7ff0000000000000", /* infinity */
    "81 'f_int32' cb41e0000000000000", /* 2^31 */
    "81 'f_int32' '5'",
    "81 'f_int32' c3",
    "81 'f_int32' 91 01",
    "81 'f_int32' 80",
    "81 'f_int32' d4 01 05", /* an extension */
    "81 'f_uint32' ff",
    "81 'f_uint32' cf0000000100000000",
    "81 'f_uint64' ff",
    "81 'f_uint64' cb43f0000000000000", /* 2^64 */
    "81 'f_uint64' cbbff0000000000000",
    "81 'f_int64' cf8000000000000000",
    "81 'f_int64' cb43e0000000000000", /* 2^63 */
    "81 'f_int64' cbc3e0000000000001",
    "81 'f_double' '1.5'",
    "81 'f_double' c2",
    "81 'f_float' cb47f0000000000000", /* 2^128 */
    "81 'f_float' cb7e37e43c8800759c", /* 1e300 */
    "81 'f_bool' 01",
    "81 'f_bool' 'true'",
    "81 'f_string' 05",
    "81 'f_string' c4 01 61",
    "81 'f_string' a3 610062", /* a zero inside */
    "81 'f_bytes' 05",
    "81 'f_bytes' 91 01",
    "81 'f_color' 'PUCE'",
    "81 'f_color' 'COLOR_RE'",
    "81 'f_color' 'COLOR_REDD'",
    "81 'f_color' a0",
    "81 'f_color' cb3ff8000000000000",
    "81 'f_color' cf0000000100000000",
    "81 'f_chain' 90",
    "81 'f_chain' 'x'",
    "81 'f_chain' 91 80",
    "81 'r_int32' 05",
    "81 'r_int32' 91 c0",
    "81 'r_int32' 81 00 01",
    "81 'r_chain' 92 80 05",
    "81 'm_int32' 90",
    "81 'm_int32' 81 'x' 'y'",
    "81 'm_int32' 81 '1' 'y'",
    "81 'm_int32' 81 ce80000000 'y'",
    "81 'm_int32' 81 01 c0",
    "81 'm_int32' 81 01 02",
    "81 'm_bool' 81 01 01",
    "81 'm_string' 81 05 01",
    "81 'not_a_map' 81 'key' 03",
    "81 'f_chain' 82 'text' 'a' 'number' 01", /* two of a oneof */
    "81 'f_chain' 82 'text' 'a' 'text' 'b'",
};

MSGPACK_TEST(what_does_not_fit_is_refused)
{
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_not(reads(DESCRIPTOR(everything), bad[i]), "%s", bad[i]);
    }
    cr_assert_not(reads(DESCRIPTOR(legacy), "81 'id' 'x'"), "count is required");
    cr_assert_not(reads(DESCRIPTOR(legacy), "82 'id' 'x' 'count' c0"));
    cr_assert(reads(DESCRIPTOR(legacy), "82 'id' 'x' 'count' 00"));
    cr_assert_eq(decode_only("no descriptor at all", "\x80", 1), MST_EINVAL);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

MSGPACK_TEST(presence_is_kept)
{
    uint8_t bytes[256];
    mst_status status;
    size_t len = spell("84 'id' 'x' 'count' 01 'level' 07 'number' 00", bytes);
    legacy *l = decode(DESCRIPTOR(legacy), bytes, len, &status);
    cr_assert_eq(status, MST_OK);
    cr_assert(l->has_level && l->level == 7);
    cr_assert(!l->has_active && l->active, "the default of an absent field");
    cr_assert_str_eq(l->label, "none");
    cr_assert_eq(l->pick_case, MEMSTACHE__TEST__LEGACY__PICK_NUMBER);
    destroy(l);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

/* ---- bounds */

static bool reads_nested(const char *open, const char *middle, size_t n)
{
    uint8_t unit[64];
    size_t len = spell(open, unit), total = 0;
    uint8_t *bytes = malloc(n * len + 64);
    for (size_t i = 0; i < n; i++, total += len) {
        memcpy(bytes + total, unit, len);
    }
    total += spell(middle, bytes + total);
    mst_status status = decode_only(DESCRIPTOR(chain), bytes, total);
    cr_assert(status == MST_OK || status == MST_ECORRUPT);
    free(bytes);
    return status == MST_OK;
}

MSGPACK_TEST(nesting_is_limited)
{
    cr_assert(reads_nested("81 'next'", "80", 100));
    cr_assert_not(reads_nested("81 'next'", "80", 101));
    cr_assert(reads_nested("81 'more' 91", "80", 100));
    cr_assert_not(reads_nested("81 'more' 91", "80", 101));
    cr_assert(reads_nested("81 'named' 81 'x'", "80", 100));
    cr_assert_not(reads_nested("81 'named' 81 'x'", "80", 101));
    cr_assert_not(reads_nested("81 'next'", "80", 100000));
    cr_assert_not(reads_nested("91", "00", 100000));
    cr_assert(reads_nested("81 'unknown'", "c0", 800), "walked, not descended into");
    cr_assert_not(reads_nested("81 'unknown'", "c0", 100000));
    instance = codec_floor_instance(&floor_, &memstache_module_serializer_msgpack,
                                    (const char *[]){"max_depth", "400", NULL});
    cr_assert(reads_nested("81 'more' 91", "80", 400), "the deepest that may be asked for");
    cr_assert_not(reads_nested("81 'more' 91", "80", 401));
    msi_instance_release(instance);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

MSGPACK_TEST(too_deep_objects_are_not_written)
{
    static chain links[102];
    msi_bytes out;
    for (int i = 0; i < 102; i++) {
        memstache__test__chain__init(&links[i]);
        links[i].next = i < 101 ? &links[i + 1] : NULL;
    }
    cr_assert_eq(encode(&links[1], &out), MST_OK, "100 levels below the root");
    msi_bytes_fini(&out);
    cr_assert_eq(encode(&links[0], &out), MST_EINVAL);
    msi_bytes_fini(&out);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

/* A few bytes that claim to be the head of something huge get no memory for it. */
MSGPACK_TEST(claims_cost_nothing)
{
    static const char *const claims[] = {
        "dfffffffff",
        "81 'r_int32' ddffffffff",
        "81 'f_string' dbffffffff",
        "81 'f_bytes' c6ffffffff",
        "81 'x' c9ffffffff 01",
        "81 'x' c9fffffffe 01",
        "dfffffffff 'f_int32' 05",
        "ddffffffff 00 00 00",
        "81 'more' 91 ddffffffff",
    };
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        size_t resting = floor_.plugins.bytes;
        floor_.plugins.peak = 0;
        reads(DESCRIPTOR(everything), claims[i]);
        cr_assert_lt(floor_.plugins.peak - resting, 40 << 10, "%s", claims[i]);
    }
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

MSGPACK_TEST(memory_is_limited)
{
    enum { MANY = 200000 };
    static uint8_t bytes[MANY + 32];
    instance = codec_floor_instance(&floor_, &memstache_module_serializer_msgpack,
                                    (const char *[]){"max_memory", "1MiB", NULL});
    size_t head = spell("81 'unknown' dd00030d40", bytes);
    size_t resting = floor_.plugins.bytes;
    floor_.plugins.peak = 0;
    cr_assert_eq(decode_only(DESCRIPTOR(chain), bytes, head + MANY), MST_ETOOBIG, "200,000 values");
    cr_assert_leq(floor_.plugins.peak - resting, 2 << 20);
    head = spell("81 'more' dd00004e20", bytes);
    memset(bytes + head, 0x80, MANY / 10);
    floor_.plugins.peak = 0;
    cr_assert_eq(decode_only(DESCRIPTOR(chain), bytes, head + MANY / 10), MST_ETOOBIG,
                 "20,000 messages of a byte");
    cr_assert_leq(floor_.plugins.peak - resting, 3 << 20);
    head = spell("81 'unknown' dc2710", bytes);
    memset(bytes + head, 0, MANY);
    cr_assert_eq(decode_only(DESCRIPTOR(chain), bytes, head + 10000), MST_OK);
    msi_instance_release(instance);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

MSGPACK_TEST(every_failing_allocation_is_an_error)
{
    msi_bytes out, again;
    cr_assert_eq(encode(message_everything(), &out), MST_OK);
    long n = 1;
    for (; n < 1000; n++) {
        floor_.trigger.fail_at = floor_.trigger.calls + n;
        mst_status status = decode_only(DESCRIPTOR(everything), out.data, out.len);
        if (status == MST_OK) {
            break;
        }
        cr_assert_eq(status, MST_ENOMEM);
    }
    cr_assert(n > 4 && n < 1000, "%ld", n);
    for (n = 1; n < 1000; n++) {
        floor_.trigger.fail_at = floor_.trigger.calls + n;
        mst_status status = encode(message_everything(), &again);
        msi_bytes_fini(&again);
        if (status == MST_OK) {
            break;
        }
        cr_assert_eq(status, MST_ENOMEM);
    }
    cr_assert(n > 1 && n < 1000, "%ld", n);
    floor_.trigger.fail_at = 0;
    msi_bytes_fini(&out);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

MSGPACK_TEST(what_is_too_big_for_the_sink_is_an_error)
{
    msi_bytes out;
    const ProtobufCMessage *message = &message_everything()->base;
    cr_assert_eq(encode(message, &out), MST_OK);
    size_t len = out.len;
    msi_bytes_fini(&out);
    for (size_t limit = 1; limit < len; limit += 97) {
        msi_bytes_init(&out, &floor_.own.allocator, limit);
        cr_assert_eq(instance->plugin->ops.serializer.encode(instance->self, message->descriptor,
                                                             message, &out.sink),
                     MST_ETOOBIG);
        msi_bytes_fini(&out);
    }
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

MSGPACK_TEST(broken_payloads_are_misses)
{
    static uint8_t broken[16384];
    msi_bytes out;
    uint64_t x = 5;
    unsigned refused = 0;
    cr_assert_eq(encode(message_everything(), &out), MST_OK);
    cr_assert_leq(out.len, sizeof broken);
    for (size_t cut = 0; cut < out.len; cut++) {
        uint8_t *exact = malloc(cut + !cut);
        memcpy(exact, out.data, cut);
        cr_assert_eq(decode_only(DESCRIPTOR(everything), exact, cut), MST_ECORRUPT);
        free(exact);
    }
    for (size_t bit = 0; bit < 8 * out.len; bit++) {
        out.data[bit / 8] ^= (uint8_t) (1u << bit % 8);
        mst_status status = decode_only(DESCRIPTOR(everything), out.data, out.len);
        cr_assert(status == MST_OK || status == MST_ECORRUPT);
        out.data[bit / 8] ^= (uint8_t) (1u << bit % 8);
    }
    for (int n = 0; n < 20000; n++) {
        x = msi_mix(x + 1);
        memcpy(broken, out.data, out.len);
        broken[x % out.len] = (uint8_t) (x >> 32);
        broken[(x >> 16) % out.len] = (uint8_t) (0xC0 + (x >> 40) % 32);
        refused += decode_only(DESCRIPTOR(everything), broken, out.len) == MST_ECORRUPT;
    }
    cr_assert_gt(refused, 5000);
    msi_bytes_fini(&out);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}
