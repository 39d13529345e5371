/* Counters: threads come and go, and what each counted stays; tallies of threads that are gone are
 * used again; without memory or a key all count into one. A plain program, for TSan. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "pipeline/counters.h"

enum { THREADS = 8, ROUNDS = 200, EACH = 100, KEYS_MAX = 4096 };

static int failures;

static void check_u64(const char *what, uint64_t is, uint64_t should_be)
{
    if (is != should_be) {
        fprintf(stderr, "%s is %llu, should be %llu\n", what, (unsigned long long) is,
                (unsigned long long) should_be);
        failures++;
    }
}

/* ---- an allocator that can be out of memory */

static _Atomic long balance;
static _Atomic bool out_of_memory;

static void *take(void *ctx, size_t size)
{
    (void) ctx;
    void *p = atomic_load(&out_of_memory) ? NULL : malloc(size);
    atomic_fetch_add(&balance, p != NULL);
    return p;
}

static void *retake(void *ctx, void *p, size_t size)
{
    (void) ctx;
    return realloc(p, size);
}

static void give(void *ctx, void *p)
{
    (void) ctx;
    atomic_fetch_sub(&balance, p != NULL);
    free(p);
}

static const mst_allocator allocator = {take, retake, give, NULL};

/* ---- threads */

static msi_counters counters;
static _Atomic bool over;

static void *count(void *arg)
{
    (void) arg;
    for (int i = 0; i < EACH; i++) {
        msi_count(&counters, MSI_COUNT_now_hits, 1);
        msi_count(&counters, MSI_COUNT_now_misses, 2);
    }
    return NULL;
}

/* One counter never falls, whatever happens to the threads. */
static void *watch(void *arg)
{
    (void) arg;
    for (uint64_t last = 0; !atomic_load(&over);) {
        uint64_t now = msi_counted(&counters, MSI_COUNT_now_hits);
        if (now < last) {
            check_u64("a counter that fell", now, last);
            return NULL;
        }
        last = now;
    }
    return NULL;
}

static pthread_t begin(void *(*run)(void *) )
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, NULL)) {
        fprintf(stderr, "no thread\n");
        exit(1);
    }
    return thread;
}

static void run_generation(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        threads[i] = begin(count);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void all_counted(uint64_t threads)
{
    check_u64("now_hits", msi_counted(&counters, MSI_COUNT_now_hits), threads * EACH);
    check_u64("now_misses", msi_counted(&counters, MSI_COUNT_now_misses), threads * EACH * 2);
    check_u64("loads", msi_counted(&counters, MSI_COUNT_loads), 0);
}

static void threads_come_and_go(void)
{
    msi_counters_init(&counters, &allocator, NULL);
    pthread_t watcher = begin(watch);
    for (int round = 0; round < ROUNDS; round++) {
        run_generation();
    }
    atomic_store(&over, true);
    pthread_join(watcher, NULL);
    all_counted(ROUNDS * THREADS);
    check_u64("what was counted together", atomic_load(&counters.shared.n[MSI_COUNT_now_hits]), 0);
    if (atomic_load(&balance) > 4 * THREADS) {
        fprintf(stderr, "%ld tallies for %d threads at a time\n", atomic_load(&balance), THREADS);
        failures++;
    }
    msi_counters_fini(&counters);
    check_u64("blocks that were kept", (uint64_t) atomic_load(&balance), 0);
}

static void without_memory(void)
{
    counters = (msi_counters){0};
    msi_counters_init(&counters, &allocator, NULL);
    count(NULL); /* this thread has its tally, and keeps it */
    atomic_store(&out_of_memory, true);
    count(NULL);
    run_generation();
    all_counted(THREADS + 2);
    atomic_store(&out_of_memory, false);
    run_generation();
    all_counted(2 * THREADS + 2);
    msi_counters_fini(&counters);
    check_u64("blocks that were kept", (uint64_t) atomic_load(&balance), 0);
}

static void without_key(void)
{
    static pthread_key_t keys[KEYS_MAX];
    int n = 0;
    while (n < KEYS_MAX && pthread_key_create(&keys[n], NULL) == 0) {
        n++;
    }
    counters = (msi_counters){0};
    msi_counters_init(&counters, &allocator, NULL);
    check_u64("has_key", counters.has_key, n == KEYS_MAX);
    run_generation();
    all_counted(THREADS);
    msi_counters_fini(&counters);
    while (n > 0) {
        pthread_key_delete(keys[--n]);
    }
}

/* ---- the cache ends while a thread that has counted lives on, and another cache follows */

static pthread_barrier_t barrier;

static void *outlive(void *arg)
{
    count(NULL);
    pthread_barrier_wait(&barrier); /* counted; the counters go */
    pthread_barrier_wait(&barrier); /* others are there */
    count(arg);
    return NULL;
}

static void threads_outlive_a_cache(void)
{
    counters = (msi_counters){0};
    msi_counters_init(&counters, &allocator, NULL);
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_t thread = begin(outlive);
    pthread_barrier_wait(&barrier);
    all_counted(1);
    msi_counters_fini(&counters);
    counters = (msi_counters){0};
    msi_counters_init(&counters, &allocator, NULL);
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
    all_counted(1);
    msi_counters_fini(&counters);
    pthread_barrier_destroy(&barrier);
    check_u64("blocks that were kept", (uint64_t) atomic_load(&balance), 0);
}

int main(void)
{
    threads_come_and_go();
    without_memory();
    without_key();
    threads_outlive_a_cache();
    return failures != 0;
}
