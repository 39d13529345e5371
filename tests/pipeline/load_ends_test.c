/* load_ends_test.c - the ways in which a load can begin and end, one at a time. */
#include <stdlib.h>
#include <unistd.h>

#include "env.h"
#include "loading.h"

/* A value: once loaded, it is there; the loader is not asked again. */
static void loads_once_and_keeps(void)
{
    static const char *const chains[] = {"memory", "memory, slow", "slow", "near, slow",
                                         "memory, block"};
    static const t_load_how hows[] = {T_LOAD_NOW, T_LOAD_HOLD, T_LOAD_RELEASE};
    for (size_t i = 0; i < 15; i++) {
        t_env env;
        t_loader loader;
        char settings[100];
        snprintf(settings, sizeof settings, "cache tiers = %s\n", chains[i % 5]);
        t_about("%s, way %zu", chains[i % 5], i / 5);
        t_fresh();
        t_open(&env, i % 2 ? T_LENT : T_THREE, settings);
        t_loader_init(&loader, hows[i / 5], "loaded");
        t_loader_let_go(&loader);
        t_reply *r = t_load(&env, "k", &loader.loader);
        IS_VALUE(r, "loaded");
        IS_WHY(r, MST_WHY_LOADED);
        IS_TIER(r, MST_TIER_LOADER);
        CHECK_STR(loader.keys[0], "k");
        r = t_load(&env, "k", &loader.loader);
        IS_VALUE(r, "loaded");
        IS_WHY(r, MST_WHY_HIT);
        IS_VALUE(t_get(&env, "k"), "loaded");
        IS_STATUS(t_set(&env, "set", "there"), MST_OK);
        IS_VALUE(t_load(&env, "set", &loader.loader), "there");
        CHECK_INT(atomic_load(&loader.calls), 1);
        CHECK_INT(t_stats(&env).loads, 1);
        CHECK_INT(t_stats(&env).load_failures, 0);
        t_close(&env);
        t_loader_fini(&loader);
    }
}

static void absent(void)
{
    t_env env;
    t_loader loader;
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, slow\n");
    t_loader_init(&loader, T_LOAD_ABSENT, NULL);
    loader.hold = true;
    t_reply *first = t_begin_load(&env, "k", &loader.loader, NULL);
    t_reply *second = t_begin_load(&env, "k", &loader.loader, NULL);
    T_PUMP_UNTIL(&env, t_loader_waiting(&loader) == 1 && t_stats(&env).pending == 2);
    t_loader_end_here(&loader);
    IS_MISS(t_wait(first));
    IS_WHY(first, MST_WHY_ABSENT);
    IS_MISS(t_wait(second));
    CHECK(!first->result.data && !second->result.data);
    IS_MISS(t_get(&env, "k"));
    CHECK_INT(t_stats(&env).load_failures, 0);
    CHECK_INT(atomic_load(&loader.calls), 1);
    t_close(&env);
    t_loader_fini(&loader);
}

/* A failed load answers all, keeps nothing, and does not stand in the way of the next one. */
static void failing(void)
{
    t_env env;
    t_loader bad, good;
    t_fresh();
    t_open(&env, T_THREE, "cache tiers = memory, slow\n");
    t_loader_init(&bad, T_LOAD_FAIL, NULL);
    t_loader_init(&good, T_LOAD_NOW, "fine");
    bad.hold = true;
    t_reply *first = t_begin_load(&env, "k", &bad.loader, NULL);
    t_reply *second = t_begin_load(&env, "k", &bad.loader, NULL);
    T_PUMP_UNTIL(&env, t_loader_waiting(&bad) == 1 && t_stats(&env).pending == 2);
    t_loader_end_here(&bad);
    t_wait(first);
    t_wait(second);
    CHECK(first->result.status < 0 && second->result.status < 0);
    CHECK(first->result.status == MST_EIO || first->result.status == MST_ELOAD);
    IS_WHY(first, MST_WHY_LOAD_FAILED);
    CHECK_INT(t_stats(&env).load_failures, 1);
    IS_MISS(t_get(&env, "k"));
    IS_VALUE(t_load(&env, "k", &good.loader), "fine");
    bad.hold = false;
    bad.why = MST_OK; /* not a failure: must not become an answer without a value */
    first = t_load(&env, "k2", &bad.loader);
    CHECK(first->result.status < 0);
    IS_WHY(first, MST_WHY_LOAD_FAILED);
    CHECK_INT(t_stats(&env).load_failures, 2);
    t_close(&env);
    t_loader_fini(&bad);
    t_loader_fini(&good);
}

