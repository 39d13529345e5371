/* stats.c - one consistent sample of a cache's counters. */
#include <string.h>

#include "api/runtime.h"
#include "pipeline/lane.h"

/* What was answered on the callers' threads is started and completed at once, so each of these
 * counters is read a single time and added to both. The ledgers of the lanes are read under their
 * mutex. */
void mst_cache_stats(mst_cache *c, mst_stats *s)
{
    const msi_counters *n = &c->counters;
    uint64_t hits = msi_counted(n, MSI_COUNT_now_hits);
    uint64_t misses = msi_counted(n, MSI_COUNT_now_misses);
    uint64_t sets = msi_counted(n, MSI_COUNT_now_sets);
    uint64_t removes = msi_counted(n, MSI_COUNT_now_removes);
    uint64_t others = msi_counted(n, MSI_COUNT_now_others);
    memset(s, 0, sizeof *s);
    s->started = s->completed = hits + misses + sets + removes + others;
    for (unsigned i = 0; i < c->lane_count; i++) {
        msi_lane *l = &c->lanes[i];
        pthread_mutex_lock(&l->mutex);
        s->started += l->started;
        s->completed += l->completed;
        s->pending += l->pending;
        pthread_mutex_unlock(&l->mutex);
    }
    s->near_hits = hits + msi_counted(n, MSI_COUNT_near_hits);
    s->far_hits = msi_counted(n, MSI_COUNT_far_hits);
    s->misses = misses + msi_counted(n, MSI_COUNT_misses);
    s->coalesced = msi_counted(n, MSI_COUNT_coalesced);
    s->loads = msi_counted(n, MSI_COUNT_loads);
    s->load_failures = msi_counted(n, MSI_COUNT_load_failures);
    s->sets = sets + msi_counted(n, MSI_COUNT_sets);
    s->removes = removes + msi_counted(n, MSI_COUNT_removes);
    s->timeouts = msi_counted(n, MSI_COUNT_timeouts);
    s->cancels = msi_counted(n, MSI_COUNT_cancels);
    s->rejected = msi_counted(n, MSI_COUNT_rejected);
    s->superseded = msi_counted(n, MSI_COUNT_superseded);
    s->invalidations = msi_counted(n, MSI_COUNT_invalidations);
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
