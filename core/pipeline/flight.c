/* flight.c - see flight.h. What is large is opened on the worker pool, so that no request of a
 * hundred bytes waits behind one of ten megabytes. */
#include "pipeline/flight.h"

#include <string.h>

#include "base/clock.h"
#include "pipeline/gather.h"
#include "pipeline/renew.h"
#include "pipeline/watch.h"

static void ask(msi_flight *f);

static msi_flight *flight_new(mst_request *r)
{
    mst_cache *c = r->cache;
    msi_flight *f = r->k.key.len <= MSI_KEY_ROOM
                        ? msi_spares_take(&r->lane->flights)
                        : msi_alloc(c->allocator, sizeof *f + r->k.key.len);
    if (!f) {
        return NULL;
    }
    msi_zero(f, sizeof *f);
    f->cache = c;
    f->lane = r->lane;
    f->state = MSI_ASKING;
    f->refs = 1;
    f->tier = r->options.flags & MST_F_FAR ? c->near_count : 0;
    msi_list_init(&f->waiters);
    msi_list_init(&f->claim.link);
    memcpy(f + 1, r->k.key.data, r->k.key.len);
    f->k = (msi_key_ref){{f + 1, r->k.key.len}, r->k.hash};
    f->load.flight = f;
    if (msi_request_is_watched(r)) {
        msi_trail_init(&f->trail, r->lane);
    }
    msi_lane_enter(f->lane);
    return f;
}

void msi_flight_release(msi_flight *f)
{
    if (--f->refs > 0) {
        return;
    }
    msi_value_drop(f->value, &f->lane->values);
    msi_store_release(f->store);
    msi_free(f->cache->allocator, f->work);
    msi_trail_fini(&f->trail);
    msi_lane_leave(f->lane);
    if (f->k.key.len <= MSI_KEY_ROOM) {
        msi_spares_give(&f->lane->flights, f);
    } else {
        msi_free(f->cache->allocator, f);
    }
}

bool msi_flight_queue(msi_flight *f, uv_work_cb work, uv_after_work_cb after)
{
    if (!f->work) {
        f->work = msi_alloc(f->cache->allocator, sizeof *f->work);
    }
    if (!f->work) {
        return false;
    }
    f->work->data = f;
    f->refs++;
    if (uv_queue_work(f->lane->loop->uv, f->work, work, after)) {
        f->refs--;
        return false;
    }
    return true;
}

/* ---- answering */

/* False: the value is not what the request wants, and it has no answer yet. */
static bool answer_value(msi_flight *f, mst_request *r, int tier, int why)
{
    mst_result result = msi_result(MST_OK, why);
    msi_value *view;
    if (msi_value_as(&f->cache->codec, f->value, r->options.type, &view)) {
        return false;
    }
    result.tier = (int16_t) tier;
    msi_value_to_result(view, r->options.type, msi_loop_now(f->lane->loop), &result);
    msi_request_finish(r, &result);
    return true;
}

/* `why` of the request whose loader ran, or which started the fetch; the others shared its answer.
 * Those that cannot use the value stay; false when there are such. */
static bool answer_all_value(msi_flight *f, int tier, const mst_request *first, int why)
{
    msi_list left;
    msi_list_init(&left);
    for (msi_list *at; (at = msi_list_take(&f->waiters));) {
        mst_request *r = MSI_CONTAINER(at, mst_request, link);
        if (!answer_value(f, r, tier, r == first ? why : MST_WHY_COALESCED)) {
            msi_list_append(&left, at);
        }
    }
    msi_list_splice(&f->waiters, &left);
    return msi_list_empty(&f->waiters);
}

static void answer_all(msi_flight *f, mst_status status, int why)
{
    for (msi_list *at; (at = msi_list_take(&f->waiters));) {
        msi_request_finish_with(MSI_CONTAINER(at, mst_request, link), status, why);
    }
}

static int miss_reason(const msi_flight *f)
{
    if (f->undecodable) {
        return MST_WHY_UNDECODABLE;
    }
    return f->tier_failed ? MST_WHY_TIER_FAILED : MST_WHY_MISS;
}

/* ---- the end: the claim is dropped, what may be kept is kept */

static void count_superseded(msi_flight *f)
{
    msi_count(&f->cache->counters, MSI_COUNT_superseded, 1);
}

static void drop_claim(msi_flight *f)
{
    msi_stripe *stripe = msi_claims_lock(&f->cache->claims, f->k.hash);
    msi_claim_drop(stripe, &f->claim);
    msi_claims_unlock(stripe);
}

/* Counted by the tier; nobody waits for it. */
static void forget_op(msi_op *op, mst_status status)
{
    msi_trail_return(op->owner, op, status);
    msi_op_free(op);
}

