/* counters.c - example: counters of one's own around a cache.
 *
 *   counters
 *
 * The library counts what its caches do (mst_cache_stats()). A program that wants to count by its
 * own lights, here per kind of page, counts where it asks. Two threads ask; the program's figures
 * and the library's have to agree.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <memstache/memstache.h>

enum { THREADS = 2, REQUESTS = 30000, PAGES = 100 };

typedef enum page_kind { ARTICLE, IMAGE, PAGE_KINDS } page_kind;

typedef struct counters {
    _Atomic uint64_t hits[PAGE_KINDS], misses[PAGE_KINDS];
} counters;

typedef struct site {
    mst_cache *cache;
    counters counters;
} site;

/* Every read of the program goes through here. Relaxed: the figures say nothing about other memory.
 */
static mst_status get_page(site *s, page_kind kind, mst_slice key, mst_result *r)
{
    mst_status status = mst_get_wait(s->cache, key, NULL, r);
    _Atomic uint64_t *counter =
        status == MST_OK ? &s->counters.hits[kind] : &s->counters.misses[kind];
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
    return status;
}

static void *browse(void *arg)
{
    site *s = arg;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        page_kind kind = i % 3 == 0 ? IMAGE : ARTICLE;
        char name[32];
        mst_result r;
        mst_slice key = {name, (size_t) snprintf(name, sizeof name, "%s %" PRIu32,
                                                 kind == IMAGE ? "image" : "article",
                                                 i * 2654435761u % PAGES)};
        if (get_page(s, kind, key, &r) != MST_OK) {
            mst_input in = {.data = "page", .len = 4};
            mst_set_wait(s->cache, key, &in, NULL, &r);
        }
        mst_result_release(&r);
    }
    return NULL;
}

static bool report(site *s)
{
    static const char *const names[PAGE_KINDS] = {"articles", "images"};
    uint64_t hits = 0, misses = 0;
    mst_stats stats;
    for (int i = 0; i < PAGE_KINDS; i++) {
        uint64_t h = atomic_load(&s->counters.hits[i]), m = atomic_load(&s->counters.misses[i]);
        printf("%s: %" PRIu64 " requests, hit ratio %.3f\n", names[i], h + m,
               (double) h / (double) (h + m));
        hits += h;
        misses += m;
    }
    mst_cache_stats(s->cache, &stats);
    return hits == stats.near_hits && misses == stats.misses;
}

int main(void)
{
    pthread_t threads[THREADS];
    mst_runtime *runtime;
    mst_error error;
    if (mst_open(NULL, NULL, &runtime, &error) != MST_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 2;
    }
    site s = {.cache = mst_cache_named(runtime, NULL)};
    int started = 0;
    while (started < THREADS && pthread_create(&threads[started], NULL, browse, &s) == 0) {
        started++;
    }
    for (int i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    bool ok = report(&s) && started == THREADS;
    mst_close_wait(runtime);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