static void say_no_store(mst_entry *entry)
{
    entry->no_store = 1;
}

static void no_store(void)
{
    t_env env;
    t_loader loader;
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, slow\n");
    t_loader_init(&loader, T_LOAD_NOW, "secret");
    loader.prepare = say_no_store;
    IS_VALUE(t_load(&env, "k", &loader.loader), "secret");
    IS_MISS(t_get(&env, "k"));
    CHECK_INT(fx_server_count(fx_server_at(0)), 0);
    IS_VALUE(t_load(&env, "k", &loader.loader), "secret");
    CHECK_INT(atomic_load(&loader.calls), 2);
    t_close(&env);
    t_loader_fini(&loader);
}

static void say_short(mst_entry *entry)
{
    CHECK_INT(entry->expire_ms, 3600000);
    entry->expire_ms = 200;
}

/* The loader sees the options of the first waiter and changes them. */
static void loader_changes_expiry(void)
{
    t_env env;
    t_loader loader;
    mst_options options = {.entry = {.expire_ms = 3600000}};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, slow\n");
    t_loader_init(&loader, T_LOAD_NOW, "v");
    loader.prepare = say_short;
    uint64_t begin = t_ms();
    t_reply *r = t_wait(t_begin_load(&env, "k", &loader.loader, &options));
    IS_VALUE(r, "v");
    r = t_get(&env, "k");
    CHECK(r->result.status == MST_MISS || (r->result.ttl_ms >= 0 && r->result.ttl_ms <= 200));
    T_PUMP_UNTIL(&env, t_get(&env, "k")->result.status == MST_MISS);
    CHECK(t_ms() - begin >= 180);
    t_close(&env);
    t_loader_fini(&loader);
}

/* A plain get asks the cache, not the loader: while one runs, the key is a miss. */
static void get_does_not_wait(void)
{
    t_env env;
    t_loader loader;
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, slow\n");
    t_loader_init(&loader, T_LOAD_HOLD, "shared");
    t_reply *first = t_begin_load(&env, "k", &loader.loader, NULL);
    T_PUMP_UNTIL(&env, t_loader_waiting(&loader) == 1);
    t_reply *get = t_get(&env, "k");
    IS_MISS(get);
    IS_WHY(get, MST_WHY_MISS);
    CHECK(!t_done(first));
    t_loader_end_here(&loader);
    IS_VALUE(t_wait(first), "shared");
    IS_WHY(first, MST_WHY_LOADED);
    IS_VALUE(t_get(&env, "k"), "shared");
    t_close(&env);
    t_loader_fini(&loader);
}

/* Who is cancelled before a loader was called may take it away: that of another waiter is called.
 */
static void loader_of_the_cancelled(void)
{
    t_env env;
    t_loader gone, used;
    mst_request *handle = NULL;
    mst_options options = {.request = &handle};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, slow\n");
    atomic_store(&fx_slow.hold_replies, FX_ALL_CODES);
    t_loader_init(&gone, T_LOAD_NOW, "gone");
    t_loader_init(&used, T_LOAD_NOW, "used");
    t_reply *first = t_begin_load(&env, "k", &gone.loader, &options);
    t_reply *second = t_begin_load(&env, "k", &used.loader, NULL);
    T_PUMP_UNTIL(&env, atomic_load(&fx_slow.executed[MST_OP_GET]) >= 1);
    mst_cancel(handle);
    IS_STATUS(t_wait(first), MST_ECANCELED);
    t_loader_fini(&gone);
    atomic_store(&fx_slow.hold_replies, 0);
    IS_VALUE(t_wait(second), "used");
    IS_WHY(second, MST_WHY_LOADED);
    CHECK_INT(atomic_load(&gone.calls), 0);
    CHECK_INT(atomic_load(&used.calls), 1);
    mst_request_release(handle);
    t_close(&env);
    t_loader_fini(&used);
}

