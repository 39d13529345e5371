/* use.c - see use.h. */
#include "use.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { SETTINGS_MAX = 4096 };

void use_open_mode(t_env *env, t_mode mode, const char *url, const char *more)
{
    char settings[SETTINGS_MAX];
    int n = snprintf(settings, sizeof settings,
                     "cache tiers = redis\n"
                     "cache envelope = none\n"
                     "provider.redis url = %s\n"
                     "provider.redis backoff_max = 100ms\n"
                     "provider.redis timeout = 20s\n"
                     "%s",
                     url, more ? more : "");
    REQUIRE(n > 0 && (size_t) n < sizeof settings);
    t_open(env, mode, settings);
}

void use_open(t_env *env, const char *url, const char *more)
{
    use_open_mode(env, T_ONE, url, more);
}

const char *use_url(const server *s)
{
    static _Thread_local char urls[4][64];
    static _Thread_local unsigned next;
    char *url = urls[next++ % 4];
    snprintf(url, sizeof urls[0], "redis://127.0.0.1:%d", s->port);
    return url;
}

void use_open_server(t_env *env, const server *s, const char *more)
{
    use_open(env, use_url(s), more);
}

/* ---- requests */

mst_status use_set_bytes(t_env *env, mst_slice key, mst_slice value, const mst_options *options)
{
    const mst_input input = {.data = value.data, .len = value.len};
    mst_result result;
    mst_status status = mst_set_wait(env->cache, key, &input, options, &result);
    mst_result_release(&result);
    return status;
}

mst_status use_set(t_env *env, const char *key, const char *value)
{
    return use_set_bytes(env, mst_str(key), mst_str(value), NULL);
}

mst_status use_get(t_env *env, const char *key)
{
    mst_result result;
    mst_status status = mst_get_wait(env->cache, mst_str(key), NULL, &result);
    mst_result_release(&result);
    return status;
}

bool use_bytes_are(t_env *env, mst_slice key, mst_slice value)
{
    mst_result result;
    mst_status status = mst_get_wait(env->cache, key, NULL, &result);
    bool same = status == MST_OK && result.len == value.len &&
                (!value.len || !memcmp(result.data, value.data, value.len));
    mst_result_release(&result);
    return same;
}

bool use_get_is(t_env *env, const char *key, const char *value)
{
    return use_bytes_are(env, mst_str(key), mst_str(value));
}

void use_until_it_works(t_env *env)
{
    T_UNTIL(use_set(env, "it works", "yes") == MST_OK && use_get_is(env, "it works", "yes"));
}

/* ---- figures */

typedef struct wanted {
    const char *name;
    int64_t value;
} wanted;

static void on_figure(void *arg, const char *tier, const char *name, uint64_t value)
{
    wanted *w = arg;
    (void) tier;
    if (!strcmp(name, w->name)) {
        w->value = (int64_t) value;
    }
}

int64_t use_figure(t_env *env, const char *name)
{
    wanted w = {name, -1};
    mst_cache_tier_stats(env->cache, on_figure, &w);
    return w.value;
}

uint64_t use_memory(void)
{
    unsigned long long total = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    REQUIRE(f && fscanf(f, "%llu %llu", &total, &resident) == 2);
    fclose(f);
    return resident * (uint64_t) sysconf(_SC_PAGESIZE);
}

uint64_t use_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t) t.tv_sec * 1000000000u + (uint64_t) t.tv_nsec;
}

uint64_t use_draw(uint64_t *state, uint64_t n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (*state >> 33) % n;
}
