/* near.c - the path of a near hit: one op on the stack, one call of the provider, and the result
 * points into the entry, which the provider's pin keeps. No allocation for plain bytes and for
 * objects that are already decoded. */
#include "pipeline/near.h"

#include <string.h>

#include "pipeline/request.h"
#include "pipeline/store.h"

enum { CHUNK = 32 };

static void give_back(mst_op *op)
{
    if (op->out.release) {
        op->out.release(op->out.owner);
    }
    op->out = (mst_value){0};
}

/* What a hit lends, as a value; takes over op->out. */
static mst_status to_value(mst_cache *c, unsigned index, mst_op *op, msi_value **out)
{
    msi_value *v = NULL;
    if (c->sealed[index] && !op->out_object) {
        mst_status status = msi_value_open(&c->codec, c->allocator, NULL, &op->out, op->now_ms, &v);
        if (status) {
            return status;
        }
    } else {
        v = msi_value_new(c->allocator);
        if (!v) {
            give_back(op);
            return MST_ENOMEM;
        }
        v->serializer_id = (uint32_t) op->tag;
        v->schema_id = (uint32_t) (op->tag >> 32);
        v->pin = op->out;
        if (op->out_object) {
            v->object = MSI_CONTAINER(op->out_object, msi_object, base);
            msi_object_retain(v->object);
        } else {
            v->payload = (mst_slice){op->out.data, op->out.len};
            v->has_payload = true;
        }
        op->out = (mst_value){0};
    }
    if (op->expires_ms != MST_TIME_UNKNOWN) {
        v->expires_ms = op->expires_ms;
    }
    v->limit_ms = op->limit_ms;
    v->held_sliding_ms = op->sliding_ms;
    v->sliding_ms = op->sliding_ms ? msi_window_of(index, op->sliding_ms) : v->sliding_ms;
    v->created_ms = op->created_ms ? op->created_ms : v->created_ms;
    if (v->expires_ms && v->expires_ms <= op->now_ms) {
        msi_value_release(v); /* a tier that does not look at expiry itself */
        return MST_MISS;
    }
    *out = v;
    return MST_OK;
}

void msi_near_hold(mst_cache *c, unsigned index, msi_key_ref k, const msi_value *v,
                   msi_object *object)
{
    msi_tier *t = c->tiers[index];
    if (!(t->ops->caps & MST_CAP_OBJECT) || c->sealed[index] || !v->pin.owner) {
        return;
    }
    mst_op op, *ops = &op;
    msi_near_op(&op, c, MST_OP_SET, k, msi_now_ms());
    op.flags = MST_OPF_IF_SAME;
    op.same = v->pin.owner;
    op.object = &object->base;
    op.tag = msi_tag(v->serializer_id, v->schema_id);
    op.expires_ms = v->sliding_ms ? v->limit_ms : v->expires_ms;
    op.sliding_ms = v->held_sliding_ms;
    op.created_ms = v->created_ms;
    msi_tier_call(t, &ops, 1);
}

/* The slow kinds of a hit: sealed, typed, or an object that is asked for as bytes. */
static mst_status convert(mst_cache *c, unsigned index, mst_op *op, const mst_type *type,
                          mst_result *r)
{
    bool was_bytes = !op->out_object;
    msi_value *v, *view;
    mst_status status = to_value(c, index, op, &v);
    if (status) {
        return status;
    }
    status = msi_value_as(&c->codec, v, type, &view);
    if (!status) {
        if (type && was_bytes) {
            msi_near_hold(c, index, (msi_key_ref){op->key, op->hash}, v, view->object);
        }
        msi_value_to_result(view, type, op->now_ms, r);
    }
    msi_value_release(v);
    return status;
}

static bool is_large(const mst_cache *c, unsigned index, const mst_op *op)
{
    mst_slice bytes = {op->out.data, op->out.len};
    return c->sealed[index] && !op->out_object &&
           msi_codec_open_cost(&c->codec, bytes) >= c->settings.offload_bytes;
}

/* The usual hit: bytes that are ready, lent as they are. */
static inline void lend_bytes(unsigned index, const mst_op *op, mst_result *r)
{
    msi_result_set(r, MST_OK, MST_WHY_HIT);
    r->tier = (int16_t) index;
    r->data = op->out.data;
    r->len = op->out.len;
    r->release = op->out.release;
    r->owner = op->out.owner;
    msi_result_times(r, op->created_ms, op->expires_ms, op->now_ms);
}

/* Every other hit. */
static mst_status unpack_hit(mst_cache *c, unsigned index, mst_op *op, const mst_type *type,
                             bool defer, mst_result *r)
{
    if (defer && is_large(c, index, op)) {
        give_back(op);
        msi_result_set(r, MST_PENDING, MST_WHY_NONE);
        return MST_PENDING;
    }
    msi_result_set(r, MST_OK, MST_WHY_HIT);
    r->tier = (int16_t) index;
    msi_object *object = op->out_object ? MSI_CONTAINER(op->out_object, msi_object, base) : NULL;
    if (object && type && msi_object_is(object, (uint32_t) (op->tag >> 32), type)) {
        r->object = object->object;
        r->release = op->out.release;
        r->owner = op->out.owner;
        msi_result_times(r, op->created_ms, op->expires_ms, op->now_ms);
        return MST_OK;
    }
    mst_status status = convert(c, index, op, type, r);
    if (status) {
        msi_result_set(r, MST_MISS, status == MST_MISS ? MST_WHY_MISS : MST_WHY_UNDECODABLE);
    }
    return status ? MST_MISS : MST_OK;
}