/* Gets that meet on the way to a far tier ask it once. */
static void gets_share_a_fetch(void)
{
    t_env env;
    t_reply *r[20];
    t_fresh();
    t_far_put(fx_server_at(0), "k", "far");
    atomic_store(&fx_slow.hold_replies, FX_ALL_CODES);
    t_open(&env, T_ONE, "cache tiers = memory, slow\ncache envelope = none\n");
    for (int i = 0; i < 20; i++) {
        r[i] = t_begin_get(&env, "k", NULL);
    }
    T_PUMP_UNTIL(&env, atomic_load(&fx_slow.executed[MST_OP_GET]) >= 1);
    t_reply *late = t_begin_get(&env, "k", NULL);
    T_PUMP_UNTIL(&env, t_stats(&env).pending == 21);
    atomic_store(&fx_slow.hold_replies, 0);
    IS_VALUE(t_wait(late), "far");
    for (int i = 0; i < 20; i++) {
        IS_VALUE(t_wait(r[i]), "far");
    }
    CHECK_INT(atomic_load(&fx_slow.executed[MST_OP_GET]), 1);
    mst_stats s = t_stats(&env);
    CHECK_INT(s.far_hits, 1);
    CHECK_INT(s.coalesced, 20);
    t_close(&env);
}

/* A get that is already on its way turns into a load for those who bring a loader. */
static void load_joins_a_fetch(void)
{
    t_env env;
    t_loader loader;
    t_fresh();
    atomic_store(&fx_slow.hold_replies, FX_BIT(MST_OP_GET));
    t_open(&env, T_ONE, "cache tiers = memory, slow\n");
    t_loader_init(&loader, T_LOAD_NOW, "made");
    t_reply *get = t_begin_get(&env, "k", NULL);
    T_PUMP_UNTIL(&env, atomic_load(&fx_slow.executed[MST_OP_GET]) == 1);
    t_reply *load = t_begin_load(&env, "k", &loader.loader, NULL);
    T_PUMP_UNTIL(&env, t_stats(&env).pending == 2);
    atomic_store(&fx_slow.hold_replies, 0);
    IS_VALUE(t_wait(load), "made");
    t_wait(get);
    CHECK(get->result.status == MST_MISS || t_has_value(&get->result, "made"));
    CHECK_INT(atomic_load(&loader.calls), 1);
    t_close(&env);
    t_loader_fini(&loader);
}

/* ---- loads inside loads */

typedef struct nest {
    t_env *env;
    mst_load *outer;
    _Atomic int depth;
} nest;

static void on_inner(void *arg, mst_result *result)
{
    nest *n = arg;
    mst_input input = {.data = result->data, .len = result->len};
    CHECK_INT(result->status, MST_OK);
    mst_load_bytes(n->outer, &input);
}

static void load_inner(void *arg, mst_load *load)
{
    nest *n = arg;
    mst_input input = {.data = "inner", .len = 5};
    atomic_fetch_add(&n->depth, 1);
    mst_load_bytes(load, &input);
}

static void load_outer(void *arg, mst_load *load)
{
    nest *n = arg;
    mst_loader inner = {.load = load_inner, .arg = n};
    n->outer = load;
    CHECK_INT(mst_get_or_load(n->env->cache, mst_str("inner"), &inner, NULL, NULL, on_inner, n),
              MST_PENDING);
    atomic_fetch_add(&n->depth, 1);
}

static void load_inside_load(void)
{
    for (int mode = 0; mode < T_MODES; mode++) {
        t_env env;
        t_fresh();
        t_open(&env, (t_mode) mode, "cache tiers = memory, slow\n");
        nest n = {.env = &env};
        mst_loader outer = {.load = load_outer, .arg = &n};
        IS_VALUE(t_load(&env, "outer", &outer), "inner");
        IS_VALUE(t_get(&env, "inner"), "inner");
        CHECK_INT(atomic_load(&n.depth), 2);
        t_close(&env);
    }
}

/* A blocking loader runs beside the loops, and may itself wait for other keys. */
static void load_blocking(void *arg, mst_load *load)
{
    nest *n = arg;
    mst_result r = {0};
    mst_loader inner = {.load = load_inner, .arg = n};
    CHECK_INT(mst_get_or_load_wait(n->env->cache, mst_str("inner"), &inner, NULL, &r), MST_OK);
    usleep(5000);
    mst_input input = {.data = r.data, .len = r.len};
    mst_load_bytes(load, &input);
    mst_result_release(&r);
}

