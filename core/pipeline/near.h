/* near.h - in-process tiers, asked and changed on the calling thread. [any-thread]
 *
 * Changes are made under the stripe of the key (claims.h), with one exception: putting a decoded
 * object in the place of its own bytes. */
#ifndef MSI_NEAR_H
#define MSI_NEAR_H

#include "pipeline/cache.h"
#include "pipeline/value.h"

/* A key on its way: hashed once. */
typedef struct msi_key_ref {
    mst_slice key;
    uint64_t hash;
} msi_key_ref;

/* Ask the leading near tiers. MST_OK and *r, which lends straight from the tier where it can;
 * else MST_MISS, r->why saying why. With `defer`, MST_PENDING for a value that is there and whose
 * unpacking is work for the pool. */
mst_status msi_near_get(mst_cache *, msi_key_ref, const mst_options *, bool defer, mst_result *r);
/* The same for n keys in one call per tier, deferring; each result has its own status. */
void msi_near_get_many(mst_cache *, const msi_key_ref *, size_t n, const mst_options *,
                       mst_result *r);
/* Is it in one of the leading near tiers? MST_OK with its life in *r, or MST_MISS. */
mst_status msi_near_exists(mst_cache *, msi_key_ref, mst_result *r);
mst_status msi_near_exists_in(mst_cache *, unsigned index, msi_key_ref, mst_result *r);

/* One in-process tier, as a value: MST_OK, MST_MISS, or MST_ECORRUPT and the like. */
mst_status msi_near_fetch(mst_cache *, unsigned index, msi_key_ref, uint32_t flags,
                          msi_value **out);

/* What a sealed in-process tier holds, unopened: MST_OK and *pin, which is the caller's then. */
mst_status msi_near_lend(mst_cache *, unsigned index, msi_key_ref, uint32_t flags, mst_value *pin,
                         uint64_t *expires_ms);

/* Put a decoded object where the bytes of `v` are, unless the entry has changed: the next typed hit
 * decodes nothing. `v` comes from msi_near_fetch() of that tier. */
void msi_near_hold(mst_cache *, unsigned index, msi_key_ref, const msi_value *v, msi_object *);

/* Under the stripe. DEL and TOUCH in one in-process tier; MST_OK or MST_MISS. */
mst_status msi_near_remove(mst_cache *, unsigned index, msi_key_ref);
mst_status msi_near_touch(mst_cache *, unsigned index, msi_key_ref, msi_life, uint64_t now);

/* An op on the stack. */
void msi_near_op(mst_op *, const mst_cache *, uint16_t code, msi_key_ref, uint64_t now);

/* An empty result of the given status. */
mst_result msi_result(mst_status, int why);

#endif
