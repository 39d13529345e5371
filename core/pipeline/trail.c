/* trail.c - see trail.h. */
#include "pipeline/trail.h"

#include <string.h>

#include "pipeline/request.h"
#include "pipeline/watch.h"

void msi_trail_init(msi_trail *t, const mst_request *r)
{
    if (r->cache->watch || r->context.traced) {
        t->lane = r->lane;
        t->begun_ns = msi_loop_now_ns(r->lane->loop);
    }
}

static void release(msi_trail_more *m)
{
    if (m && --m->refs == 0) {
        if (m->recorded) {
            msi_spans_of_trail(m);
        }
        msi_spares_give(&m->lane->mores, m);
    }
}

void msi_trail_fini(msi_trail *t)
{
    release(t->more);
    t->more = NULL;
}

void msi_trail_open(mst_request *r)
{
    msi_trail *t = r->cache->watch || r->context.traced ? msi_spares_take(&r->lane->trails) : NULL;
    if (t) {
        *t = (msi_trail){.lane = NULL};
        msi_trail_init(t, r);
        r->trail = t;
        r->owns_trail = true;
    }
}

void msi_trail_close(mst_request *r)
{
    if (r->owns_trail) {
        msi_trail_fini(r->trail);
        msi_spares_give(&r->lane->trails, r->trail);
        r->owns_trail = false;
    }
    r->trail = NULL;
}

msi_trail_more *msi_trail_grow(msi_trail *t)
{
    if (!t || !t->lane || t->more) {
        return t ? t->more : NULL;
    }
    msi_trail_more *m = msi_spares_take(&t->lane->mores);
    if (m) {
        m->lane = t->lane;
        m->refs = 1;
        m->count = t->count;
        m->recorded = m->calls_loader = false;
        m->traceparent[0] = '\0';
        memcpy(m->steps, t->few, sizeof t->few);
        t->more = m;
    }
    return m;
}

/* ---- steps */

static msi_step *add(msi_trail *t, msi_step_kind kind, unsigned tier, unsigned code)
{
    enum { FEW = sizeof t->few / sizeof t->few[0] };
    msi_step *s = NULL;
    if (!t || !t->lane) {
        return NULL;
    }
    if (!t->more && t->count < FEW) {
        s = &t->few[t->count++];
    } else if (msi_trail_grow(t) && t->more->count < MSI_STEPS_MAX) {
        s = &t->more->steps[t->more->count++];
    }
    if (s) {
        s->kind = (uint8_t) kind;
        s->tier = (uint8_t) tier;
        s->code = (uint8_t) code;
        s->status = MST_PENDING;
        s->start_ns = msi_loop_now_ns(t->lane->loop);
        s->end_ns = 0;
    }
    return s;
}

static void end(msi_lane *lane, msi_step *steps, unsigned count, msi_step_kind kind, unsigned tier,
                mst_status status)
{
    for (unsigned i = count; i > 0; i--) {
        msi_step *s = &steps[i - 1];
        if (s->kind == kind && s->tier == tier && s->end_ns == 0) {
            s->end_ns = msi_loop_now_ns(lane->loop);
            s->status = status;
            return;
        }
    }
}

void msi_trail_begin(msi_trail *t, msi_step_kind kind, unsigned tier, unsigned code)
{
    add(t, kind, tier, code);
}

void msi_trail_end(msi_trail *t, msi_step_kind kind, unsigned tier, mst_status status)
{
    if (t && t->more) {
        end(t->lane, t->more->steps, t->more->count, kind, tier, status);
    } else if (t) {
        end(t->lane, t->few, t->count, kind, tier, status);
    }
}

void msi_trail_work(msi_trail *t, msi_step_kind kind, uint64_t start_ns, mst_status status)
{
    msi_step *s = add(t, kind, 0, 0);
    if (s) {
        s->start_ns = start_ns;
        s->end_ns = msi_now_ns();
        s->status = status;
    }
}

/* ---- operations that nobody waits for */

msi_trail_more *msi_trail_lend(msi_trail *t, unsigned tier, unsigned code)
{
    msi_trail_more *m = msi_trail_grow(t);
    if (m) {
        m->refs++;
        add(t, MSI_STEP_TIER, tier, code);
    }
    return m;
}

unsigned msi_trail_tier(const msi_lane *lane, const msi_op *op)
{
    unsigned tier = 0;
    while (lane->ports[tier] != op->port) {
        tier++;
    }
    return tier;
}

void msi_trail_return(msi_trail_more *m, const msi_op *op, mst_status status)
{
    if (m) {
        unsigned tier = msi_trail_tier(m->lane, op);
        end(m->lane, m->steps, m->count, MSI_STEP_TIER, tier, status);
        release(m);
    }
}
