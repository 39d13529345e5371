/* The key hash is XXH3-64: envelopes are checked with it, so it may never become another one. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

Test(hash, is_xxh3_64)
{
    /* Published by xxHash: the empty input, and the empty input with a seed. */
    cr_assert_eq(msi_hash("", 0, 0), UINT64_C(0x2D06800538D394C2));
    cr_assert_eq(msi_hash("", 0, UINT64_C(0x9E3779B185EBCA8D)), UINT64_C(0xA8A6B918B2F0364A));
}

Test(hash, same_bytes_same_hash_wherever_they_lie)
{
    char room[600];
    for (size_t len = 0; len < 300; len += 7) {
        char bytes[300];
        memset(bytes, (int) len, sizeof bytes);
        uint64_t first = msi_hash(bytes, len, 42);
        for (size_t shift = 0; shift < 16; shift++) {
            memcpy(room + shift, bytes, len);
            cr_assert_eq(msi_hash(room + shift, len, 42), first);
        }
    }
}

Test(hash, seed_and_length_matter)
{
    cr_assert_neq(msi_hash("key", 3, 1), msi_hash("key", 3, 2));
    cr_assert_neq(msi_hash("key\0", 4, 1), msi_hash("key", 3, 1));
}

/* 65,536 consecutive keys over 64 shards: every shard within a tenth of its share. */
Test(hash, spreads_consecutive_keys)
{
    unsigned low[64] = {0}, high[64] = {0};
    for (int i = 0; i < 65536; i++) {
        char key[16];
        int len = snprintf(key, sizeof key, "user:%d", i);
        uint64_t hash = msi_hash(key, (size_t) len, 0);
        low[hash % 64]++;
        high[hash >> 58]++;
    }
    for (int i = 0; i < 64; i++) {
        cr_assert(low[i] > 900 && low[i] < 1150, "low bits %d: %u", i, low[i]);
        cr_assert(high[i] > 900 && high[i] < 1150, "high bits %d: %u", i, high[i]);
    }
}

/* Each step of it can be undone, so no two numbers meet; and all bits are moved. */
Test(mix, changes_half_of_the_bits)
{
    unsigned long changed = 0;
    for (uint64_t i = 1; i <= 1000; i++) {
        for (int bit = 0; bit < 64; bit++) {
            changed += (unsigned long) __builtin_popcountll(msi_mix(i) ^
                                                            msi_mix(i ^ (UINT64_C(1) << bit)));
        }
    }
    double share = (double) changed / (64 * 64 * 1000.0);
    cr_assert(share > 0.45 && share < 0.55, "%f of the bits", share);
}

Test(seed, differs_each_time)
{
    uint64_t a = msi_random_seed(), b = msi_random_seed(), c = msi_random_seed();
    cr_assert(a != b && b != c && a != c);
}

Test(clocks, go_forwards)
{
    uint64_t ns = msi_now_ns(), ms = msi_now_ms();
    cr_assert_neq(ms, 0);
    for (int i = 0; i < 1000; i++) {
        uint64_t next_ns = msi_now_ns(), next_ms = msi_now_ms();
        cr_assert_geq(next_ns, ns);
        cr_assert_geq(next_ms, ms);
        ns = next_ns;
        ms = next_ms;
    }
    cr_assert_leq(ms, msi_now_ns() / 1000000 + 1, "both are the monotonic clock");
    cr_assert_lt(msi_now_ns() / 1000000 - (ms - 1), 60000);
    cr_assert_gt(msi_wall_ms(), UINT64_C(1600000000000));
}
