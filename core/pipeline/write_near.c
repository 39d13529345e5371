/* write_near.c - in-process tiers are changed under the stripe of the key, or without where begin()
 * says so: on the caller's thread when there are no others, else on the loop, by write.c. */
#include "pipeline/write_near.h"

#include "base/clock.h"
#include "pipeline/write.h"

uint16_t msi_conditions(const mst_options *o)
{
    return (uint16_t) ((o->flags & MST_F_IF_ABSENT ? MST_OPF_IF_ABSENT : 0) |
                       (o->flags & MST_F_IF_PRESENT ? MST_OPF_IF_PRESENT : 0));
}

/* A condition is decided by the farthest tier (the caller has seen to it that it is in process);
 * the nearer ones then follow it. One of `s` and `plain` is what is set. */
static void set_in_tiers(mst_cache *c, msi_store *s, const msi_plain *plain, const msi_key_ref *k,
                         uint16_t conditions, mst_result *result)
{
    mst_status status = MST_MISS;
    int tier = MST_TIER_NONE;
    for (unsigned i = c->tier_count; i-- > 0;) {
        if (!c->tiers[i]->near) {
            continue;
        }
        bool decides = i + 1 == c->tier_count;
        uint16_t flags = decides ? conditions : 0;
        mst_status took =
            plain ? msi_store_plain(plain, i, k, flags) : msi_store_near(s, i, *k, flags);
        if (took == MST_OK) {
            tier = (int) i;
        } else if (status == MST_MISS || took < 0) {
            status = took;
        }
        if (decides && conditions && took != MST_OK) {
            break; /* nothing changes */
        }
    }
    status = tier >= 0 ? MST_OK : status;
    msi_result_set(result, status, tier >= 0 ? MST_WHY_STORED : MST_WHY_NOT_STORED);
    result->tier = (int16_t) tier;
}

mst_result msi_set_near(msi_store *s, msi_key_ref k, uint16_t conditions)
{
    mst_result r;
    set_in_tiers(s->cache, s, NULL, &k, conditions, &r);
    return r;
}

mst_result msi_remove_near(mst_cache *c, msi_key_ref k)
{
    mst_result r = msi_result(MST_MISS, MST_WHY_MISS);
    for (unsigned i = 0; i < c->tier_count; i++) {
        if (c->tiers[i]->near && msi_near_remove(c, i, k) == MST_OK && r.status == MST_MISS) {
            r = msi_result(MST_OK, MST_WHY_REMOVED);
            r.tier = (int16_t) i;
        }
    }
    return r;
}

mst_result msi_touch_near(mst_cache *c, msi_key_ref k, const msi_life *life)
{
    mst_result r = msi_result(MST_MISS, MST_WHY_MISS);
    for (unsigned i = 0; i < c->tier_count; i++) {
        mst_status status =
            c->tiers[i]->near ? msi_near_touch(c, i, k, life, life->created_ms) : MST_MISS;
        if (status == MST_OK && r.status != MST_OK) {
            r = msi_result(MST_OK, MST_WHY_HIT);
            r.tier = (int16_t) i;
        } else if (status < 0 && r.status == MST_MISS) {
            r = msi_result(status, MST_WHY_TIER_FAILED);
        }
    }
    return r;
}

/* ---- on the caller's thread */

static bool is_written(msi_stripe *stripe, const msi_key_ref *k)
{
    return msi_claim_find(stripe, MSI_CLAIM_ANNOUNCED, k->hash, k->key, NULL) ||
           msi_claim_find(stripe, MSI_CLAIM_BUSY, k->hash, k->key, NULL);
}

/* The stripe, or NULL when a write of the key is on its way through the loop: this one must not
 * overtake it. */
static msi_stripe *lock_unwritten(mst_cache *c, const msi_key_ref *k)
{
    msi_stripe *stripe = msi_claims_lock(&c->claims, k->hash);
    if (!msi_stripe_idle(stripe) && is_written(stripe, k)) {
        msi_claims_unlock(stripe);
        return NULL;
    }
    return stripe;
}

/* Begin to change a key: false, when it has to wait for another write. *stripe: to be unlocked
 * afterwards. There is none for a single tier whose stripe is idle: that tier puts its operations
 * in an order itself, no write is on its way, and whoever begins to fetch or load from now on finds
 * what the caller knows. */
static bool begin(mst_cache *c, const msi_key_ref *k, bool touch, msi_stripe **stripe)
{
    *stripe = NULL;
    if (c->tier_count == 1 && msi_claims_idle(&c->claims, k->hash)) {
        return true;
    }
    *stripe = lock_unwritten(c, k);
    if (*stripe && !msi_stripe_idle(*stripe)) {
        msi_claim_supersede(*stripe, k->hash, k->key, touch);
    }
    return *stripe;
}

