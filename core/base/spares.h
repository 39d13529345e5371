/* spares.h - blocks of one size that were given back, kept at hand for who needs the next one. For
 * what is made and dropped with every far request: malloc keeps seven blocks of a size at hand, and
 * with hundreds in flight costs five times as much as the two steps here.
 *
 * One thread. The blocks are ordinary ones of the allocator: who gives one back on another thread,
 * or later than the spares live, simply frees it. */
#ifndef MSI_SPARES_H
#define MSI_SPARES_H

#include "base/alloc.h"

/* A sanitizer that looks for uses after free is to see each one. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MSI_SEES_FREES
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(MSI_SEES_FREES)
enum { MSI_SPARES_MAX = 0 };
#else
enum { MSI_SPARES_MAX = 512 };
#endif

typedef struct msi_spare {
    struct msi_spare *next;
} msi_spare;

typedef struct msi_spares {
    const mst_allocator *allocator;
    size_t size; /* of every block; at least a pointer's */
    unsigned count;
    msi_spare *first;
} msi_spares;

static inline void msi_spares_init(msi_spares *s, const mst_allocator *allocator, size_t size)
{
    *s = (msi_spares){.allocator = allocator, .size = size};
}

static inline void msi_spares_fini(msi_spares *s)
{
    while (s->first) {
        msi_spare *spare = s->first;
        s->first = spare->next;
        msi_free(s->allocator, spare);
    }
    s->count = 0;
}

/* NULL: out of memory. What it holds is left from somebody else. */
static inline void *msi_spares_take(msi_spares *s)
{
    msi_spare *spare = s->first;
    if (!spare) {
        return msi_alloc(s->allocator, s->size);
    }
    s->first = spare->next;
    s->count--;
    return spare;
}

static inline void msi_spares_give(msi_spares *s, void *block)
{
    msi_spare *spare = block;
    if (s->count == MSI_SPARES_MAX) {
        msi_free(s->allocator, block);
        return;
    }
    spare->next = s->first;
    s->first = spare;
    s->count++;
}

#endif
