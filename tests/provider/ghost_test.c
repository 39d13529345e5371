/* The memory of keys that are gone, beside a list that is too simple to be wrong. */
#include "ghost.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "fixtures/fake_host.h"

enum { KEYS = 100 };

static uint32_t trace_of(int key)
{
    uint64_t x = ((uint64_t) key + 1) * 0x9e3779b97f4a7c15u;
    return ghost_trace((x ^ x >> 31) * 0xbf58476d1ce4e5b9u);
}

/* The keys, the oldest first. */
typedef struct model {
    int key[8 * KEYS], n;
} model;

static bool model_take(model *m, int key)
{
    for (int i = 0; i < m->n; i++) {
        if (m->key[i] == key) {
            m->n--;
            memmove(m->key + i, m->key + i + 1, (size_t) (m->n - i) * sizeof *m->key);
            return true;
        }
    }
    return false;
}

static void model_forget(model *m, int n)
{
    m->n -= n;
    memmove(m->key, m->key + n, (size_t) m->n * sizeof *m->key);
}

/* So few keys that an epoch is a tick, and no line is full. */
Test(ghost, is_a_queue_that_is_asked_by_key)
{
    fake_host host;
    fake_host_init(&host, "eviction.x");
    ghost g;
    model m = {.n = 0};
    cr_assert_eq(ghost_init(&g, &host.host, 4 * KEYS, 32), MST_OK);
    srand(8);
    for (int i = 0; i < 200000; i++) {
        int key = rand() % (3 * KEYS);
        if (rand() % 2) {
            cr_assert_eq(ghost_take(&g, trace_of(key)), model_take(&m, key), "step %d", i);
        } else {
            model_take(&m, key);
            ghost_add(&g, trace_of(key), ghost_tick(&g));
            m.key[m.n++] = key;
            int keep = rand() % 20 ? KEYS : rand() % KEYS, more = m.n > keep ? m.n - keep : 0;
            cr_assert_eq(ghost_keep(&g, (uint64_t) keep), (uint32_t) more, "step %d", i);
            model_forget(&m, more);
        }
        cr_assert_eq(g.keys, (uint64_t) m.n);
    }
    ghost_fini(&g, &host.host);
    cr_assert_eq(atomic_load(&host.blocks), 0);
}

Test(ghost, forgets_by_age)
{
    fake_host host;
    fake_host_init(&host, "eviction.x");
    ghost g;
    cr_assert_eq(ghost_init(&g, &host.host, KEYS, 4), MST_OK);
    uint16_t then = 0;
    for (int key = 0; key < KEYS; key++) {
        uint16_t now = ghost_tick(&g);
        then = key == KEYS / 4 ? now : then;
        ghost_add(&g, trace_of(key), now);
    }
    cr_assert_eq(ghost_forget_before(&g, then), KEYS / 4);
    cr_assert_eq(ghost_forget_before(&g, then), 0);
    for (int key = 0; key < KEYS; key++) {
        cr_assert_eq(ghost_take(&g, trace_of(key)), key >= KEYS / 4);
    }
    ghost_add(&g, trace_of(1), (uint16_t) (then - 1)); /* it is too late for that */
    cr_assert_not(ghost_take(&g, trace_of(1)));
    ghost_fini(&g, &host.host);
}

/* Epochs of many ticks, lines that run over, and all numbers come round: most of the late keys are
 * there, none of the early ones, and the count is right. */
Test(ghost, many)
{
    enum { MANY = 20000, ROUNDS = 100 };
    fake_host host;
    fake_host_init(&host, "eviction.x");
    ghost g;
    cr_assert_eq(ghost_init(&g, &host.host, MANY, 2), MST_OK);
    for (int key = 0; key < ROUNDS * MANY; key++) {
        ghost_add(&g, trace_of(key), ghost_tick(&g));
        ghost_keep(&g, MANY);
        cr_assert_leq(g.keys, MANY);
    }
    int late = 0, early = 0;
    for (int i = 0; i < MANY; i++) {
        early += ghost_take(&g, trace_of((ROUNDS - 3) * MANY + i));
        late += ghost_take(&g, trace_of((ROUNDS - 1) * MANY + i));
    }
    cr_assert_lt(early, MANY / 100);
    cr_assert_gt(late, MANY * 9 / 10);
    ghost_keep(&g, 0);
    cr_assert_eq(g.keys, 0);
    ghost_fini(&g, &host.host);
    cr_assert_eq(atomic_load(&host.blocks), 0);
}
