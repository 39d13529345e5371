/* trail.c - see trail.h. */
#include "pipeline/trail.h"

#include "pipeline/request.h"
#include "pipeline/watch.h"

msi_trail *msi_trail_new(mst_request *r)
{
    if (!r->cache->watch && !r->context.traced) {
        return NULL;
    }
    msi_trail *t = msi_spares_take(&r->lane->trails);
    if (t) {
        t->lane = r->lane;
        t->refs = 1;
        t->count = 0;
        t->begun_ns = msi_loop_now_ns(r->lane->loop);
        t->recorded = t->calls_loader = false;
        t->traceparent[0] = '\0';
    }
    return t;
}

msi_trail *msi_trail_retain(msi_trail *t)
{
    if (t) {
        t->refs++;
    }
    return t;
}

void msi_trail_release(msi_trail *t)
{
    if (t && --t->refs == 0) {
        if (t->recorded) {
            msi_spans_of_trail(t);
        }
        msi_spares_give(&t->lane->trails, t);
    }
}

static msi_step *add(msi_trail *t, msi_step_kind kind, unsigned tier, unsigned code)
{
    if (!t || t->count == MSI_STEPS_MAX) {
        return NULL;
    }
    msi_step *s = &t->steps[t->count++];
    s->kind = (uint8_t) kind;
    s->tier = (uint8_t) tier;
    s->code = (uint8_t) code;
    s->status = MST_PENDING;
    s->start_ns = msi_loop_now_ns(t->lane->loop);
    s->end_ns = 0;
    return s;
}

void msi_trail_begin(msi_trail *t, msi_step_kind kind, unsigned tier, unsigned code)
{
    add(t, kind, tier, code);
}

void msi_trail_end(msi_trail *t, msi_step_kind kind, unsigned tier, mst_status status)
{
    for (unsigned i = t ? t->count : 0; i > 0; i--) {
        msi_step *s = &t->steps[i - 1];
        if (s->kind == kind && s->tier == tier && s->end_ns == 0) {
            s->end_ns = msi_loop_now_ns(t->lane->loop);
            s->status = status;
            return;
        }
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

void msi_trail_end_op(msi_trail *t, const msi_op *op, mst_status status)
{
    unsigned tier = 0;
    while (t && t->lane->ports[tier] != op->port) {
        tier++;
    }
    msi_trail_end(t, MSI_STEP_TIER, tier, status);
}
