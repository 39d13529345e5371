/* near_counters LIBRARY PLUGINS LIBRARY PLUGINS [--entries N] [--lookups N] [--rounds N] ... - a
 * near hit of two builds of the library in one process: slices of lookups take turns, so that what
 * the machine does meanwhile is in both.
 *
 * One line: {"first_ns", "second_ns", "difference_ns"}, nanoseconds of a get with its release:
 * medians over the slices, and the median of what neighbouring slices differ by. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "near.h"

enum { SLICE = 4096, SLICES = 20 }; /* of each build, in a round */

/* What of a library is called. */
typedef struct build {
    mst_config *(*config_new)(const mst_allocator *);
    mst_status (*config_set)(mst_config *, const char *, const char *, const char *);
    mst_status (*open)(mst_config *, const mst_open_options *, mst_runtime **, mst_error *);
    mst_cache *(*named)(mst_runtime *, const char *);
    mst_status (*set)(mst_cache *, mst_slice, const mst_input *, const mst_options *, mst_result *,
                      mst_done, void *);
    mst_status (*get)(mst_cache *, mst_slice, const mst_options *, mst_result *);
    void (*release)(mst_result *);
    mst_cache *cache;
} build;

static void find(void *library, const char *name, void *place)
{
    void *symbol = dlsym(library, name);
    if (!symbol) {
        near_fail("near_counters: no %s", name);
    }
    memcpy(place, &symbol, sizeof symbol);
}

static void load(build *b, const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        near_fail("near_counters: %s", dlerror());
    }
    find(library, "mst_config_new", &b->config_new);
    find(library, "mst_config_set", &b->config_set);
    find(library, "mst_open", &b->open);
    find(library, "mst_cache_named", &b->named);
    find(library, "mst_set", &b->set);
    find(library, "mst_get_now", &b->get);
    find(library, "mst_result_release", &b->release);
}

static void fill(build *b, const char *plugins, uint64_t entries)
{
    mst_runtime *runtime;
    mst_error error = {.text = ""};
    char bytes[32];
    mst_config *config = near_must(b->config_new(NULL));
    snprintf(bytes, sizeof bytes, "%lluB", (unsigned long long) (entries * 512 + (64u << 20)));
    b->config_set(config, "plugins", "path", plugins);
    b->config_set(config, "cache", "expire", "1h");
    b->config_set(config, "provider.memory", "max_bytes", bytes);
    if (b->open(config, NULL, &runtime, &error)) {
        near_fail("near_counters: %s", error.text);
    }
    b->cache = b->named(runtime, NULL);
    for (uint64_t i = 0; i < entries; i++) {
        near_key key;
        char value[NEAR_VALUE] = {1};
        mst_result r;
        near_make_key(key, i);
        mst_input in = {.data = value, .len = sizeof value};
        if (b->set(b->cache, (mst_slice){key, NEAR_KEY}, &in, NULL, &r, NULL, NULL)) {
            near_fail("near_counters: a value was not stored");
        }
    }
}

static double slice(const near_options *o, const build *b, near_key *keys)
{
    uint64_t hits = 0;
    double begin = near_clock(o);
    for (uint64_t i = 0; i < SLICE; i++) {
        mst_result r;
        hits += b->get(b->cache, (mst_slice){keys[i], NEAR_KEY}, NULL, &r) == MST_OK;
        b->release(&r);
    }
    double ns = (near_clock(o) - begin) / SLICE;
    if (hits != SLICE) {
        near_fail("near_counters: a key was not found");
    }
    return ns;
}

int main(int argc, char **argv)
{
    static double ns[2][NEAR_ROUNDS * SLICES], difference[NEAR_ROUNDS * SLICES];
    near_options o = {.program = "near_counters", .entries = 1000, .rounds = 50, .cpu_clock = true};
    build builds[2];
    if (argc < 5) {
        near_fail("usage: near_counters LIBRARY PLUGINS LIBRARY PLUGINS [OPTIONS]");
    }
    near_read_options(&o, argc - 4, argv + 4);
    for (int i = 0; i < 2; i++) {
        load(&builds[i], argv[1 + 2 * i]);
        fill(&builds[i], argv[2 + 2 * i], o.entries);
    }
    near_key *keys = near_draw_keys(SLICE * SLICES, o.entries);
    size_t n = 0;
    for (uint64_t round = 0; round < o.rounds; round++) {
        for (size_t i = 0; i < SLICES; i++, n++) {
            for (size_t turn = 0; turn < 2; turn++) {
                size_t which = (turn + n) % 2; /* neither is always the first */
                ns[which][n] = slice(&o, &builds[which], keys + i * SLICE);
            }
            difference[n] = ns[0][n] - ns[1][n];
        }
    }
    printf("{\"first_ns\": %.2f, \"second_ns\": %.2f, \"difference_ns\": %.2f}\n",
           near_median(ns[0], n), near_median(ns[1], n), near_median(difference, n));
    return 0;
}