/* A hit of tier `index` becomes a result. */
static inline mst_status take_hit(mst_cache *c, unsigned index, mst_op *op, const mst_type *type,
                                  bool defer, mst_result *r)
{
    if (type || op->out_object || c->sealed[index]) {
        return unpack_hit(c, index, op, type, defer, r);
    }
    lend_bytes(index, op, r);
    return MST_OK;
}

/* A hit of a tier that is not the nearest is copied to those before it. Asked again under the
 * stripe, so that no write can come between. */
static void promote(mst_cache *c, unsigned index, msi_key_ref k)
{
    msi_stripe *stripe = msi_claims_lock(&c->claims, k.hash);
    msi_value *v;
    if (msi_near_fetch(c, index, k, MST_OPF_PEEK, &v) == MST_OK) {
        msi_store_promote_near(c, index, k, v);
        msi_value_release(v);
    }
    msi_claims_unlock(stripe);
}

mst_status msi_near_search(mst_cache *c, unsigned first, mst_slice key, uint64_t hash,
                           const mst_options *o, bool defer, mst_result *r)
{
    const msi_key_ref k = {key, hash};
    bool peek = o->flags & MST_F_PEEK;
    uint64_t now = msi_now_ms();
    msi_result_set(r, MST_MISS, MST_WHY_MISS);
    for (unsigned i = first; i < c->near_count && r->status == MST_MISS; i++) {
        mst_op op, *ops = &op;
        msi_near_op(&op, c, MST_OP_GET, k, now);
        op.flags = peek ? MST_OPF_PEEK : 0;
        op.expires_ms = MST_TIME_UNKNOWN;
        msi_tier_call(c->tiers[i], &ops, 1);
        if (op.status == MST_OK && take_hit(c, i, &op, o->type, defer, r) == MST_OK && i > 0 &&
            !peek) {
            promote(c, i, k);
        }
    }
    return r->status;
}

mst_status msi_near_get_timed(mst_cache *c, unsigned first, mst_slice key, uint64_t hash,
                              msi_tally *own, const mst_options *o, uint64_t now, bool defer,
                              mst_result *r)
{
    uint64_t began = msi_now_ns();
    mst_status status = msi_near_get_at(c, first, key, hash, own, o, now, defer, r);
    if (status == MST_OK || msi_cache_all_near(c)) {
        msi_histogram_record_shared(&c->near_took[MSI_GET], msi_now_ns() - began);
    }
    return status;
}

/* Ask tier `index` for those of the chunk whose result is `which`: they are MST_MISS then, or hits.
 */
static void ask_chunk(mst_cache *c, unsigned index, const msi_key_ref *k, size_t n,
                      mst_status which, const mst_options *o, uint64_t now, mst_result *r)
{
    mst_op op[CHUNK], *ops[CHUNK];
    size_t at[CHUNK], asked = 0;
    for (size_t i = 0; i < n; i++) {
        if (r[i].status == which) {
            r[i].status = MST_MISS;
            msi_near_op(&op[asked], c, MST_OP_GET, k[i], now);
            op[asked].flags = o->flags & MST_F_PEEK ? MST_OPF_PEEK : 0;
            op[asked].expires_ms = MST_TIME_UNKNOWN;
            ops[asked] = &op[asked];
            at[asked++] = i;
        }
    }
    if (asked) {
        msi_tier_call(c->tiers[index], ops, asked);
    }
    for (size_t i = 0; i < asked; i++) {
        if (op[i].status == MST_OK &&
            take_hit(c, index, &op[i], o->type, true, &r[at[i]]) == MST_OK && index > 0 &&
            !(o->flags & MST_F_PEEK)) {
            promote(c, index, k[at[i]]);
        }
    }
}

/* The nearest tier's lookup_many(): every result is written once, hits as they are lent.
 * MST_ENOTSUP stands for what that tier is to be asked again for. */
static size_t look_chunk(mst_cache *c, msi_tally *own, const msi_key_ref *k, size_t n, uint64_t now,
                         mst_result *r)
{
    mst_lookup l[CHUNK];
    size_t hits = 0;
    for (size_t i = 0; i < n; i++) {
        msi_ask_lookup(&l[i], k[i].key, own);
        l[i].hash = k[i].hash;
        l[i].now_ms = now;
    }
    c->quick_many(c->nearest, l, r, n);
    for (size_t i = 0; i < n; i++) {
        if (r[i].status == MST_OK) {
            hits++;
        } else {
            msi_result_set(&r[i], r[i].status == MST_MISS ? MST_MISS : MST_ENOTSUP, MST_WHY_MISS);
        }
    }
    return hits;
}

