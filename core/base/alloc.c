/* alloc.c - the allocator, and its default. */
#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void *malloc_alloc(void *ctx, size_t size)
{
    (void) ctx;
    return malloc(size ? size : 1);
}

static void *malloc_realloc(void *ctx, void *p, size_t size)
{
    (void) ctx;
    return realloc(p, size ? size : 1);
}

static void malloc_free(void *ctx, void *p)
{
    (void) ctx;
    free(p);
}

const mst_allocator msi_malloc_allocator = {malloc_alloc, malloc_realloc, malloc_free, NULL};

void *msi_alloc(const mst_allocator *a, size_t size)
{
    return a->alloc(a->ctx, size);
}

void *msi_zalloc(const mst_allocator *a, size_t size)
{
    void *p = a->alloc(a->ctx, size);
    if (p) {
        memset(p, 0, size);
    }
    return p;
}

void msi_zero(void *p, size_t size)
{
    memset(p, 0, size);
}

void *msi_realloc(const mst_allocator *a, void *p, size_t size)
{
    return a->realloc(a->ctx, p, size);
}

void msi_free(const mst_allocator *a, void *p)
{
    if (p) {
        a->free(a->ctx, p);
    }
}

char *msi_strdup(const mst_allocator *a, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = msi_alloc(a, size);
    if (copy) {
        memcpy(copy, text, size);
    }
    return copy;
}

enum { ALIGNMENT = 64 };

/* The distance back to what the allocator returned stands in the byte before the result. */
void *msi_zalloc_aligned(const mst_allocator *a, size_t size)
{
    if (size > SIZE_MAX - ALIGNMENT) {
        return NULL;
    }
    uint8_t *base = msi_zalloc(a, size + ALIGNMENT);
    if (!base) {
        return NULL;
    }
    size_t skip = ALIGNMENT - (uintptr_t) base % ALIGNMENT;
    base[skip - 1] = (uint8_t) skip;
    return base + skip;
}

void msi_free_aligned(const mst_allocator *a, void *p)
{
    if (p) {
        uint8_t *aligned = p;
        msi_free(a, aligned - aligned[-1]);
    }
}
