/* bounds_test.c - what is refused, and how: before anything was started, with nothing kept. */
#include <stdlib.h>

#include "env.h"
#include "loading.h"

enum { LIMIT = 10 };

static void too_many_pending(void)
{
    t_env env;
    char key[16];
    t_loader loader;
    t_fresh();
    t_open(&env, T_THREE, "cache tiers = memory, slow\ncache max_pending = 10\n");
    IS_STATUS(t_set(&env, "near", "v"), MST_OK);
    uint64_t started = t_stats(&env).started;
    atomic_store(&fx_slow.hold_requests, FX_ALL_CODES);
    t_loader_init(&loader, T_LOAD_NOW, "x");
    for (int i = 0; i < LIMIT; i++) {
        snprintf(key, sizeof key, "k%d", i);
        CHECK_INT(t_begin_get(&env, key, NULL)->status, MST_PENDING);
    }
    for (int i = 0; i < 5; i++) {
        mst_result now = {0};
        CHECK_INT(t_begin_get(&env, "more", NULL)->status, MST_EBUSY);
        CHECK_INT(t_begin_set(&env, "more", "v", NULL)->status, MST_EBUSY);
        CHECK_INT(t_begin_load(&env, "more", &loader.loader, NULL)->status, MST_EBUSY);
        CHECK_INT(mst_get_wait(env.cache, mst_str("more"), NULL, &now), MST_EBUSY);
        CHECK_INT(now.status, MST_EBUSY);
        CHECK_INT(now.why, MST_WHY_REJECTED);
        /* what needs no loop is not refused */
        CHECK_INT(mst_get(env.cache, mst_str("near"), NULL, &now, NULL, NULL), MST_OK);
        mst_result_release(&now);
        CHECK_INT(mst_get_now(env.cache, mst_str("near"), NULL, &now), MST_OK);
        mst_result_release(&now);
    }
    mst_stats s = t_stats(&env);
    CHECK_INT(s.pending, LIMIT);
    CHECK_INT(s.rejected, 20);
    CHECK_INT(s.started, started + LIMIT + 10);
    t_check_identity(env.cache);
    atomic_store(&fx_slow.hold_requests, 0);
    T_PUMP_UNTIL(&env, t_stats(&env).pending == 0);
    IS_STATUS(t_set(&env, "more", "v"), MST_OK);
    t_close(&env);
    t_loader_fini(&loader);
    CHECK_INT(atomic_load(&loader.calls), 0);
}

/* A batch that does not fit as a whole is refused as a whole. */
static void batch_too_large_for_the_bound(void)
{
    t_env env;
    mst_slice keys[LIMIT + 1];
    static char names[LIMIT + 1][8];
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = slow\ncache max_pending = 10\n");
    for (int i = 0; i <= LIMIT; i++) {
        snprintf(names[i], sizeof names[i], "k%d", i);
        keys[i] = mst_str(names[i]);
    }
    t_reply *r = t_begin_get_many(&env, keys, LIMIT + 1, NULL);
    CHECK_INT(r->status, MST_EBUSY);
    CHECK_INT(t_stats(&env).pending, 0);
    r = t_wait(t_begin_get_many(&env, keys, LIMIT, NULL));
    CHECK_INT(r->many[LIMIT - 1].status, MST_MISS);
    t_close(&env);
}

static void released(void *owner)
{
    atomic_fetch_add((_Atomic int *) owner, 1);
}

static void too_big(const char *tiers)
{
    t_env env;
    char settings[200];
    static char bytes[1025];
    _Atomic int given_back = 0;
    snprintf(settings, sizeof settings, "cache tiers = %s\ncache max_value_bytes = 1KiB\n", tiers);
    t_about("%s", tiers);
    t_fresh();
    memset(bytes, 'x', sizeof bytes);
    t_open(&env, T_ONE, settings);
    t_reply *r = t_wait(t_begin_set_bytes(&env, mst_str("k"), (mst_slice){bytes, 1024}, NULL));
    IS_STATUS(r, MST_OK);
    CHECK_INT(t_get(&env, "k")->result.len, 1024);
    r = t_wait(t_begin_set_bytes(&env, mst_str("k2"), (mst_slice){bytes, 1025}, NULL));
    IS_STATUS(r, MST_ETOOBIG);
    IS_MISS(t_get(&env, "k2"));
    mst_input input = {.data = bytes, .len = 1025, .release = released, .owner = &given_back};
    mst_result result = {0};
    CHECK_INT(mst_set_wait(env.cache, mst_str("k2"), &input, NULL, &result), MST_ETOOBIG);
    mst_result_release(&result);
    t_close(&env);
    CHECK_INT(atomic_load(&given_back), 1);
}

