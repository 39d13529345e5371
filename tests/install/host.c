/* A host program in C, built against an installation with pkg-config.
 *
 *   host CONFIG.ini
 *
 * Fills the cache that the file describes far beyond its bounds and reads it back: what is there
 * has to be right. Prints the plugin in use of each section, and which keys survived. */
#include <memstache/memstache.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES = 4000, VALUE_BYTES = 1000 };

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "host: %s: %s\n", what, why);
    exit(1);
}

static int print_use(void *arg, const mst_plugin_use *use)
{
    (void) arg;
    printf("%s %s\n", use->section, use->file ? use->file : "(linked in)");
    return 0;
}

static void make_value(int i, char *value)
{
    memset(value, 'a' + i % 26, VALUE_BYTES);
    snprintf(value, VALUE_BYTES, "value %d", i);
}

static mst_slice make_key(int i, char *text, size_t size)
{
    snprintf(text, size, "key %d", i);
    return mst_str(text);
}

static void fill(mst_cache *cache)
{
    char key[32], value[VALUE_BYTES];
    for (int i = 0; i < ENTRIES; i++) {
        mst_input input = {.data = value, .len = sizeof value};
        mst_result result = {0};
        make_value(i, value);
        mst_status s = mst_set_wait(cache, make_key(i, key, sizeof key), &input, NULL, &result);
        if (s < 0) {
            fail("set", mst_strerror(s));
        }
        mst_result_release(&result);
    }
}

static void read_back(mst_cache *cache)
{
    char key[32], value[VALUE_BYTES];
    int hits = 0, first_hits = 0;
    for (int i = 0; i < ENTRIES; i++) {
        mst_result result = {0};
        mst_status s = mst_get_wait(cache, make_key(i, key, sizeof key), NULL, &result);
        if (s < 0) {
            fail("get", mst_strerror(s));
        }
        make_value(i, value);
        if (s == MST_OK) {
            if (result.len != sizeof value || memcmp(result.data, value, sizeof value) != 0) {
                fail(key, "another value than was set");
            }
            hits++;
            first_hits += i < ENTRIES / 20;
        }
        mst_result_release(&result);
    }
    printf("hits %d of %d, %d of the first %d\n", hits, ENTRIES, first_hits, ENTRIES / 20);
}

int main(int argc, char **argv)
{
    mst_error error = {0};
    mst_runtime *runtime = NULL;
    mst_config *config = mst_config_new(NULL);
    if (argc != 2 || !config) {
        fail("usage", "host CONFIG.ini");
    }
    if (mst_config_read(config, argv[1], &error) != MST_OK ||
        mst_config_each_plugin(config, print_use, NULL, &error) != MST_OK ||
        mst_open(config, NULL, &runtime, &error) != MST_OK) {
        fail(argv[1], error.text);
    }
    mst_config_free(config);
    mst_cache *cache = mst_cache_named(runtime, NULL);
    if (!cache) {
        fail("mst_cache_named", "there is no [cache]");
    }
    fill(cache);
    read_back(cache);

    mst_stats stats;
    mst_cache_stats(cache, &stats);
    printf("compressed %llu\n", (unsigned long long) stats.compressed);
    if (stats.pending != 0 || stats.started != stats.completed) {
        fail("stats", "started is not completed");
    }
    mst_close_wait(runtime);
    printf("version %s\n", mst_version());
    return strcmp(mst_version(), MST_VERSION) != 0;
}
