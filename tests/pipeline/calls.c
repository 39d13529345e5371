/* calls.c - requests with counted replies: see env.h. Where it can be seen, done() is checked for
 * running before its call returned: on a lent loop that is the same thread. */
#include <stdlib.h>

#include "env.h"

static t_reply *reply_new(t_env *env, size_t n)
{
    t_reply *r = calloc(1, sizeof *r);
    REQUIRE(r);
    r->env = env;
    r->caller = pthread_self();
    r->n = n;
    r->many = n ? calloc(n, sizeof *r->many) : NULL;
    pthread_mutex_lock(&env->mutex);
    r->next = env->replies;
    env->replies = r;
    pthread_mutex_unlock(&env->mutex);
    return r;
}

static void check_moment(t_reply *r)
{
    if (pthread_equal(r->caller, pthread_self())) {
        CHECK(r->returned);
    }
}

static void on_done(void *arg, mst_result *result)
{
    t_reply *r = arg;
    check_moment(r);
    if (atomic_load(&r->count) == 0) {
        r->result = mst_result_take(result);
        CHECK(!result->owner && !result->release && !result->data && !result->object);
    }
    atomic_fetch_add(&r->count, 1);
}

static void on_done_many(void *arg, mst_result *results, size_t n)
{
    t_reply *r = arg;
    check_moment(r);
    CHECK_INT(n, r->n);
    if (atomic_load(&r->count) == 0) {
        for (size_t i = 0; i < n && i < r->n; i++) {
            r->many[i] = mst_result_take(&results[i]);
        }
    }
    atomic_fetch_add(&r->count, 1);
}

/* What the call returned, against the rules at the top of memstache.h. */
static t_reply *began(t_reply *r, mst_status status, const mst_result *now)
{
    r->status = status;
    r->at_once = status != MST_PENDING;
    if (r->at_once) {
        CHECK(now || status < 0);
        if (now && !r->many) {
            CHECK_INT(now->status, status);
            r->result = *now;
        } else if (!now) {
            r->result.status = status;
        }
        for (size_t i = 0; status < 0 && i < r->n; i++) {
            r->many[i].status = status;
        }
    }
    r->returned = true;
    return r;
}

#define CALL(function, ...)                                                                        \
    mst_result now = {.why = -1};                                                                  \
    mst_result *into = env->use_now ? &now : NULL;                                                 \
    t_reply *r = reply_new(env, 0);                                                                \
    return began(r, function(env->cache, __VA_ARGS__, into, on_done, r), into)

t_reply *t_begin_get(t_env *env, const char *key, const mst_options *options)
{
    CALL(mst_get, mst_str(key), options);
}

t_reply *t_begin_set_bytes(t_env *env, mst_slice key, mst_slice value, const mst_options *options)
{
    mst_input input = {.data = value.data, .len = value.len};
    CALL(mst_set, key, &input, options);
}

t_reply *t_begin_set(t_env *env, const char *key, const char *value, const mst_options *options)
{
    return t_begin_set_bytes(env, mst_str(key), mst_str(value), options);
}

t_reply *t_begin_remove(t_env *env, const char *key, const mst_options *options)
{
    CALL(mst_remove, mst_str(key), options);
}

t_reply *t_begin_exists(t_env *env, const char *key, const mst_options *options)
{
    CALL(mst_exists, mst_str(key), options);
}

t_reply *t_begin_touch(t_env *env, const char *key, const mst_options *options)
{
    CALL(mst_touch, mst_str(key), options);
}

t_reply *t_begin_load(t_env *env, const char *key, const mst_loader *loader,
                      const mst_options *options)
{
    CALL(mst_get_or_load, mst_str(key), loader, options);
}

t_reply *t_begin_clear(t_env *env)
{
    t_reply *r = reply_new(env, 0);
    return began(r, mst_clear(env->cache, NULL, on_done, r), NULL);
}

t_reply *t_begin_get_many(t_env *env, const mst_slice *keys, size_t n, const mst_options *options)
{
    t_reply *r = reply_new(env, n);
    mst_result *now = env->use_now ? r->many : NULL;
    return began(r, mst_get_many(env->cache, keys, n, options, now, on_done_many, r), now);
}

t_reply *t_begin_get_many_or_load(t_env *env, const mst_slice *keys, size_t n,
                                  const mst_loader_many *loader, const mst_options *options)
{
    t_reply *r = reply_new(env, n);
    mst_result *now = env->use_now ? r->many : NULL;
    return began(
        r, mst_get_many_or_load(env->cache, keys, n, loader, options, now, on_done_many, r), now);
}

t_reply *t_begin_set_many(t_env *env, const mst_slice *keys, const mst_input *inputs, size_t n)
{
    t_reply *r = reply_new(env, n);
    mst_result *now = env->use_now ? r->many : NULL;
    return began(r, mst_set_many(env->cache, keys, inputs, n, NULL, now, on_done_many, r), now);
}

t_reply *t_begin_remove_many(t_env *env, const mst_slice *keys, size_t n)
{
    t_reply *r = reply_new(env, n);
    mst_result *now = env->use_now ? r->many : NULL;
    return began(r, mst_remove_many(env->cache, keys, n, NULL, now, on_done_many, r), now);
}

bool t_done(const t_reply *r)
{
    return r->at_once || atomic_load(&r->count) > 0;
}

t_reply *t_wait(t_reply *r)
{
    uint64_t end = t_ms() + T_PATIENCE_MS;
    while (!t_done(r) && t_ms() < end) {
        t_pump(r->env);
    }
    if (!t_done(r)) {
        fprintf(stderr, "a request was never answered\n");
    }
    REQUIRE(t_done(r));
    return r;
}

void t_release(t_reply *r)
{
    mst_result_release(&r->result);
    for (size_t i = 0; i < r->n; i++) {
        mst_result_release(&r->many[i]);
    }
}

bool t_has_value(const mst_result *result, const char *text)
{
    size_t len = strlen(text);
    return result->status == MST_OK && result->len == len &&
           (!len || (result->data && !memcmp(result->data, text, len)));
}

bool t_is_value(const char *file, int line, const char *what, const t_reply *r, const char *text)
{
    return t_int(file, line, what, r->result.status, MST_OK) &&
           t_bytes(file, line, what, r->result.data, r->result.len, text, strlen(text));
}
