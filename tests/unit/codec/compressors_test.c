/* compressors_test.c - the compressors whose library keeps contexts: round trips under all levels,
 * little room, little memory, and hostile streams. That the tools of the libraries agree is tested
 * by packed.py, brotli by brotli_test.c. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "codec_floor.h"

enum { SIZE = 300000, HUGE = 16 << 20, FLIPPED = 700 };

typedef struct subject {
    const char *name;
    const mst_module *module;
    int levels;
    const char *checked[5]; /* options with which a stream proves its content */
    size_t header_max;      /* the most of a stream that is not compressed content */
    size_t inflating_max;   /* memory for a value that came from elsewhere */
    long anew;              /* allocations for a value, when a context waits */
} subject;

static const subject subjects[] = {
    {"zstd",
     &memstache_module_compressor_zstd,
     19,
     {"checksum", "yes", "level", "5", NULL},
     22,
     256 << 10,
     0},
    /* Two blocks of 4 MiB, which a header may ask for, and what a block may refer to. */
    {"lz4",
     &memstache_module_compressor_lz4,
     12,
     {"checksum", "yes", NULL},
     27,
     (8 << 20) + (192 << 10),
     1},
    {"gzip", &memstache_module_compressor_gzip, 9, {NULL}, 18, 64 << 10, 0},
};
#define EACH_SUBJECT(s)                                                                            \
    for (const subject *s = subjects; s < subjects + sizeof subjects / sizeof subjects[0]; s++)

static codec_floor floor_;
static uint8_t text[SIZE], noise[SIZE], packed[2 * SIZE], unpacked[SIZE + 128];

static void setup(void)
{
    static const char *const words[] = {"eau ",  "de ",        "Cologne, ", "4711 ",
                                        "Echt ", "Koelnisch ", "Wasser. ",  "Glockengasse "};
    const char *word = "";
    uint64_t x = 7;
    codec_floor_open(&floor_);
    for (size_t i = 0; i < SIZE; i++) {
        x = msi_mix(x + i);
        noise[i] = (uint8_t) x;
        word = *word ? word : words[x % 8];
        text[i] = (uint8_t) *word++;
    }
}

#define COMPRESSORS_TEST(name) Test(compressors, name, .init = setup)

static msi_instance *instance(const subject *s, const char *const *options)
{
    msi_instance *i = codec_floor_instance(&floor_, s->module, options);
    cr_assert_not_null(i, "%s", s->name);
    return i;
}

static mst_status pack(msi_instance *i, const void *data, size_t len, size_t cap, size_t *out)
{
    *out = 0;
    return i->plugin->ops.compressor.compress(i->self, (mst_slice){data, len}, packed, cap, out);
}

static mst_status unpack(msi_instance *i, const void *bytes, size_t len, size_t raw_len)
{
    memset(unpacked + raw_len, 0x5A, 64);
    mst_status status =
        i->plugin->ops.compressor.decompress(i->self, (mst_slice){bytes, len}, unpacked, raw_len);
    for (int k = 0; k < 64; k++) {
        cr_assert_eq(unpacked[raw_len + (size_t) k], 0x5A, "written behind the end");
    }
    return status;
}

static size_t bound_of(msi_instance *i, size_t len)
{
    return i->plugin->ops.compressor.bound(i->self, len);
}

static size_t round_trip(msi_instance *i, const uint8_t *data, size_t len)
{
    size_t bound = bound_of(i, len), out;
    cr_assert(bound > len && bound <= sizeof packed - 1);
    cr_assert_eq(pack(i, data, len, bound, &out), MST_OK);
    cr_assert_leq(out, bound);
    cr_assert_eq(unpack(i, packed, out, len), MST_OK);
    cr_assert_eq(memcmp(unpacked, data, len), 0);
    cr_assert_eq(unpack(i, packed, out, len - 1), MST_ECORRUPT, "longer than announced");
    cr_assert_eq(unpack(i, packed, out, len + 1), MST_ECORRUPT, "shorter than announced");
    cr_assert_eq(unpack(i, packed, out - 1, len), MST_ECORRUPT, "cut");
    packed[out] = 0;
    cr_assert_eq(unpack(i, packed, out + 1, len), MST_ECORRUPT, "something behind the end");
    return out;
}

COMPRESSORS_TEST(every_level_and_size_comes_back)
{
    static const size_t sizes[] = {1,     2,     15,    100,   1023,   1024,  4096,
                                   65535, 65536, 65537, 70000, 131072, 150000};
    EACH_SUBJECT(s)
    {
        for (int level = 1; level <= s->levels; level++) {
            char number[12];
            snprintf(number, sizeof number, "%d", level);
            msi_instance *i = instance(s, (const char *[]){"level", number, NULL});
            for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
                size_t out = round_trip(i, text, sizes[k]);
                cr_assert(sizes[k] < 1000 || out < sizes[k] * 6 / 10, "%s %d", s->name, level);
                if (level % 4 == 1) {
                    round_trip(i, noise, sizes[k]);
                }
            }
            msi_instance_release(i);
        }
        char beyond[12];
        snprintf(beyond, sizeof beyond, "%d", s->levels + 1);
        cr_assert_null(
            codec_floor_instance(&floor_, s->module, (const char *[]){"level", beyond, NULL}));
    }
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

