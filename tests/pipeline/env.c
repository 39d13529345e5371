/* env.c - opening, closing and looking: see env.h. The requests are in calls.c. */
#include "env.h"
#include "exporter_keep.h"

#include <stdlib.h>

const char *const t_mode_names[T_MODES] = {"one loop", "three loops", "lent loop"};

void t_fresh(void)
{
    fx_slow_reset();
    fx_fail_reset();
    fx_block_reset();
    fx_near_reset();
    fx_servers_reset();
}

static void on_log(void *arg, int level, const char *text)
{
    t_env *env = arg;
    pthread_mutex_lock(&env->mutex);
    unsigned i = env->log_lines++;
    if (i < T_LOG_LINES) {
        env->log_levels[i] = level;
        snprintf(env->log[i], T_LOG_LENGTH, "%s", text);
    }
    pthread_mutex_unlock(&env->mutex);
    if (getenv("T_VERBOSE")) {
        fprintf(stderr, "log %d: %s\n", level, text);
    }
}

bool t_log_has(t_env *env, const char *text)
{
    bool found = false;
    pthread_mutex_lock(&env->mutex);
    for (unsigned i = 0; i < env->log_lines && i < T_LOG_LINES; i++) {
        found = found || strstr(env->log[i], text);
    }
    pthread_mutex_unlock(&env->mutex);
    return found;
}

unsigned t_log_count(t_env *env)
{
    pthread_mutex_lock(&env->mutex);
    unsigned n = env->log_lines;
    pthread_mutex_unlock(&env->mutex);
    return n;
}

/* One line "section key = value". */
static mst_status apply_line(mst_config *config, char *line)
{
    char *equals = strstr(line, " = ");
    char *space = strchr(line, ' ');
    if (!equals || !space || space >= equals) {
        fprintf(stderr, "not a setting: \"%s\"\n", line);
        return MST_EINVAL;
    }
    *equals = *space = 0;
    return mst_config_set(config, line, space + 1, equals + 3);
}

static mst_status apply(mst_config *config, const char *settings)
{
    mst_status status = MST_OK;
    char *copy = strdup(settings ? settings : ""), *save = NULL;
    for (char *line = copy ? strtok_r(copy, "\n", &save) : NULL; line && !status;
         line = strtok_r(NULL, "\n", &save)) {
        status = apply_line(config, line);
    }
    free(copy);
    return status;
}

static mst_status add_modules(mst_config *config)
{
    const mst_module *const modules[] = {
        &memstache_module_provider_slow, &memstache_module_provider_fail,
        &memstache_module_provider_block, &memstache_module_provider_near,
        &memstache_module_exporter_keep};
    mst_status status = MST_OK;
    for (size_t i = 0; !status && i < sizeof modules / sizeof modules[0]; i++) {
        status = mst_config_add_module(config, modules[i]);
    }
    return status;
}

/* Is `word` in the text, on its own? */
static bool mentions(const char *text, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = text; (at = strstr(at, word)); at += len) {
        if ((at == text || strchr(" \n", at[-1])) && (!at[len] || strchr(",\n", at[len]))) {
            return true;
        }
    }
    return false;
}

/* Nothing times out unless a test is about that: the fixtures hold answers back at will. */
static mst_status be_patient(mst_config *config, const char *settings)
{
    static const char *const fixtures[] = {"slow", "slow_plain", "fail", "block"};
    mst_status status = mst_config_set(config, "cache", "timeout", "60s");
    for (size_t i = 0; i < sizeof fixtures / sizeof fixtures[0] && !status; i++) {
        char section[40];
        snprintf(section, sizeof section, "provider.%s", fixtures[i]);
        if (mentions(settings, fixtures[i])) {
            status = mst_config_set(config, section, "timeout", "60s");
        }
    }
    return status;
}

static mst_status configure(mst_config *config, t_mode mode, const char *settings)
{
    mst_status status = add_modules(config);
    if (!status) {
        status = mst_config_set(config, "cache", "namespace", "t");
    }
    if (!status) {
        status = be_patient(config, settings ? settings : "");
    }
    if (!status) {
        status = mst_config_set(config, "runtime", "loops", mode == T_THREE ? "3" : "1");
    }
    return status ? status : apply(config, settings);
}

