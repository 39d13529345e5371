/* deadline_test.c - every request ends within its deadline, once, whatever its tiers do. */
#include <stdlib.h>

#include "env.h"
#include "loading.h"

/* The back end swallows everything: the deadline of the request, by call or by config. */
static void request_deadline(t_mode mode, bool by_call)
{
    t_env env;
    mst_options soon = {.timeout_ms = by_call ? 60 : 0};
    t_about("%s, by %s", t_mode_names[mode], by_call ? "call" : "config");
    t_fresh();
    t_open(&env, mode,
           by_call ? "cache tiers = memory, slow\n"
                   : "cache tiers = memory, slow\ncache timeout = 60ms\n");
    atomic_store(&fx_slow.hold_requests, FX_ALL_CODES);
    uint64_t begin = t_ms();
    t_reply *replies[5];
    replies[0] = t_begin_get(&env, "k", &soon);
    replies[1] = t_begin_exists(&env, "k", &soon);
    replies[2] = t_begin_touch(&env, "k", &soon);
    replies[3] = t_begin_remove(&env, "k", &soon);
    replies[4] = t_begin_get(&env, "k", &soon);
    for (int i = 0; i < 5; i++) {
        t_wait(replies[i]);
        CHECK(t_ms() - begin >= 50);
        CHECK(t_ms() - begin < T_PATIENCE_MS / 2);
        IS_STATUS(replies[i], MST_ETIMEDOUT);
        IS_WHY(replies[i], MST_WHY_TIMED_OUT);
    }
    mst_stats s = t_stats(&env);
    CHECK_INT(s.timeouts, 5);
    CHECK_INT(s.pending, 0);
    atomic_store(&fx_slow.hold_requests, 0); /* late answers find nobody */
    mst_options patient = {.timeout_ms = MST_NEVER};
    IS_STATUS(t_wait(t_begin_set(&env, "k", "v", &patient)), MST_OK);
    IS_VALUE(t_wait(t_begin_get(&env, "k", &patient)), "v");
    t_close(&env);
}

static void requests_time_out(void)
{
    for (int mode = 0; mode < T_MODES; mode++) {
        request_deadline((t_mode) mode, true);
        request_deadline((t_mode) mode, false);
    }
}

/* Of a batch, what is near is answered, and what is not times out alone. */
static void batch_deadline(void)
{
    t_env env;
    mst_options soon = {.timeout_ms = 50};
    mst_slice keys[] = {mst_str("near"), mst_str("far"), mst_str("near2")};
    t_fresh();
    t_open(&env, T_THREE, "cache tiers = memory, slow\n");
    IS_STATUS(t_set(&env, "near", "1"), MST_OK);
    IS_STATUS(t_set(&env, "near2", "2"), MST_OK);
    atomic_store(&fx_slow.hold_requests, FX_ALL_CODES);
    t_reply *r = t_wait(t_begin_get_many(&env, keys, 3, &soon));
    CHECK(t_has_value(&r->many[0], "1") && t_has_value(&r->many[2], "2"));
    CHECK_INT(r->many[1].status, MST_ETIMEDOUT);
    CHECK_INT(r->many[1].why, MST_WHY_TIMED_OUT);
    CHECK_INT(t_stats(&env).timeouts, 1);
    atomic_store(&fx_slow.hold_requests, 0);
    t_close(&env);
}

static void blocking_deadline(void)
{
    t_env env;
    mst_options soon = {.timeout_ms = 50};
    mst_result r = {0};
    mst_slice keys[] = {mst_str("a"), mst_str("b")};
    mst_result many[2] = {{0}};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, slow\n");
    atomic_store(&fx_slow.hold_requests, FX_ALL_CODES);
    uint64_t begin = t_ms();
    CHECK_INT(mst_get_wait(env.cache, mst_str("k"), &soon, &r), MST_ETIMEDOUT);
    CHECK_INT(r.status, MST_ETIMEDOUT);
    CHECK(t_ms() - begin >= 40);
    mst_get_many_wait(env.cache, keys, 2, &soon, many);
    CHECK(many[0].status == MST_ETIMEDOUT && many[1].status == MST_ETIMEDOUT);
    CHECK(t_ms() - begin < T_PATIENCE_MS / 2);
    atomic_store(&fx_slow.hold_requests, 0);
    t_close(&env);
}

