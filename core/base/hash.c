/* hash.c - see hash.h. xxhash is compiled in, so that nothing has to be linked. */
#include "base/hash_short.h"

#include <sys/random.h>

#include "base/clock.h"

uint64_t msi_hash(const void *data, size_t len, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, len, seed);
}

uint64_t msi_mix(uint64_t x)
{
    x ^= x >> 32;
    x *= 0x9E3779B97F4A7C15u;
    x ^= x >> 29;
    x *= 0xBF58476D1CE4E5B9u;
    return x ^ (x >> 32);
}

uint64_t msi_random_seed(void)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == (ssize_t) sizeof seed) {
        return seed;
    }
    return msi_mix(msi_now_ns()) ^ msi_mix((uint64_t) (uintptr_t) &seed) ^ msi_wall_ms();
}