/* The value into the far tiers before `last`; it is sealed. */
static void store_far(msi_flight *f, unsigned last)
{
    for (unsigned i = 0; i < last; i++) {
        if (f->cache->tiers[i]->near) {
            continue;
        }
        msi_slides_forget(&f->lane->slides, f->k.hash);
        msi_op *op = msi_store_far(f->store, f->lane->ports[i], i, f->k, 0);
        if (op) {
            msi_op_send(op, forget_op, msi_trail_lend(&f->trail, i, op->op.code));
        }
    }
}

/* Into all tiers before `last`. Sealing, where needed, has been done; when it failed, only the
 * tiers that need no seal take the value. */
static void store_before(msi_flight *f, unsigned last)
{
    msi_stripe *stripe = msi_claims_lock(&f->cache->claims, f->k.hash);
    bool keep = !f->claim.superseded;
    for (unsigned i = 0; keep && i < last; i++) {
        if (f->cache->tiers[i]->near && (f->store->has_seal || !f->cache->sealed[i])) {
            msi_store_near(f->store, i, f->k, 0);
        }
    }
    msi_claim_drop(stripe, &f->claim);
    msi_claims_unlock(stripe);
    if (!keep) {
        count_superseded(f);
    } else if (f->store->has_seal) {
        store_far(f, last);
    }
}

static void sealed(void *owner, mst_status status)
{
    msi_flight *f = owner;
    msi_trail_end(&f->trail, MSI_STEP_PACK, 0, status);
    store_before(f, f->tier); /* without a seal, the tiers that need none still take it */
    msi_flight_release(f);
}

/* Keep f->value in the tiers before `last`; ends the flight. */
static void keep_value(msi_flight *f, unsigned last, const mst_entry *entry, const msi_life *life)
{
    mst_cache *c = f->cache;
    f->state = MSI_STORING;
    f->tier = last;
    f->store = msi_store_new(c, f->value, entry, life);
    if (!f->store) {
        drop_claim(f);
        msi_flight_release(f);
        return;
    }
    if (!msi_store_needs_seal(c, 0, last)) {
        sealed(f, MST_OK);
    } else if (msi_store_is_large(f->store)) {
        msi_trail_begin(&f->trail, MSI_STEP_PACK, 0, 0);
        msi_store_seal_later(f->store, f->lane, sealed, f);
    } else {
        sealed(f, msi_store_seal(f->store));
    }
}

static void end(msi_flight *f)
{
    drop_claim(f);
    msi_flight_release(f);
}

/* ---- asking */

static void next_tier(msi_flight *f)
{
    f->tier++;
    ask(f);
}

/* What has been found is of no use to those who wait: ask on, as if it were not there. */
static void unusable(msi_flight *f)
{
    msi_value_release(f->value);
    f->value = NULL;
    f->undecodable = true;
    next_tier(f);
}

static void found(msi_flight *f)
{
    unsigned tier = f->tier;
    mst_request *first =
        msi_list_empty(&f->waiters) ? NULL : MSI_CONTAINER(f->waiters.next, mst_request, link);
    if (!answer_all_value(f, (int) tier, first, MST_WHY_HIT)) {
        unusable(f);
        return;
    }
    msi_value *v = f->value;
    if (v->object && v->has_payload && f->cache->tiers[tier]->near) {
        msi_near_hold(f->cache, tier, f->k, v, v->object);
    }
    msi_life life = {v->created_ms, v->expires_ms, v->sliding_ms};
    bool ending = v->expires_ms && v->expires_ms <= msi_loop_now(f->lane->loop);
    if (tier == 0 || !f->keep || ending) {
        end(f);
    } else {
        keep_value(f, tier, NULL, &life);
    }
}

/* The loader of the first who still waits: one who was cancelled may have taken its own away. */
static void use_loader(msi_flight *f, const mst_request *r)
{
    f->loader = r->loader;
    f->loading_for = r;
    f->type = r->options.type;
    f->load.entry = r->options.entry;
}

static void absent(msi_flight *f)
{
    if (f->closed) {
        answer_all(f, MST_ECLOSED, MST_WHY_CLOSED);
        end(f);
        return;
    }
    /* A get is answered here; only those who brought a loader wait for the load. */
    msi_list loaders;
    msi_list_init(&loaders);
    int why = miss_reason(f);
    for (msi_list *at; (at = msi_list_take(&f->waiters));) {
        mst_request *r = MSI_CONTAINER(at, mst_request, link);
        if (r->loader.load) {
            msi_list_append(&loaders, at);
        } else {
            msi_request_finish_with(r, MST_MISS, why);
        }
    }
    msi_list_splice(&f->waiters, &loaders);
    if (!msi_list_empty(&f->waiters)) {
        mst_request *first = MSI_CONTAINER(f->waiters.next, mst_request, link);
        use_loader(f, first);
        msi_watch_loading(first, &f->trail);
        msi_stripe *stripe = msi_claims_lock(&f->cache->claims, f->k.hash);
        f->claim.loading = true;
        msi_claims_unlock(stripe);
        f->state = MSI_LOADING;
        for (msi_list *at = f->waiters.next->next; at != &f->waiters; at = at->next) {
            msi_gather_decided(MSI_CONTAINER(at, mst_request, link)); /* the first has the loader */
        }
        msi_trail_begin(&f->trail, MSI_STEP_LOAD, 0, 0);
        msi_flight_load(f);
    } else {
        end(f);
    }
}

