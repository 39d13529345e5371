/* expiry_test.c - lives of entries: absolute, sliding, jittered, renewed, capped by a tier. Time
 * passes for real here; what is checked is never "still there" after a nap that might have been
 * longer than asked for. */
#include <stdlib.h>

#include "env.h"
#include "loading.h"

/* The clock of the library may be a few milliseconds coarse. */
enum { COARSE_MS = 25 };

/* Polls until it is gone; returns how long that took since `begin`. */
static uint64_t gone_after(t_env *env, const char *key, uint64_t begin)
{
    mst_options peek = {.flags = MST_F_PEEK};
    for (;;) {
        mst_status status = t_wait(t_begin_get(env, key, &peek))->result.status;
        uint64_t now = t_ms();
        if (status != MST_OK || now - begin > T_PATIENCE_MS) {
            CHECK_INT(status, MST_MISS);
            return now - begin;
        }
        t_sleep_until(now + 5);
    }
}

static void expires_in(const char *tiers, bool by_call)
{
    t_env env;
    char settings[200];
    mst_options options = {.entry = {.expire_ms = by_call ? 200 : 0}};
    snprintf(settings, sizeof settings, "cache tiers = %s\ncache expire = %s\n", tiers,
             by_call ? "1h" : "200ms");
    t_about("%s, %s", tiers, by_call ? "by call" : "by config");
    t_fresh();
    t_open(&env, T_ONE, settings);
    uint64_t begin = t_ms();
    IS_STATUS(t_wait(t_begin_set(&env, "k", "v", &options)), MST_OK);
    t_reply *r = t_get(&env, "k");
    if (t_ms() - begin < 200 - COARSE_MS) {
        IS_VALUE(r, "v");
        CHECK(r->result.ttl_ms >= -1 && r->result.ttl_ms <= 200);
    }
    CHECK(gone_after(&env, "k", begin) >= 200 - COARSE_MS);
    IS_MISS(t_exists(&env, "k"));
    t_close(&env);
}

/* In every kind of tier: with expiry of its own, and by the envelope alone. */
static void expires(void)
{
    static const char *const chains[] = {"memory", "slow",         "slow_plain",
                                         "near",   "memory, slow", "near, slow_plain"};
    for (int i = 0; i < 6; i++) {
        expires_in(chains[i], false);
        expires_in(chains[i], true);
    }
}

/* The back end still holds the bytes; the envelope says that they are past. */
static void envelope_expires(void)
{
    t_env env;
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = slow_plain\ncache expire = 100ms\n");
    uint64_t begin = t_ms();
    IS_STATUS(t_set(&env, "k", "v"), MST_OK);
    gone_after(&env, "k", begin);
    CHECK(fx_server_has(fx_server_at(0), "t:k"));
    CHECK_INT(t_stats(&env).decode_misses, 0);
    t_close(&env);
}

static void times_in_results(void)
{
    t_env env;
    mst_options hour = {.entry = {.expire_ms = 3600000}};
    mst_options never = {.entry = {.expire_ms = MST_NEVER}};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory\ncache expire = 30m\n");
    IS_STATUS(t_set(&env, "config", "v"), MST_OK);
    IS_STATUS(t_wait(t_begin_set(&env, "hour", "v", &hour)), MST_OK);
    IS_STATUS(t_wait(t_begin_set(&env, "never", "v", &never)), MST_OK);
    int64_t ttl = t_get(&env, "config")->result.ttl_ms;
    CHECK(ttl > 1700000 && ttl <= 1800000);
    ttl = t_get(&env, "hour")->result.ttl_ms;
    CHECK(ttl > 3500000 && ttl <= 3600000);
    CHECK_INT(t_get(&env, "never")->result.ttl_ms, -1);
    uint64_t begin = t_ms();
    t_sleep_until(begin + 60);
    int64_t age = t_get(&env, "hour")->result.age_ms;
    CHECK(age >= 60 - COARSE_MS && age < T_PATIENCE_MS);
    /* A new life does not make the value younger or other. */
    IS_STATUS(t_wait(t_begin_touch(&env, "hour", &never)), MST_OK);
    t_reply *r = t_get(&env, "hour");
    IS_VALUE(r, "v");
    CHECK_INT(r->result.ttl_ms, -1);
    IS_STATUS(t_touch(&env, "never"), MST_OK);
    ttl = t_get(&env, "never")->result.ttl_ms;
    CHECK(ttl > 1700000 && ttl <= 1800000);
    t_close(&env);
}

