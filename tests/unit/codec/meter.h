/* meter.h - an allocator that knows how much is out, the peak and the largest request, and that can
 * fail the n-th call. Several meters may share one trigger. Threads may share a meter: the peak and
 * the largest request may then be a little too small. */
#ifndef TEST_METER_H
#define TEST_METER_H

#include <memstache/config.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct trigger {
    _Atomic long calls;   /* allocations asked for */
    _Atomic long fail_at; /* the call that fails, counted from 1; 0: none */
} trigger;

typedef struct meter {
    mst_allocator allocator; /* ctx: this struct */
    trigger *trigger;
    _Atomic long blocks; /* taken and not given back */
    _Atomic size_t bytes, peak, largest;
} meter;

enum { METER_HEADER = 16 };

static inline void *meter_realloc(void *ctx, void *p, size_t size)
{
    meter *m = ctx;
    char *base = p ? (char *) p - METER_HEADER : NULL;
    size_t before = 0;
    if (size > m->largest) {
        m->largest = size;
    }
    if (++m->trigger->calls == m->trigger->fail_at) {
        return NULL;
    }
    if (base) {
        memcpy(&before, base, sizeof before);
    }
    char *moved = realloc(base, size + METER_HEADER);
    if (!moved) {
        return NULL;
    }
    memcpy(moved, &size, sizeof size);
    m->blocks += !p;
    m->bytes += size - before;
    size_t bytes = m->bytes;
    if (bytes > m->peak) {
        m->peak = bytes;
    }
    return moved + METER_HEADER;
}

static inline void *meter_alloc(void *ctx, size_t size)
{
    return meter_realloc(ctx, NULL, size);
}

static inline void meter_free(void *ctx, void *p)
{
    meter *m = ctx;
    size_t size;
    if (p) {
        char *base = (char *) p - METER_HEADER;
        memcpy(&size, base, sizeof size);
        m->blocks--;
        m->bytes -= size;
        free(base);
    }
}

static inline void meter_init(meter *m, trigger *t)
{
    memset(m, 0, sizeof *m);
    m->allocator = (mst_allocator){meter_alloc, meter_realloc, meter_free, m};
    m->trigger = t;
}

#endif
