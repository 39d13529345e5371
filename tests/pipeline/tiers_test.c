/* tiers_test.c - several tiers as one cache: order of writes, promotion, what a back end says about
 * other people's writes. */
#include <stdlib.h>

#include "env.h"
#include "loading.h"

#define FAR_AS_TEXT "cache envelope = none\n"

/* A far hit is kept near; PEEK keeps nothing; FAR asks past the near tiers and refreshes them. */
static void promotion(const char *tiers)
{
    t_env env;
    char settings[200];
    mst_options peek = {.flags = MST_F_PEEK}, far = {.flags = MST_F_FAR};
    snprintf(settings, sizeof settings, "cache tiers = %s\n" FAR_AS_TEXT, tiers);
    t_about("%s", tiers);
    t_fresh();
    t_far_put(fx_server_at(0), "k", "one");
    t_open(&env, T_THREE, settings);
    t_reply *r = t_wait(t_begin_get(&env, "k", &peek));
    IS_VALUE(r, "one");
    IS_TIER(r, 1);
    NEAR_IS(&env, "k", NULL);
    r = t_get(&env, "k");
    IS_VALUE(r, "one");
    IS_TIER(r, 1);
    IS_WHY(r, MST_WHY_HIT);
    NEAR_IS(&env, "k", "one");
    r = t_get(&env, "k");
    IS_TIER(r, 0);
    t_far_put(fx_server_at(0), "k", "two");
    IS_VALUE(t_get(&env, "k"), "one");
    r = t_wait(t_begin_get(&env, "k", &far));
    IS_VALUE(r, "two");
    IS_TIER(r, 1);
    NEAR_IS(&env, "k", "two");
    CHECK(fx_server_erase(fx_server_at(0), "t:k"));
    IS_MISS(t_wait(t_begin_get(&env, "k", &far)));
    mst_stats s = t_stats(&env);
    CHECK_INT(s.far_hits, 3);
    CHECK_INT(s.near_hits, 4); /* two of them by NEAR_IS */
    CHECK_STR(mst_cache_tier_name(env.cache, 1), "slow");
    CHECK_STR(mst_cache_tier_name(env.cache, MST_TIER_LOADER), "loader");
    CHECK_STR(mst_cache_tier_name(env.cache, 2), NULL);
    CHECK_STR(mst_cache_tier_name(env.cache, MST_TIER_NONE), NULL);
    t_close(&env);
}

static void promotes(void)
{
    promotion("memory, slow");
    promotion("near, slow");
}

/* With several far tiers a hit in the last is kept in those before it. */
static void promotes_through_far_tiers(void)
{
    t_env env;
    t_fresh();
    t_far_put(fx_server_at(0), "k", "deep");
    t_open(&env, T_ONE, "cache tiers = memory, block, slow\n" FAR_AS_TEXT);
    t_reply *r = t_get(&env, "k");
    IS_VALUE(r, "deep");
    IS_TIER(r, 2);
    NEAR_IS(&env, "k", "deep");
    T_UNTIL(fx_server_has(fx_server_at(2), "t:k"));
    CHECK(t_far_is(fx_server_at(2), "k", "deep"));
    IS_STATUS(t_set(&env, "all", "everywhere"), MST_OK);
    CHECK(t_far_is(fx_server_at(0), "all", "everywhere"));
    CHECK(t_far_is(fx_server_at(2), "all", "everywhere"));
    IS_STATUS(t_remove(&env, "all"), MST_OK);
    CHECK(t_far_is(fx_server_at(0), "all", NULL));
    CHECK(t_far_is(fx_server_at(2), "all", NULL));
    t_close(&env);
}

enum { KEYS = 100 };

/* Writes of one key take effect in the order in which they were asked for, and a get that begins
 * after a write was answered sees it, however the answers of the back end are delayed. */
static void order_of_writes(void)
{
    static const char *const chains[] = {"memory, slow", "slow", "near, slow"};
    for (int round = 0; round < 3; round++) {
        t_env env;
        char settings[200], key[16], value[32];
        t_reply *last[KEYS];
        snprintf(settings, sizeof settings, "cache tiers = %s\n" FAR_AS_TEXT, chains[round]);
        t_about("%s", chains[round]);
        t_fresh();
        atomic_store(&fx_slow.jitter_ms, 8);
        atomic_store(&fx_slow.mt_percent, 30);
        t_open(&env, T_THREE, settings);
        for (int version = 0; version < 4; version++) {
            for (int i = 0; i < KEYS; i++) {
                snprintf(key, sizeof key, "k%d", i);
                snprintf(value, sizeof value, "k%d version %d", i, version);
                last[i] = t_begin_set(&env, key, value, NULL);
            }
        }
        for (int i = 0; i < KEYS; i++) {
            snprintf(key, sizeof key, "k%d", i);
            snprintf(value, sizeof value, "k%d version 3", i);
            IS_STATUS(t_wait(last[i]), MST_OK);
            IS_VALUE(t_get(&env, key), value);
            CHECK(t_far_is(fx_server_at(0), key, value));
        }
        for (int i = 0; i < KEYS; i++) {
            snprintf(key, sizeof key, "k%d", i);
            t_begin_set(&env, key, "gone", NULL);
            last[i] = t_begin_remove(&env, key, NULL);
        }
        for (int i = 0; i < KEYS; i++) {
            snprintf(key, sizeof key, "k%d", i);
            IS_STATUS(t_wait(last[i]), MST_OK);
            IS_MISS(t_get(&env, key));
        }
        t_close(&env);
    }
}

/* ---- what the back end says */