/* A compressor is chosen for all values, also those that cannot be packed. */
COMPRESSORS_TEST(what_cannot_shrink_fits_in_the_bound)
{
    EACH_SUBJECT(s)
    {
        msi_instance *i = instance(s, NULL);
        for (size_t len = 1; len <= 4096; len = len * 5 / 4 + 1) {
            round_trip(i, noise + len, len);
        }
        round_trip(i, noise, SIZE - 1);
        cr_assert_eq(bound_of(i, SIZE_MAX), 0, "%s", s->name);
        msi_instance_release(i);
    }
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

COMPRESSORS_TEST(too_little_room_is_not_overrun)
{
    EACH_SUBJECT(s)
    {
        msi_instance *i = instance(s, NULL);
        size_t out;
        for (size_t cap = 0; cap < 5000; cap += 1 + cap / 7) {
            memset(packed + cap, 0x77, 64);
            cr_assert_eq(pack(i, noise, 5000, cap, &out), MST_ETOOBIG, "%s", s->name);
            for (size_t k = 0; k < 64; k++) {
                cr_assert_eq(packed[cap + k], 0x77, "%s: written behind %zu", s->name, cap);
            }
        }
        round_trip(i, text, 5000);
        msi_instance_release(i);
    }
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

/* ---- memory */

/* One value after the other takes nothing anew, but for a buffer of liblz4's; what waits for the
 * next one is bounded. */
COMPRESSORS_TEST(contexts_are_used_again)
{
    EACH_SUBJECT(s)
    {
        msi_instance *i = instance(s, NULL);
        size_t out, resting = floor_.plugins.bytes;
        cr_assert_eq(pack(i, text, 100000, bound_of(i, 100000), &out), MST_OK);
        cr_assert_eq(unpack(i, packed, out, 100000), MST_OK);
        long calls = floor_.trigger.calls;
        cr_assert_gt(floor_.plugins.bytes, resting);
        cr_assert_leq(floor_.plugins.bytes - resting, 4 << 20);
        for (int n = 0; n < 5; n++) {
            cr_assert_eq(pack(i, text, 100000, bound_of(i, 100000), &out), MST_OK);
            cr_assert_eq(unpack(i, packed, out, 100000), MST_OK);
        }
        cr_assert_eq(floor_.trigger.calls, calls + 5 * s->anew, "%s: %ld", s->name,
                     floor_.trigger.calls - calls);
        msi_instance_release(i);
    }
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

COMPRESSORS_TEST(small_values_take_little_memory)
{
    EACH_SUBJECT(s)
    {
        msi_instance *i = instance(s, NULL);
        size_t resting = floor_.plugins.bytes;
        floor_.plugins.peak = 0;
        round_trip(i, text, 1000);
        cr_assert_lt(floor_.plugins.peak - resting, 1 << 20, "%s: %zu", s->name,
                     floor_.plugins.peak - resting);
        msi_instance_release(i);
    }
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

COMPRESSORS_TEST(huge_contexts_are_not_kept)
{
    EACH_SUBJECT(s)
    {
        char number[12];
        size_t out, resting = floor_.plugins.bytes;
        snprintf(number, sizeof number, "%d", s->levels);
        msi_instance *i = instance(s, (const char *[]){"level", number, NULL});
        floor_.plugins.peak = 0;
        cr_assert_eq(pack(i, text, SIZE, bound_of(i, SIZE), &out), MST_OK);
        fprintf(stderr, "%s at level %s: %zu bytes of memory, %zu kept\n", s->name, number,
                floor_.plugins.peak - resting, floor_.plugins.bytes - resting);
        cr_assert_leq(floor_.plugins.bytes - resting, (4 << 20) + 4096, "%s", s->name);
        msi_instance_release(i);
    }
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

static mst_status one_failure(const subject *s, long n, size_t packed_len)
{
    size_t out;
    msi_instance *i = instance(s, NULL);
    floor_.trigger.fail_at = floor_.trigger.calls + n;
    mst_status status = packed_len ? unpack(i, packed, packed_len, 100000)
                                   : pack(i, text, 100000, bound_of(i, 100000), &out);
    bool reached = floor_.trigger.calls >= floor_.trigger.fail_at;
    floor_.trigger.fail_at = 0;
    cr_assert_eq(status, reached ? MST_ENOMEM : MST_OK, "%s: allocation %ld", s->name, n);
    if (reached) { /* and it works again */
        status = packed_len ? unpack(i, packed, packed_len, 100000)
                            : pack(i, text, 100000, bound_of(i, 100000), &out);
        cr_assert_eq(status, MST_OK, "%s: after allocation %ld", s->name, n);
    }
    msi_instance_release(i);
    return reached ? MST_ENOMEM : MST_OK;
}

COMPRESSORS_TEST(every_failing_allocation_is_an_error)
{
    EACH_SUBJECT(s)
    {
        size_t out;
        long n = 1;
        while (one_failure(s, n, 0)) {
            cr_assert_lt(n++, 100);
        }
        cr_assert_gt(n, 1, "%s compresses without memory of the host", s->name);
        msi_instance *i = instance(s, NULL);
        cr_assert_eq(pack(i, text, 100000, bound_of(i, 100000), &out), MST_OK);
        msi_instance_release(i);
        for (n = 1; one_failure(s, n, out); n++) {
            cr_assert_lt(n, 100);
        }
        cr_assert_gt(n, 1, "%s inflates without memory of the host", s->name);
    }
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

/* ---- hostile streams */

/* 16 MiB of zeros, announced as 1,000 bytes. */
COMPRESSORS_TEST(bombs_stay_small)
{
    uint8_t *zeros = calloc(1, HUGE), *bomb = malloc(HUGE + HUGE / 16);
    EACH_SUBJECT(s)
    {
        size_t out = 0, peak;
        msi_instance *i = instance(s, NULL);
        cr_assert_leq(bound_of(i, HUGE), HUGE + HUGE / 16);
        cr_assert_eq(i->plugin->ops.compressor.compress(i->self, (mst_slice){zeros, HUGE}, bomb,
                                                        bound_of(i, HUGE), &out),
                     MST_OK);
        cr_assert_lt(out, HUGE / 100);
        msi_instance_release(i);
        i = instance(s, NULL);
        size_t resting = floor_.plugins.bytes;
        floor_.plugins.peak = 0;
        cr_assert_eq(unpack(i, bomb, out, 1000), MST_ECORRUPT, "%s", s->name);
        peak = floor_.plugins.peak;
        cr_assert(peak == 0 || peak - resting <= s->inflating_max, "%s: %zu", s->name, peak);
        msi_instance_release(i);
    }
    free(zeros);
    free(bomb);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

COMPRESSORS_TEST(a_checksum_finds_every_flipped_bit)
{
    EACH_SUBJECT(s)
    {
        msi_instance *i = instance(s, s->checked);
        size_t out, refused = 0;
        cr_assert_eq(pack(i, text, FLIPPED, sizeof packed, &out), MST_OK);
        for (size_t bit = 0; bit < 8 * out; bit++) {
            packed[bit / 8] ^= (uint8_t) (1u << bit % 8);
            mst_status status = unpack(i, packed, out, FLIPPED);
            packed[bit / 8] ^= (uint8_t) (1u << bit % 8);
            cr_assert(status == MST_ECORRUPT ||
                          (status == MST_OK && memcmp(unpacked, text, FLIPPED) == 0),
                      "%s: bit %zu changes the value", s->name, bit);
            refused += status == MST_ECORRUPT;
        }
        cr_assert_geq(refused, 8 * (out - s->header_max), "%s: %zu of %zu", s->name, refused,
                      8 * out);
        msi_instance_release(i);
    }
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

COMPRESSORS_TEST(every_truncation_is_refused)
{
    EACH_SUBJECT(s)
    {
        msi_instance *i = instance(s, NULL);
        size_t out;
        cr_assert_eq(pack(i, text, 3000, sizeof packed, &out), MST_OK);
        for (size_t len = 0; len < out; len++) {
            uint8_t *exact = malloc(len + !len); /* so that ASan sees what is read behind it */
            memcpy(exact, packed, len);
            cr_assert_eq(unpack(i, exact, len, 3000), MST_ECORRUPT, "%s: %zu", s->name, len);
            free(exact);
        }
        cr_assert_eq(unpack(i, packed, out, 3000), MST_OK);
        msi_instance_release(i);
    }
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

/* Broken at random, without a checksum that would tell: refused, or another value of that length.
 */
COMPRESSORS_TEST(broken_streams_are_bounded)
{
    static uint8_t broken[2 * SIZE];
    EACH_SUBJECT(s)
    {
        msi_instance *i = instance(s, NULL);
        size_t len, resting = floor_.plugins.bytes, refused = 0;
        cr_assert_eq(pack(i, text, 20000, sizeof packed, &len), MST_OK);
        msi_instance_release(i);
        i = instance(s, NULL);
        floor_.plugins.peak = 0;
        for (size_t n = 0; n < 3000; n++) {
            memcpy(broken, packed, len);
            broken[msi_mix(n) % (n % 2 ? len : 40)] ^= (uint8_t) (1u << n % 8);
            mst_status status = unpack(i, broken, len, 20000);
            cr_assert(status == MST_OK || status == MST_ECORRUPT, "%s", s->name);
            refused += status == MST_ECORRUPT;
        }
        cr_assert_gt(refused, 500, "%s: %zu", s->name, refused);
        memcpy(broken, packed, 40);
        for (size_t n = 0; n < 3000; n++) {
            size_t head = n % 30;
            memcpy(broken, packed, head);
            memcpy(broken + head, noise + n, 100);
            cr_assert_eq(unpack(i, broken, head + n % 100, 20000), MST_ECORRUPT);
        }
        cr_assert_leq(floor_.plugins.peak - resting, s->inflating_max, "%s: %zu", s->name,
                      floor_.plugins.peak - resting);
        msi_instance_release(i);
    }
    cr_assert_eq(codec_floor_close(&floor_), 0);
}
