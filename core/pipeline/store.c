/* store.c - see store.h. A far tier gets the envelope; a near one the ready value, or the envelope
 * where it is configured to hold that. */
#include "pipeline/store.h"

#include <string.h>

#include "base/clock.h"

msi_store *msi_store_new(mst_cache *c, msi_value *v, const mst_entry *e, const msi_life *life)
{
    msi_store *s = msi_zalloc(c->allocator, sizeof *s);
    if (!s) {
        return NULL;
    }
    atomic_init(&s->refs, 1);
    s->cache = c;
    s->value = msi_value_retain(v);
    s->life = *life;
    s->cost = e ? e->cost : 0;
    s->compress = e ? e->compress : MST_DEFAULT;
    return s;
}

void msi_store_release(void *store)
{
    msi_store *s = store;
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    mst_cache *c = s->cache;
    if (s->has_seal) {
        msi_sealed_fini(&c->codec, &s->sealed);
    }
    msi_value_release(s->value);
    msi_free(c->allocator, s);
}

bool msi_store_needs_seal(const mst_cache *c, unsigned first, unsigned last)
{
    for (unsigned i = first; i < last; i++) {
        if (c->sealed[i]) {
            return true;
        }
    }
    return false;
}

bool msi_store_is_large(const msi_store *s)
{
    const mst_cache *c = s->cache;
    bool compresses = c->codec.compressor && s->compress != MST_NO && !s->value->envelope.data;
    return compresses && s->value->payload.len >= c->settings.offload_bytes;
}

static uint64_t to_wall(uint64_t at, uint64_t now, uint64_t wall)
{
    if (at == 0) {
        return 0;
    }
    return at >= now ? wall + (at - now) : wall - (now - at);
}

mst_status msi_store_seal(msi_store *s)
{
    msi_value *v = s->value;
    if (s->has_seal) {
        return MST_OK;
    }
    if (v->envelope.data) { /* as another tier keeps it */
        s->sealed.payload = v->envelope;
        s->has_seal = true;
        return MST_OK;
    }
    mst_status status = msi_value_need_payload(&s->cache->codec, v);
    if (status) {
        return status;
    }
    uint64_t now = msi_now_ms(), wall = msi_wall_ms();
    msi_meta meta = {.serializer_id = v->serializer_id,
                     .schema_id = v->schema_id,
                     .created_ms =
                         to_wall(s->life.created_ms ? s->life.created_ms : now, now, wall),
                     .expires_ms = to_wall(s->life.expires_ms, now, wall),
                     .sliding_ms = s->life.sliding_ms};
    status = msi_codec_seal(&s->cache->codec, v->payload, &meta, s->compress, &s->sealed);
    s->has_seal = status == MST_OK;
    return status;
}

static void seal_work(uv_work_t *w)
{
    msi_store *s = w->data;
    s->status = msi_store_seal(s);
}

static void seal_done(uv_work_t *w, int error)
{
    msi_store *s = w->data;
    msi_lane_leave(s->lane);
    s->ready(s->owner, error ? MST_ECANCELED : s->status);
    msi_store_release(s);
}

void msi_store_seal_later(msi_store *s, msi_lane *lane, void (*ready)(void *, mst_status),
                          void *owner)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    s->lane = lane;
    s->ready = ready;
    s->owner = owner;
    s->work.data = s;
    msi_lane_enter(lane);
    if (uv_queue_work(lane->loop->uv, &s->work, seal_work, seal_done)) {
        s->status = msi_store_seal(s);
        seal_done(&s->work, 0);
    }
}

static size_t fill_parts(const msi_store *s, bool sealed, mst_slice parts[2])
{
    if (!sealed) {
        parts[0] = s->value->payload;
        return 1;
    }
    parts[0] = (mst_slice){s->sealed.header, s->sealed.header_len};
    parts[1] = s->sealed.payload;
    return 2;
}

static void fill_life(const mst_cache *c, unsigned index, mst_op *op, const msi_life *life,
                      uint64_t now)
{
    msi_life held;
    msi_cache_life_in(c, index, life, now, &held);
    op->expires_ms = held.expires_ms;
    op->sliding_ms = held.sliding_ms;
    op->created_ms = held.created_ms;
}

static void fill_set(const msi_store *s, unsigned index, mst_op *op, uint16_t flags, uint64_t now)
{
    fill_life(s->cache, index, op, &s->life, now);
    op->flags = flags;
    op->cost = s->cost;
    op->tag = msi_tag(s->value->serializer_id, s->value->schema_id);
}

static mst_status put_near(msi_tier *t, mst_op *op)
{
    msi_tier_call(t, &op, 1);
    if (op->status < 0) {
        msi_tier_failed(t, op->status);
    }
    return op->status;
}

mst_status msi_store_near(msi_store *s, unsigned index, msi_key_ref k, uint16_t flags)
{
    mst_cache *c = s->cache;
    msi_tier *t = c->tiers[index];
    msi_value *v = s->value;
    uint64_t now = msi_now_ms();
    mst_slice parts[2];
    mst_op op;
    msi_near_op(&op, c, MST_OP_SET, k, now);
    fill_set(s, index, &op, flags, now);
    if (c->sealed[index]) {
        if (!s->has_seal) {
            return MST_EINVAL;
        }
        op.tag = 0; /* stands in the envelope */
    } else if (v->object && t->ops->caps & MST_CAP_OBJECT) {
        op.object = &v->object->base;
    } else if (!v->has_payload) {
        return MST_ENOTSUP;
    }
    if (!op.object) {
        op.value_parts = (uint32_t) fill_parts(s, c->sealed[index], parts);
        op.value = parts;
    }
    return put_near(t, &op);
}

mst_status msi_store_plain(const msi_plain *p, unsigned index, const msi_key_ref *k, uint16_t flags)
{
    mst_cache *c = p->cache;
    uint64_t now = p->life.created_ms;
    mst_op op;
    msi_near_op(&op, c, MST_OP_SET, *k, now);
    fill_life(c, index, &op, &p->life, now);
    op.flags = flags;
    op.cost = p->cost;
    op.value_parts = 1;
    op.value = &p->bytes;
    return put_near(c->tiers[index], &op);
}

msi_op *msi_store_far(msi_store *s, msi_port *port, unsigned index, msi_key_ref k, uint16_t flags)
{
    msi_op *op = msi_op_new(port, MST_OP_SET, &s->cache->space, k.key, k.hash);
    if (!op) {
        return NULL;
    }
    fill_set(s, index, &op->op, flags, msi_now_ms());
    op->op.value_parts = (uint32_t) fill_parts(s, true, op->parts);
    op->op.value = op->parts;
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    op->drop = msi_store_release;
    op->held = s;
    return op;
}

void msi_store_promote_near(mst_cache *c, unsigned found, msi_key_ref k, msi_value *v)
{
    msi_life life = {v->created_ms, v->expires_ms, v->sliding_ms};
    msi_store *s = msi_store_new(c, v, NULL, &life);
    if (!s) {
        return; /* a promotion that does not happen costs speed only */
    }
    for (unsigned i = 0; i < found; i++) {
        if (!c->tiers[i]->near || (c->sealed[i] && msi_store_seal(s))) {
            continue;
        }
        msi_store_near(s, i, k, 0);
    }
    msi_store_release(s);
}