static void end(msi_stripe *stripe)
{
    if (stripe) {
        msi_claims_unlock(stripe);
    }
}

/* Bytes into tiers that hold values: nothing is prepared, the provider copies from the caller. */
static mst_status set_bytes(mst_cache *c, const msi_key_ref *k, const mst_input *in,
                            const mst_options *o, uint64_t now, mst_result *result)
{
    msi_stripe *stripe;
    if (!begin(c, k, false, &stripe)) {
        return MST_PENDING;
    }
    msi_plain plain = {.cache = c, .bytes = {in->data, in->len}, .cost = o->entry.cost};
    msi_cache_life(c, &o->entry, now, &plain.life);
    set_in_tiers(c, NULL, &plain, k, msi_conditions(o), result);
    end(stripe);
    if (in->release) {
        in->release(in->owner);
    }
    return result->status;
}

/* Anything else is encoded and sealed first, outside the stripe. A write that is announced
 * meanwhile is concurrent with this one, so that either may be the last. */
static mst_status set_prepared(mst_cache *c, const msi_key_ref *k, const mst_input *in,
                               const mst_options *o, uint64_t now, mst_result *result)
{
    msi_stripe *stripe = lock_unwritten(c, k);
    if (!stripe) {
        return MST_PENDING;
    }
    msi_claims_unlock(stripe);
    msi_value *v;
    mst_status status =
        msi_value_from_input(&c->codec, c->allocator, in, o->type, c->settings.max_value_bytes, &v);
    if (status) {
        return status;
    }
    msi_life life;
    msi_cache_life(c, &o->entry, now, &life);
    msi_store *s = msi_store_new(c, v, &o->entry, &life);
    status = s ? MST_OK : MST_ENOMEM;
    if (s && msi_store_needs_seal(c, 0, c->tier_count)) {
        status = msi_store_seal(s);
    }
    if (!status) {
        stripe = msi_claims_lock(&c->claims, k->hash);
        msi_claim_supersede(stripe, k->hash, k->key, false);
        *result = msi_set_near(s, *k, msi_conditions(o));
        msi_claims_unlock(stripe);
        status = result->status;
    }
    msi_store_release(s);
    msi_value_release(v);
    return status;
}

static mst_status set_now(mst_cache *c, const msi_key_ref *k, const mst_input *in,
                          const mst_options *o, uint64_t now, mst_result *result)
{
    bool seals = msi_store_needs_seal(c, 0, c->tier_count);
    bool large = in->len >= c->settings.offload_bytes;
    if (seals && large && c->codec.compressor && o->entry.compress != MST_NO) {
        return MST_PENDING; /* work for the pool */
    }
    if (!o->type && in->len > c->settings.max_value_bytes) {
        if (in->release) {
            in->release(in->owner);
        }
        return MST_ETOOBIG;
    }
    return o->type || seals ? set_prepared(c, k, in, o, now, result)
                            : set_bytes(c, k, in, o, now, result);
}

static mst_status change_now(mst_cache *c, msi_request_kind kind, const msi_key_ref *k,
                             const mst_options *o, uint64_t now, mst_result *result)
{
    msi_stripe *stripe;
    if (!begin(c, k, kind == MSI_TOUCH, &stripe)) {
        return MST_PENDING;
    }
    if (kind == MSI_REMOVE) {
        *result = msi_remove_near(c, *k);
    } else {
        msi_life life;
        msi_cache_life(c, &o->entry, now, &life);
        *result = msi_touch_near(c, *k, &life);
    }
    end(stripe);
    return result->status;
}

static mst_status write_now(mst_cache *c, msi_request_kind kind, const msi_key_ref *k,
                            const mst_input *in, const mst_options *o, mst_result *result)
{
    uint64_t now = msi_now_ms();
    bool timed = msi_is_timed(now);
    uint64_t began = timed ? msi_now_ns() : 0;
    msi_result_set(result, MST_PENDING, MST_WHY_NONE);
    mst_status status = kind == MSI_SET ? set_now(c, k, in, o, now, result)
                                        : change_now(c, kind, k, o, now, result);
    if (timed && status != MST_PENDING) {
        msi_histogram_record_shared(&c->near_took[kind], msi_now_ns() - began);
    }
    return status;
}

mst_status msi_write_now(mst_cache *c, msi_request_kind kind, const msi_key_ref *k,
                         const mst_input *in, const mst_options *o, mst_result *result)
{
    if (!msi_cache_all_near(c)) {
        return MST_PENDING;
    }
    mst_status status = write_now(c, kind, k, in, o, result);
    if (status < 0 && status != result->status) {
        msi_result_set(result, status, MST_WHY_REJECTED);
    }
    if (status != MST_PENDING) {
        msi_counter of = status < 0 ? MSI_COUNT_now_errors : MSI_COUNT_now_answers;
        msi_count(&c->counters, of + kind, 1);
    }
    return status;
}
