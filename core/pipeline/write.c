/* write.c - writes that go through the loop; write_now.c has those that need not. */
#include "pipeline/write.h"

#include "base/clock.h"
#include "pipeline/store.h"
#include "pipeline/write_near.h"

/* ---- announcing, on the caller's thread */

/* The key leaves the leading near tiers, so that a read that is asked for after the write does not
 * find what was there before it. The tier that decides about a condition keeps it. */
static void leave_near(mst_request *r)
{
    mst_cache *c = r->cache;
    unsigned last = c->near_count;
    if (msi_conditions(&r->options) && last == c->tier_count) {
        last--;
    }
    for (unsigned i = 0; i < last; i++) {
        if (msi_near_remove(c, i, r->k) == MST_OK && r->kind == MSI_REMOVE &&
            r->outcome_tier == MST_TIER_NONE) {
            r->outcome = MST_OK;
            r->outcome_tier = (int16_t) i;
        }
    }
}

mst_status msi_write_announce(mst_request *r, const mst_input *in)
{
    mst_cache *c = r->cache;
    if (in) {
        mst_status status = msi_value_from_input(&c->codec, c->allocator, in, r->options.type,
                                                 c->settings.max_value_bytes, &r->value);
        if (status) {
            msi_request_discard(r);
            return status;
        }
    }
    msi_stripe *stripe = msi_claims_lock(&c->claims, r->k.hash);
    msi_claim_supersede(stripe, r->k.hash, r->k.key, r->kind == MSI_TOUCH);
    msi_claim_add(stripe, &r->claim, MSI_CLAIM_ANNOUNCED, r->k.hash, r->k.key);
    if (r->kind != MSI_TOUCH) {
        leave_near(r);
    }
    msi_claims_unlock(stripe);
    return MST_OK;
}

static void let_go(mst_request *r)
{
    msi_store_release(r->store);
    msi_value_release(r->value);
    r->store = NULL;
    r->value = NULL;
}

void msi_write_forget(mst_request *r)
{
    if (r->claim.kind) {
        msi_stripe *stripe = msi_claims_lock(&r->cache->claims, r->k.hash);
        msi_claim_drop(stripe, &r->claim);
        msi_claims_unlock(stripe);
    }
    let_go(r);
}

/* ---- the outcome: one tier is enough for a set; a removal that a tier failed has not happened */

static void note(mst_request *r, mst_status status, unsigned tier)
{
    bool failed = r->outcome < 0 && r->kind == MSI_REMOVE;
    if (status == MST_OK && !failed && (r->outcome != MST_OK || (int) tier < r->outcome_tier)) {
        r->outcome = MST_OK;
        r->outcome_tier = (int16_t) tier;
    } else if (status < 0 && (r->kind == MSI_REMOVE || r->outcome != MST_OK)) {
        r->outcome = status;
    } else if (status == MST_UNCHANGED && r->outcome == MST_MISS) {
        r->outcome = status;
    }
}

static void conclude(mst_request *r)
{
    int why = MST_WHY_MISS;
    bool ok = r->outcome == MST_OK;
    if (msi_cache_closed(r->cache, r->outcome)) {
        why = MST_WHY_CLOSED;
    } else if (r->kind == MSI_SET) {
        why = ok ? MST_WHY_STORED : MST_WHY_NOT_STORED;
    } else if (ok) {
        why = r->kind == MSI_REMOVE ? MST_WHY_REMOVED : MST_WHY_HIT;
    } else if (r->outcome < 0) {
        why = MST_WHY_TIER_FAILED;
    }
    mst_result result = msi_result(r->outcome, why);
    result.tier = ok ? r->outcome_tier : MST_TIER_NONE;
    let_go(r);
    msi_request_finish(r, &result);
}

/* ---- making it, on the loop */

static void far_answered(msi_op *op, mst_status status)
{
    mst_request *r = op->owner;
    unsigned tier = 0;
    while (r->lane->ports[tier] != op->port) {
        tier++;
    }
    msi_trail_end(r->trail, MSI_STEP_TIER, tier, status);
    msi_op_free(op);
    note(r, status, tier);
    if (--r->outstanding == 0) {
        conclude(r);
    }
    msi_request_release(r);
}

static msi_op *far_op(mst_request *r, unsigned index)
{
    mst_cache *c = r->cache;
    msi_port *port = r->lane->ports[index];
    bool decides = index + 1 == c->tier_count;
    uint16_t flags = msi_conditions(&r->options);
    if (r->kind == MSI_SET && (decides || !flags)) {
        return msi_store_far(r->store, port, index, r->k, flags);
    }
    bool touch = r->kind == MSI_TOUCH;
    msi_op *op =
        msi_op_new(port, touch ? MST_OP_TOUCH : MST_OP_DEL, &c->space, r->k.key, r->k.hash);
    if (op && touch) {
        uint64_t now = msi_now_ms();
        msi_life life, held;
        msi_cache_life(c, &r->options.entry, now, &life);
        msi_cache_life_in(c, index, &life, now, &held);
        op->op.expires_ms = held.expires_ms;
        op->op.sliding_ms = held.sliding_ms;
    }
    return op;
}

