/* near.h - in-process tiers, asked and changed on the calling thread. [any-thread]
 *
 * Changes are made under the stripe of the key (claims.h), with one exception: putting a decoded
 * object in the place of its own bytes. */
#ifndef MSI_NEAR_H
#define MSI_NEAR_H

#include "base/clock.h"
#include "pipeline/cache.h"
#include "pipeline/value.h"

/* A key on its way: hashed once. */
typedef struct msi_key_ref {
    mst_slice key;
    uint64_t hash;
} msi_key_ref;

/* Ask the leading near tiers from `first` on. MST_OK and *r, which lends straight from the tier
 * where it can; else MST_MISS, r->why saying why. With `defer`, MST_PENDING for a value that is
 * there and whose unpacking is work for the pool. (Key and hash on their own travel in registers.)
 */
mst_status msi_near_search(mst_cache *, unsigned first, mst_slice key, uint64_t hash,
                           const mst_options *, bool defer, mst_result *r);
/* The same for n keys in one call per tier, deferring; each result has its own status. How many of
 * them are MST_OK. */
size_t msi_near_get_many(mst_cache *, const msi_key_ref *, size_t n, const mst_options *,
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
mst_status msi_near_touch(mst_cache *, unsigned index, msi_key_ref, const msi_life *, uint64_t now);

/* Ops and results are set field by field, all of them, because it is done for every hit: compilers
 * zero such a literal with an instruction that is slow to begin, or make it elsewhere and copy it
 * in other portions than it was written, for which a processor waits. */
_Static_assert(offsetof(mst_op, out_object) + sizeof(mst_object *) == sizeof(mst_op),
               "a field was added: set it in msi_near_op(), too");

/* An op on the stack. */
static inline void msi_near_op(mst_op *op, const mst_cache *c, uint16_t code, msi_key_ref k,
                               uint64_t now)
{
    op->struct_size = sizeof *op;
    op->code = code;
    op->flags = 0;
    op->status = MST_OK;
    op->priv_offset = 0;
    op->hash = k.hash;
    op->space = &c->space;
    op->key.data = k.key.data;
    op->key.len = k.key.len;
    op->now_ms = now;
    op->deadline_ms = 0;
    op->value = NULL;
    op->value_parts = 0;
    op->cost = 0;
    op->object = NULL;
    op->same = NULL;
    op->tag = 0;
    op->expires_ms = 0;
    op->sliding_ms = 0;
    op->created_ms = 0;
    op->limit_ms = 0;
    op->out = (mst_value){0};
    op->out_object = NULL;
}

/* An empty result of the given status, in place. */
static inline void msi_result_set(mst_result *r, mst_status status, int why)
{
    r->status = status;
    r->why = (int16_t) why;
    r->tier = MST_TIER_NONE;
    r->data = NULL;
    r->len = 0;
    r->object = NULL;
    r->age_ms = -1;
    r->ttl_ms = -1;
    r->release = NULL;
    r->owner = NULL;
}

/* ---- the shortest way, for bytes that the nearest tier holds ready. What is not needed for those
 * is kept out of it, since the memory accesses of one call overlap with those of the next only as
 * far as a processor looks ahead, some hundred instructions. */

/* A question that a lookup of the nearest tier can answer. */
static inline bool msi_is_plain(const mst_options *o)
{
    return !o->type && !(o->flags & MST_F_PEEK);
}

/* Without hash and now_ms. */
static inline void msi_ask_lookup(mst_lookup *l, mst_slice key, msi_tally *own)
{
    l->key.data = key.data;
    l->key.len = key.len;
    l->asker = &own->asker;
}

/* The clock is not read twice: `now` is when the tier was asked. */
static inline void msi_result_times(mst_result *r, uint64_t created_ms, uint64_t expires_ms,
                                    uint64_t now)
{
    if (created_ms) {
        r->age_ms = created_ms < now ? (int64_t) (now - created_ms) : 0;
    }
    if (expires_ms && expires_ms != MST_TIME_UNKNOWN) {
        r->ttl_ms = expires_ms > now ? (int64_t) (expires_ms - now) : 0;
    }
}

static inline mst_status msi_near_get_at(mst_cache *c, unsigned first, mst_slice key, uint64_t hash,
                                         msi_tally *own, const mst_options *o, uint64_t now,
                                         bool defer, mst_result *r)
{
    if (!first && own && c->quick && msi_is_plain(o)) {
        mst_lookup l;
        msi_ask_lookup(&l, key, own);
        l.hash = hash;
        l.now_ms = now;
        mst_status status = c->quick(c->nearest, &l, r);
        if (status == MST_OK) {
            msi_count_in(&c->counters, own, MSI_COUNT_now_hits, 1);
            return MST_OK;
        }
        first = status == MST_MISS;
    }
    mst_status status = msi_near_search(c, first, key, hash, o, defer, r);
    if (status == MST_OK) {
        msi_count_in(&c->counters, own, MSI_COUNT_now_hits + (unsigned) r->tier, 1);
    }
    return status;
}

/* The same, and says how long it took. */
mst_status msi_near_get_timed(mst_cache *, unsigned first, mst_slice key, uint64_t hash,
                              msi_tally *own, const mst_options *, uint64_t now, bool defer,
                              mst_result *r);

/* The time for a look: as it is kept, else by the clock. */
static inline uint64_t msi_near_time(const mst_cache *c, msi_tally *own)
{
    uint64_t kept = msi_ticker_kept(c->ticker);
    return kept ? kept : own ? msi_ticker_read(c->ticker, &own->pace) : msi_now_ms();
}

/* As msi_near_search(); counts hits. `own`: the caller's tally, or NULL. */
static inline mst_status msi_near_get(mst_cache *c, unsigned first, mst_slice key, uint64_t hash,
                                      msi_tally *own, const mst_options *o, bool defer,
                                      mst_result *r)
{
    uint64_t now = msi_near_time(c, own);
    return msi_is_timed(now) ? msi_near_get_timed(c, first, key, hash, own, o, now, defer, r)
                             : msi_near_get_at(c, first, key, hash, own, o, now, defer, r);
}

static inline mst_result msi_result(mst_status status, int why)
{
    mst_result r;
    msi_result_set(&r, status, why);
    return r;
}

#endif
