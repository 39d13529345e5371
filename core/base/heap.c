/* heap.c - binary heap in an array of pointers; parent of i is (i - 1) / 2. */
#include "base/heap.h"

#include <string.h>

void msi_heap_init(msi_heap *h, const mst_allocator *allocator)
{
    memset(h, 0, sizeof *h);
    h->allocator = allocator;
}

void msi_heap_fini(msi_heap *h)
{
    if (h->allocator) {
        msi_free(h->allocator, h->nodes);
    }
    memset(h, 0, sizeof *h);
}

static void put(msi_heap *h, size_t i, msi_heap_node *n)
{
    h->nodes[i] = n;
    n->place = i + 1;
}

static void rise(msi_heap *h, size_t i, msi_heap_node *n)
{
    while (i > 0 && h->nodes[(i - 1) / 2]->key > n->key) {
        put(h, i, h->nodes[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put(h, i, n);
}

static void sink(msi_heap *h, size_t i, msi_heap_node *n)
{
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h->count) {
            break;
        }
        if (child + 1 < h->count && h->nodes[child + 1]->key < h->nodes[child]->key) {
            child++;
        }
        if (h->nodes[child]->key >= n->key) {
            break;
        }
        put(h, i, h->nodes[child]);
        i = child;
    }
    put(h, i, n);
}

mst_status msi_heap_insert(msi_heap *h, msi_heap_node *n, uint64_t key)
{
    if (h->count == h->capacity) {
        size_t capacity = h->capacity ? 2 * h->capacity : 64;
        msi_heap_node **nodes = msi_realloc(h->allocator, h->nodes, capacity * sizeof *nodes);
        if (!nodes) {
            return MST_ENOMEM;
        }
        h->nodes = nodes;
        h->capacity = capacity;
    }
    n->key = key;
    rise(h, h->count++, n);
    return MST_OK;
}

void msi_heap_remove(msi_heap *h, msi_heap_node *n)
{
    if (!n->place) {
        return;
    }
    size_t i = n->place - 1;
    msi_heap_node *last = h->nodes[--h->count];
    n->place = 0;
    if (last == n) {
        return;
    }
    if (i > 0 && h->nodes[(i - 1) / 2]->key > last->key) {
        rise(h, i, last);
    } else {
        sink(h, i, last);
    }
}

msi_heap_node *msi_heap_first(const msi_heap *h)
{
    return h->count ? h->nodes[0] : NULL;
}
