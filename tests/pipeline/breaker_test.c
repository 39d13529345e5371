/* breaker_test.c - a far tier that only fails is not asked for a while: what goes out, what is
 * answered instead, and how it comes back. */
#include <stdlib.h>

#include "env.h"
#include "loading.h"

typedef struct figures {
    const char *tier;
    uint64_t open, opened, skipped;
    unsigned seen;
} figures;

static void on_figure(void *arg, const char *tier, const char *name, uint64_t value)
{
    figures *f = arg;
    if (strcmp(tier, f->tier) != 0 || strncmp(name, "breaker_", 8) != 0) {
        return;
    }
    f->seen++;
    f->open = !strcmp(name, "breaker_open") ? value : f->open;
    f->opened = !strcmp(name, "breaker_opened") ? value : f->opened;
    f->skipped = !strcmp(name, "breaker_skipped") ? value : f->skipped;
}

static figures figures_of(t_env *env, const char *tier)
{
    figures f = {.tier = tier};
    mst_cache_tier_stats(env->cache, on_figure, &f);
    return f;
}

static uint64_t gets_seen(void)
{
    return atomic_load(&fx_fail.seen[MST_OP_GET]);
}

static void get_fails(t_env *env, const char *key)
{
    t_reply *r = t_get(env, key);
    IS_MISS(r);
    IS_WHY(r, MST_WHY_TIER_FAILED);
    t_release(r);
}

#define SETTINGS(failures, pause)                                                                  \
    "cache tiers = fail\n"                                                                         \
    "provider.fail breaker_failures = " failures "\n"                                              \
    "provider.fail breaker_pause = " pause "\n"

/* Asks until one has gone out. */
static void ask_until_probed(t_env *env, uint64_t seen)
{
    uint64_t end = t_ms() + T_PATIENCE_MS;
    while (gets_seen() == seen && t_ms() < end) {
        t_release(t_get(env, "k"));
        t_nap();
    }
    CHECK_INT(gets_seen(), seen + 1);
}

static void opens(void)
{
    t_env env;
    t_fresh();
    fx_fail_with(FX_ALL_CODES, MST_EIO);
    t_open(&env, T_ONE, SETTINGS("3", "1h"));
    for (int i = 0; i < 10; i++) {
        get_fails(&env, "k");
    }
    CHECK_INT(gets_seen(), 3);
    t_reply *r = t_set(&env, "k", "v");
    IS_STATUS(r, MST_EIO);
    IS_WHY(r, MST_WHY_NOT_STORED);
    IS_STATUS(t_remove(&env, "k"), MST_EIO);
    IS_STATUS(t_clear(&env), MST_EIO);
    IS_MISS(t_exists(&env, "k"));
    figures f = figures_of(&env, "fail");
    CHECK(f.seen == 3 && f.open == 1 && f.opened == 1 && f.skipped == 11);
    CHECK_INT(t_stats(&env).tier_skipped, 11);
    CHECK_INT(t_stats(&env).tier_errors, 14);
    CHECK_INT(atomic_load(&fx_fail.seen[MST_OP_SET]), 0);
    CHECK(t_log_has(&env, "tier \"fail\": 3 operations in a row failed; it is not asked until one "
                          "of them succeeds, tried every 1h"));
    CHECK(t_log_count(&env) <= 2); /* the first failure, the opening; not what was skipped */
    t_close(&env);
}

static void opens_and_closes(void)
{
    t_env env;
    t_fresh();
    fx_fail_with(FX_ALL_CODES, MST_EIO);
    t_open(&env, T_ONE, SETTINGS("3", "30ms"));
    for (int i = 0; i < 3; i++) {
        get_fails(&env, "k");
    }
    ask_until_probed(&env, 3); /* fails, and the pause begins again */
    CHECK_INT(figures_of(&env, "fail").open, 1);
    fx_fail_with(FX_ALL_CODES, MST_OK);
    ask_until_probed(&env, 4);
    CHECK_INT(figures_of(&env, "fail").open, 0);
    CHECK_INT(figures_of(&env, "fail").opened, 1);
    CHECK(t_log_has(&env, "tier \"fail\": is asked again"));
    IS_STATUS(t_set(&env, "k", "v"), MST_OK);
    IS_VALUE(t_get(&env, "k"), "v");
    t_close(&env);
}

static void never_opens(void)
{
    t_env env;
    t_fresh();
    fx_fail_with(FX_ALL_CODES, MST_EIO);
    t_open(&env, T_ONE, SETTINGS("0", "1h"));
    for (int i = 0; i < 100; i++) {
        get_fails(&env, "k");
    }
    CHECK_INT(gets_seen(), 100);
    CHECK_INT(t_stats(&env).tier_skipped, 0);
    t_close(&env);
}

static void by_default(void)
{
    t_env env;
    t_fresh();
    fx_fail_with(FX_ALL_CODES, MST_EIO);
    t_open(&env, T_ONE, "cache tiers = fail\nprovider.fail breaker_pause = 1h\n");
    for (int i = 0; i < 30; i++) {
        get_fails(&env, "k");
    }
    CHECK_INT(gets_seen(), 20);
    t_close(&env);
}