/* A chunk by way of ops: all of it, or what the lookup has left. */
static size_t search_chunk(mst_cache *c, const msi_key_ref *k, size_t n, bool looked,
                           const mst_options *o, uint64_t now, mst_result *r)
{
    size_t hits = 0;
    for (size_t i = 0; i < n && !looked; i++) {
        msi_result_set(&r[i], MST_MISS, MST_WHY_MISS);
    }
    for (unsigned i = 0; i < c->near_count; i++) {
        ask_chunk(c, i, k, n, looked && i == 0 ? MST_ENOTSUP : MST_MISS, o, now, r);
    }
    for (size_t i = 0; i < n; i++) {
        hits += r[i].status == MST_OK;
    }
    return hits;
}

size_t msi_near_get_many(mst_cache *c, const msi_key_ref *k, size_t n, const mst_options *o,
                         mst_result *r)
{
    uint64_t now = msi_now_ms();
    msi_tally *own = msi_tally_mine(&c->counters);
    bool look = own && c->quick_many && msi_is_plain(o);
    size_t hits = 0;
    for (size_t from = 0; from < n; from += CHUNK) {
        size_t count = n - from < CHUNK ? n - from : CHUNK;
        size_t found = look ? look_chunk(c, own, k + from, count, now, r + from) : 0;
        if (found < count) {
            found = search_chunk(c, k + from, count, look, o, now, r + from);
        }
        hits += found;
    }
    return hits;
}

/* A tier that does not look at expiry itself, or knows no EXISTS, has to show the value. */
static mst_status exists_by_value(mst_cache *c, unsigned index, msi_key_ref k, mst_result *r)
{
    msi_value *v;
    if (msi_near_fetch(c, index, k, MST_OPF_PEEK, &v)) {
        return MST_MISS;
    }
    uint64_t now = msi_now_ms();
    msi_result_set(r, MST_OK, MST_WHY_HIT);
    r->tier = (int16_t) index;
    r->ttl_ms = v->expires_ms ? (int64_t) (v->expires_ms - now) : -1;
    msi_value_release(v);
    return MST_OK;
}

mst_status msi_near_exists_in(mst_cache *c, unsigned index, msi_key_ref k, mst_result *r)
{
    const msi_tier *t = c->tiers[index];
    if (!(t->ops->caps & MST_CAP_TTL) || !msi_tier_can(t, MST_OP_EXISTS)) {
        return exists_by_value(c, index, k, r);
    }
    mst_op op, *ops = &op;
    msi_near_op(&op, c, MST_OP_EXISTS, k, msi_now_ms());
    op.expires_ms = MST_TIME_UNKNOWN;
    msi_tier_call(c->tiers[index], &ops, 1);
    if (op.status == MST_OK) {
        msi_result_set(r, MST_OK, MST_WHY_HIT);
        r->tier = (int16_t) index;
        msi_result_times(r, op.created_ms, op.expires_ms, op.now_ms);
    }
    return op.status;
}

mst_status msi_near_exists(mst_cache *c, msi_key_ref k, mst_result *r)
{
    msi_result_set(r, MST_MISS, MST_WHY_MISS);
    for (unsigned i = 0; i < c->near_count; i++) {
        if (msi_near_exists_in(c, i, k, r) == MST_OK) {
            return MST_OK;
        }
    }
    return MST_MISS;
}

mst_status msi_near_fetch(mst_cache *c, unsigned index, msi_key_ref k, uint32_t flags,
                          msi_value **out)
{
    mst_op op, *ops = &op;
    msi_near_op(&op, c, MST_OP_GET, k, msi_now_ms());
    op.flags = (uint16_t) flags;
    op.expires_ms = MST_TIME_UNKNOWN;
    msi_tier_call(c->tiers[index], &ops, 1);
    return op.status == MST_OK ? to_value(c, index, &op, out) : op.status;
}

mst_status msi_near_lend(mst_cache *c, unsigned index, msi_key_ref k, uint32_t flags,
                         mst_value *pin, uint64_t *expires_ms)
{
    mst_op op, *ops = &op;
    msi_near_op(&op, c, MST_OP_GET, k, msi_now_ms());
    op.flags = (uint16_t) flags;
    op.expires_ms = MST_TIME_UNKNOWN;
    msi_tier_call(c->tiers[index], &ops, 1);
    *pin = op.out;
    *expires_ms = op.expires_ms;
    return op.status;
}

mst_status msi_near_remove(mst_cache *c, unsigned index, msi_key_ref k)
{
    mst_op op, *ops = &op;
    msi_near_op(&op, c, MST_OP_DEL, k, msi_now_ms());
    msi_tier_call(c->tiers[index], &ops, 1);
    return op.status;
}

mst_status msi_near_touch(mst_cache *c, unsigned index, msi_key_ref k, const msi_life *life,
                          uint64_t now)
{
    mst_op op, *ops = &op;
    msi_life own;
    msi_cache_life_in(c, index, life, now, &own);
    msi_near_op(&op, c, MST_OP_TOUCH, k, now);
    op.expires_ms = own.expires_ms;
    op.sliding_ms = own.sliding_ms;
    msi_tier_call(c->tiers[index], &ops, 1);
    return op.status;
}