/* An answer that comes at about the moment of the deadline: exactly one of the two is told. */
static void race_with_the_deadline(void)
{
    t_env env;
    char key[16];
    static t_reply *replies[400];
    unsigned late = 0;
    t_fresh();
    atomic_store(&fx_slow.delay_ms, 10);
    atomic_store(&fx_slow.jitter_ms, 20);
    atomic_store(&fx_slow.mt_percent, 50);
    t_open(&env, T_THREE, "cache tiers = slow\n");
    for (int i = 0; i < 400; i++) {
        mst_options options = {.timeout_ms = 10 + i % 20};
        snprintf(key, sizeof key, "k%d", i);
        replies[i] = t_begin_get(&env, key, &options);
    }
    for (int i = 0; i < 400; i++) {
        mst_status status = t_wait(replies[i])->result.status;
        CHECK(status == MST_MISS || status == MST_ETIMEDOUT);
        late += status == MST_ETIMEDOUT;
    }
    CHECK_INT(t_stats(&env).timeouts, late);
    t_close(&env);
}

/* ---- the deadline of a tier */

static void tier_that_never_answers(void)
{
    t_env env;
    t_loader loader;
    t_fresh();
    atomic_store(&fx_fail.hole, FX_ALL_CODES);
    t_open(&env, T_ONE, "cache tiers = memory, fail\nprovider.fail timeout = 50ms\n");
    t_loader_init(&loader, T_LOAD_NOW, "made");
    uint64_t begin = t_ms();
    t_reply *r = t_get(&env, "k");
    IS_MISS(r);
    IS_WHY(r, MST_WHY_TIER_FAILED);
    CHECK(t_ms() - begin >= 40 && t_ms() - begin < T_PATIENCE_MS / 2);
    CHECK(t_stats(&env).tier_timeouts >= 1);
    CHECK_INT(t_stats(&env).timeouts, 0);
    IS_VALUE(t_load(&env, "k", &loader.loader), "made");
    IS_STATUS(t_set(&env, "s", "v"), MST_OK); /* memory took it */
    IS_VALUE(t_get(&env, "s"), "v");
    t_close(&env);
    t_loader_fini(&loader);
    CHECK(atomic_load(&fx_fail.swallowed) >= 2);
}

/* The answer comes after the tier's time: it is dropped, what it lends is given back. */
static void tier_that_answers_late(void)
{
    t_env env;
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = fail\nprovider.fail timeout = 40ms\n");
    IS_STATUS(t_set(&env, "k", "v"), MST_OK);
    atomic_store(&fx_fail.late_ms, 150);
    t_reply *r = t_get(&env, "k");
    IS_MISS(r);
    IS_WHY(r, MST_WHY_TIER_FAILED);
    atomic_store(&fx_fail.late_ms, 0);
    T_PUMP_UNTIL(&env, fx_lent() == 0); /* with the late answer */
    T_PUMP_UNTIL(&env, t_has_value(&t_get(&env, "k")->result, "v"));
    t_close(&env);
}

/* A failed tier is passed over: the next one is asked within the same request. */
static void next_tier_is_asked(void)
{
    t_env env;
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, fail, slow\nprovider.fail timeout = 50ms\n");
    mst_options far = {.flags = MST_F_FAR};
    IS_STATUS(t_set(&env, "k", "v"), MST_OK);
    fx_fail_with(FX_ALL_CODES, MST_EIO);
    t_reply *r = t_wait(t_begin_get(&env, "k", &far));
    IS_VALUE(r, "v");
    IS_TIER(r, 2);
    fx_fail_reset();
    atomic_store(&fx_fail.hole, FX_ALL_CODES);
    r = t_wait(t_begin_get(&env, "k", &far));
    IS_VALUE(r, "v");
    IS_TIER(r, 2);
    t_close(&env);
}

/* One key whose answer never comes does not delay its neighbours. */
static void neighbours_do_not_wait(void)
{
    t_env env;
    mst_options soon = {.timeout_ms = 100};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = slow\n");
    IS_STATUS(t_set(&env, "b", "v"), MST_OK);
    atomic_store(&fx_slow.hold_replies, FX_BIT(MST_OP_GET));
    t_reply *stuck = t_begin_get(&env, "a", &soon);
    T_PUMP_UNTIL(&env, atomic_load(&fx_slow.executed[MST_OP_GET]) == 1);
    IS_STATUS(t_exists(&env, "b"), MST_OK);
    IS_STATUS(t_set(&env, "b", "w"), MST_OK);
    IS_STATUS(t_wait(stuck), MST_ETIMEDOUT);
    atomic_store(&fx_slow.hold_replies, 0);
    IS_VALUE(t_get(&env, "b"), "w");
    t_close(&env);
}

T_MAIN(T_TEST(requests_time_out), T_TEST(batch_deadline), T_TEST(blocking_deadline),
       T_TEST(race_with_the_deadline), T_TEST(tier_that_never_answers),
       T_TEST(tier_that_answers_late), T_TEST(next_tier_is_asked), T_TEST(neighbours_do_not_wait))