static void other_errors_do_not_open(void)
{
    static const mst_status all[] = {MST_EBUSY,  MST_ETOOBIG,   MST_ENOTSUP,
                                     MST_ENOMEM, MST_ECANCELED, MST_ECLOSED};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        t_env env;
        t_about("%s", mst_status_name(all[i]));
        t_fresh();
        fx_fail_with(FX_ALL_CODES, all[i]);
        t_open(&env, T_ONE, SETTINGS("2", "1h"));
        for (int n = 0; n < 10; n++) {
            get_fails(&env, "k");
        }
        CHECK_INT(gets_seen(), 10);
        t_close(&env);
    }
}

/* A provider that never answers: the failures are timeouts, and so is the probe's. While it waits,
 * nobody else does. */
static void probe_times_out(void)
{
    t_env env;
    t_fresh();
    t_open(&env, T_ONE, SETTINGS("2", "20ms") "provider.fail timeout = 200ms\n");
    atomic_store(&fx_fail.hole, FX_BIT(MST_OP_GET));
    t_reply *a = t_begin_get(&env, "a", NULL), *b = t_begin_get(&env, "b", NULL);
    IS_WHY(t_wait(a), MST_WHY_TIER_FAILED);
    IS_WHY(t_wait(b), MST_WHY_TIER_FAILED);
    CHECK_INT(figures_of(&env, "fail").open, 1);
    t_reply *probe = NULL;
    uint64_t end = t_ms() + T_PATIENCE_MS;
    while (gets_seen() == 2 && t_ms() < end) {
        probe = t_begin_get(&env, "probe", NULL);
        uint64_t turn = t_ms() + 20;
        while (!t_done(probe) && gets_seen() == 2 && t_ms() < turn) {
            t_nap();
        }
    }
    CHECK_INT(gets_seen(), 3);
    REQUIRE(probe);
    uint64_t began = t_ms();
    get_fails(&env, "other");
    CHECK(t_done(probe) || t_ms() - began < 200);
    CHECK_INT(gets_seen(), 3);
    IS_WHY(t_wait(probe), MST_WHY_TIER_FAILED);
    CHECK_INT(t_stats(&env).tier_timeouts, 3);
    figures f = figures_of(&env, "fail");
    CHECK(f.open == 1 && f.opened == 1);
    atomic_store(&fx_fail.hole, 0);
    ask_until_probed(&env, 3);
    CHECK_INT(figures_of(&env, "fail").open, 0);
    t_close(&env);
}

/* A provider that gives the probe up has said nothing about its back end. */
static void probe_is_given_up(void)
{
    t_env env;
    t_fresh();
    fx_fail_with(FX_ALL_CODES, MST_EIO);
    t_open(&env, T_ONE, SETTINGS("1", "20ms"));
    get_fails(&env, "k");
    fx_fail_with(FX_ALL_CODES, MST_ECANCELED);
    ask_until_probed(&env, 1);
    CHECK_INT(figures_of(&env, "fail").open, 1);
    get_fails(&env, "k"); /* a probe at once: no pause */
    CHECK_INT(gets_seen(), 3);
    fx_fail_with(FX_ALL_CODES, MST_OK);
    IS_WHY(t_get(&env, "k"), MST_WHY_MISS);
    CHECK_INT(figures_of(&env, "fail").open, 0);
    t_close(&env);
}

/* The request that is the probe is cancelled: its operation goes on, and decides. */
static void request_of_the_probe_is_cancelled(void)
{
    t_env env;
    mst_request *handle = NULL;
    mst_options options = {.request = &handle};
    t_fresh();
    fx_fail_with(FX_ALL_CODES, MST_EIO);
    t_open(&env, T_ONE, SETTINGS("1", "1ms"));
    get_fails(&env, "k");
    fx_fail_with(FX_ALL_CODES, MST_OK);
    atomic_store(&fx_fail.late_ms, 100);
    uint64_t end = t_ms() + T_PATIENCE_MS;
    t_reply *r = NULL;
    while (gets_seen() == 1 && t_ms() < end) {
        r = t_begin_get(&env, "k", &options);
        uint64_t turn = t_ms() + 20;
        while (!t_done(r) && gets_seen() == 1 && t_ms() < turn) {
            t_nap();
        }
        if (gets_seen() == 1) {
            mst_request_release(handle);
        }
    }
    REQUIRE(r && gets_seen() == 2);
    mst_cancel(handle);
    IS_STATUS(t_wait(r), MST_ECANCELED);
    mst_request_release(handle);
    T_UNTIL(figures_of(&env, "fail").open == 0);
    t_close(&env);
}

