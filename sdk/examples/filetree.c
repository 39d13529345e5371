/* filetree.c - example: a tree of real files behind mst_get_or_load().
 *
 *   filetree CONFIG.ini DIRECTORY [--requests N] [--threads N]
 *
 * Reads every file below DIRECTORY twice through the cache that CONFIG.ini describes, each file by
 * N requests at once (default 4, from 4 threads), compares every answer with the file, and prints
 * what the cache did. Ends with 1 when an answer was wrong, when a file was loaded more or less
 * often than once, or when the second pass was not all hits; with 2 when it could not begin.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "filetree.h"

typedef struct held {
    uint64_t bytes, entries; /* all tiers of this process */
} held;

static void add_held(void *arg, const char *tier, const char *name, uint64_t value)
{
    held *h = arg;
    h->bytes += strcmp(name, "bytes") == 0 ? value : 0;
    h->entries += strcmp(name, "entries") == 0 ? value : 0;
}

static held held_by(mst_cache *cache)
{
    held h = {0};
    mst_cache_tier_stats(cache, add_held, &h);
    return h;
}

/* Whoever asked for a large value has it before it is compressed and stored, which a worker does
 * meanwhile. Wait for that, so that the figures of a second pass are those of a filled cache: until
 * all files are held, or half a second brought no more. */
static void settle(mst_cache *cache, size_t files)
{
    uint64_t before = 0;
    for (int idle = 0; idle < 500; idle++) {
        uint64_t entries = held_by(cache).entries;
        if (entries >= files) {
            return;
        }
        if (entries != before) {
            idle = 0;
        }
        before = entries;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;
    return (x > y) - (x < y);
}

static void print_latency(const pass *p, double share)
{
    size_t at = (size_t) ((double) p->answers * share);
    double us = (double) p->latencies[at < p->answers ? at : p->answers - 1] / 1000.0;
    printf(" %9.1f", us);
}

static void print_pass(pass *p)
{
    double seconds = (double) p->spent / 1e9;
    qsort(p->latencies, p->answers, sizeof *p->latencies, by_size);
    printf("%-7s %9zu %9zu %8.2f%% %8zu %9zu %8.3f %8.1f", p->name, p->answers, p->hits,
           100.0 * (double) p->hits / (double) p->answers, p->loaded, p->waited, seconds,
           (double) p->bytes / 1e6 / seconds);
    print_latency(p, 0.50);
    print_latency(p, 0.90);
    print_latency(p, 0.99);
    print_latency(p, 1.0);
    printf("\n");
}

static void print_table(const tree *t, mst_cache *cache, pass *passes)
{
    mst_stats stats;
    held h = held_by(cache);
    mst_cache_stats(cache, &stats);
    printf("files      %12zu   %zu unreadable and %zu not regular files skipped\n", t->count,
           t->unreadable, t->irregular);
    printf("bytes in   %12llu\n", (unsigned long long) t->bytes);
    printf("bytes held %12llu   in %llu entries, all overheads included\n",
           (unsigned long long) h.bytes, (unsigned long long) h.entries);
    printf("ratio      %12.2f\n", h.bytes ? (double) t->bytes / (double) h.bytes : 0.0);
    printf("loads      %12llu   for %zu requests\n\n", (unsigned long long) stats.loads,
           passes[0].answers + passes[1].answers);
    printf("%-7s %9s %9s %9s %8s %9s %8s %8s %9s %9s %9s %9s\n", "", "requests", "hits",
           "hit ratio", "loaded", "waited", "seconds", "MB/s", "p50 us", "p90 us", "p99 us",
           "max us");
    print_pass(&passes[0]);
    print_pass(&passes[1]);
}

/* What this example promises. Prints what does not hold; returns the exit code. */
static int judge(const tree *t, mst_cache *cache, const pass *passes)
{
    mst_stats stats;
    size_t different = passes[0].different + passes[1].different;
    size_t failed = passes[0].failed + passes[1].failed;
    int code = EXIT_SUCCESS;
    mst_cache_stats(cache, &stats);
    if (different || failed) {
        printf("\n%zu answers differ from their file, %zu requests failed\n", different, failed);
        code = EXIT_FAILURE;
    } else {
        printf("\nverified: %zu answers, %llu bytes, all equal to their files\n",
               passes[0].answers + passes[1].answers,
               (unsigned long long) (passes[0].bytes + passes[1].bytes));
    }
    if (passes[1].hits != passes[1].answers) {
        printf("the second pass was not all hits: is max_bytes of the memory tier too small?\n");
        code = EXIT_FAILURE;
    }
    if (stats.loads != t->count) {
        printf("%llu loads for %zu files\n", (unsigned long long) stats.loads, t->count);
        code = EXIT_FAILURE;
    }
    return code;
}

static int run(mst_cache *cache, const tree *t, size_t requests, size_t threads)
{
    pass passes[2] = {{.name = "pass 1"}, {.name = "pass 2"}};
    int code = EXIT_FAILURE;
    bool ok = true;
    for (size_t i = 0; i < 2 && ok; i++) {
        pass *p = &passes[i];
        p->cache = cache;
        p->tree = t;
        p->requests = requests;
        p->threads = threads;
        p->latencies = malloc(t->count * requests * sizeof *p->latencies);
        ok = p->latencies && pass_run(p);
        settle(cache, t->count);
    }
    if (ok) {
        print_table(t, cache, passes);
        code = judge(t, cache, passes);
    } else {
        fputs("filetree: out of memory\n", stderr);
    }
    free(passes[0].latencies);
    free(passes[1].latencies);
    return code;
}

static void log_line(void *arg, int level, const char *text)
{
    fprintf(stderr, "filetree: %s\n", text);
}

/* --name N, 1 to `most`. */
static bool number(char **argv, const char *name, size_t most, size_t *value)
{
    char *end = NULL;
    unsigned long n = 0;
    if (strcmp(argv[0], name) != 0 || !argv[1]) {
        return false;
    }
    n = strtoul(argv[1], &end, 10);
    *value = n;
    return end != argv[1] && *end == '\0' && n >= 1 && n <= most;
}

int main(int argc, char **argv)
{
    size_t requests = 4, threads = 4;
    tree t = {0};
    mst_runtime *runtime = NULL;
    mst_error error = {0};
    mst_open_options options = {.log = log_line};
    int code = 2;
    bool usage = argc < 3;
    for (int i = 3; i < argc && !usage; i += 2) {
        usage = !number(argv + i, "--requests", PASS_REQUESTS_MAX, &requests) &&
                !number(argv + i, "--threads", PASS_THREADS_MAX, &threads);
    }
    if (usage) {
        fputs("usage: filetree CONFIG.ini DIRECTORY [--requests 1..1000] [--threads 1..64]\n",
              stderr);
    } else if (!tree_walk(&t, argv[2])) {
        fprintf(stderr, "filetree: %s: %s\n", argv[2], strerror(errno));
    } else if (t.count == 0) {
        fprintf(stderr, "filetree: %s: there is no file that can be read\n", argv[2]);
    } else if (mst_open_file(argv[1], &options, &runtime, &error) != MST_OK) {
        fprintf(stderr, "%s\n", error.text);
    } else {
        mst_cache *cache = mst_cache_named(runtime, NULL);
        if (cache) {
            code = run(cache, &t, requests, threads);
        } else {
            fprintf(stderr, "filetree: %s: there is no [cache]\n", argv[1]);
        }
        mst_close_wait(runtime);
    }
    tree_free(&t);
    return code;
}
