/* trace.c - a sample of what is asked for, for the program.
 *
 * Sampled are keys, not requests (C. Waldspurger et al., SHARDS, FAST 2015): all requests of one
 * key in N. Then a cache with an Nth of the entries meets the sample as the whole one meets
 * everything. Stripes, shards and lanes are chosen by bits of the hash, so it is stirred before it
 * decides.
 *
 * A recorder that is replaced is kept until the cache ends, because other threads may be about to
 * call it; that is the price of asking neither a lock nor a count of readers at each hit.
 */
#include "api/trace.h"

#define ALL ((uint64_t) 1 << 32)

/* Other threads may change the recorder at the same time. */
static void mark(mst_cache *c)
{
    if (!atomic_load(&c->trace)) {
        atomic_fetch_and(&c->state, ~(uint64_t) MSI_TRACED);
    }
    if (atomic_load(&c->trace)) {
        atomic_fetch_or(&c->state, MSI_TRACED);
    }
}

mst_status mst_cache_trace(mst_cache *c, const mst_trace_options *o)
{
    if (!c || (o && !o->record)) {
        return MST_EINVAL;
    }
    msi_trace *t = NULL;
    if (o) {
        t = msi_zalloc(c->allocator, sizeof *t);
        if (!t) {
            return MST_ENOMEM;
        }
        t->options = *o;
        t->limit = ALL / (o->one_in ? o->one_in : 1);
        t->before = atomic_load_explicit(&c->traces, memory_order_relaxed);
        while (!atomic_compare_exchange_weak(&c->traces, &t->before, t)) {
        }
    }
    atomic_store(&c->trace, t);
    mark(c);
    return MST_OK;
}

void msi_trace_record(const msi_trace *t, uint64_t hash, const mst_options *o,
                      const mst_result *now)
{
    uint64_t stirred = hash * 0x9e3779b97f4a7c15u >> 32;
    if (stirred < t->limit && !(o->flags & MST_F_PEEK)) {
        t->options.record(t->options.arg, hash, now && now->status == MST_OK ? now->len : 0);
    }
}

void msi_trace_free(mst_cache *c)
{
    msi_trace *t = atomic_load_explicit(&c->traces, memory_order_acquire);
    while (t) {
        msi_trace *before = t->before;
        msi_free(c->allocator, t);
        t = before;
    }
}