static void invalidated_drops_near(const char *tiers)
{
    t_env env;
    char settings[200];
    mst_slice keys[] = {mst_str("t:a"), mst_str("other:b"), mst_str("t:nowhere"), mst_str("")};
    snprintf(settings, sizeof settings, "cache tiers = %s\n" FAR_AS_TEXT, tiers);
    t_about("%s", tiers);
    t_fresh();
    t_open(&env, T_THREE, settings);
    IS_STATUS(t_set(&env, "a", "mine"), MST_OK);
    IS_STATUS(t_set(&env, "b", "mine"), MST_OK);
    t_far_put(fx_server_at(0), "a", "theirs");
    t_far_put(fx_server_at(0), "b", "theirs");
    CHECK(fx_slow_invalidate(keys, 4));
    T_UNTIL(t_stats(&env).invalidations >= 1);
    NEAR_IS(&env, "a", NULL);
    NEAR_IS(&env, "b", "mine");
    CHECK_INT(t_stats(&env).invalidations, 1);
    IS_VALUE(t_get(&env, "a"), "theirs");
    NEAR_IS(&env, "a", "theirs");
    CHECK(fx_slow_flush());
    mst_result now = {0};
    T_UNTIL(mst_get_now(env.cache, mst_str("b"), NULL, &now) == MST_MISS);
    mst_result_release(&now);
    T_UNTIL(mst_get_now(env.cache, mst_str("a"), NULL, &now) == MST_MISS);
    IS_VALUE(t_get(&env, "b"), "theirs");
    IS_STATUS(t_set(&env, "a", "again"), MST_OK);
    NEAR_IS(&env, "a", "again");
    t_close(&env);
}

static void invalidations(void)
{
    invalidated_drops_near("memory, slow");
    invalidated_drops_near("near, slow");
}

/* A provider that two caches share speaks to both, each with its own prefix. */
static void invalidations_of_two_caches(void)
{
    t_env env;
    mst_slice key = mst_str("u:k");
    mst_result now = {0};
    t_fresh();
    t_open(&env, T_ONE,
           "cache tiers = memory, slow\n"
           "cache.other tiers = memory, slow\n"
           "cache.other namespace = u\n");
    mst_cache *first = env.cache, *other = mst_cache_named(env.runtime, "other");
    REQUIRE(other);
    IS_STATUS(t_set(&env, "k", "of t"), MST_OK);
    env.cache = other;
    IS_STATUS(t_set(&env, "k", "of u"), MST_OK);
    CHECK(fx_slow_invalidate(&key, 1));
    T_UNTIL(mst_get_now(other, mst_str("k"), NULL, &now) == MST_MISS);
    IS_VALUE(t_get(&env, "k"), "of u");
    env.cache = first;
    NEAR_IS(&env, "k", "of t");
    CHECK(fx_slow_flush());
    T_UNTIL(mst_get_now(first, mst_str("k"), NULL, &now) == MST_MISS);
    T_UNTIL(mst_get_now(other, mst_str("k"), NULL, &now) == MST_MISS);
    t_close(&env);
}

/* Events may come from any thread at any time. */
static void *shout(void *arg)
{
    mst_slice keys[] = {mst_str("t:k0"), mst_str("t:k1")};
    for (int i = 0; i < 2000 / T_SLOWNESS; i++) {
        CHECK(i % 10 ? fx_slow_invalidate(keys, 2) : fx_slow_flush());
    }
    atomic_store((_Atomic bool *) arg, true);
    return NULL;
}

static void invalidations_under_load(void)
{
    t_env env;
    pthread_t thread;
    _Atomic bool over = false;
    char key[16];
    t_fresh();
    t_open(&env, T_THREE, "cache tiers = memory, slow\n");
    for (int i = 0; i < 4; i++) {
        snprintf(key, sizeof key, "k%d", i);
        IS_STATUS(t_set(&env, key, key), MST_OK);
    }
    REQUIRE(!pthread_create(&thread, NULL, shout, &over));
    for (int i = 0; !atomic_load(&over) || i < 100; i++) {
        mst_result r = {0};
        snprintf(key, sizeof key, "k%d", i % 4);
        CHECK_INT(mst_get_wait(env.cache, mst_str(key), NULL, &r), MST_OK);
        CHECK(t_has_value(&r, key));
        mst_result_release(&r);
    }
    pthread_join(thread, NULL);
    t_close(&env);
}

/* A near tier that knows only get, set and del: exists looks at the value, and what cannot be done
 * is said and not passed over. */
static void least_of_near_tiers(void)
{
    t_env env;
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = near_least\n");
    IS_STATUS(t_set(&env, "k", "v"), MST_OK);
    IS_VALUE(t_get(&env, "k"), "v");
    IS_STATUS(t_wait(t_begin_exists(&env, "k", NULL)), MST_OK);
    IS_MISS(t_wait(t_begin_exists(&env, "other", NULL)));
    t_reply *r = t_wait(t_begin_touch(&env, "k", NULL));
    IS_STATUS(r, MST_ENOTSUP);
    IS_WHY(r, MST_WHY_TIER_FAILED);
    IS_STATUS(t_wait(t_begin_clear(&env)), MST_ENOTSUP);
    IS_VALUE(t_get(&env, "k"), "v");
    IS_STATUS(t_wait(t_begin_remove(&env, "k", NULL)), MST_OK);
    IS_MISS(t_get(&env, "k"));
    t_close(&env);
}

T_MAIN(T_TEST(least_of_near_tiers), T_TEST(promotes), T_TEST(promotes_through_far_tiers),
       T_TEST(order_of_writes), T_TEST(invalidations), T_TEST(invalidations_of_two_caches),
       T_TEST(invalidations_under_load))
