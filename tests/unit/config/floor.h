/* floor.h - what the plugin floor does with a config, on a small scale: binds every section that
 * there is, with options as plugins declare them. */
#ifndef TEST_FLOOR_H
#define TEST_FLOOR_H

#include <stddef.h>
#include <string.h>

#include "config/config.h"
#include "config/settings.h"

typedef struct test_memory {
    uint64_t max_bytes;
    int64_t shards;
} test_memory;

static const mst_option test_memory_table[] = {
    {"max_bytes", MST_OPT_SIZE, 0, offsetof(test_memory, max_bytes), "64MiB", "1MiB", NULL, NULL,
     "All that the tier may hold."},
    {"shards", MST_OPT_INT, 0, offsetof(test_memory, shards), "16", "1", "1024", NULL,
     "Parts with a lock each."},
};

typedef struct test_redis {
    const char *url, *password;
    int64_t request_timeout, old_timeout;
    bool abort_on_connect_fail;
} test_redis;

static const mst_option test_redis_table[] = {
    {"url", MST_OPT_STR, MST_OPTF_REQUIRED, offsetof(test_redis, url), NULL, NULL, NULL, NULL,
     "Address of the server."},
    {"password", MST_OPT_STR, MST_OPTF_SECRET, offsetof(test_redis, password), "", NULL, NULL, NULL,
     "What the server asks for."},
    {"request_timeout", MST_OPT_MS, 0, offsetof(test_redis, request_timeout), "250ms", "1ms", NULL,
     NULL, "How long a reply may take."},
    {"abort_on_connect_fail", MST_OPT_BOOL, 0, offsetof(test_redis, abort_on_connect_fail), "no",
     NULL, NULL, NULL, "Whether a server that is down at the start is an error."},
    {"old_timeout", MST_OPT_MS, MST_OPTF_DEPRECATED, offsetof(test_redis, old_timeout), "0", NULL,
     NULL, NULL, "Former name of request_timeout."},
};

/* Everything that sections are bound to; those of one kind overwrite each other. */
typedef struct test_settings {
    msi_runtime_settings runtime;
    msi_plugins_settings plugins;
    msi_cache_settings cache;
    msi_tier_settings tier;
    msi_compressor_settings compressor;
    msi_plain_settings plain;
    test_memory memory;
    test_redis redis;
} test_settings;

static inline size_t test_sets(const char *name, test_settings *t, msi_option_set sets[2])
{
    if (strcmp(name, "runtime") == 0) {
        sets[0] = msi_runtime_options(&t->runtime);
    } else if (strcmp(name, "plugins") == 0) {
        sets[0] = msi_plugins_options(&t->plugins);
    } else if (strncmp(name, "cache", 5) == 0) {
        sets[0] = msi_cache_options(&t->cache);
    } else if (strncmp(name, "compressor.", 11) == 0) {
        sets[0] = msi_kind_options(MST_KIND_COMPRESSOR, &t->compressor);
    } else if (strncmp(name, "provider.", 9) == 0) {
        sets[0] = msi_kind_options(MST_KIND_PROVIDER, &t->tier);
    } else {
        sets[0] = msi_kind_options(MST_KIND_EVICTION, &t->plain);
    }
    if (strcmp(name, "provider.memory") == 0) {
        sets[1] = (msi_option_set){test_memory_table, 2, sizeof(mst_option), &t->memory};
        return 2;
    }
    if (strcmp(name, "provider.redis") == 0) {
        sets[1] = (msi_option_set){test_redis_table, 5, sizeof(mst_option), &t->redis};
        return 2;
    }
    return 1;
}

/* Binds section `name`, whether there is one or not. `rows` may be NULL. */
static inline mst_status test_bind(mst_config *c, const char *name, test_settings *t,
                                   msi_strings *strings, msi_bound *rows, mst_error *error)
{
    msi_option_set sets[2];
    size_t n = test_sets(name, t, sets);
    return msi_config_bind(c, error, name, sets, n, strings, rows);
}

static inline mst_status test_bind_all(mst_config *c, test_settings *t, msi_strings *strings,
                                       mst_error *error)
{
    mst_status status = MST_OK;
    for (msi_list *l = c->sections.next; !status && l != &c->sections; l = l->next) {
        status = test_bind(c, MSI_CONTAINER(l, msi_section, link)->name, t, strings, NULL, error);
    }
    return status;
}

#endif
