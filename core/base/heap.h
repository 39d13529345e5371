/* heap.h - intrusive binary min-heap of deadlines. Each node knows its place, so that removing one
 * costs O(log n) and no search. One thread. */
#ifndef MSI_HEAP_H
#define MSI_HEAP_H

#include "base/alloc.h"

typedef struct msi_heap_node {
    uint64_t key;
    size_t place; /* index + 1; 0: in no heap */
} msi_heap_node;

typedef struct msi_heap {
    const mst_allocator *allocator;
    msi_heap_node **nodes;
    size_t count, capacity;
} msi_heap;

void msi_heap_init(msi_heap *, const mst_allocator *);
void msi_heap_fini(msi_heap *);
mst_status msi_heap_insert(msi_heap *, msi_heap_node *, uint64_t key); /* MST_ENOMEM */
void msi_heap_remove(msi_heap *, msi_heap_node *);                     /* safe when in none */
msi_heap_node *msi_heap_first(const msi_heap *);                       /* NULL when empty */

#endif
