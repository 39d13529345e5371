/* namespace_test.c - several caches on shared tiers do not see each other. */
#include "env.h"

static const char *const three_caches = "cache tiers = memory, slow\n"
                                        "cache namespace = shop\n"
                                        "cache.sessions tiers = memory, slow\n"
                                        "cache.sessions namespace = sess\n"
                                        "cache.shopping tiers = memory, slow\n"
                                        "cache.shopping namespace = shopping\n"
                                        "cache.near tiers = memory\n"
                                        "cache.near namespace = near\n";
static const char *const names[] = {"", "sessions", "shopping", "near"};
enum { CACHES = 4 };

static void use(t_env *env, int i)
{
    env->cache = mst_cache_named(env->runtime, names[i]);
    REQUIRE(env->cache);
    t_about("cache \"%s\"", names[i]);
}

static void do_not_collide(void)
{
    for (int mode = 0; mode < T_MODES; mode++) {
        t_env env;
        char value[30];
        mst_options far = {.flags = MST_F_FAR};
        t_fresh();
        t_open(&env, (t_mode) mode, three_caches);
        for (int i = 0; i < CACHES; i++) {
            use(&env, i);
            IS_MISS(t_get(&env, "k"));
            snprintf(value, sizeof value, "of %s", names[i]);
            IS_STATUS(t_set(&env, "k", value), MST_OK);
        }
        for (int i = 0; i < CACHES; i++) {
            use(&env, i);
            snprintf(value, sizeof value, "of %s", names[i]);
            IS_VALUE(t_get(&env, "k"), value);
            if (i < 3) {
                IS_VALUE(t_wait(t_begin_get(&env, "k", &far)), value);
            }
        }
        use(&env, 0);
        IS_STATUS(t_remove(&env, "k"), MST_OK);
        use(&env, 1);
        IS_VALUE(t_get(&env, "k"), "of sessions");
        t_close(&env);
    }
}

/* A clear takes only its own: "shop" is the beginning of "shopping". */
static void clear_takes_its_own(void)
{
    t_env env;
    mst_options far = {.flags = MST_F_FAR};
    t_fresh();
    t_open(&env, T_THREE, three_caches);
    for (int i = 0; i < CACHES; i++) {
        use(&env, i);
        IS_STATUS(t_set(&env, "k", names[i]), MST_OK);
    }
    use(&env, 0);
    IS_STATUS(t_clear(&env), MST_OK);
    IS_MISS(t_get(&env, "k"));
    for (int i = 1; i < CACHES; i++) {
        use(&env, i);
        IS_VALUE(t_get(&env, "k"), names[i]);
        if (i < 3) {
            IS_VALUE(t_wait(t_begin_get(&env, "k", &far)), names[i]);
        }
    }
    t_close(&env);
}

/* The far keys can be read by people: namespace, colon, key. */
static void far_keys_are_readable(void)
{
    t_env env;
    t_fresh();
    t_open(&env, T_ONE, three_caches);
    for (int i = 0; i < 3; i++) {
        use(&env, i);
        IS_STATUS(t_set(&env, "user:7", "v"), MST_OK);
    }
    CHECK(fx_server_has(fx_server_at(0), "shop:user:7"));
    CHECK(fx_server_has(fx_server_at(0), "sess:user:7"));
    CHECK(fx_server_has(fx_server_at(0), "shopping:user:7"));
    CHECK_INT(fx_server_count(fx_server_at(0)), 3);
    use(&env, 0);
    IS_STATUS(t_remove(&env, "user:7"), MST_OK);
    CHECK_INT(fx_server_count(fx_server_at(0)), 2);
    t_close(&env);
}

/* Two namespaces that would meet behind the colon: refused when opened, or kept apart. */
static void tricky_names(void)
{
    t_env env = {0};
    mst_error error = {0};
    t_fresh();
    mst_status status = t_try_open(&env, T_ONE,
                                   "cache tiers = slow\n"
                                   "cache namespace = a\n"
                                   "cache.other tiers = slow\n"
                                   "cache.other namespace = a:b\n",
                                   &error);
    if (status) {
        CHECK_INT(status, MST_ECONFIG);
        CHECK(error.text[0]);
        t_end(&env);
        return;
    }
    IS_STATUS(t_set(&env, "b:k", "first"), MST_OK);
    mst_cache *first = env.cache;
    env.cache = mst_cache_named(env.runtime, "other");
    IS_MISS(t_get(&env, "k"));
    IS_STATUS(t_set(&env, "k", "second"), MST_OK);
    env.cache = first;
    IS_VALUE(t_get(&env, "b:k"), "first");
    IS_STATUS(t_clear(&env), MST_OK);
    env.cache = mst_cache_named(env.runtime, "other");
    IS_VALUE(t_get(&env, "k"), "second");
    t_close(&env);
}

/* The same namespace twice on one back end would be one cache with two minds. */
static void same_namespace_twice(void)
{
    t_env env = {0};
    mst_error error = {0};
    t_fresh();
    mst_status status = t_try_open(&env, T_ONE,
                                   "cache tiers = memory, slow\n"
                                   "cache namespace = a\n"
                                   "cache.other tiers = memory, slow\n"
                                   "cache.other namespace = a\n",
                                   &error);
    CHECK_INT(status, MST_ECONFIG);
    if (status) {
        t_end(&env);
    } else {
        t_close(&env);
    }
}

/* Two runtimes with the same namespace are two processes on one back end. */
static void two_runtimes_share(void)
{
    t_env one, two;
    t_fresh();
    t_open(&one, T_ONE, "cache tiers = memory, slow\n");
    t_open(&two, T_LENT, "cache tiers = slow\n");
    IS_STATUS(t_set(&one, "k", "shared"), MST_OK);
    IS_VALUE(t_get(&two, "k"), "shared");
    IS_STATUS(t_remove(&two, "k"), MST_OK);
    mst_options far = {.flags = MST_F_FAR};
    IS_MISS(t_wait(t_begin_get(&one, "k", &far)));
    t_close(&one);
    t_close(&two);
}

/* The library's own counters are per cache. */
static void counters_are_per_cache(void)
{
    t_env env;
    t_fresh();
    t_open(&env, T_ONE, three_caches);
    use(&env, 1);
    IS_STATUS(t_set(&env, "k", "v"), MST_OK);
    IS_VALUE(t_get(&env, "k"), "v");
    CHECK_INT(t_stats(&env).started, 2);
    CHECK_INT(t_stats(&env).near_hits, 1);
    use(&env, 0);
    CHECK_INT(t_stats(&env).started, 0);
    t_close(&env);
}

T_MAIN(T_TEST(do_not_collide), T_TEST(clear_takes_its_own), T_TEST(far_keys_are_readable),
       T_TEST(tricky_names), T_TEST(same_namespace_twice), T_TEST(two_runtimes_share),
       T_TEST(counters_are_per_cache))
