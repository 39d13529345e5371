/* ghost.h - a memory of keys that are gone, for policies: a queue of the most recent ones that can
 * be asked for any of them, of fixed size.
 *
 * A cell is a 32-bit trace of the key and its number in the queue; eight cells are a cache line,
 * and a line that is full forgets its oldest. So a key is forgotten early now and then, and
 * mistaken for another once in some hundred millions of questions. A bit for each number of late
 * says whether it is still in the queue. All [shard-lock].
 */
#ifndef EVICTION_GHOST_H
#define EVICTION_GHOST_H

#include <memstache/eviction.h>

#include <stdbool.h>

typedef struct ghost_cell {
    uint32_t trace, number; /* the number counts when its bit is set */
} ghost_cell;

typedef struct ghost {
    ghost_cell *cells;
    uint64_t *bits;       /* by number, modulo the cells */
    uint64_t lines;       /* power of two */
    uint32_t first, next; /* numbers: the oldest that may be in the queue, the next one to give */
    uint32_t count;       /* of keys in the queue */
} ghost;

/* Room for about so many keys, at least. MST_ENOMEM. */
mst_status ghost_init(ghost *, const mst_host *, uint64_t keys);
void ghost_fini(ghost *, const mst_host *); /* safe on a zeroed one */

static inline uint32_t ghost_trace(uint64_t hash)
{
    return (uint32_t) (hash ^ hash >> 32);
}

/* As the newest one; the oldest are forgotten until `keep` are left. */
void ghost_add(ghost *, uint32_t trace, uint64_t keep);
/* Is it there? It is not, any more. */
bool ghost_take(ghost *, uint32_t trace);

#endif
