/* brotli_test.c - the compressor plugin: round trips under all options, and hostile streams. */
#include <brotli/encode.h>
#include <criterion/criterion.h>
#include <string.h>

#include "base/hash.h"
#include "codec_floor.h"

enum { SIZE = 300000 };

static codec_floor floor_;
static uint8_t text[SIZE], noise[SIZE], packed[2 * SIZE], unpacked[SIZE + 128];

static void setup(void)
{
    uint64_t x = 7;
    codec_floor_open(&floor_);
    for (size_t i = 0; i < SIZE; i++) {
        x = msi_mix(x + i);
        noise[i] = (uint8_t) x;
        text[i] = (uint8_t) "etaoin shrdlu "[x % 14];
    }
}

#define BROTLI_TEST(name) Test(brotli, name, .init = setup)

static const mst_compressor_ops *ops_of(const msi_instance *i)
{
    return &i->plugin->ops.compressor;
}

static mst_status unpack(msi_instance *i, const void *bytes, size_t len, size_t raw_len)
{
    memset(unpacked + raw_len, 0x5A, 64);
    mst_status status = ops_of(i)->decompress(i->self, (mst_slice){bytes, len}, unpacked, raw_len);
    for (int k = 0; k < 64; k++) {
        cr_assert_eq(unpacked[raw_len + (size_t) k], 0x5A, "written behind the end");
    }
    return status;
}