/* 24.8 days overflow 31 bits of milliseconds; 50 days 32. */
static void long_lives(void)
{
    t_env env;
    static const int64_t days[] = {1, 25, 50, 400, 10000};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, slow\n");
    for (int i = 0; i < 5; i++) {
        int64_t ms = days[i] * 86400000;
        mst_options options = {.entry = {.expire_ms = ms}}, far = {.flags = MST_F_FAR};
        t_about("%d days", (int) days[i]);
        IS_STATUS(t_wait(t_begin_set(&env, "k", "v", &options)), MST_OK);
        t_reply *r = t_get(&env, "k");
        IS_VALUE(r, "v");
        CHECK(r->result.ttl_ms > ms - 60000 && r->result.ttl_ms <= ms);
        IS_VALUE(t_wait(t_begin_get(&env, "k", &far)), "v");
    }
    t_close(&env);
}

/* A far copy that lives on is asked again when the near one, held shorter, is over. */
static void near_tier_caps(const char *near)
{
    t_env env;
    char settings[200];
    mst_options peek = {.flags = MST_F_PEEK};
    snprintf(settings, sizeof settings,
             "cache tiers = %s, slow\ncache expire = 1h\nprovider.%s expire = 150ms\n", near, near);
    t_about("%s", near);
    t_fresh();
    t_open(&env, T_ONE, settings);
    uint64_t begin = t_ms();
    mst_result now = {0};
    IS_STATUS(t_set(&env, "k", "v"), MST_OK);
    for (int round = 0; round < 2; round++) { /* once as written, once as promoted */
        while (mst_get_now(env.cache, mst_str("k"), &peek, &now) == MST_OK &&
               t_ms() - begin < T_PATIENCE_MS) {
            mst_result_release(&now);
            t_nap();
        }
        CHECK(t_ms() - begin >= 150 - COARSE_MS);
        CHECK(t_ms() - begin < T_PATIENCE_MS);
        begin = t_ms();
        t_reply *r = t_get(&env, "k");
        IS_VALUE(r, "v");
        IS_TIER(r, 1);
    }
    t_close(&env);
}

static void near_is_capped(void)
{
    near_tier_caps("memory");
}

enum { JITTERED = 300 };

static void jitter(void)
{
    t_env env;
    char key[20];
    int64_t least = INT64_MAX, most = 0;
    mst_options none = {.entry = {.jitter = -1}}, some = {.entry = {.jitter = 0.1}};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory\ncache expire = 1000s\ncache jitter = 50%\n");
    for (int i = 0; i < JITTERED; i++) {
        snprintf(key, sizeof key, "k%d", i);
        IS_STATUS(t_set(&env, key, "v"), MST_OK);
        int64_t ttl = t_get(&env, key)->result.ttl_ms;
        least = ttl < least ? ttl : least;
        most = ttl > most ? ttl : most;
    }
    CHECK(least >= 500000 - 10000 && most <= 1000000);
    CHECK(least < 600000 && most > 900000); /* 300 draws that all miss a fifth: 10^-29 */
    IS_STATUS(t_wait(t_begin_set(&env, "none", "v", &none)), MST_OK);
    CHECK(t_get(&env, "none")->result.ttl_ms > 990000);
    for (int i = 0; i < 50; i++) {
        IS_STATUS(t_wait(t_begin_set(&env, "some", "v", &some)), MST_OK);
        int64_t ttl = t_get(&env, "some")->result.ttl_ms;
        CHECK(ttl >= 900000 - 10000 && ttl <= 1000000);
    }
    t_close(&env);
}

/* ---- sliding */

/* Reads until `until`; returns the moment before the last read, which was a hit. */
static uint64_t read_on(t_env *env, const char *key, uint64_t until, uint64_t window)
{
    uint64_t last = t_ms();
    while (t_ms() < until) {
        t_sleep_until(t_ms() + 40);
        uint64_t now = t_ms();
        mst_status status = t_get(env, key)->result.status;
        if (status != MST_OK && t_ms() - last < window - COARSE_MS) {
            CHECK_INT(status, MST_OK);
            return 0;
        }
        if (status != MST_OK) { /* the machine was slower than the window: start again */
            IS_STATUS(t_set(env, key, "v"), MST_OK);
        }
        last = now;
    }
    return last;
}

static void slides_in(const char *tiers)
{
    t_env env;
    char settings[200];
    snprintf(settings, sizeof settings, "cache tiers = %s\ncache sliding = 400ms\n", tiers);
    t_about("%s", tiers);
    t_fresh();
    t_open(&env, T_ONE, settings);
    IS_STATUS(t_set(&env, "k", "v"), MST_OK);
    uint64_t last = read_on(&env, "k", t_ms() + 1200, 400);
    CHECK(gone_after(&env, "k", last) >= 400 - 2 * COARSE_MS); /* PEEK renews nothing */
    t_close(&env);
}

static void sliding(void)
{
    slides_in("memory");
    slides_in("slow");
    slides_in("memory, slow");
}

