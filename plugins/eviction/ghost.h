/* ghost.h - a memory of keys that are gone, for policies: a set of the most recent ones, of fixed
 * size.
 *
 * A cell is a 32-bit trace of the key and the number of its coming; eight cells are a cache line,
 * and a line that is full forgets its oldest. So a key is forgotten early now and then, and
 * mistaken for another once in some hundred millions of questions. All [shard-lock].
 */
#ifndef EVICTION_GHOST_H
#define EVICTION_GHOST_H

#include <memstache/eviction.h>

#include <stdbool.h>

typedef struct ghost_cell {
    uint32_t trace, number; /* number 0: empty */
} ghost_cell;

typedef struct ghost {
    ghost_cell *cells;
    uint64_t lines; /* power of two */
    uint32_t last;  /* number given */
} ghost;

/* Room for about so many keys, at least. MST_ENOMEM. */
mst_status ghost_init(ghost *, const mst_host *, uint64_t keys);
void ghost_fini(ghost *, const mst_host *); /* safe on a zeroed one */

static inline uint32_t ghost_trace(uint64_t hash)
{
    return (uint32_t) (hash ^ hash >> 32);
}

void ghost_add(ghost *, uint32_t trace);
/* Was it among the last `recent` that were added? It is forgotten then. */
bool ghost_take(ghost *, uint32_t trace, uint64_t recent);

#endif