/* What was written after the GET was sent has its own life. */
static bool is_superseded(msi_flight *f)
{
    msi_stripe *stripe = msi_claims_lock(&f->cache->claims, f->k.hash);
    bool superseded = f->claim.superseded;
    msi_claims_unlock(stripe);
    return superseded;
}

/* A far entry that slides is given its window again where that is due. */
static void renew(msi_flight *f)
{
    bool concerned = f->keep && (f->value->sliding_ms || f->carried);
    if (concerned && !is_superseded(f) &&
        !msi_renew_found(f->lane, f->tier, f->k, f->value, f->lent_expires_ms, f->carried)) {
        f->lent_expires_ms = MST_TIME_UNKNOWN;
    }
}

/* f->lent has been opened into f->value, or could not be. */
static void opened(msi_flight *f)
{
    if (f->status) {
        f->undecodable = true;
        next_tier(f);
        return;
    }
    msi_value *v = f->value;
    msi_tier *t = f->cache->tiers[f->tier];
    bool expired = v->expires_ms && v->expires_ms <= msi_loop_now(f->lane->loop);
    if (expired && !(t->ops->caps & MST_CAP_TTL)) {
        msi_value_release(v);
        f->value = NULL;
        next_tier(f);
        return;
    }
    if (!t->near) {
        renew(f);
    }
    uint64_t end_ms = f->lent_expires_ms;
    if (end_ms != MST_TIME_UNKNOWN && !v->sliding_ms) {
        v->expires_ms = end_ms; /* the tier knows better: touched since it was stored */
    }
    found(f);
}

static void open_now(msi_flight *f, msi_spares *spares, uint64_t now)
{
    f->status =
        msi_value_open(&f->cache->codec, f->cache->allocator, spares, &f->lent, now, &f->value);
}

static void open_work(uv_work_t *w)
{
    open_now(w->data, NULL, msi_now_ms());
}

static void open_done(uv_work_t *w, int error)
{
    (void) error; /* nobody cancels it */
    msi_flight *f = w->data;
    msi_trail_end(&f->trail, MSI_STEP_UNPACK, 0, f->status);
    opened(f);
    msi_flight_release(f);
}

static void open_lent(msi_flight *f)
{
    mst_slice bytes = {f->lent.data, f->lent.len};
    uint64_t cost = msi_codec_open_cost(&f->cache->codec, bytes);
    uint64_t began = cost && f->trail.lane ? msi_now_ns() : 0;
    if (cost >= f->cache->settings.offload_bytes) {
        msi_trail_begin(&f->trail, MSI_STEP_UNPACK, 0, 0);
        if (msi_flight_queue(f, open_work, open_done)) {
            return;
        }
    }
    open_now(f, &f->lane->values, msi_loop_now(f->lane->loop));
    if (began) {
        msi_trail_work(&f->trail, MSI_STEP_UNPACK, began, f->status);
    }
    opened(f);
}

static void far_answered(msi_op *op, mst_status status)
{
    msi_flight *f = op->owner;
    msi_trail_end(&f->trail, MSI_STEP_TIER, f->tier, status);
    if (status == MST_OK) {
        f->lent = op->op.out; /* ours now */
        f->lent_expires_ms = op->op.expires_ms;
        op->op.out = (mst_value){0};
        msi_op_free(op);
        open_lent(f);
        return;
    }
    if (f->carried && status == MST_MISS) {
        msi_slides_forget(&f->lane->slides, f->k.hash);
    }
    f->tier_failed = f->tier_failed || status < 0;
    f->closed = f->closed || msi_cache_closed(f->cache, status);
    msi_op_free(op);
    next_tier(f);
}