static void blocking_loader_may_wait(void)
{
    t_env env;
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, slow\n");
    nest n = {.env = &env};
    mst_loader outer = {.load = load_blocking, .arg = &n, .flags = MST_LOAD_BLOCKING};
    t_reply *replies[4];
    char key[16];
    for (int i = 0; i < 4; i++) {
        snprintf(key, sizeof key, "outer-%d", i);
        replies[i] = t_begin_load(&env, key, &outer, NULL);
    }
    for (int i = 0; i < 4; i++) {
        IS_VALUE(t_wait(replies[i]), "inner");
    }
    CHECK_INT(atomic_load(&n.depth), 1);
    t_close(&env);
}

/* ---- waiters that do not wait */

static void waiters_leave_the_load_goes_on(void)
{
    t_env env;
    t_loader loader;
    mst_request *handle = NULL;
    mst_options soon = {.timeout_ms = 30}, cancellable = {.request = &handle};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, slow\n");
    t_loader_init(&loader, T_LOAD_HOLD, "late");
    t_reply *first = t_begin_load(&env, "k", &loader.loader, &soon);
    T_PUMP_UNTIL(&env, t_loader_waiting(&loader) == 1);
    t_reply *second = t_begin_load(&env, "k", &loader.loader, &cancellable);
    CHECK(handle != NULL);
    IS_STATUS(t_wait(first), MST_ETIMEDOUT);
    IS_WHY(first, MST_WHY_TIMED_OUT);
    mst_cancel(handle);
    IS_STATUS(t_wait(second), MST_ECANCELED);
    IS_WHY(second, MST_WHY_CANCELED);
    mst_request_release(handle);
    CHECK_INT(t_stats(&env).pending, 0);
    t_reply *third = t_begin_load(&env, "k", &loader.loader, &soon);
    IS_STATUS(t_wait(third), MST_ETIMEDOUT);
    CHECK_INT(atomic_load(&loader.calls), 1);
    t_loader_end_here(&loader);
    T_PUMP_UNTIL(&env, fx_server_count(fx_server_at(0)) == 1);
    T_PUMP_UNTIL(&env, t_get(&env, "k")->result.status == MST_OK);
    IS_VALUE(t_get(&env, "k"), "late");
    CHECK_INT(t_stats(&env).timeouts, 2);
    CHECK_INT(t_stats(&env).cancels, 1);
    t_close(&env);
    t_loader_fini(&loader);
}

/* Followers with their own, shorter or longer deadlines. */
static void followers_have_their_own_deadline(void)
{
    t_env env;
    t_loader loader;
    t_reply *r[10];
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory\n");
    t_loader_init(&loader, T_LOAD_HOLD, "v");
    for (int i = 0; i < 10; i++) {
        mst_options options = {.timeout_ms = i % 2 ? 20 + i : MST_NEVER};
        r[i] = t_begin_load(&env, "k", &loader.loader, &options);
    }
    for (int i = 1; i < 10; i += 2) {
        IS_STATUS(t_wait(r[i]), MST_ETIMEDOUT);
    }
    CHECK_INT(t_stats(&env).pending, 5);
    t_loader_end_here(&loader);
    for (int i = 0; i < 10; i += 2) {
        IS_VALUE(t_wait(r[i]), "v");
    }
    t_close(&env);
    t_loader_fini(&loader);
}

/* Tiers that fail do not keep a value from being loaded and answered. */
static void loads_over_broken_tiers(void)
{
    t_env env;
    t_loader loader;
    t_fresh();
    fx_fail_with(FX_ALL_CODES, MST_EIO);
    t_open(&env, T_ONE, "cache tiers = fail\n");
    t_loader_init(&loader, T_LOAD_NOW, "made");
    for (int i = 0; i < 5; i++) {
        t_reply *r = t_load(&env, "k", &loader.loader);
        IS_VALUE(r, "made");
        IS_WHY(r, MST_WHY_LOADED);
    }
    CHECK_INT(atomic_load(&loader.calls), 5);
    CHECK(t_stats(&env).tier_errors > 0);
    t_close(&env);
    t_loader_fini(&loader);
}

T_MAIN(T_TEST(loads_once_and_keeps), T_TEST(absent), T_TEST(failing), T_TEST(no_store),
       T_TEST(loader_changes_expiry), T_TEST(get_does_not_wait), T_TEST(loader_of_the_cancelled),
       T_TEST(gets_share_a_fetch), T_TEST(load_joins_a_fetch), T_TEST(load_inside_load),
       T_TEST(blocking_loader_may_wait), T_TEST(waiters_leave_the_load_goes_on),
       T_TEST(followers_have_their_own_deadline), T_TEST(loads_over_broken_tiers))
