/* memory.c - see memory.h. A working block is cut from its beginning; what does not fit in it comes
 * from the host, in a list. */
#include "memory.h"

#include <stdint.h>

enum { ALIGN = 16 };

typedef struct piece {
    _Alignas(ALIGN) struct piece *prev;
    struct piece *next;
    size_t size;
} piece;

/* The head of a working block. */
typedef struct block {
    _Alignas(ALIGN) size_t size;
} block;

/* ---- working blocks */

static void borrow(mst_brotli_memory *m)
{
    for (int i = 0; i < POOL_SLOTS && !m->block; i++) {
        m->block = atomic_exchange(&m->pool->slots[i], NULL);
    }
    size_t wanted = atomic_load(&m->pool->wanted);
    if (m->block && ((block *) (void *) m->block)->size < wanted) {
        m->host->free(m->host, m->block);
        m->block = NULL;
    }
    if (!m->block && wanted) {
        m->block = m->host->alloc(m->host, wanted);
        if (m->block) {
            ((block *) (void *) m->block)->size = wanted;
        }
    }
    if (m->block) {
        m->at = m->block + sizeof(block);
        m->end = m->block + ((block *) (void *) m->block)->size;
    }
}

static void lend_back(mst_brotli_memory *m)
{
    size_t could_use = m->asked + sizeof(block), wanted = atomic_load(&m->pool->wanted);
    could_use = could_use < POOL_BLOCK_MAX ? could_use : POOL_BLOCK_MAX;
    while (could_use > wanted &&
           !atomic_compare_exchange_weak(&m->pool->wanted, &wanted, could_use)) {
    }
    for (int i = 0; i < POOL_SLOTS && m->block; i++) {
        void *none = NULL;
        if (atomic_compare_exchange_strong(&m->pool->slots[i], &none, m->block)) {
            m->block = NULL;
        }
    }
    if (m->block) {
        m->host->free(m->host, m->block);
    }
}

void mst_brotli_pool_fini(mst_brotli_pool *pool, const mst_host *host)
{
    for (int i = 0; i < POOL_SLOTS; i++) {
        void *kept = atomic_exchange(&pool->slots[i], NULL);
        if (kept) {
            host->free(host, kept);
        }
    }
}

/* ---- pieces */

void mst_brotli_memory_init(mst_brotli_memory *m, const mst_host *host, size_t limit,
                            mst_brotli_pool *pool)
{
    *m = (mst_brotli_memory){.host = host, .left = limit, .pool = pool};
    if (pool) {
        borrow(m);
    }
}

void mst_brotli_memory_fini(mst_brotli_memory *m)
{
    while (m->pieces) {
        mst_brotli_give_back(m, m->pieces + 1);
    }
    if (m->pool) {
        lend_back(m);
    }
}

static void *take_of_block(mst_brotli_memory *m, size_t size)
{
    size_t need = (size + ALIGN - 1) / ALIGN * ALIGN;
    m->asked += need;
    if (need < size || need > (size_t) (m->end - m->at)) {
        return NULL;
    }
    void *p = m->at;
    m->at += need;
    return p;
}

static void *take_of_host(mst_brotli_memory *m, size_t size)
{
    piece *p = size <= m->left ? m->host->alloc(m->host, sizeof *p + size) : NULL;
    if (!p) {
        m->refused |= size > m->left;
        m->failed |= size <= m->left;
        if (m->bail) {
            longjmp(*m->bail, 1);
        }
        return NULL;
    }
    m->left -= size;
    *p = (piece){NULL, m->pieces, size};
    if (p->next) {
        p->next->prev = p;
    }
    m->pieces = p;
    return p + 1;
}

void *mst_brotli_take(void *memory, size_t size)
{
    mst_brotli_memory *m = memory;
    void *p = m->pool ? take_of_block(m, size) : NULL;
    return p ? p : take_of_host(m, size);
}

void mst_brotli_give_back(void *memory, void *given)
{
    mst_brotli_memory *m = memory;
    if (!given || (uintptr_t) given - (uintptr_t) m->block < (uintptr_t) (m->end - m->block)) {
        return; /* of the working block: comes back with it */
    }
    piece *p = (piece *) given - 1;
    if (p->prev) {
        p->prev->next = p->next;
    } else {
        m->pieces = p->next;
    }
    if (p->next) {
        p->next->prev = p->prev;
    }
    m->left += p->size;
    m->host->free(m->host, p);
}
