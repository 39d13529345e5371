/* hash_short.h - msi_hash() in place, for callers to whom a call is much: keys are mostly short,
 * and the hash of a short one is a few instructions. */
#ifndef MSI_HASH_SHORT_H
#define MSI_HASH_SHORT_H

#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { MSI_HASH_SHORT = 16 };

uint64_t msi_hash_long(const void *data, size_t len, uint64_t seed);

static inline __attribute__((flatten)) uint64_t msi_hash_in_place(const void *data, size_t len,
                                                                  uint64_t seed)
{
    return len <= MSI_HASH_SHORT ? XXH3_64bits_withSeed(data, len, seed)
                                 : msi_hash_long(data, len, seed);
}

#endif
