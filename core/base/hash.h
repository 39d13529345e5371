/* hash.h - the seeded key hash and the checksum of envelopes: XXH3 (xxhash.h, compiled in). */
#ifndef MSI_HASH_H
#define MSI_HASH_H

#include <stddef.h>
#include <stdint.h>

/* [any-thread] The seed is drawn per runtime and mixed with the space, so that nobody outside can
 * choose keys that collide. */
uint64_t msi_hash(const void *data, size_t len, uint64_t seed);
/* Random bits for seeds; never fails (falls back on clocks and addresses). */
uint64_t msi_random_seed(void);
/* One mixing step, for jitter and for spreading bits. */
uint64_t msi_mix(uint64_t);

#endif