static void ask_near(msi_flight *f)
{
    uint32_t flags = f->keep ? 0 : MST_OPF_PEEK;
    if (f->cache->sealed[f->tier]) {
        msi_trail_begin(&f->trail, MSI_STEP_TIER, f->tier, MST_OP_GET);
        mst_status lent =
            msi_near_lend(f->cache, f->tier, f->k, flags, &f->lent, &f->lent_expires_ms);
        msi_trail_end(&f->trail, MSI_STEP_TIER, f->tier, lent);
        if (lent) {
            next_tier(f);
        } else {
            open_lent(f);
        }
        return;
    }
    msi_trail_begin(&f->trail, MSI_STEP_TIER, f->tier, MST_OP_GET);
    mst_status status = msi_near_fetch(f->cache, f->tier, f->k, flags, &f->value);
    msi_trail_end(&f->trail, MSI_STEP_TIER, f->tier, status);
    if (status == MST_OK) {
        found(f);
        return;
    }
    f->undecodable = f->undecodable || status == MST_ECORRUPT || status == MST_ETOOBIG;
    next_tier(f);
}

static void ask_far(msi_flight *f)
{
    msi_op *op =
        msi_op_new(f->lane->ports[f->tier], MST_OP_GET, &f->cache->space, f->k.key, f->k.hash);
    if (!op) {
        f->tier_failed = true;
        next_tier(f);
        return;
    }
    op->op.flags = f->keep ? 0 : MST_OPF_PEEK;
    op->op.sliding_ms = f->keep ? msi_renew_due(f->lane, f->tier, f->k.hash) : 0;
    f->carried = op->op.sliding_ms != 0;
    msi_trail_begin(&f->trail, MSI_STEP_TIER, f->tier, MST_OP_GET);
    msi_op_send(op, far_answered, f);
}

static void ask(msi_flight *f)
{
    if (f->tier >= f->cache->tier_count) {
        absent(f);
    } else if (f->cache->tiers[f->tier]->near) {
        ask_near(f);
    } else {
        ask_far(f);
    }
}

/* ---- joining */

static void add_waiter(msi_flight *f, mst_request *r)
{
    msi_list_append(&f->waiters, &r->link);
    r->trail = f->trail.lane ? &f->trail : NULL;
    f->keep = f->keep || !(r->options.flags & MST_F_PEEK);
    if (f->state == MSI_LOADING) {
        msi_gather_decided(r);
    }
}

static void join(msi_flight *f, mst_request *r)
{
    if (f->state == MSI_STORING) {
        int tier =
            f->loader.load && f->tier == f->cache->tier_count ? MST_TIER_LOADER : (int) f->tier;
        if (!answer_value(f, r, tier, MST_WHY_COALESCED)) {
            msi_request_finish_with(r, MST_MISS, MST_WHY_UNDECODABLE);
        }
    } else if (f->state == MSI_LOADING && !r->loader.load) {
        msi_request_finish_with(r, MST_MISS, miss_reason(f));
    } else {
        add_waiter(f, r);
    }
}

void msi_flight_begin(mst_request *r)
{
    mst_cache *c = r->cache;
    msi_stripe *stripe = msi_claims_lock(&c->claims, r->k.hash);
    msi_claimed on = msi_claim_look(stripe, r->k.hash, r->k.key);
    if (on.busy) {
        msi_list_append(&on.busy->followers, &r->link);
        msi_claims_unlock(stripe);
        return;
    }
    msi_flight *f = on.flight ? MSI_CONTAINER(on.flight, msi_flight, claim) : flight_new(r);
    if (f && !on.flight) {
        msi_claim_add(stripe, &f->claim, MSI_CLAIM_FLIGHT, f->k.hash, f->k.key);
        f->claim.superseded = on.announced != NULL;
    }
    msi_claims_unlock(stripe);
    if (!f) {
        msi_request_finish_with(r, MST_ENOMEM, MST_WHY_REJECTED);
    } else if (on.flight) {
        join(f, r);
    } else {
        add_waiter(f, r);
        ask(f);
    }
}

/* ---- loaded */

void msi_flight_loaded(msi_flight *f)
{
    mst_load *load = &f->load;
    msi_histogram_record(f->lane->load_took, msi_now_ns() - load->began_ns);
    if (load->status) {
        bool miss = load->status == MST_MISS;
        answer_all(f, miss ? MST_MISS : load->status, miss ? MST_WHY_ABSENT : MST_WHY_LOAD_FAILED);
        end(f);
        return;
    }
    f->value = load->value;
    load->value = NULL;
    uint64_t now = msi_now_ms();
    msi_life life;
    msi_cache_life(f->cache, &load->entry, now, &life);
    f->value->created_ms = now;
    f->value->expires_ms = life.expires_ms;
    f->value->sliding_ms = life.sliding_ms;
    if (!answer_all_value(f, MST_TIER_LOADER, f->loading_for, MST_WHY_LOADED)) {
        answer_all(f, MST_MISS, MST_WHY_UNDECODABLE); /* waiters of another type */
    }
    /* What is too large for the cache is answered, not kept. */
    if (load->entry.no_store || f->value->payload.len > f->cache->settings.max_value_bytes) {
        end(f);
    } else {
        keep_value(f, f->cache->tier_count, &load->entry, &life);
    }
}
