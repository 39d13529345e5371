/* trail.c - see trail.h. */
#include "pipeline/trail.h"

#include <string.h>

#include "pipeline/request.h"
#include "pipeline/watch.h"

static void release(msi_trail_more *m)
{
    if (--m->refs == 0) {
        if (m->recorded) {
            msi_spans_of_trail(m);
        }
        msi_spares_give(&m->lane->mores, m);
    }
}

void msi_trail_drop_more(msi_trail *t)
{
    release(t->more);
    t->more = NULL;
}

void msi_trail_open(mst_request *r)
{
    msi_trail *t = msi_request_is_watched(r) ? msi_spares_take(&r->lane->trails) : NULL;
    if (t) {
        *t = (msi_trail){.lane = NULL};
        msi_trail_init(t, r->lane);
        r->trail = t;
        r->owns_trail = true;
    }
}

void msi_trail_close(mst_request *r)
{
    msi_trail_fini(r->trail);
    msi_spares_give(&r->lane->trails, r->trail);
    r->owns_trail = false;
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
        t->count = MSI_STEPS_FEW;
        t->more = m;
    }
    return m;
}

/* ---- steps */

msi_step *msi_trail_further(msi_trail *t)
{
    msi_trail_more *m = msi_trail_grow(t);
    return m && m->count < MSI_STEPS_MAX ? &m->steps[m->count++] : NULL;
}

static msi_step *find(msi_step *steps, unsigned count, msi_step_kind kind, unsigned tier)
{
    while (count > 0 && !msi_step_is_open(&steps[count - 1], kind, tier)) {
        count--;
    }
    return count > 0 ? &steps[count - 1] : NULL;
}

msi_step *msi_trail_find(msi_trail *t, msi_step_kind kind, unsigned tier)
{
    return t->more ? find(t->more->steps, t->more->count, kind, tier)
                   : find(t->few, t->count, kind, tier);
}

void msi_trail_work(msi_trail *t, msi_step_kind kind, uint64_t start_ns, mst_status status)
{
    msi_step *s = msi_trail_begin(t, kind, 0, 0);
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
        msi_trail_begin(t, MSI_STEP_TIER, tier, code);
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
        msi_step *s = find(m->steps, m->count, MSI_STEP_TIER, tier);
        if (s) {
            s->end_ns = msi_loop_now_ns(m->lane->loop);
            s->status = status;
        }
        release(m);
    }
}
