/* near.c - what the programs that measure the near cache share; see near.h. */
#include "near.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* ---- options */

void near_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(2);
}

static uint64_t number(const char *name, const char *text, uint64_t most)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || *end || end == text || n == 0 || n > most) {
        near_fail("%s: \"%s\" is not a number from 1 to %" PRIu64, name, text, most);
    }
    return n;
}

/* Whether it is the second of the two. */
static bool second(const char *name, const char *text, const char *one, const char *two)
{
    if (strcmp(text, one) != 0 && strcmp(text, two) != 0) {
        near_fail("%s: \"%s\" is neither %s nor %s", name, text, one, two);
    }
    return strcmp(text, two) == 0;
}

static void read_option(near_options *o, const char *name, const char *value)
{
    if (strcmp(name, "--entries") == 0) {
        o->entries = number(name, value, 1000000000);
    } else if (strcmp(name, "--lookups") == 0) {
        o->lookups = (number(name, value, 1000000000) + NEAR_BATCH - 1) / NEAR_BATCH * NEAR_BATCH;
    } else if (strcmp(name, "--rounds") == 0) {
        o->rounds = number(name, value, NEAR_ROUNDS);
    } else if (strcmp(name, "--max-bytes") == 0) {
        o->max_bytes = number(name, value, (uint64_t) 1 << 40);
    } else if (strcmp(name, "--eviction") == 0) {
        o->eviction = value;
    } else if (strcmp(name, "--pages") == 0) {
        o->huge = second(name, value, "small", "huge");
    } else if (strcmp(name, "--clock") == 0) {
        o->cpu_clock = second(name, value, "wall", "cpu");
    } else {
        near_fail("%s: no such option: %s", o->program, name);
    }
}

void near_read_options(near_options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc) {
            near_fail("usage: %s [--entries N] [--lookups N] [--rounds N] [--max-bytes N] "
                      "[--eviction NAME] [--pages small|huge] [--clock wall|cpu]",
                      o->program);
        }
        read_option(o, argv[i], argv[i + 1]);
    }
}

/* ---- clock, medians, memory, keys */

double near_clock(const near_options *o)
{
    struct timespec t;
    clock_gettime(o->cpu_clock ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;
    return (x > y) - (x < y);
}

double near_median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, by_size);
    return values[n / 2];
}

void *near_must(void *p)
{
    if (!p) {
        near_fail("out of memory");
    }
    return p;
}

void *near_map(size_t bytes, bool huge)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        near_fail("out of memory");
    }
    if (huge) {
        madvise(p, bytes, MADV_HUGEPAGE);
    }
    return p;
}

void near_make_key(near_key key, uint64_t number)
{
    memcpy(key, "key:000000000000", sizeof(near_key));
    for (size_t i = NEAR_KEY; number && i-- > 4; number /= 10) {
        key[i] = (char) ('0' + number % 10);
    }
}

near_key *near_draw_keys(uint64_t n, uint64_t entries)
{
    uint64_t state = 42; /* the same keys in every run */
    near_key *keys = near_must(malloc(n * sizeof *keys));
    for (uint64_t i = 0; i < n; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        near_make_key(keys[i], (state >> 33) % entries);
    }
    return keys;
}

/* ---- the cache */

static int note_eviction(void *arg, const mst_setting *s)
{
    near_cache *c = arg;
    if (strcmp(s->section, "provider.memory") == 0 && strcmp(s->key, "eviction") == 0) {
        snprintf(c->eviction, sizeof c->eviction, "%s", s->value);
    }
    return 0;
}

static void set_number(mst_config *config, const char *section, const char *key, uint64_t value,
                       const char *unit)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64 "%s", value, unit);
    mst_config_set(config, section, key, text);
}

void near_open(near_cache *c, const near_options *o, uint64_t max_bytes, uint64_t max_entries)
{
    mst_error error;
    mst_config *config = near_must(mst_config_new(NULL));
    *c = (near_cache){.runtime = NULL};
    mst_config_set(config, "cache", "expire", "1h");
    mst_config_set(config, "provider.memory", "eviction", o->eviction);
    set_number(config, "provider.memory", "max_bytes", max_bytes, "B");
    set_number(config, "provider.memory", "max_entries", max_entries, "");
    if (mst_config_check(config, &error) || mst_config_each(config, note_eviction, c, &error) ||
        mst_open(config, NULL, &c->runtime, &error)) {
        near_fail("%s: %s", o->program, error.text);
    }
    mst_config_free(config);
    c->cache = mst_cache_named(c->runtime, NULL);
}

void near_set(near_cache *c, const near_key key, const void *value, size_t len)
{
    mst_input input = {.data = value, .len = len};
    mst_result r;
    mst_set(c->cache, (mst_slice){key, NEAR_KEY}, &input, NULL, &r, NULL, NULL);
    if (r.status != MST_OK && r.status != MST_UNCHANGED) {
        near_fail("set: %s (%s)", mst_strerror(r.status), mst_why_name(r.why));
    }
}

void near_fill(near_cache *c, uint64_t first, uint64_t n)
{
    char value[NEAR_VALUE] = {1};
    near_key key;
    for (uint64_t i = first; i < first + n; i++) {
        near_make_key(key, i);
        near_set(c, key, value, sizeof value);
    }
}

typedef struct wanted {
    const char *name;
    uint64_t value;
    bool found;
} wanted;

static void look_for(void *arg, const char *tier, const char *name, uint64_t value)
{
    wanted *w = arg;
    if (strcmp(tier, "memory") == 0 && strcmp(name, w->name) == 0) {
        w->value = value;
        w->found = true;
    }
}

bool near_figure(near_cache *c, const char *name, uint64_t *value)
{
    wanted w = {.name = name};
    mst_cache_tier_stats(c->cache, look_for, &w);
    *value = w.value;
    return w.found;
}

void near_close(near_cache *c)
{
    mst_close_wait(c->runtime);
}

/* ---- the line */

void near_line_begin(const near_options *o, const near_cache *c)
{
    printf("{\"program\":\"%s\",\"eviction\":\"%s\",\"entries\":%" PRIu64 ",\"rounds\":%" PRIu64,
           o->program, c->eviction, o->entries, o->rounds);
}

void near_line_number(const char *name, double value)
{
    printf(",\"%s\":%.6g", name, value);
}

void near_line_end(void)
{
    puts("}");
}
