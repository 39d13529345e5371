/* hash_short.h - msi_hash() in place, for callers to whom a call is much: keys are mostly short,
 * and the hash of a short one is a few instructions. */
#ifndef MSI_HASH_SHORT_H
#define MSI_HASH_SHORT_H

#include "base/hash.h"

#include <stdbool.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* The lengths of most keys: the hash of all of them is the same few instructions. */
static inline bool msi_hash_is_short(size_t len)
{
    return len - 9 < 8;
}

/* Of short keys only. */
static inline __attribute__((flatten)) uint64_t msi_hash_in_place(const void *data, size_t len,
                                                                  uint64_t seed)
{
    if (!msi_hash_is_short(len)) {
        __builtin_unreachable();
    }
    return XXH3_64bits_withSeed(data, len, seed);
}

#endif
