/* store.h - a value made ready for tiers: sealed once, put into many. */
#ifndef MSI_STORE_H
#define MSI_STORE_H

#include "pipeline/lane.h"
#include "pipeline/near.h"

typedef struct msi_store {
    _Atomic uint32_t refs; /* each far op holds one until its tier is done with the bytes */
    mst_cache *cache;
    msi_value *value;
    msi_life life;
    uint32_t cost;
    int compress;
    bool has_seal;
    msi_sealed sealed;
    /* on its way through the worker pool */
    msi_lane *lane;
    uv_work_t work;
    mst_status status;
    void (*ready)(void *owner, mst_status);
    void *owner;
} msi_store;

/* Takes a reference of the value. NULL: out of memory. */
msi_store *msi_store_new(mst_cache *, msi_value *, const mst_entry *, const msi_life *);
void msi_store_release(void *store); /* NULL is fine */

/* Do tiers `first` up to, without, `last` hold envelopes? */
bool msi_store_needs_seal(const mst_cache *, unsigned first, unsigned last);
/* Is sealing work for the pool? */
bool msi_store_is_large(const msi_store *);
/* Compress and seal, on this thread. */
mst_status msi_store_seal(msi_store *);
/* [loop] The same on a worker; ready() runs on the loop, later, once. */
void msi_store_seal_later(msi_store *, msi_lane *, void (*ready)(void *owner, mst_status),
                          void *owner);

/* Under the stripe: put it into one in-process tier. `flags`: MST_OPF_IF_*. */
mst_status msi_store_near(msi_store *, unsigned index, msi_key_ref, uint16_t flags);
/* Plain bytes that no tier has to have sealed, as the caller lends them: made anew for each set,
 * and therefore small beside an msi_store. */
typedef struct msi_plain {
    mst_cache *cache;
    mst_slice bytes;
    msi_life life; /* created now */
    uint32_t cost;
} msi_plain;
mst_status msi_store_plain(const msi_plain *, unsigned index, const msi_key_ref *, uint16_t flags);
/* [loop] A SET for a far tier, to be sent. NULL: out of memory. */
msi_op *msi_store_far(msi_store *, msi_port *, unsigned index, msi_key_ref, uint16_t flags);

/* Under the stripe: a value found in tier `found` goes to the in-process tiers before it. */
void msi_store_promote_near(mst_cache *, unsigned found, msi_key_ref, msi_value *);

#endif
