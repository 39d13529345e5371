/* look.c - see look.h. */
#include "pipeline/look.h"

#include "base/clock.h"

static void ask(mst_request *r);

static void next_tier(mst_request *r)
{
    r->tier++;
    ask(r);
}

static void found(mst_request *r, uint64_t expires_ms)
{
    uint64_t now = msi_now_ms();
    mst_result result = msi_result(MST_OK, MST_WHY_HIT);
    result.tier = (int16_t) r->tier;
    if (expires_ms && expires_ms != MST_TIME_UNKNOWN) {
        result.ttl_ms = expires_ms > now ? (int64_t) (expires_ms - now) : 0;
    }
    msi_request_finish(r, &result);
}

/* A tier that does not look at expiry was asked for the value: the envelope tells. */
static bool alive(mst_request *r, msi_op *op, uint64_t *expires_ms)
{
    mst_cache *c = r->cache;
    if (op->op.code == MST_OP_EXISTS || !c->codec.envelope) {
        return true;
    }
    mst_envelope e;
    mst_slice bytes = {op->op.out.data, op->op.out.len};
    if (msi_envelope_parse(bytes, c->settings.max_value_bytes, &e)) {
        return false;
    }
    uint64_t wall = msi_wall_ms();
    *expires_ms = e.expires_ms ? msi_now_ms() + (e.expires_ms - wall) : 0;
    return e.expires_ms == 0 || e.expires_ms > wall;
}

static void far_answered(msi_op *op, mst_status status)
{
    mst_request *r = op->owner;
    bool hit = status == MST_OK;
    uint64_t expires_ms = hit ? op->op.expires_ms : 0;
    hit = hit && alive(r, op, &expires_ms);
    msi_trail_end(r->trail, MSI_STEP_TIER, msi_trail_tier(r->lane, op), status);
    msi_op_free(op);
    if (status < 0) {
        r->outcome = status;
    }
    if (hit) {
        found(r, expires_ms);
    } else if (!r->answered) {
        next_tier(r);
    }
    msi_request_release(r);
}

static void ask_far(mst_request *r)
{
    mst_cache *c = r->cache;
    const msi_tier *t = c->tiers[r->tier];
    bool ttl = (t->ops->caps & MST_CAP_TTL) && msi_tier_can(t, MST_OP_EXISTS);
    msi_op *op = msi_op_new(r->lane->ports[r->tier], ttl ? MST_OP_EXISTS : MST_OP_GET, &c->space,
                            r->k.key, r->k.hash);
    if (!op) {
        r->outcome = MST_ENOMEM;
        next_tier(r);
        return;
    }
    op->op.flags = ttl ? 0 : MST_OPF_PEEK;
    msi_request_retain(r);
    msi_trail_begin(r->trail, MSI_STEP_TIER, r->tier, op->op.code);
    msi_op_send(op, far_answered, r);
}

static void ask(mst_request *r)
{
    mst_cache *c = r->cache;
    mst_result result;
    if (r->tier >= c->tier_count) {
        bool closed = msi_cache_closed(c, r->outcome);
        int why = r->outcome < 0 ? MST_WHY_TIER_FAILED : MST_WHY_MISS;
        msi_request_finish_with(r, closed ? MST_ECLOSED : MST_MISS, closed ? MST_WHY_CLOSED : why);
    } else if (!c->tiers[r->tier]->near) {
        ask_far(r);
    } else if (msi_near_exists_in(c, r->tier, r->k, &result) == MST_OK) {
        msi_request_finish(r, &result);
    } else {
        next_tier(r);
    }
}

void msi_look_begin(mst_request *r)
{
    msi_stripe *stripe = msi_claims_lock(&r->cache->claims, r->k.hash);
    msi_claim *busy = msi_claim_find(stripe, MSI_CLAIM_BUSY, r->k.hash, r->k.key, NULL);
    if (busy) {
        msi_list_append(&busy->followers, &r->link);
    }
    msi_claims_unlock(stripe);
    if (!busy) {
        r->tier = 0;
        msi_trail_open(r);
        ask(r);
    }
}
