/* shrink.c - memory given back before a bound asks for it. */
#include "api/runtime.h"

uint64_t mst_cache_shrink(mst_cache *c, uint64_t bytes)
{
    uint64_t freed = 0;
    for (unsigned i = 0; i < c->tier_count && freed < bytes; i++) {
        const msi_tier *t = c->tiers[i];
        for (unsigned j = 0; t->ops->shrink && j < t->instance_count && freed < bytes; j++) {
            freed += t->ops->shrink(t->instances[j]->self, bytes - freed);
        }
    }
    return freed;
}
