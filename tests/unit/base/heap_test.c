/* The heap of deadlines, against a plain array. */
#include <criterion/criterion.h>

#include "base/hash.h"
#include "base/heap.h"
#include "unit/base/counting.h"

enum { NODES = 500, STEPS = 20000 };

static msi_heap_node nodes[NODES];

Test(heap, comes_out_in_order)
{
    msi_heap heap;
    msi_heap_init(&heap, &msi_malloc_allocator);
    cr_assert_null(msi_heap_first(&heap));
    for (uint64_t i = 0; i < NODES; i++) {
        cr_assert_eq(msi_heap_insert(&heap, &nodes[i], msi_mix(i) % 1000), MST_OK);
    }
    uint64_t last = 0;
    for (size_t i = 0; i < NODES; i++) {
        msi_heap_node *n = msi_heap_first(&heap);
        cr_assert_geq(n->key, last);
        last = n->key;
        msi_heap_remove(&heap, n);
        cr_assert_eq(n->place, 0);
    }
    cr_assert_null(msi_heap_first(&heap));
    msi_heap_fini(&heap);
}

static uint64_t smallest(void)
{
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < NODES; i++) {
        if (nodes[i].place && nodes[i].key < least) {
            least = nodes[i].key;
        }
    }
    return least;
}

/* Each node knows its own place, and no child is before its parent. */
static void check_shape(const msi_heap *heap)
{
    for (size_t i = 0; i < heap->count; i++) {
        cr_assert_eq(heap->nodes[i]->place, i + 1);
        cr_assert_leq(heap->nodes[(i ? i - 1 : 0) / 2]->key, heap->nodes[i]->key);
    }
}

Test(heap, random_inserts_and_removals)
{
    msi_heap heap;
    msi_heap_init(&heap, &msi_malloc_allocator);
    for (uint64_t step = 0; step < STEPS; step++) {
        msi_heap_node *n = &nodes[msi_mix(step) % NODES];
        if (n->place) {
            msi_heap_remove(&heap, n);
        } else {
            cr_assert_eq(msi_heap_insert(&heap, n, msi_mix(step * 7) % 300), MST_OK);
        }
        if (step % 50 == 0) {
            check_shape(&heap);
            cr_assert_eq(heap.count ? msi_heap_first(&heap)->key : UINT64_MAX, smallest());
        }
    }
    msi_heap_fini(&heap);
}

Test(heap, removing_what_is_in_none)
{
    msi_heap heap;
    msi_heap_node node = {0};
    msi_heap_init(&heap, &msi_malloc_allocator);
    msi_heap_remove(&heap, &node);
    msi_heap_insert(&heap, &node, 1);
    msi_heap_remove(&heap, &node);
    msi_heap_remove(&heap, &node);
    cr_assert_eq(heap.count, 0);
    msi_heap_fini(&heap);
}

Test(heap, survives_a_failed_allocation)
{
    msi_heap heap;
    counting memory;
    counting_init(&memory);
    msi_heap_init(&heap, &memory.allocator);
    memory.fail_at = 2; /* the first time that it grows */
    size_t held = 0;
    while (msi_heap_insert(&heap, &nodes[held], 1000 - held) == MST_OK) {
        held++;
        cr_assert_lt(held, NODES);
    }
    cr_assert_eq(heap.count, held);
    cr_assert_eq(nodes[held].place, 0, "the one that was refused is in none");
    check_shape(&heap);
    cr_assert_eq(msi_heap_insert(&heap, &nodes[held], 1), MST_OK);
    cr_assert_eq(msi_heap_first(&heap), &nodes[held]);
    msi_heap_fini(&heap);
    cr_assert_eq(memory.blocks, 0);
}

Test(heap, fini_of_zeroed_memory)
{
    msi_heap heap = {0};
    msi_heap_fini(&heap);
    cr_assert_null(heap.nodes);
}
