/* counters.c - example: counters of one's own around a cache.
 *
 *   counters
 *
 * The library counts what its caches do. A program that wants to count by its own lights, here per
 * kind of page, makes meters and counts where it asks; they are shown with the library's metrics,
 * and exporters carry them out. Two threads ask; the sum of the program's figures has to be what
 * the library says.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <memstache/memstache.h>

enum { THREADS = 2, REQUESTS = 30000, PAGES = 100 };

typedef enum page_kind { ARTICLE, IMAGE, PAGE_KINDS } page_kind;
static const char *const kind_names[PAGE_KINDS] = {"article", "image"};

typedef struct site {
    mst_cache *cache;
    mst_meter *hits[PAGE_KINDS], *misses[PAGE_KINDS];
} site;

static mst_meter *new_counter(mst_runtime *runtime, const char *name, const char *help,
                              page_kind kind)
{
    const mst_label label = {"kind", kind_names[kind]};
    const mst_meter_options o = {.struct_size = sizeof o,
                                 .kind = MST_METRIC_COUNTER,
                                 .name = name,
                                 .help = help,
                                 .labels = &label,
                                 .label_count = 1};
    mst_meter *meter = NULL;
    mst_error error;
    if (mst_meter_new(runtime, &o, &meter, &error) != MST_OK) {
        fprintf(stderr, "%s\n", error.text); /* counting on NULL does nothing */
    }
    return meter;
}

/* Every read of the program goes through here. */
static mst_status get_page(site *s, page_kind kind, mst_slice key, mst_result *r)
{
    mst_status status = mst_get_wait(s->cache, key, NULL, r);
    mst_meter_add(status == MST_OK ? s->hits[kind] : s->misses[kind], 1);
    return status;
}

static void *browse(void *arg)
{
    site *s = arg;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        page_kind kind = i % 3 == 0 ? IMAGE : ARTICLE;
        char name[32];
        mst_result r;
        mst_slice key = {name, (size_t) snprintf(name, sizeof name, "%s %" PRIu32, kind_names[kind],
                                                 i * 2654435761u % PAGES)};
        if (get_page(s, kind, key, &r) != MST_OK) {
            mst_input in = {.data = "page", .len = 4};
            mst_set_wait(s->cache, key, &in, NULL, &r);
        }
        mst_result_release(&r);
    }
    return NULL;
}

typedef struct sums {
    uint64_t hits, misses;
} sums;

static void show(void *arg, const mst_metric *m)
{
    sums *s = arg;
    bool hits = strcmp(m->name, "site_hits") == 0;
    if (hits || strcmp(m->name, "site_misses") == 0) {
        printf("%s{kind=\"%s\"} %" PRIu64 "\n", m->name, m->labels[0].value, m->count);
        *(hits ? &s->hits : &s->misses) += m->count;
    }
}

static bool report(mst_runtime *runtime, mst_cache *cache)
{
    sums own = {0};
    mst_stats stats;
    mst_cache_stats(cache, &stats);
    return mst_metrics_walk(runtime, show, &own) == MST_OK && own.hits == stats.near_hits &&
           own.misses == stats.misses;
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
    for (page_kind kind = 0; kind < PAGE_KINDS; kind++) {
        s.hits[kind] = new_counter(runtime, "site_hits", "Pages that the cache had.", kind);
        s.misses[kind] = new_counter(runtime, "site_misses", "Pages that it did not have.", kind);
    }
    int started = 0;
    while (started < THREADS && pthread_create(&threads[started], NULL, browse, &s) == 0) {
        started++;
    }
    for (int i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    bool ok = report(runtime, s.cache) && started == THREADS;
    mst_close_wait(runtime);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
