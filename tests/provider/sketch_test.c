/* What the sketch says of how often a key was asked for. */
#include "sketch.h"

#include <criterion/criterion.h>

#include "fixtures/fake_host.h"

enum { KEYS = 1000 };

static uint32_t trace_of(int key)
{
    uint64_t x = ((uint64_t) key + 1) * 0x9e3779b97f4a7c15u;
    return (uint32_t) ((x ^ x >> 31) * 0xbf58476d1ce4e5b9u >> 32);
}

static void add(sketch *s, int key, int times)
{
    for (int i = 0; i < times; i++) {
        sketch_add(s, trace_of(key));
    }
}

static fake_host host;

static sketch start(void)
{
    sketch s;
    fake_host_init(&host, "eviction.x");
    cr_assert_eq(sketch_init(&s, &host.host, KEYS), MST_OK);
    return s;
}

static void finish(sketch *s)
{
    sketch_fini(s, &host.host);
    cr_assert_eq(atomic_load(&host.blocks), 0);
}

/* Never too few, seldom too many, and no more than 15. */
Test(sketch, counts)
{
    sketch s = start();
    int wrong = 0;
    for (int key = 0; key < KEYS; key++) {
        add(&s, key, key % 8);
    }
    for (int key = 0; key < KEYS; key++) {
        unsigned count = sketch_count(&s, trace_of(key));
        cr_assert_geq(count, (unsigned) key % 8);
        wrong += count != (unsigned) key % 8;
    }
    cr_assert_lt(wrong, KEYS / 10);
    add(&s, 0, 40);
    cr_assert_eq(sketch_count(&s, trace_of(0)), 15);
    finish(&s);
}

/* After ten requests for each key all counts are halved. */
Test(sketch, forgets)
{
    sketch s = start();
    add(&s, 0, 14);
    for (int i = 0; i < 10 * KEYS - 14; i++) {
        cr_assert_geq(sketch_count(&s, trace_of(0)), 14, "request %d", i);
        add(&s, 1 + i % (2 * KEYS), 1);
    }
    cr_assert_leq(sketch_count(&s, trace_of(0)), 8);
    cr_assert_geq(sketch_count(&s, trace_of(0)), 7);
    cr_assert_geq(s.added, 4 * KEYS);
    cr_assert_leq(s.added, 6 * KEYS);
    finish(&s);
}