/* However often it is read, `expire` is the end. */
static void sliding_is_bounded(void)
{
    t_env env;
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory\ncache sliding = 300ms\ncache expire = 700ms\n");
    uint64_t begin = t_ms();
    IS_STATUS(t_set(&env, "k", "v"), MST_OK);
    uint64_t answered = t_ms();
    while (t_get(&env, "k")->result.status == MST_OK && t_ms() - begin < T_PATIENCE_MS) {
        t_sleep_until(t_ms() + 30);
    }
    CHECK(t_ms() - answered < 700 + 2000);
    t_close(&env);
}

/* Near hits keep the far copy alive, with far fewer renewals than reads. */
static void sliding_renews_far(void)
{
    t_env env;
    mst_options far = {.flags = MST_F_FAR | MST_F_PEEK};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, slow\ncache sliding = 600ms\n");
    uint64_t begin = t_ms(), longest = 0, last = begin;
    IS_STATUS(t_set(&env, "k", "v"), MST_OK);
    unsigned reads = 0;
    while (t_ms() - begin < 2000) {
        t_sleep_until(t_ms() + 20);
        t_release(t_get(&env, "k"));
        reads++;
        longest = t_ms() - last > longest ? t_ms() - last : longest;
        last = t_ms();
    }
    if (longest < 150) { /* else the machine was too slow to say anything */
        IS_VALUE(t_wait(t_begin_get(&env, "k", &far)), "v");
        uint64_t renewals = atomic_load(&fx_slow.executed[MST_OP_TOUCH]) +
                            atomic_load(&fx_slow.executed[MST_OP_GET]);
        CHECK(renewals >= 2);
        CHECK(renewals <= reads / 2);
    }
    t_close(&env);
}

/* A new life is new in the far tier as well, where the envelope was written with the old one. */
static void touch_lengthens_far(const char *tiers)
{
    t_env env;
    char settings[200];
    mst_options brief = {.entry = {.expire_ms = 300}}, hour = {.entry = {.expire_ms = 3600000}};
    mst_options far = {.flags = MST_F_FAR};
    snprintf(settings, sizeof settings, "cache tiers = %s\n", tiers);
    t_about("%s", tiers);
    t_fresh();
    t_open(&env, T_ONE, settings);
    uint64_t begin = t_ms();
    IS_STATUS(t_wait(t_begin_set(&env, "k", "v", &brief)), MST_OK);
    mst_status status = t_wait(t_begin_touch(&env, "k", &hour))->result.status;
    if (t_ms() - begin < 300 - COARSE_MS) {
        CHECK_INT(status, MST_OK);
        t_sleep_until(begin + 300 + 2 * COARSE_MS);
        IS_VALUE(t_get(&env, "k"), "v");
        if (strcmp(tiers, "memory") != 0) {
            IS_VALUE(t_wait(t_begin_get(&env, "k", &far)), "v");
        }
        IS_STATUS(t_exists(&env, "k"), MST_OK);
        begin = t_ms();
        IS_STATUS(t_wait(t_begin_touch(&env, "k", &brief)), MST_OK);
        gone_after(&env, "k", begin);
        IS_MISS(t_wait(t_begin_get(&env, "k", &far)));
    }
    t_close(&env);
}

static void touch_gives_a_new_life(void)
{
    touch_lengthens_far("memory");
    touch_lengthens_far("slow");
    touch_lengthens_far("memory, slow");
    touch_lengthens_far("memory, block");
}

/* Hits in haste take the time from the ticker: no entry lives for ever, and none is older than its
 * life, or younger than nothing. */
static void expires_in_haste(void)
{
    enum { LIFE_MS = 400 };
    t_env env;
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory\ncache expire = 400ms\n");
    for (int round = 0; round < 3; round++) {
        uint64_t begin = t_ms();
        IS_STATUS(t_set(&env, "k", "v"), MST_OK);
        mst_result r = {0};
        while (mst_get_now(env.cache, mst_str("k"), NULL, &r) == MST_OK &&
               t_ms() - begin < T_PATIENCE_MS) {
            CHECK(r.age_ms >= 0 && r.age_ms <= LIFE_MS);
            CHECK(r.ttl_ms >= 0 && r.ttl_ms <= LIFE_MS);
            mst_result_release(&r);
        }
        IS_MISS(t_get(&env, "k"));
        CHECK(t_ms() - begin >= LIFE_MS - COARSE_MS);
    }
    t_close(&env);
}

T_MAIN(T_TEST(expires), T_TEST(expires_in_haste), T_TEST(envelope_expires),
       T_TEST(times_in_results), T_TEST(long_lives), T_TEST(near_is_capped), T_TEST(jitter),
       T_TEST(sliding), T_TEST(sliding_is_bounded), T_TEST(sliding_renews_far),
       T_TEST(touch_gives_a_new_life))