/* Each loop has its own: all three open in the end, after their own failures. */
static void shared_by_loops(void)
{
    enum { KEYS = 300, FAILURES = 4, LOOPS = 3 };
    t_env env;
    char key[16];
    t_fresh();
    fx_fail_with(FX_ALL_CODES, MST_EIO);
    t_open(&env, T_THREE, SETTINGS("4", "1h"));
    for (int i = 0; i < 10; i++) {
        get_fails(&env, "of one loop");
    }
    CHECK_INT(gets_seen(), FAILURES);
    CHECK_INT(figures_of(&env, "fail").open, 1);
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "k%d", i);
        get_fails(&env, key);
    }
    figures f = figures_of(&env, "fail");
    CHECK_INT(gets_seen(), LOOPS * FAILURES);
    CHECK_INT(f.open, LOOPS);
    CHECK_INT(f.opened, LOOPS);
    CHECK_INT(f.skipped, KEYS + 10 - LOOPS * FAILURES);
    t_close(&env);
}

/* What waits for the worker of a blocking provider when it opens does not wait for its turn. */
static void blocking_tier(void)
{
    t_env env;
    t_reply *waiting[5];
    char key[16];
    t_fresh();
    t_open(&env, T_ONE,
           "cache tiers = block\nprovider.block timeout = 100ms\n"
           "provider.block breaker_failures = 1\nprovider.block breaker_pause = 1h\n");
    atomic_store(&fx_block.hold, 1);
    t_reply *first = t_begin_get(&env, "first", NULL);
    T_UNTIL(atomic_load(&fx_block.batches) == 1);
    for (int i = 0; i < 5; i++) {
        snprintf(key, sizeof key, "k%d", i);
        waiting[i] = t_begin_get(&env, key, NULL);
    }
    IS_WHY(t_wait(first), MST_WHY_TIER_FAILED);
    for (int i = 0; i < 5; i++) {
        IS_WHY(t_wait(waiting[i]), MST_WHY_TIER_FAILED);
    }
    get_fails(&env, "later");
    CHECK(t_stats(&env).tier_skipped >= 2);
    CHECK_INT(t_stats(&env).tier_skipped + t_stats(&env).tier_timeouts, 7);
    atomic_store(&fx_block.hold, 0);
    t_close(&env);
    CHECK_INT(atomic_load(&fx_block.seen[MST_OP_GET]), 1);
}

/* An open breaker is passed in the same turn: a tier that would keep silent for a minute is not
 * waited for. */
static void loads_at_once(void)
{
    t_env env;
    t_loader loader;
    t_fresh();
    fx_fail_with(FX_ALL_CODES, MST_EIO);
    t_open(&env, T_ONE,
           "cache tiers = memory, fail\nprovider.fail breaker_failures = 1\n"
           "provider.fail breaker_pause = 1h\n");
    t_loader_init(&loader, T_LOAD_NOW, "made");
    get_fails(&env, "k");
    atomic_store(&fx_fail.hole, FX_ALL_CODES);
    uint64_t began = t_ms();
    t_reply *r = t_load(&env, "k", &loader.loader);
    IS_VALUE(r, "made");
    IS_WHY(r, MST_WHY_LOADED);
    CHECK(t_ms() - began < T_PATIENCE_MS);
    CHECK_INT(atomic_load(&loader.calls), 1);
    T_UNTIL(t_near_is(&env, "k", "made"));
    CHECK_INT(atomic_load(&fx_fail.swallowed), 0);
    t_close(&env);
    t_loader_fini(&loader);
}

/* A tier in the process has none: it answers at once anyway. */
static void near_tier(void)
{
    t_env env;
    t_fresh();
    t_open(&env, T_ONE,
           "cache tiers = memory\nprovider.memory max_bytes = 64KiB\n"
           "provider.memory breaker_failures = 1\n");
    static char large[100000];
    for (int i = 0; i < 5; i++) {
        CHECK(t_wait(
                  t_begin_set_bytes(&env, mst_str("large"), (mst_slice){large, sizeof large}, NULL))
                  ->result.status < 0);
    }
    IS_STATUS(t_set(&env, "k", "v"), MST_OK);
    IS_VALUE(t_get(&env, "k"), "v");
    CHECK_INT(figures_of(&env, "memory").seen, 0);
    CHECK_INT(t_stats(&env).tier_skipped, 0);
    t_close(&env);
}

/* Closing does not wait for a pause. */
static void closes_while_open(void)
{
    for (int mode = 0; mode < T_MODES; mode++) {
        t_env env;
        t_about("%s", t_mode_names[mode]);
        t_fresh();
        fx_fail_with(FX_ALL_CODES, MST_EIO);
        t_open(&env, (t_mode) mode, SETTINGS("1", "1h"));
        get_fails(&env, "k");
        get_fails(&env, "k");
        t_close(&env);
    }
}

T_MAIN(T_TEST(opens), T_TEST(opens_and_closes), T_TEST(never_opens), T_TEST(by_default),
       T_TEST(other_errors_do_not_open), T_TEST(probe_times_out), T_TEST(probe_is_given_up),
       T_TEST(request_of_the_probe_is_cancelled), T_TEST(shared_by_loops), T_TEST(blocking_tier),
       T_TEST(loads_at_once), T_TEST(near_tier), T_TEST(closes_while_open))
