/* renew.c - see renew.h.
 *
 * A provider that says when an entry ends is sent a TOUCH when that is due (life.c). One that
 * cannot, as a GET of Redis cannot, would need one at every read: so the lane remembers which keys
 * slide, and when it renewed them (slides.c). The first renewal is a TOUCH. When the next one is
 * due, the GET carries the window, and a provider that can renews with it.
 *
 * The GET leaves before its envelope is known. Another process may have written the key meanwhile,
 * with another life: then the window was wrong, and a TOUCH with the right life follows. */
#include "pipeline/renew.h"

#include "base/clock.h"
#include "tier/port.h"

/* Two clocks of a few milliseconds each stand between an end that was asked for and one that is
 * told, or read from an envelope. */
enum { SLACK_MS = 20 };

/* As in life.c: a quarter of the window may pass before a far entry is renewed. */
static uint64_t pause_of(uint64_t window)
{
    return window / 4;
}

static msi_life life_of(const msi_lane *l, unsigned index, uint64_t limit, uint64_t window,
                        uint64_t now)
{
    msi_life life = {.expires_ms = limit, .sliding_ms = window}, held;
    msi_cache_life_in(l->cache, index, &life, now, &held);
    return held;
}

uint64_t msi_renew_due(const msi_lane *l, unsigned index, uint64_t hash)
{
    const msi_slide *s = msi_slides_find(&l->slides, hash);
    if (!s || index + 1 != l->cache->tier_count) {
        return 0; /* only the last tier holds the window */
    }
    uint64_t now = msi_now_ms();
    if (now - s->renewed_ms < pause_of(s->window_ms)) {
        return 0;
    }
    msi_life life = life_of(l, index, s->limit_ms, s->window_ms, now);
    if (life.expires_ms == 0) {
        return life.sliding_ms;
    }
    uint64_t left = life.expires_ms > now ? life.expires_ms - now : 0;
    return left < life.sliding_ms ? left : life.sliding_ms;
}

static void note(msi_lane *l, uint64_t hash, const msi_value *v, uint64_t now)
{
    msi_slide s = {hash, v->sliding_ms, now, v->expires_ms};
    msi_slides_note(&l->slides, l->cache->allocator, s);
}

static void touched(msi_op *op, mst_status status)
{
    msi_lane *l = op->owner;
    if (status != MST_OK) {
        msi_slides_forget(&l->slides, op->op.hash); /* the next read tries again */
    }
    msi_op_free(op);
}

static void touch(msi_lane *l, unsigned index, msi_key_ref k, const msi_value *v, uint64_t now)
{
    msi_life life = life_of(l, index, v->expires_ms, v->sliding_ms, now);
    msi_op *op = NULL;
    if (msi_tier_can(l->cache->tiers[index], MST_OP_TOUCH)) {
        op = msi_op_new(l->ports[index], MST_OP_TOUCH, &l->cache->space, k.key, k.hash);
    }
    if (!op) {
        return;
    }
    if (v->sliding_ms && index + 1 == l->cache->tier_count) {
        note(l, k.hash, v, now);
    }
    op->op.expires_ms = life.expires_ms;
    op->op.sliding_ms = life.sliding_ms;
    msi_op_send(op, touched, l);
}

/* Does it end late enough? Where its limit is near, no window helps. */
static bool is_fresh(unsigned index, const msi_value *v, uint64_t end, bool carried, uint64_t now)
{
    uint64_t limit = v->expires_ms;
    if (carried && limit && end > limit + SLACK_MS) {
        return false; /* the window was too long for this entry */
    }
    return msi_window_is_fresh(index, v->sliding_ms, end, now) ||
           (limit && end + SLACK_MS >= limit && end > now + SLACK_MS);
}

static bool was_renewed(const msi_lane *l, uint64_t hash, const msi_value *v, uint64_t now)
{
    const msi_slide *s = msi_slides_find(&l->slides, hash);
    return s && s->window_ms == v->sliding_ms && now - s->renewed_ms < pause_of(v->sliding_ms);
}

bool msi_renew_found(msi_lane *l, unsigned index, msi_key_ref k, const msi_value *v,
                     uint64_t end_ms, bool carried)
{
    uint64_t now = msi_now_ms();
    if (!v->sliding_ms) {
        if (carried) { /* somebody has written one that does not slide */
            msi_slides_forget(&l->slides, k.hash);
            touch(l, index, k, v, now);
        }
        return !carried;
    }
    if (end_ms == MST_TIME_UNKNOWN) {
        if (!was_renewed(l, k.hash, v, now)) {
            touch(l, index, k, v, now);
        }
    } else if (!is_fresh(index, v, end_ms, carried, now)) {
        touch(l, index, k, v, now);
    } else if (carried) {
        note(l, k.hash, v, now);
    }
    return true;
}
