/* trace.h - telling the program which keys are asked for: see mst_cache_trace(). */
#ifndef MSI_TRACE_H
#define MSI_TRACE_H

#include "api/runtime.h"

struct msi_trace {
    msi_trace *before; /* the recorder that was in effect before: calls may still be in it */
    mst_trace_options options;
    uint64_t limit; /* of 2^32: the share of keys that are recorded */
};

void msi_trace_record(const msi_trace *, uint64_t hash, const mst_options *, const mst_result *);

/* A key was asked for, and *now, unless it is NULL, is what the near tiers said. */
static inline void msi_trace_lookup(const mst_cache *c, uint64_t hash, const mst_options *o,
                                    const mst_result *now)
{
    const msi_trace *t = atomic_load_explicit(&c->trace, memory_order_acquire);
    if (__builtin_expect(t != NULL, 0)) {
        msi_trace_record(t, hash, o, now);
    }
}

/* All of them; the cache is not used any more. */
void msi_trace_free(mst_cache *);

#endif