/* All far tiers at once: the order of writes on a key is the order of sending. */
static void send_far(mst_request *r)
{
    mst_cache *c = r->cache;
    r->outstanding = 1; /* this function */
    msi_slides_forget(&r->lane->slides, r->k.hash);
    for (unsigned i = 0; i < c->tier_count; i++) {
        if (c->tiers[i]->near) {
            continue;
        }
        msi_op *op = far_op(r, i);
        if (!op) {
            note(r, MST_ENOMEM, i);
            continue;
        }
        r->outstanding++;
        msi_request_retain(r);
        msi_trail_begin(r->trail, MSI_STEP_TIER, i, op->op.code);
        msi_op_send(op, far_answered, r);
    }
    if (--r->outstanding == 0) {
        conclude(r);
    }
}

/* In-process tiers, under the stripe. */
static void change_near(mst_request *r)
{
    mst_cache *c = r->cache;
    mst_result result = {.status = MST_MISS};
    bool far_decides = !c->tiers[c->tier_count - 1]->near;
    if (r->kind == MSI_REMOVE ||
        (r->kind == MSI_SET && msi_conditions(&r->options) && far_decides)) {
        result = msi_remove_near(c, r->k);
        result.status = r->kind == MSI_SET ? MST_MISS : result.status;
    } else if (r->kind == MSI_SET) {
        result = msi_set_near(r->store, r->k, msi_conditions(&r->options));
    } else {
        msi_life life;
        msi_cache_life(c, &r->options.entry, msi_now_ms(), &life);
        result = msi_touch_near(c, r->k, &life);
    }
    if (result.status != MST_MISS) {
        note(r, result.status, result.tier >= 0 ? (unsigned) result.tier : 0);
    }
}

/* The write happens: in the near tiers under the stripe, then in the far ones; what waited behind
 * it begins afterwards. */
static void apply(mst_request *r)
{
    mst_cache *c = r->cache;
    msi_list followers;
    msi_list_init(&followers);
    r->writing = true;
    msi_stripe *stripe = msi_claims_lock(&c->claims, r->k.hash);
    msi_claim_supersede(stripe, r->k.hash, r->k.key, r->kind == MSI_TOUCH);
    change_near(r);
    msi_list_splice(&followers, &r->claim.followers);
    msi_claim_drop(stripe, &r->claim);
    msi_claims_unlock(stripe);
    send_far(r);
    for (msi_list *at; (at = msi_list_take(&followers));) {
        msi_request_begin(MSI_CONTAINER(at, mst_request, link));
    }
}

static void give_up(mst_request *r, mst_status status)
{
    r->outcome = status;
    msi_list followers;
    msi_list_init(&followers);
    msi_stripe *stripe = msi_claims_lock(&r->cache->claims, r->k.hash);
    msi_list_splice(&followers, &r->claim.followers);
    msi_claim_drop(stripe, &r->claim);
    msi_claims_unlock(stripe);
    conclude(r);
    for (msi_list *at; (at = msi_list_take(&followers));) {
        msi_request_begin(MSI_CONTAINER(at, mst_request, link));
    }
}

static void sealed(void *owner, mst_status status)
{
    mst_request *r = owner;
    msi_trail_end(r->trail, MSI_STEP_PACK, 0, status);
    if (status) {
        give_up(r, status);
    } else {
        apply(r);
    }
    msi_request_release(r);
}

static void begin_set(mst_request *r)
{
    mst_cache *c = r->cache;
    msi_life life;
    msi_cache_life(c, &r->options.entry, msi_now_ms(), &life);
    r->store = msi_store_new(c, r->value, &r->options.entry, &life);
    r->writing = true;
    msi_request_retain(r);
    if (!r->store) {
        sealed(r, MST_ENOMEM);
    } else if (!msi_store_needs_seal(c, 0, c->tier_count)) {
        sealed(r, MST_OK);
    } else if (!msi_store_is_large(r->store)) {
        sealed(r, msi_store_seal(r->store));
    } else {
        msi_stripe *stripe = msi_claims_lock(&c->claims, r->k.hash);
        r->claim.kind = MSI_CLAIM_BUSY;
        msi_claims_unlock(stripe);
        msi_trail_begin(r->trail, MSI_STEP_PACK, 0, 0);
        msi_store_seal_later(r->store, r->lane, sealed, r);
    }
}

void msi_write_begin(mst_request *r)
{
    msi_stripe *stripe = msi_claims_lock(&r->cache->claims, r->k.hash);
    msi_claim *busy = msi_claim_find(stripe, MSI_CLAIM_BUSY, r->k.hash, r->k.key, &r->claim);
    if (busy) {
        msi_list_append(&busy->followers, &r->link);
    }
    msi_claims_unlock(stripe);
    if (busy) {
        return;
    }
    msi_trail_open(r);
    if (r->kind == MSI_SET) {
        begin_set(r);
    } else {
        apply(r);
    }
}