mst_status t_try_open(t_env *env, t_mode mode, const char *settings, mst_error *error)
{
    const mst_allocator *allocator = env->allocator;
    memset(env, 0, sizeof *env);
    env->allocator = allocator;
    env->mode = mode;
    env->opener = pthread_self();
    pthread_mutex_init(&env->mutex, NULL);
    mst_open_options options = {.log = on_log, .log_arg = env};
    if (mode == T_LENT) {
        REQUIRE(uv_loop_init(&env->loop) == 0);
        options.loop = &env->loop;
    }
    mst_config *config = mst_config_new(env->allocator);
    mst_status status = config ? configure(config, mode, settings) : MST_ENOMEM;
    if (!status) {
        status = mst_open(config, &options, &env->runtime, error);
    }
    mst_config_free(config);
    if (status) {
        CHECK(!env->runtime);
        env->runtime = NULL;
    } else {
        env->cache = mst_cache_named(env->runtime, NULL);
    }
    return status;
}

void t_open(t_env *env, t_mode mode, const char *settings)
{
    mst_error error = {0};
    env->allocator = NULL;
    if (t_try_open(env, mode, settings, &error)) {
        fprintf(stderr, "mst_open: %s\n", error.text);
        REQUIRE(!"open");
    }
    REQUIRE(env->cache);
}

mst_stats t_stats(t_env *env)
{
    mst_stats stats;
    mst_cache_stats(env->cache, &stats);
    return stats;
}

void t_check_identity(mst_cache *cache)
{
    mst_stats s;
    mst_cache_stats(cache, &s);
    CHECK_INT(s.started, s.completed + s.pending);
    if (s.pending == 0) {
        CHECK_INT(s.completed, s.near_hits + s.far_hits + s.loaded + s.coalesced + s.absent +
                                   s.misses + s.sets + s.removes + s.looks + s.touches + s.clears +
                                   s.errors + s.timeouts + s.cancels);
    }
}

void t_end(t_env *env)
{
    if (env->mode == T_LENT) {
        if (env->awake.data) {
            uv_close((uv_handle_t *) &env->awake, NULL);
        }
        /* Handles that somebody left open would keep the loop from closing. */
        uv_run(&env->loop, UV_RUN_NOWAIT);
        CHECK_INT(uv_loop_close(&env->loop), 0);
    }
    while (env->replies) {
        t_reply *r = env->replies;
        env->replies = r->next;
        t_about("at the end");
        CHECK_INT(atomic_load(&r->count), r->at_once ? 0 : 1);
        t_release(r);
        free(r->many);
        free(r);
    }
    t_about("%s", "");
    pthread_mutex_destroy(&env->mutex);
}

void t_close(t_env *env)
{
    t_check_identity(env->cache);
    for (t_reply *r = env->replies; r; r = r->next) {
        t_wait(r);
        t_release(r);
    }
    t_check_identity(env->cache);
    T_PUMP_UNTIL(env, t_stats(env).pending == 0);
    mst_close_wait(env->runtime);
    env->runtime = NULL;
    t_end(env);
}

static void no_event(uv_timer_t *timer)
{
    (void) timer;
}

void t_keep_awake(t_env *env)
{
    if (env->mode == T_LENT) {
        uv_timer_init(&env->loop, &env->awake);
        uv_timer_start(&env->awake, no_event, 1000000, 1000000);
        env->awake.data = env;
    }
}

void t_pump(t_env *env)
{
    if (env->mode == T_LENT && pthread_equal(env->opener, pthread_self())) {
        uv_run(&env->loop, UV_RUN_NOWAIT);
    }
    t_nap();
}

bool t_near_is(t_env *env, const char *key, const char *text)
{
    mst_options peek = {.flags = MST_F_PEEK};
    mst_result now = {0};
    mst_status status = mst_get_now(env->cache, mst_str(key), &peek, &now);
    bool ok = text ? status == MST_OK && t_has_value(&now, text) : status == MST_MISS;
    if (!ok) {
        fprintf(stderr, "  near \"%s\" has status %s, %zu bytes \"%.*s\"; expected \"%s\"\n", key,
                mst_status_name(status), now.len, (int) now.len,
                now.data ? (const char *) now.data : "", text ? text : "(nothing)");
    }
    mst_result_release(&now);
    return ok;
}

static void full_key(char *full, size_t cap, const char *key)
{
    snprintf(full, cap, "t:%s", key);
}

bool t_far_is(fx_server *server, const char *key, const char *text)
{
    char full[300], value[1000];
    full_key(full, sizeof full, key);
    long len = fx_server_peek(server, full, value, sizeof value);
    bool ok = text ? len == (long) strlen(text) && !memcmp(value, text, (size_t) len) : len < 0;
    if (!ok) {
        fprintf(stderr, "  far \"%s\" has %ld bytes \"%.*s\"; expected \"%s\"\n", full, len,
                len > 0 ? (int) len : 0, value, text ? text : "(nothing)");
    }
    return ok;
}

void t_far_put(fx_server *server, const char *key, const char *text)
{
    char full[300];
    full_key(full, sizeof full, key);
    fx_server_put(server, full, text, strlen(text));
}
