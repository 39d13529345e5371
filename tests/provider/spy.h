/* spy.h - an exact LRU policy that checks every promise which a provider makes to a policy, and
 * tells the test about each entry that goes. */
#ifndef SPY_H
#define SPY_H

#include <memstache/eviction.h>

#include <stdbool.h>

enum { SPY_EVICTED = 0 /* beside MST_GONE_* */ };

/* What all shards report to; `self` of the policy. */
typedef struct spy {
    void (*gone)(void *arg, uint64_t hash, int why); /* may be NULL */
    void *arg;
    uint64_t inserted, hits, misses, updated, removed, evicted;
    uint64_t faults; /* broken promises */
    bool refuse;     /* admit nothing */
    uint32_t shards;
} spy;

extern const mst_eviction_ops spy_ops;

#endif