static void values_that_are_too_big(void)
{
    too_big("memory");
    too_big("memory, slow");
    too_big("slow");
}

/* What another program stored in the back end is bounded as well. */
static void far_value_too_big(void)
{
    t_env env;
    static char text[3000];
    memset(text, 'y', sizeof text - 1);
    t_fresh();
    t_far_put(fx_server_at(0), "k", text);
    t_open(&env, T_ONE,
           "cache tiers = memory, slow\ncache max_value_bytes = 1KiB\ncache envelope = none\n");
    IS_MISS(t_get(&env, "k"));
    NEAR_IS(&env, "k", NULL);
    t_close(&env);
}

/* A loader that makes too much: its value is answered or refused, but never kept. */
static void loaded_value_too_big(void)
{
    t_env env;
    t_loader loader;
    static char text[3000];
    memset(text, 'z', sizeof text - 1);
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, slow\ncache max_value_bytes = 1KiB\n");
    t_loader_init(&loader, T_LOAD_NOW, text);
    t_reply *r = t_load(&env, "k", &loader.loader);
    CHECK(r->result.status < 0 || t_has_value(&r->result, text));
    NEAR_IS(&env, "k", NULL);
    IS_MISS(t_get(&env, "k"));
    CHECK_INT(fx_server_count(fx_server_at(0)), 0);
    t_close(&env);
    t_loader_fini(&loader);
}

static void keys(void)
{
    static const char *const chains[] = {"memory", "memory, slow", "slow"};
    static char longest[65536];
    memset(longest, 'k', sizeof longest);
    for (int i = 0; i < 3; i++) {
        t_env env;
        char settings[100];
        snprintf(settings, sizeof settings, "cache tiers = %s\n", chains[i]);
        t_about("%s", chains[i]);
        t_fresh();
        t_open(&env, T_ONE, settings);
        mst_slice most = {longest, 65535}, more = {longest, 65536}, none = {"", 0};
        mst_slice null = {NULL, 3}, v = mst_str("v");
        IS_STATUS(t_wait(t_begin_set_bytes(&env, most, v, NULL)), MST_OK);
        mst_result r = {0};
        CHECK_INT(mst_get_wait(env.cache, most, NULL, &r), MST_OK);
        CHECK(t_has_value(&r, "v"));
        mst_result_release(&r);
        CHECK_INT(t_begin_set_bytes(&env, more, v, NULL)->status, MST_EINVAL);
        CHECK_INT(t_begin_set_bytes(&env, none, v, NULL)->status, MST_EINVAL);
        CHECK_INT(t_begin_set_bytes(&env, null, v, NULL)->status, MST_EINVAL);
        CHECK_INT(mst_get_wait(env.cache, more, NULL, &r), MST_EINVAL);
        CHECK_INT(mst_get_now(env.cache, none, NULL, &r), MST_EINVAL);
        CHECK_INT(mst_remove_wait(env.cache, none, NULL, &r), MST_EINVAL);
        CHECK_INT(mst_exists_wait(env.cache, none, NULL, &r), MST_EINVAL);
        CHECK_INT(mst_touch_wait(env.cache, none, NULL, &r), MST_EINVAL);
        mst_slice bad[] = {v, none};
        CHECK_INT(t_begin_get_many(&env, bad, 2, NULL)->status, MST_EINVAL);
        CHECK_INT(t_begin_remove_many(&env, bad, 2)->status, MST_EINVAL);
        t_close(&env);
    }
}

static void ignore(void *arg, mst_result *result)
{
    (void) arg;
    (void) result;
    CHECK(!"done() of a refused call");
}

static void ignore_many(void *arg, mst_result *results, size_t n)
{
    (void) arg;
    (void) results;
    (void) n;
    CHECK(!"done() of a refused call");
}

