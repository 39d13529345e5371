/* redis_tuned.c - example: a Redis connection with settings of one's own, in C or from an INI file.
 *
 *   redis_tuned URL [CONFIG.ini]
 *
 * Without a file the program sets what redis_tuned.ini would. Prints the settings that differ from
 * the defaults, and what becomes of a value that is stored and read again from Redis.
 */
#include <stdio.h>
#include <string.h>

#include <memstache/memstache.h>

/* Beside them, what StackExchange.Redis calls it. */
static const struct {
    const char *section, *key, *value;
} settings[] = {
    {"cache", "namespace", "tuned"},
    {"cache", "tiers", "memory, redis"},
    {"cache", "timeout", "5s"},                        /* SyncTimeout, of a whole request */
    {"provider.redis", "connect_timeout", "5s"},       /* ConnectTimeout */
    {"provider.redis", "timeout", "5s"},               /* SyncTimeout, of one operation */
    {"provider.redis", "connect_retry", "3"},          /* ConnectRetry */
    {"provider.redis", "abort_on_connect_fail", "no"}, /* AbortOnConnectFail */
};

static mst_status configure(mst_config *config, const char *url, const char *file, mst_error *error)
{
    mst_status status = file ? mst_config_read(config, file, error) : MST_OK;
    for (size_t i = 0; !file && !status && i < sizeof settings / sizeof settings[0]; i++) {
        status = mst_config_set(config, settings[i].section, settings[i].key, settings[i].value);
    }
    return status ? status : mst_config_set(config, "provider.redis", "url", url);
}

static int print(void *arg, const mst_setting *s)
{
    if (strcmp(s->origin, "default") != 0) {
        printf("[%s] %s = %s\n", s->section, s->key, s->value);
    }
    return 0;
}

static void use(mst_cache *cache)
{
    mst_options far = {.flags = MST_F_FAR}; /* past the memory of this process */
    mst_input in = {.data = "hello", .len = 5};
    mst_result r;
    mst_set_wait(cache, mst_str("greeting"), &in, NULL, &r);
    printf("set: %s\n", mst_why_name(r.why));
    mst_result_release(&r);
    mst_get_wait(cache, mst_str("greeting"), &far, &r);
    const char *tier = mst_cache_tier_name(cache, r.tier);
    printf("get: %s, %s, %.*s\n", mst_why_name(r.why), tier ? tier : "no tier", (int) r.len,
           r.data ? (const char *) r.data : "");
    mst_result_release(&r);
}

int main(int argc, char **argv)
{
    mst_config *config = mst_config_new(NULL);
    mst_runtime *runtime = NULL;
    mst_error error = {0};
    if (argc < 2 || argc > 3 || !config) {
        fputs("usage: redis_tuned URL [CONFIG.ini]\n", stderr);
    } else if (configure(config, argv[1], argc == 3 ? argv[2] : NULL, &error) ||
               mst_config_each(config, print, NULL, &error) ||
               mst_open(config, NULL, &runtime, &error)) {
        fprintf(stderr, "%s\n", error.text);
    }
    mst_config_free(config);
    if (!runtime) {
        return 2;
    }
    use(mst_cache_named(runtime, NULL));
    mst_close_wait(runtime);
    return 0;
}
