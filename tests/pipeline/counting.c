/* counting.c - see counting.h. */
#include "counting.h"

#include <stdlib.h>

static bool fails(t_counting *c)
{
    long call = atomic_fetch_add(&c->calls, 1) + 1, at = atomic_load(&c->fail_at);
    bool fail = at && (call == at || (call > at && atomic_load(&c->fail_after)));
    atomic_fetch_add(&c->failed, fail);
    return fail;
}

static void *counted_alloc(void *ctx, size_t size)
{
    t_counting *c = ctx;
    void *p = fails(c) ? NULL : malloc(size ? size : 1);
    atomic_fetch_add(&c->balance, p != NULL);
    return p;
}

static void *counted_realloc(void *ctx, void *old, size_t size)
{
    t_counting *c = ctx;
    void *p = fails(c) ? NULL : realloc(old, size ? size : 1);
    atomic_fetch_add(&c->balance, p != NULL && !old);
    return p;
}

static void counted_free(void *ctx, void *p)
{
    t_counting *c = ctx;
    atomic_fetch_sub(&c->balance, p != NULL);
    free(p);
}

void t_counting_init(t_counting *c)
{
    *c = (t_counting){.allocator = {counted_alloc, counted_realloc, counted_free, c}};
}
