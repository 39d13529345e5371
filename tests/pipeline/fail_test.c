/* fail_test.c - tiers that fail, and tiers that misbehave: a status, never a crash, never lost
 * answers; the log names the plugin, rarely, and never what was stored. */
#include <stdlib.h>

#include "env.h"
#include "loading.h"

static void failing_statuses(void)
{
    static const mst_status all[] = {MST_EIO,     MST_ECLOSED,   MST_EBUSY,     MST_ENOMEM,
                                     MST_ENOTSUP, MST_ETIMEDOUT, MST_ECANCELED, MST_EINVAL};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        t_env env;
        t_loader loader;
        t_about("%s", mst_status_name(all[i]));
        t_fresh();
        t_open(&env, T_ONE, "cache tiers = memory, fail\n");
        t_loader_init(&loader, T_LOAD_NOW, "made");
        fx_fail_with(FX_ALL_CODES, all[i]);
        t_reply *r = t_get(&env, "k");
        IS_MISS(r);
        IS_WHY(r, MST_WHY_TIER_FAILED);
        r = t_set(&env, "k", "v");
        IS_STATUS(r, MST_OK);
        IS_WHY(r, MST_WHY_STORED);
        IS_VALUE(t_get(&env, "k"), "v");
        IS_VALUE(t_load(&env, "l", &loader.loader), "made");
        IS_VALUE(t_get(&env, "l"), "made");
        t_remove(&env, "k");
        NEAR_IS(&env, "k", NULL);
        CHECK(t_stats(&env).tier_errors + t_stats(&env).tier_timeouts >= 3);
        t_close(&env);
        t_loader_fini(&loader);
    }
}

/* Nothing took it: that is the one thing that a set has to say. */
static void not_stored_anywhere(void)
{
    t_env env;
    t_fresh();
    fx_fail_with(FX_ALL_CODES, MST_EIO);
    t_open(&env, T_ONE, "cache tiers = fail\n");
    t_reply *r = t_set(&env, "k", "v");
    CHECK(r->result.status < 0);
    IS_WHY(r, MST_WHY_NOT_STORED);
    r = t_get(&env, "k");
    IS_MISS(r);
    IS_WHY(r, MST_WHY_TIER_FAILED);
    t_exists(&env, "k");
    t_touch(&env, "k");
    t_remove(&env, "k");
    t_clear(&env);
    t_close(&env);
}

/* A value that could not be removed may still be there: that must be said. */
static void not_removed_everywhere(void)
{
    t_env env;
    mst_options far = {.flags = MST_F_FAR};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, fail\n");
    IS_STATUS(t_set(&env, "k", "v"), MST_OK);
    fx_fail_with(FX_BIT(MST_OP_DEL), MST_EIO);
    CHECK(t_remove(&env, "k")->result.status < 0);
    NEAR_IS(&env, "k", NULL);
    IS_VALUE(t_wait(t_begin_get(&env, "k", &far)), "v");
    fx_fail_reset();
    IS_STATUS(t_remove(&env, "k"), MST_OK);
    IS_MISS(t_wait(t_begin_get(&env, "k", &far)));
    t_close(&env);
}

/* Half of everything fails, at random, partly late. What is said to be there is right. */
static void at_random(void)
{
    t_env env;
    char key[16];
    mst_options far = {.flags = MST_F_FAR};
    t_fresh();
    fx_fail_with(FX_ALL_CODES, MST_EIO);
    atomic_store(&fx_fail.percent, 50);
    t_open(&env, T_THREE, "cache tiers = memory, fail\nprovider.fail breaker_failures = 0\n");
    unsigned hits = 0, misses = 0;
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "k%d", i % 50);
        atomic_store(&fx_fail.late_ms, i % 7 == 0);
        if (i % 3 == 0) {
            IS_STATUS(t_set(&env, key, key), MST_OK);
        }
        t_reply *r = t_wait(t_begin_get(&env, key, &far));
        CHECK(r->result.status == MST_MISS || t_has_value(&r->result, key));
        hits += r->result.status == MST_OK;
        misses += r->result.status == MST_MISS;
        t_release(r);
    }
    CHECK(hits > 50 && misses > 200);
    CHECK(t_stats(&env).tier_errors > 200);
    t_close(&env);
}

/* ---- providers that break their promises */

