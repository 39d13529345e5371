/* traces.c PLAIN TRACED DEPTH SLICES MS - what traces cost: two runtimes in one process, one of
 * them with an exporter, take turns. DEPTH gets are under way at a time; with 0 they are those of
 * the near tier, one after the other on this thread.
 *
 * A pair of slices is over in a moment, so that both see the same machine; the order changes with
 * every pair. Prints the medians of the ratios of pairs, traced to plain: gets a second, and CPU of
 * the thread that works. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <memstache/memstache.h>

enum { KEYS = 10000, VALUE = 100, PAIRS_MAX = 10000 };

typedef struct side {
    mst_runtime *runtime;
    mst_cache *cache;
    unsigned long asked; /* requests so far that its far tier answered */
    char keys[KEYS][16];
} side;

typedef struct slice {
    side *of;
    _Atomic bool stop;
    _Atomic unsigned running;
    unsigned long gets, wrong; /* of the loop's thread */
    unsigned next;
    double cpu_ns; /* of the thread that works */
} slice;

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static void give_up(const char *what)
{
    fprintf(stderr, "traces: %s\n", what);
    exit(1);
}

static void open_side(side *s, const char *config)
{
    mst_error error;
    char value[VALUE];
    const mst_input in = {.data = value, .len = sizeof value};
    memset(value, 'v', sizeof value);
    if (mst_open_file(config, NULL, &s->runtime, &error)) {
        give_up(error.text);
    }
    s->cache = mst_cache_named(s->runtime, NULL);
    for (unsigned i = 0; i < KEYS; i++) {
        mst_result r;
        snprintf(s->keys[i], sizeof s->keys[i], "key-%011u", i);
        if (mst_set_wait(s->cache, (mst_slice){s->keys[i], 15}, &in, NULL, &r)) {
            give_up("cannot store the keys");
        }
    }
    s->asked = KEYS;
}

static mst_slice next_key(slice *s)
{
    s->next = (s->next + 7919) % KEYS;
    return (mst_slice){s->of->keys[s->next], 15};
}

static void ask(slice *s);

/* [loop] */
static void answered(void *arg, mst_result *r)
{
    slice *s = arg;
    s->gets++;
    s->wrong += r->status != MST_OK || r->len != VALUE;
    if (!atomic_load_explicit(&s->stop, memory_order_relaxed)) {
        ask(s);
        return;
    }
    s->cpu_ns = 1e9 * seconds_of(CLOCK_THREAD_CPUTIME_ID);
    atomic_fetch_sub(&s->running, 1);
}

static void ask(slice *s)
{
    if (mst_get(s->of->cache, next_key(s), NULL, NULL, answered, s) != MST_PENDING) {
        give_up("a get is refused");
    }
}

/* The CPU that the loop's thread has taken so far: it answers one get to say so. */
static double loop_cpu(side *of)
{
    slice one = {.of = of, .stop = true, .running = 1};
    ask(&one);
    while (atomic_load(&one.running)) {
        nanosleep(&(struct timespec){.tv_nsec = 10000}, NULL);
    }
    of->asked++;
    return one.cpu_ns;
}

typedef struct cost {
    double rate, cpu; /* gets a second; nanoseconds of a get */
} cost;

static cost far_slice(side *of, unsigned depth, long ms)
{
    slice s = {.of = of, .running = depth};
    double cpu = loop_cpu(of), began = seconds_of(CLOCK_MONOTONIC);
    for (unsigned i = 0; i < depth; i++) {
        ask(&s);
    }
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
    atomic_store(&s.stop, true);
    while (atomic_load(&s.running)) {
        nanosleep(&(struct timespec){.tv_nsec = 10000}, NULL);
    }
    double took = seconds_of(CLOCK_MONOTONIC) - began;
    if (s.wrong) {
        give_up("wrong answers");
    }
    of->asked += s.gets;
    return (cost){(double) s.gets / took, (s.cpu_ns - cpu) / (double) s.gets};
}

static cost near_slice(side *of, long ms)
{
    slice s = {.of = of};
    double cpu = seconds_of(CLOCK_THREAD_CPUTIME_ID), began = seconds_of(CLOCK_MONOTONIC), now;
    do {
        for (int i = 0; i < 1000; i++) {
            mst_result r;
            s.wrong += mst_get(of->cache, next_key(&s), NULL, &r, NULL, NULL) != MST_OK;
            mst_result_release(&r);
        }
        s.gets += 1000;
        now = seconds_of(CLOCK_MONOTONIC);
    } while ((now - began) * 1000 < (double) ms);
    if (s.wrong) {
        give_up("a near get is no hit");
    }
    cpu = seconds_of(CLOCK_THREAD_CPUTIME_ID) - cpu;
    return (cost){(double) s.gets / (now - began), 1e9 * cpu / (double) s.gets};
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double median(double *numbers, size_t n)
{
    qsort(numbers, n, sizeof *numbers, by_size);
    return numbers[n / 2];
}

int main(int argc, char **argv)
{
    static side sides[2]; /* plain, traced */
    static double rate[PAIRS_MAX], cpu[PAIRS_MAX], plain_rate[PAIRS_MAX], plain_cpu[PAIRS_MAX];
    if (argc != 6) {
        give_up("usage: traces PLAIN TRACED DEPTH SLICES MS");
    }
    unsigned depth = (unsigned) strtoul(argv[3], NULL, 10);
    size_t pairs = strtoul(argv[4], NULL, 10);
    long ms = strtol(argv[5], NULL, 10);
    pairs = pairs < PAIRS_MAX ? pairs : PAIRS_MAX;
    open_side(&sides[0], argv[1]);
    open_side(&sides[1], argv[2]);
    for (size_t i = 0; i <= pairs; i++) { /* the first pair warms up */
        cost costs[2];
        size_t at = i ? i - 1 : 0;
        for (unsigned k = 0; k < 2; k++) {
            unsigned which = (unsigned) (i + k) % 2;
            costs[which] =
                depth ? far_slice(&sides[which], depth, ms) : near_slice(&sides[which], ms);
        }
        rate[at] = costs[1].rate / costs[0].rate;
        cpu[at] = costs[1].cpu / costs[0].cpu;
        plain_rate[at] = costs[0].rate;
        plain_cpu[at] = costs[0].cpu;
    }
    double low = median(rate, pairs), first = rate[pairs / 4], third = rate[pairs * 3 / 4];
    printf(
        "{\"rate\":%.4f,\"rate_q1\":%.4f,\"rate_q3\":%.4f,\"cpu\":%.4f,\"plain_gets_per_s\":%.0f,"
        "\"plain_cpu_ns\":%.1f,\"traced\":%lu}\n",
        low, first, third, median(cpu, pairs), median(plain_rate, pairs), median(plain_cpu, pairs),
        sides[1].asked);
    mst_close_wait(sides[0].runtime);
    mst_close_wait(sides[1].runtime);
    return 0;
}
