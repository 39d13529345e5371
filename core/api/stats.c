/* stats.c - one consistent sample of a cache's counters. */
#include <string.h>

#include "api/runtime.h"
#include "pipeline/request.h"

/* What was answered on the callers' threads is started and completed at once, so each of these
 * counters is read a single time and added to both. The ledgers of the lanes are read under their
 * mutex. */
static void take_ledgers(mst_cache *c, const uint64_t *n, mst_stats *s)
{
    for (unsigned i = MSI_COUNT_now_hits; i <= MSI_LAST_now_errors; i++) {
        s->started += n[i];
    }
    s->completed = s->started;
    for (unsigned i = 0; i < c->lane_count; i++) {
        msi_lane *l = &c->lanes[i];
        pthread_mutex_lock(&l->mutex);
        s->started += l->started;
        s->completed += l->completed;
        s->pending += l->pending;
        pthread_mutex_unlock(&l->mutex);
    }
}

static void take_answers(const mst_cache *c, const uint64_t *n, mst_stats *s)
{
    for (unsigned i = 0; i < c->tier_count; i++) {
        *(c->tiers[i]->near ? &s->near_hits : &s->far_hits) +=
            n[MSI_COUNT_now_hits + i] + n[MSI_COUNT_hits + i];
    }
    s->loaded = n[MSI_COUNT_loaded];
    s->coalesced = n[MSI_COUNT_coalesced];
    s->absent = n[MSI_COUNT_absent];
    s->misses = n[MSI_COUNT_now_misses] + n[MSI_COUNT_misses] + n[MSI_COUNT_undecodable] +
                n[MSI_COUNT_tier_failed];
    s->sets = n[MSI_COUNT_now_answers + MSI_SET] + n[MSI_COUNT_answers + MSI_SET];
    s->removes = n[MSI_COUNT_now_answers + MSI_REMOVE] + n[MSI_COUNT_answers + MSI_REMOVE];
    s->looks = n[MSI_COUNT_now_answers + MSI_EXISTS] + n[MSI_COUNT_answers + MSI_EXISTS];
    s->touches = n[MSI_COUNT_now_answers + MSI_TOUCH] + n[MSI_COUNT_answers + MSI_TOUCH];
    s->clears = n[MSI_COUNT_answers + MSI_CLEAR];
    for (unsigned kind = 0; kind < MSI_COUNTED_KINDS; kind++) {
        s->errors += n[MSI_COUNT_now_errors + kind] + n[MSI_COUNT_errors + kind];
        s->timeouts += n[MSI_COUNT_timeouts + kind];
        s->cancels += n[MSI_COUNT_cancels + kind];
    }
}

void mst_cache_stats(mst_cache *c, mst_stats *s)
{
    uint64_t n[MSI_COUNTERS];
    msi_counted_all(&c->counters, n);
    memset(s, 0, sizeof *s);
    take_ledgers(c, n, s);
    take_answers(c, n, s);
    s->loads = n[MSI_COUNT_loads];
    s->load_failures = n[MSI_COUNT_load_failures];
    s->rejected = n[MSI_COUNT_rejected];
    s->superseded = n[MSI_COUNT_superseded];
    s->invalidations = n[MSI_COUNT_invalidations];
    s->bad_traceparents = atomic_load_explicit(&c->bad_traceparents, memory_order_relaxed);
    s->decodes = atomic_load_explicit(&c->codec.decodes, memory_order_relaxed);
    s->encodes = atomic_load_explicit(&c->codec.encodes, memory_order_relaxed);
    s->compressed = atomic_load_explicit(&c->codec.compressed, memory_order_relaxed);
    for (unsigned i = 0; i < sizeof c->codec.faults / sizeof c->codec.faults[0]; i++) {
        s->decode_misses += atomic_load_explicit(&c->codec.faults[i], memory_order_relaxed);
    }
    for (unsigned i = 0; i < c->tier_count; i++) {
        s->tier_errors += atomic_load_explicit(&c->tiers[i]->errors, memory_order_relaxed);
        s->tier_skipped += atomic_load_explicit(&c->tiers[i]->skipped, memory_order_relaxed);
        s->tier_timeouts += atomic_load_explicit(&c->tiers[i]->timeouts, memory_order_relaxed);
    }
}

typedef struct relay {
    void (*emit)(void *arg, const char *tier, const char *name, uint64_t value);
    void *arg;
    const char *tier;
} relay;

static void relay_one(void *arg, const char *name, uint64_t value)
{
    const relay *r = arg;
    r->emit(r->arg, r->tier, name, value);
}

static void emit_breaker(msi_tier *t, const relay *r)
{
    if (!t->near) {
        r->emit(r->arg, r->tier, "breaker_open",
                atomic_load_explicit(&t->open, memory_order_relaxed));
        r->emit(r->arg, r->tier, "breaker_opened",
                atomic_load_explicit(&t->opened, memory_order_relaxed));
        r->emit(r->arg, r->tier, "breaker_skipped",
                atomic_load_explicit(&t->skipped, memory_order_relaxed));
    }
}

void mst_cache_tier_stats(mst_cache *c,
                          void (*emit)(void *arg, const char *tier, const char *name,
                                       uint64_t value),
                          void *arg)
{
    for (unsigned i = 0; i < c->tier_count; i++) {
        msi_tier *t = c->tiers[i];
        relay r = {emit, arg, t->name};
        emit_breaker(t, &r);
        for (unsigned j = 0; t->ops->stats && j < t->instance_count; j++) {
            t->ops->stats(t->instances[j]->self, relay_one, &r);
        }
    }
}

const char *mst_cache_tier_name(const mst_cache *c, int index)
{
    if (index == MST_TIER_LOADER) {
        return "loader";
    }
    return c && index >= 0 && (unsigned) index < c->tier_count ? c->tiers[index]->name : NULL;
}
