/* sketch.h - about how often keys were asked for of late, for policies: a count-min sketch (G.
 * Cormode, S. Muthukrishnan, J. of Algorithms 2005) of counters up to 15, which are halved from
 * time to time so that what was popular is forgotten (G. Einziger, R. Friedman, B. Manes, TinyLFU,
 * ACM Transactions on Storage 2017). All [shard-lock]. */
#ifndef EVICTION_SKETCH_H
#define EVICTION_SKETCH_H

#include <memstache/eviction.h>

typedef struct sketch {
    uint64_t *blocks; /* of eight words, a cache line, of sixteen counters each */
    uint64_t block_mask;
    uint64_t added, halve_at;
} sketch;

/* For about so many keys; halved after ten times as many. MST_ENOMEM. */
mst_status sketch_init(sketch *, const mst_host *, uint64_t keys);
void sketch_fini(sketch *, const mst_host *); /* safe on a zeroed one */
/* Bytes that it allocated. */
uint64_t sketch_footprint(const sketch *);
void sketch_add(sketch *, uint32_t trace);
unsigned sketch_count(const sketch *, uint32_t trace);

#endif