static void misbehave(int how, bool must_be_logged)
{
    t_env env;
    mst_options soon = {.timeout_ms = 2000};
    t_about("misbehaviour %d", how);
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = fail\nprovider.fail breaker_failures = 0\n");
    atomic_store(&fx_fail.misbehave, how);
    for (int i = 0; i < 20; i++) {
        t_wait(t_begin_set(&env, "k", "v", &soon));
        t_wait(t_begin_get(&env, "k", &soon));
        t_wait(t_begin_exists(&env, "k", &soon));
        t_wait(t_begin_get(&env, "other", &soon));
        t_wait(t_begin_remove(&env, "k", &soon));
    }
    CHECK(how == FX_EARLY || atomic_load(&fx_fail.misbehaved) > 0);
    if (must_be_logged) {
        CHECK(t_log_has(&env, "fail"));
    }
    atomic_store(&fx_fail.misbehave, FX_BEHAVE);
    IS_STATUS(t_set(&env, "k", "v"), MST_OK);
    IS_VALUE(t_get(&env, "k"), "v");
    t_close(&env);
}

static void answers_from_inside_submit(void)
{
    misbehave(FX_EARLY, false);
}

static void answers_twice(void)
{
    misbehave(FX_TWICE, true);
}

static void answers_and_returns(void)
{
    misbehave(FX_TWICE_SUBMIT, false);
}

static void answers_pending(void)
{
    misbehave(FX_DONE_PENDING, false);
}

static void unknown_statuses(void)
{
    misbehave(FX_WILD_STATUS, false);
}

static void hits_of_nothing(void)
{
    misbehave(FX_HIT_OF_NOTHING, false);
}

/* ---- what the log says */

static bool logged_a_secret(t_env *env)
{
    return t_log_has(env, "the-key") || t_log_has(env, "the-value");
}

static void log_is_rare_and_discreet(void)
{
    t_env env;
    t_fresh();
    fx_fail_with(FX_ALL_CODES, MST_EIO);
    t_open(&env, T_ONE, "cache tiers = memory, fail\n");
    uint64_t begin = t_ms();
    unsigned before = t_log_count(&env);
    for (int i = 0; i < 500; i++) {
        char key[24];
        snprintf(key, sizeof key, "the-key-%d", i);
        t_release(t_get(&env, key));
        t_release(t_set(&env, key, "the-value"));
    }
    unsigned lines = t_log_count(&env) - before;
    CHECK(lines >= 1);
    CHECK(lines <= 10 + 4 * (t_ms() - begin) / 1000);
    CHECK(t_log_has(&env, "fail"));
    CHECK(!logged_a_secret(&env));
    t_close(&env);
}

/* ---- providers that do not start */

static void does_not_start(void)
{
    for (int mode = 0; mode < T_MODES; mode++) {
        t_env env = {0};
        mst_error error = {0};
        t_about("%s", t_mode_names[mode]);
        t_fresh();
        atomic_store(&fx_fail.start_status, MST_EIO);
        mst_status status =
            t_try_open(&env, (t_mode) mode, "cache tiers = memory, slow, fail\n", &error);
        CHECK(status < 0);
        CHECK(error.status == status);
        CHECK(strstr(error.text, "told not to start"));
        CHECK(strstr(error.text, "fail"));
        t_end(&env);
        CHECK_INT(atomic_load(&fx_slow.instances), atomic_load(&fx_slow.stops));
    }
}

static void does_not_begin(void)
{
    t_env env = {0};
    mst_error error = {0};
    t_fresh();
    atomic_store(&fx_fail.init_status, MST_EINVAL);
    mst_status status = t_try_open(&env, T_ONE, "cache tiers = memory, slow, fail\n", &error);
    CHECK(status < 0);
    CHECK(strstr(error.text, "told not to begin"));
    CHECK(strstr(error.text, "fail"));
    t_end(&env);
}

T_MAIN(T_TEST(failing_statuses), T_TEST(not_stored_anywhere), T_TEST(not_removed_everywhere),
       T_TEST(at_random), T_TEST(answers_from_inside_submit), T_TEST(answers_twice),
       T_TEST(answers_and_returns), T_TEST(answers_pending), T_TEST(unknown_statuses),
       T_TEST(hits_of_nothing), T_TEST(log_is_rare_and_discreet), T_TEST(does_not_start),
       T_TEST(does_not_begin))
