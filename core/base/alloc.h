/* alloc.h - all memory of the core goes through one mst_allocator, so that a host can inject its
 * own, and so that the tests can let the n-th allocation fail. [any-thread] */
#ifndef MSI_ALLOC_H
#define MSI_ALLOC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <memstache/config.h>

/* malloc, realloc, free. */
extern const mst_allocator msi_malloc_allocator;

void *msi_alloc(const mst_allocator *, size_t size);
void *msi_zalloc(const mst_allocator *, size_t size); /* zeroed */
/* memset() to 0 that is never made an instruction of the compiler's: from a hundred bytes on that
 * costs several times the call. */
void msi_zero(void *, size_t size);
void *msi_realloc(const mst_allocator *, void *p, size_t size);
void msi_free(const mst_allocator *, void *p); /* NULL is fine */
char *msi_strdup(const mst_allocator *, const char *text);

/* Zeroed and aligned to 64 bytes; free with msi_free_aligned() only. */
void *msi_zalloc_aligned(const mst_allocator *, size_t size);
void msi_free_aligned(const mst_allocator *, void *p);

/* One reference less; true when it was the last. Who holds the only one needs no exchange. */
static inline bool msi_unref(_Atomic uint32_t *refs)
{
    return atomic_load_explicit(refs, memory_order_acquire) == 1 ||
           atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

#endif
