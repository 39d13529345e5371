/* near_threads - what two threads get out of one near cache, beside what one gets: all hits, and
 * nine hits to one set of a key that is there. The floor with two threads says what the machine has
 * to give: its threads share nothing but the reference counts.
 *
 * Figures are operations per second of all threads together, and what two do for each that one
 * does: in every round one thread and two take turns, and the ratio is the median of the rounds'.
 * With --clock cpu two threads are reckoned as if each had a processor: waiting that sleeps is not
 * in it, what the threads take each other's caches and locks for is. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "near.h"

enum { FLOOR, HITS, MIXED, WAYS, THREADS = 2, APART = 7919, WRITE_EVERY = 10 };

typedef struct bench {
    near_options o;
    near_cache near;
    near_key *keys;
    yard_floor *floor;
    pthread_barrier_t gate;
} bench;

typedef struct worker {
    _Alignas(128) bench *b;
    pthread_t thread;
    int way;
    uint64_t begin_at, hits, sum;
    double begin, end;
} worker;

static void get(worker *w, const char *key)
{
    mst_result r;
    if (mst_get_now(w->b->near.cache, (mst_slice){key, NEAR_KEY}, NULL, &r) == MST_OK) {
        w->hits++;
        w->sum += *(const uint8_t *) r.data;
    }
    mst_result_release(&r);
}

static void run_cache(worker *w, bool writes)
{
    const near_options *o = &w->b->o;
    const char value[NEAR_VALUE] = {1};
    for (uint64_t i = 0, at = w->begin_at; i < o->lookups; i++) {
        if (writes && i % WRITE_EVERY == WRITE_EVERY - 1) {
            near_set(&w->b->near, w->b->keys[at], value, sizeof value);
            w->hits++;
        } else {
            get(w, w->b->keys[at]);
        }
        at = at + 1 == o->lookups ? 0 : at + 1;
    }
}

static void run_floor(worker *w)
{
    bench *b = w->b;
    uint64_t first = b->o.lookups - w->begin_at;
    w->hits = yard_floor_one(b->floor, b->keys + w->begin_at, first, &w->sum);
    w->hits += yard_floor_one(b->floor, b->keys, w->begin_at, &w->sum);
}

static void *work(void *arg)
{
    worker *w = arg;
    pthread_barrier_wait(&w->b->gate);
    w->begin = near_clock(&w->b->o);
    if (w->way == FLOOR) {
        run_floor(w);
    } else {
        run_cache(w, w->way == MIXED);
    }
    w->end = near_clock(&w->b->o);
    return NULL;
}

/* From the first begin to the last end; the CPU clocks of threads have nothing in common, there it
 * is the longest. */
static double elapsed(const worker *workers, unsigned n, bool cpu_clock)
{
    double begin = workers[0].begin, end = workers[0].end, longest = 0;
    for (unsigned i = 0; i < n; i++) {
        const worker *w = &workers[i];
        begin = w->begin < begin ? w->begin : begin;
        end = w->end > end ? w->end : end;
        longest = w->end - w->begin > longest ? w->end - w->begin : longest;
    }
    return cpu_clock ? longest : end - begin;
}

/* Operations per second of `n` threads together. */
static double measure(bench *b, int way, unsigned n)
{
    worker workers[THREADS];
    pthread_barrier_init(&b->gate, NULL, n);
    for (unsigned i = 0; i < n; i++) {
        workers[i] = (worker){.b = b, .way = way, .begin_at = i * APART % b->o.lookups};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i])) {
            near_fail("near_threads: no thread");
        }
    }
    for (unsigned i = 0; i < n; i++) {
        worker *w = &workers[i];
        pthread_join(w->thread, NULL);
        if (w->hits != b->o.lookups) {
            near_fail("near_threads: way %d found %.0f of %.0f keys", way, (double) w->hits,
                      (double) b->o.lookups);
        }
    }
    pthread_barrier_destroy(&b->gate);
    return (double) b->o.lookups * n / elapsed(workers, n, b->o.cpu_clock) * 1e9;
}

int main(int argc, char **argv)
{
    static const char *const names[WAYS] = {"floor", "hits", "mixed"};
    static double rate[WAYS][THREADS][NEAR_ROUNDS], ratio[WAYS][NEAR_ROUNDS];
    char name[64];
    bench b = {
        .o = {.program = "near_threads", .entries = 1000000, .lookups = 1 << 20, .rounds = 9}};
    near_read_options(&b.o, argc, argv);
    b.floor = yard_floor_new(b.o.entries, b.o.huge);
    near_open(&b.near, &b.o, b.o.entries * 512 + (64u << 20), 0);
    near_fill(&b.near, 0, b.o.entries);
    b.keys = near_draw_keys(b.o.lookups, b.o.entries);
    for (uint64_t round = 0; round < b.o.rounds; round++) {
        for (int way = 0; way < WAYS; way++) {
            rate[way][0][round] = measure(&b, way, 1);
            rate[way][1][round] = measure(&b, way, THREADS);
            ratio[way][round] = rate[way][1][round] / rate[way][0][round];
        }
    }
    near_line_begin(&b.o, &b.near);
    for (int way = 0; way < WAYS; way++) {
        for (unsigned i = 0; i < THREADS; i++) {
            snprintf(name, sizeof name, "%s_%u_ops_per_s", names[way], i + 1);
            near_line_number(name, near_median(rate[way][i], b.o.rounds));
        }
        snprintf(name, sizeof name, "%s_ratio", names[way]);
        near_line_number(name, near_median(ratio[way], b.o.rounds));
    }
    near_line_end();
    near_close(&b.near);
    yard_floor_free(b.floor);
    free(b.keys);
    return 0;
}
