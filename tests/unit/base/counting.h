/* counting.h - an allocator that counts what is out and can fail the n-th allocation. */
#ifndef TEST_COUNTING_H
#define TEST_COUNTING_H

#include <memstache/config.h>
#include <stdlib.h>

typedef struct counting {
    mst_allocator allocator; /* ctx: this struct */
    long blocks;             /* taken and not given back */
    long calls;              /* allocations asked for */
    long fail_at;            /* the call that fails, counted from 1; 0: none */
} counting;

static inline int counting_fails(counting *c)
{
    return ++c->calls == c->fail_at;
}

static inline void *counting_alloc(void *ctx, size_t size)
{
    counting *c = ctx;
    void *p = counting_fails(c) ? NULL : malloc(size ? size : 1);
    c->blocks += p != NULL;
    return p;
}

static inline void *counting_realloc(void *ctx, void *p, size_t size)
{
    counting *c = ctx;
    void *moved = counting_fails(c) ? NULL : realloc(p, size ? size : 1);
    c->blocks += moved && !p;
    return moved;
}

static inline void counting_free(void *ctx, void *p)
{
    counting *c = ctx;
    c->blocks -= p != NULL;
    free(p);
}

static inline void counting_init(counting *c)
{
    c->allocator = (mst_allocator){counting_alloc, counting_realloc, counting_free, c};
    c->blocks = c->calls = c->fail_at = 0;
}

#endif