static size_t round_trip(msi_instance *i, const uint8_t *data, size_t len)
{
    size_t bound = ops_of(i)->bound(i->self, len), out = 0;
    cr_assert(bound > 0 && bound <= sizeof packed);
    cr_assert_eq(ops_of(i)->compress(i->self, (mst_slice){data, len}, packed, bound, &out), MST_OK);
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

BROTLI_TEST(every_quality_and_size_comes_back)
{
    static const size_t sizes[] = {1, 2, 100, 1023, 1024, 1025, 4096, 65520, 65537, 100000};
    for (int quality = 0; quality <= 11; quality++) {
        char number[3] = {(char) ('0' + quality / 10), (char) ('0' + quality % 10), 0};
        const char *options[] = {"quality", number, "mode", quality & 1 ? "text" : "generic", NULL};
        msi_instance *i =
            codec_floor_instance(&floor_, &memstache_module_compressor_brotli, options);
        cr_assert_not_null(i);
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            if (quality < 10 || sizes[k] < 5000) {
                size_t out = round_trip(i, text, sizes[k]);
                cr_assert(sizes[k] < 1000 || out < sizes[k] * 7 / 10);
                round_trip(i, noise, sizes[k]);
            }
        }
        msi_instance_release(i);
    }
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

BROTLI_TEST(every_window_comes_back)
{
    for (int window = 10; window <= 24; window++) {
        char number[3] = {(char) ('0' + window / 10), (char) ('0' + window % 10), 0};
        const char *options[] = {"window", number, NULL};
        msi_instance *i =
            codec_floor_instance(&floor_, &memstache_module_compressor_brotli, options);
        cr_assert_not_null(i);
        round_trip(i, text, SIZE);
        msi_instance_release(i);
    }
    cr_assert_null(codec_floor_instance(&floor_, &memstache_module_compressor_brotli,
                                        (const char *[]){"window", "25", NULL}));
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

/* Memory follows the value, not the configured window. */
BROTLI_TEST(small_values_take_little_memory)
{
    msi_instance *i = floor_.readers[FLOOR_BROTLI];
    size_t resting = floor_.plugins.bytes;
    floor_.plugins.peak = 0;
    round_trip(i, text, 1000);
    cr_assert_lt(floor_.plugins.peak - resting, 1 << 20);
    cr_assert_eq(floor_.plugins.bytes, resting);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

/* Between calls, at most a working block for each of four threads is kept. */
BROTLI_TEST(working_memory_is_kept_and_bounded)
{
    msi_instance *i = codec_floor_instance(&floor_, &memstache_module_compressor_brotli, NULL);
    size_t resting = floor_.plugins.bytes;
    long calls = 0;
    for (int n = 0; n < 5; n++) {
        calls = floor_.trigger.calls;
        round_trip(i, text, SIZE);
    }
    cr_assert_gt(floor_.plugins.bytes, resting);
    cr_assert_leq(floor_.plugins.bytes - resting, (4 << 20) + 64);
    long warm = floor_.trigger.calls - calls;
    msi_instance_release(i);
    i = codec_floor_instance(&floor_, &memstache_module_compressor_brotli, NULL);
    calls = floor_.trigger.calls;
    round_trip(i, text, SIZE);
    cr_assert_lt(warm + 10, floor_.trigger.calls - calls, "fewer allocations than the first time");
    msi_instance_release(i);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

/* What other writers make, with the largest window that the format has. */
BROTLI_TEST(streams_of_other_encoders_are_read)
{
    for (int window = 10; window <= 24; window += 7) {
        for (int quality = 1; quality <= 9; quality += 4) {
            size_t len = sizeof packed;
            cr_assert(BrotliEncoderCompress(quality, window, BROTLI_MODE_GENERIC, SIZE, text, &len,
                                            packed));
            cr_assert_eq(unpack(floor_.readers[FLOOR_BROTLI], packed, len, SIZE), MST_OK);
            cr_assert_eq(memcmp(unpacked, text, SIZE), 0);
        }
    }
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

/* A stream of 16 MiB of zeros, announced as 1,000 bytes: a bomb. */
BROTLI_TEST(bombs_stay_small)
{
    size_t len = sizeof packed, huge = 16 << 20;
    uint8_t *zeros = calloc(1, huge);
    cr_assert(BrotliEncoderCompress(9, 24, BROTLI_MODE_GENERIC, huge, zeros, &len, packed));
    free(zeros);
    cr_assert_lt(len, 1000);
    size_t resting = floor_.plugins.bytes;
    floor_.plugins.peak = 0;
    cr_assert_eq(unpack(floor_.readers[FLOOR_BROTLI], packed, len, 1000), MST_ECORRUPT);
    cr_assert_lt(floor_.plugins.peak - resting, (4 << 20) + 4096);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

BROTLI_TEST(broken_streams_are_refused)
{
    msi_instance *i = floor_.readers[FLOOR_BROTLI];
    size_t len = 0, resting = floor_.plugins.bytes;
    unsigned refused = 0;
    uint8_t broken[2 * SIZE];
    cr_assert_eq(
        ops_of(i)->compress(i->self, (mst_slice){text, 20000}, packed, sizeof packed, &len),
        MST_OK);
    floor_.plugins.peak = 0;
    for (size_t n = 0; n < 3000; n++) {
        memcpy(broken, packed, len);
        broken[msi_mix(n) % (n % 2 ? len : 40)] ^= (uint8_t) (1u << n % 8);
        refused += unpack(i, broken, len, 20000) == MST_ECORRUPT;
    }
    for (size_t n = 0; n < 3000; n++) {
        refused += unpack(i, noise + n, 1 + n % 100, 1 + n % 1000) == MST_ECORRUPT;
    }
    cr_assert_gt(refused, 4000);
    cr_assert_eq(unpack(i, "", 0, 10), MST_ECORRUPT);
    cr_assert_lt(floor_.plugins.peak - resting, (4 << 20) + (64 << 10) + 4096);
    cr_assert_eq(floor_.plugins.bytes, resting);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

BROTLI_TEST(too_little_room_is_not_overrun)
{
    msi_instance *i = floor_.readers[FLOOR_BROTLI];
    size_t len = 0;
    packed[100] = 0x77;
    cr_assert_eq(ops_of(i)->compress(i->self, (mst_slice){noise, 5000}, packed, 100, &len),
                 MST_ETOOBIG);
    cr_assert_eq(packed[100], 0x77);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}
