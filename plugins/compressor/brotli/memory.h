/* memory.h - the memory of one call into libbrotli: the host's, counted, bounded, and given back in
 * one go when the library is left early. */
#ifndef BROTLI_MEMORY_H
#define BROTLI_MEMORY_H

#include <memstache/codec.h>

#include <setjmp.h>
#include <stdatomic.h>

enum { POOL_SLOTS = 4, POOL_BLOCK_MAX = 4 << 20 };

/* An encoder wants about 2 MB for a value of 100 kB, in 21 pieces, for a millisecond. malloc()
 * gives so much back to the system each time, and getting it again costs twice as long as
 * compressing (3.1 ms instead of 1.1, measured with glibc 2.36). So a few working blocks are kept.
 */
typedef struct mst_brotli_pool {
    _Atomic(void *) slots[POOL_SLOTS];
    _Atomic size_t
        wanted; /* what the largest call so far could have used, at most POOL_BLOCK_MAX */
} mst_brotli_pool;

void mst_brotli_pool_fini(mst_brotli_pool *, const mst_host *);

typedef struct mst_brotli_memory {
    const mst_host *host;
    size_t left;   /* what may still be taken */
    int refused;   /* something was, for want of `left` */
    int failed;    /* for want of memory */
    jmp_buf *bail; /* where to go then instead of returning NULL; may be NULL */
    struct piece *pieces;
    mst_brotli_pool *pool; /* may be NULL */
    char *block, *at, *end;
    size_t asked; /* the sum of all pieces */
} mst_brotli_memory;

/* `pool` may be NULL. */
void mst_brotli_memory_init(mst_brotli_memory *, const mst_host *, size_t limit,
                            mst_brotli_pool *pool);
void mst_brotli_memory_fini(mst_brotli_memory *);

/* brotli_alloc_func and brotli_free_func, over an mst_brotli_memory. */
void *mst_brotli_take(void *memory, size_t size);
void mst_brotli_give_back(void *memory, void *piece);

#endif
