/* near_growth - how long a set takes while the cache grows from nothing: every set is timed, and
 * none may wait for the index to be built anew. The handmade cache, whose table doubles in one go,
 * is grown after it, for the contrast.
 *
 * How many entries one set moves is not in the figures, because the tier does not count it.
 *
 * With --clock wall the times are what a caller sees, and what else the machine does is in them;
 * with --clock cpu they are those of the thread's CPU, page faults included, at the price of a
 * system call in each, 0.1 us or, in a virtual machine, more than one. Latencies are right within
 * 0.4 %. */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "near.h"

static const char value[NEAR_VALUE] = {1};

static void set_near(void *cache, const char *key)
{
    near_set(cache, key, value, sizeof value);
}

static void set_handmade(void *cache, const char *key)
{
    yard_handmade_set(cache, key, value);
}

typedef struct growth {
    bench_hist hist;
    uint64_t longest_at; /* how many entries there were when a set took longest */
} growth;

/* The clock is read once for each set: the end of one is the beginning of the next. */
static void grow(const near_options *o, void (*set)(void *, const char *), void *cache, growth *g)
{
    near_key key;
    double last = near_clock(o);
    for (uint64_t i = 0; i < o->entries; i++) {
        near_make_key(key, i);
        set(cache, key);
        double now = near_clock(o);
        uint64_t took = (uint64_t) (now > last ? now - last : 0);
        g->longest_at = took > g->hist.max ? i : g->longest_at;
        bench_hist_add(&g->hist, took);
        last = now;
    }
}

static void show(const char *who, const growth *g)
{
    static const struct {
        const char *name;
        double share;
    } rows[] = {{"p50", 0.5}, {"p99", 0.99}, {"p9999", 0.9999}, {"max", 1}};
    char name[64];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(name, sizeof name, "%s_%s_us", who, rows[i].name);
        near_line_number(name, (double) bench_hist_at(&g->hist, rows[i].share) / 1e3);
    }
    snprintf(name, sizeof name, "%s_longest_at", who);
    near_line_number(name, (double) g->longest_at);
}

int main(int argc, char **argv)
{
    near_options o = {.program = "near_growth", .entries = 10000000, .rounds = 1};
    near_cache near;
    uint64_t entries = 0, splits = 0, moved = 0;
    growth *g = near_must(calloc(2, sizeof *g));
    near_read_options(&o, argc, argv);
    near_open(&near, &o, o.entries * 512 + (64u << 20), 0);
    grow(&o, set_near, &near, &g[0]);
    bool counted = near_figure(&near, "entries", &entries) &&
                   near_figure(&near, "grows", &splits) && near_figure(&near, "most_moved", &moved);
    if (!counted || entries != o.entries) {
        near_fail("near_growth: the cache holds %.0f entries", (double) entries);
    }
    near_close(&near);
    yard_handmade *handmade = yard_handmade_new(0);
    grow(&o, set_handmade, handmade, &g[1]);
    yard_handmade_free(handmade);
    near_line_begin(&o, &near);
    show("set", &g[0]);
    show("handmade", &g[1]);
    near_line_number("splits", (double) splits);
    near_line_number("most_moved", (double) moved);
    near_line_end();
    free(g);
    return 0;
}