static void null_arguments(void)
{
    t_env env;
    mst_result r = {0};
    mst_slice k = mst_str("k");
    mst_input in = {.data = "v", .len = 1}, no_data = {.data = NULL, .len = 5};
    mst_loader no_load = {.load = NULL};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, slow\n");
    mst_cache *c = env.cache;
    CHECK_INT(mst_get(NULL, k, NULL, &r, ignore, NULL), MST_EINVAL);
    CHECK_INT(mst_get_now(NULL, k, NULL, &r), MST_EINVAL);
    CHECK_INT(mst_set(NULL, k, &in, NULL, &r, ignore, NULL), MST_EINVAL);
    CHECK_INT(mst_remove(NULL, k, NULL, &r, ignore, NULL), MST_EINVAL);
    CHECK_INT(mst_exists(NULL, k, NULL, &r, ignore, NULL), MST_EINVAL);
    CHECK_INT(mst_touch(NULL, k, NULL, &r, ignore, NULL), MST_EINVAL);
    CHECK_INT(mst_clear(NULL, NULL, ignore, NULL), MST_EINVAL);
    CHECK_INT(mst_get_wait(NULL, k, NULL, &r), MST_EINVAL);
    CHECK_INT(mst_set(c, k, NULL, NULL, &r, ignore, NULL), MST_EINVAL);
    CHECK_INT(mst_set(c, k, &no_data, NULL, &r, ignore, NULL), MST_EINVAL);
    CHECK_INT(mst_get_or_load(c, k, NULL, NULL, &r, ignore, NULL), MST_EINVAL);
    CHECK_INT(mst_get_or_load(c, k, &no_load, NULL, &r, ignore, NULL), MST_EINVAL);
    CHECK_INT(mst_get_many(c, NULL, 2, NULL, NULL, ignore_many, NULL), MST_EINVAL);
    CHECK_INT(mst_set_many(c, &k, NULL, 1, NULL, NULL, ignore_many, NULL), MST_EINVAL);
    CHECK_INT(t_stats(&env).started, 0);
    CHECK(mst_cache_named(env.runtime, "nowhere") == NULL);
    CHECK(mst_cache_named(env.runtime, "") == c);
    t_close(&env);
}

static void tags_are_reserved(void)
{
    t_env env;
    mst_result r = {0};
    const char *const tags[] = {"a"};
    mst_options options = {.entry = {.tags = tags, .tag_count = 1}};
    mst_options count_only = {.entry = {.tag_count = 1}};
    mst_input in = {.data = "v", .len = 1};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory\n");
    CHECK_INT(mst_set(env.cache, mst_str("k"), &in, &options, &r, ignore, NULL), MST_ENOTSUP);
    CHECK_INT(mst_set(env.cache, mst_str("k"), &in, &count_only, &r, ignore, NULL), MST_ENOTSUP);
    IS_MISS(t_get(&env, "k"));
    t_close(&env);
}

/* ---- blocking calls on a loop thread */

typedef struct blocked {
    t_env *env;
    _Atomic int ran;
} blocked;

static void block_inside(void *arg, mst_result *result)
{
    blocked *b = arg;
    mst_result r = {0};
    mst_input in = {.data = "v", .len = 1};
    (void) result;
    CHECK_INT(mst_get_wait(b->env->cache, mst_str("far"), NULL, &r), MST_EDEADLOCK);
    CHECK_INT(r.status, MST_EDEADLOCK);
    CHECK_INT(mst_set_wait(b->env->cache, mst_str("far"), &in, NULL, &r), MST_EDEADLOCK);
    CHECK_INT(mst_clear_wait(b->env->cache, NULL, &r), MST_EDEADLOCK);
    CHECK_INT(mst_get_now(b->env->cache, mst_str("far"), NULL, &r), MST_MISS);
    atomic_fetch_add(&b->ran, 1);
}

static void blocking_on_a_loop(void)
{
    for (int mode = 0; mode < T_MODES; mode++) {
        t_env env;
        t_about("%s", t_mode_names[mode]);
        t_fresh();
        t_open(&env, (t_mode) mode, "cache tiers = memory, slow\n");
        blocked b = {.env = &env};
        CHECK_INT(mst_get(env.cache, mst_str("k"), NULL, NULL, block_inside, &b), MST_PENDING);
        T_PUMP_UNTIL(&env, atomic_load(&b.ran) == 1);
        t_close(&env);
    }
}

static void empty_batches(void)
{
    t_env env;
    mst_slice key = mst_str("k");
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, slow\n");
    t_wait(t_begin_get_many(&env, &key, 0, NULL));
    env.use_now = true;
    t_wait(t_begin_remove_many(&env, &key, 0));
    t_close(&env);
}

T_MAIN(T_TEST(too_many_pending), T_TEST(batch_too_large_for_the_bound),
       T_TEST(values_that_are_too_big), T_TEST(far_value_too_big), T_TEST(loaded_value_too_big),
       T_TEST(keys), T_TEST(null_arguments), T_TEST(tags_are_reserved), T_TEST(blocking_on_a_loop),
       T_TEST(empty_batches))
