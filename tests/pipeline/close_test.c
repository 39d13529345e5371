/* close_test.c - closing while things are pending, held, loading: every done() runs, nothing that
 * is held becomes invalid, closed() comes last. */
#include <stdlib.h>
#include <unistd.h>

#include "env.h"
#include "loading.h"

typedef struct closing {
    t_env *env;
    _Atomic int closed;
    _Atomic int open_replies; /* not answered when closed() ran */
} closing;

static void on_closed(void *arg)
{
    closing *c = arg;
    for (t_reply *r = c->env->replies; r; r = r->next) {
        atomic_fetch_add(&c->open_replies, !t_done(r));
    }
    atomic_fetch_add(&c->closed, 1);
}

/* Closes, and waits for closed(). */
static void close_now(t_env *env)
{
    closing c = {.env = env};
    mst_close(env->runtime, on_closed, &c);
    T_PUMP_UNTIL(env, atomic_load(&c.closed) == 1);
    REQUIRE(atomic_load(&c.closed) == 1);
    CHECK_INT(atomic_load(&c.open_replies), 0);
    t_end(env);
    CHECK_INT(atomic_load(&c.closed), 1);
}

/* What was asked is answered, at the latest when its time is up. */
static bool is_sensible(mst_status status)
{
    return status == MST_OK || status == MST_MISS || status == MST_ECLOSED ||
           status == MST_ETIMEDOUT;
}

static void begin_everything(t_env *env)
{
    char key[16];
    mst_slice keys[] = {mst_str("m1"), mst_str("m2")};
    for (int i = 0; i < 20; i++) {
        snprintf(key, sizeof key, "k%d", i);
        t_begin_get(env, key, NULL);
        t_begin_set(env, key, "v", NULL);
        t_begin_exists(env, key, NULL);
        t_begin_touch(env, key, NULL);
        t_begin_remove(env, key, NULL);
    }
    t_begin_get_many(env, keys, 2, NULL);
    t_begin_remove_many(env, keys, 2);
    t_begin_clear(env);
}

static void check_everything(t_env *env)
{
    for (t_reply *r = env->replies; r; r = r->next) {
        if (t_done(r) && !r->n) {
            CHECK(is_sensible(r->result.status));
        }
        for (size_t i = 0; t_done(r) && i < r->n; i++) {
            CHECK(is_sensible(r->many[i].status));
            CHECK(r->many[i].status != MST_ECLOSED || r->many[i].why == MST_WHY_CLOSED);
        }
    }
}

static void drained(t_mode mode, const char *tiers, bool black_hole)
{
    t_env env;
    char settings[200];
    bool slow = black_hole && strstr(tiers, "slow"), fail = black_hole && strstr(tiers, "fail");
    snprintf(settings, sizeof settings, "cache tiers = %s\n%s%s%s", tiers,
             black_hole ? "cache timeout = 200ms\n" : "",
             slow ? "provider.slow timeout = 300ms\n" : "",
             fail ? "provider.fail timeout = 300ms\n" : "");
    t_about("%s, %s", tiers, t_mode_names[mode]);
    t_fresh();
    atomic_store(&fx_slow.delay_ms, 2);
    atomic_store(&fx_slow.jitter_ms, 10);
    atomic_store(&fx_slow.mt_percent, 50);
    atomic_store(&fx_block.delay_us, 1000);
    t_open(&env, mode, settings);
    if (black_hole) {
        atomic_store(&fx_slow.hold_requests, FX_ALL_CODES);
        atomic_store(&fx_fail.hole, FX_ALL_CODES);
    }
    begin_everything(&env);
    closing c = {.env = &env};
    mst_close(env.runtime, on_closed, &c);
    T_PUMP_UNTIL(&env, atomic_load(&c.closed) == 1);
    REQUIRE(atomic_load(&c.closed) == 1);
    CHECK_INT(atomic_load(&c.open_replies), 0);
    check_everything(&env);
    t_end(&env);
}

static void pending_requests(void)
{
    for (int mode = 0; mode < T_MODES; mode++) {
        drained((t_mode) mode, "memory", false);
        drained((t_mode) mode, "memory, slow", false);
        drained((t_mode) mode, "memory, slow", true);
        drained((t_mode) mode, "slow", true);
        drained((t_mode) mode, "near, block", false);
        drained((t_mode) mode, "memory, fail", true);
        drained((t_mode) mode, "block, slow, fail", true);
    }
}

/* The same through mst_close_wait(), which runs a lent loop itself. */
static void close_and_wait(void)
{
    for (int mode = 0; mode < T_MODES; mode++) {
        t_env env;
        t_fresh();
        t_open(&env, (t_mode) mode,
               "cache tiers = memory, slow\ncache timeout = 200ms\n"
               "provider.slow timeout = 300ms\n");
        atomic_store(&fx_slow.hold_replies, FX_ALL_CODES);
        begin_everything(&env);
        mst_close_wait(env.runtime);
        check_everything(&env);
        for (t_reply *r = env.replies; r; r = r->next) {
            CHECK(t_done(r));
        }
        t_end(&env);
    }
}

/* Neither the requests nor the tier have a deadline, and the back end never answers: closing must
 * not wait for ever. The provider fails what is pending when it is stopped. */
static void never_answered(void)
{
    for (int mode = 0; mode < T_MODES; mode++) {
        t_env env;
        mst_options patient = {.timeout_ms = MST_NEVER};
        t_about("%s", t_mode_names[mode]);
        t_fresh();
        t_open(&env, (t_mode) mode, "cache tiers = memory, slow\nprovider.slow timeout = never\n");
        atomic_store(&fx_slow.hold_requests, FX_ALL_CODES);
        t_reply *get = t_begin_get(&env, "k", &patient);
        t_reply *set = t_begin_set(&env, "k", "v", &patient);
        closing c = {.env = &env};
        mst_close(env.runtime, on_closed, &c);
        T_PUMP_UNTIL(&env, atomic_load(&c.closed) == 1);
        REQUIRE(atomic_load(&c.closed) == 1);
        CHECK_INT(atomic_load(&c.open_replies), 0);
        CHECK(t_done(get) && t_done(set));
        IS_WHY(get, MST_WHY_CLOSED);
        t_end(&env);
    }
}

static void at_once(void)
{
    for (int mode = 0; mode < T_MODES; mode++) {
        t_env env;
        t_fresh();
        t_open(&env, (t_mode) mode, "cache tiers = memory, slow, block\n");
        close_now(&env);
        t_open(&env, (t_mode) mode, "cache tiers = memory, slow, block\n");
        mst_close(env.runtime, NULL, NULL);
        if (mode == T_LENT) {
            uv_run(&env.loop, UV_RUN_DEFAULT);
            t_end(&env);
        } else { /* nobody says when: what it used must be gone in the end */
            T_UNTIL(atomic_load(&fx_slow.stops) == atomic_load(&fx_slow.instances));
            usleep(100000);
            t_end(&env);
        }
    }
}

/* A program on one thread may close from inside its own callback. */
typedef struct suicide {
    closing closing;
    _Atomic int ran;
    _Atomic bool asked; /* the call that is answered has returned: nobody else uses the runtime */
} suicide;

static void close_inside(void *arg, mst_result *result)
{
    suicide *s = arg;
    CHECK_INT(result->status, MST_MISS);
    atomic_fetch_add(&s->ran, 1);
    while (!atomic_load(&s->asked)) {
        t_nap();
    }
    mst_close(s->closing.env->runtime, on_closed, &s->closing);
}

static void inside_done(void)
{
    t_env env;
    t_fresh();
    t_open(&env, T_LENT, "cache tiers = memory, slow\n");
    suicide s = {.closing = {.env = &env}};
    CHECK_INT(mst_get(env.cache, mst_str("k"), NULL, NULL, close_inside, &s), MST_PENDING);
    atomic_store(&s.asked, true);
    for (int i = 0; i < 10; i++) {
        t_begin_get(&env, "other", NULL);
    }
    T_PUMP_UNTIL(&env, atomic_load(&s.closing.closed) == 1);
    CHECK_INT(atomic_load(&s.ran), 1);
    check_everything(&env);
    t_end(&env);
}

/* On a private loop thread, which cannot wait for itself, closing and waiting is closing. */
static void close_and_wait_inside(void *arg, mst_result *result)
{
    suicide *s = arg;
    (void) result;
    while (!atomic_load(&s->asked)) {
        t_nap();
    }
    mst_close_wait(s->closing.env->runtime);
    atomic_fetch_add(&s->ran, 1);
}

static void inside_done_of_a_private_loop(void)
{
    for (int mode = T_ONE; mode <= T_THREE; mode++) {
        t_env env;
        t_fresh();
        t_open(&env, (t_mode) mode, "cache tiers = memory, slow\n");
        suicide s = {.closing = {.env = &env}};
        mst_slice key = mst_str("k");
        CHECK_INT(mst_get(env.cache, key, NULL, NULL, close_inside, &s), MST_PENDING);
        atomic_store(&s.asked, true);
        T_UNTIL(atomic_load(&s.closing.closed) == 1);
        t_end(&env);
        t_open(&env, (t_mode) mode, "cache tiers = memory, slow\n");
        s = (suicide){.closing = {.env = &env}};
        CHECK_INT(mst_get(env.cache, key, NULL, NULL, close_and_wait_inside, &s), MST_PENDING);
        atomic_store(&s.asked, true);
        T_UNTIL(atomic_load(&s.ran) == 1);
        T_UNTIL(atomic_load(&fx_slow.stops) == atomic_load(&fx_slow.instances));
        usleep(100000); /* nobody says when it is over */
        t_end(&env);
    }
}

/* ---- what is held survives */

static void held_results(const char *tiers)
{
    t_env env;
    char settings[200];
    mst_result held[4];
    snprintf(settings, sizeof settings, "cache tiers = %s\n", tiers);
    t_about("%s", tiers);
    t_fresh();
    t_open(&env, T_THREE, settings);
    mst_slice k = mst_str("k");
    IS_STATUS(t_set(&env, "k", "a value that is held"), MST_OK);
    CHECK_INT(mst_get_wait(env.cache, k, NULL, &held[0]), MST_OK);
    IS_STATUS(t_set(&env, "k", "another one, which is longer"), MST_OK);
    CHECK_INT(mst_get_wait(env.cache, k, NULL, &held[1]), MST_OK);
    IS_STATUS(t_remove(&env, "k"), MST_OK);
    IS_STATUS(t_set(&env, "k", "third"), MST_OK);
    CHECK_INT(mst_get_wait(env.cache, k, NULL, &held[2]), MST_OK);
    IS_STATUS(t_clear(&env), MST_OK);
    IS_STATUS(t_set(&env, "k", "fourth"), MST_OK);
    CHECK_INT(mst_get_wait(env.cache, k, NULL, &held[3]), MST_OK);
    close_now(&env);
    CHECK(t_has_value(&held[0], "a value that is held"));
    CHECK(t_has_value(&held[1], "another one, which is longer"));
    CHECK(t_has_value(&held[2], "third"));
    CHECK(t_has_value(&held[3], "fourth"));
    for (int i = 0; i < 4; i++) {
        mst_result_release(&held[i]);
        CHECK(!held[i].data && !held[i].len && !held[i].owner);
        mst_result_release(&held[i]); /* zeroed: harmless */
    }
}

static void results_outlive_the_runtime(void)
{
    held_results("memory");
    held_results("near");
    held_results("slow");
    held_results("memory, slow");
    held_results("block");
}

/* A value in use is not taken away by eviction. */
static void results_outlive_eviction(void)
{
    t_env env;
    char key[20];
    static char big[4096];
    t_fresh();
    t_open(&env, T_ONE,
           "cache tiers = memory\nprovider.memory max_bytes = 1MiB\nprovider.memory eviction = "
           "fifo\n");
    mst_result held = {0};
    IS_STATUS(t_set(&env, "kept", "in use"), MST_OK);
    CHECK_INT(mst_get_wait(env.cache, mst_str("kept"), NULL, &held), MST_OK);
    memset(big, 'x', sizeof big);
    for (int i = 0; i < 2000; i++) {
        snprintf(key, sizeof key, "big-%d", i);
        mst_slice value = {big, sizeof big};
        t_release(t_wait(t_begin_set_bytes(&env, mst_str(key), value, NULL)));
    }
    IS_MISS(t_get(&env, "kept"));
    CHECK(t_has_value(&held, "in use"));
    mst_result_release(&held);
    t_close(&env);
}

/* Handles may be used until they are released, also when the runtime is gone. */
static void handles_outlive_the_runtime(void)
{
    t_env env;
    mst_request *handles[3] = {NULL};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = slow\nprovider.slow timeout = 200ms\n");
    atomic_store(&fx_slow.hold_replies, FX_ALL_CODES);
    for (int i = 0; i < 3; i++) {
        mst_options options = {.request = &handles[i], .timeout_ms = 100};
        t_begin_get(&env, i ? "k" : "other", &options);
        CHECK(handles[i] != NULL);
    }
    close_now(&env);
    for (int i = 0; i < 3; i++) {
        mst_cancel(handles[i]);
        mst_request_release(handles[i]);
    }
}

/* ---- loads that are still going on */

static void *end_later(void *arg)
{
    usleep(50000);
    t_loader_end_here(arg);
    return NULL;
}

static void loads_end_after_close(t_load_how how)
{
    for (int mode = 0; mode < T_MODES; mode++) {
        t_env env;
        t_loader loader;
        pthread_t thread;
        t_about("way %d, %s", how, t_mode_names[mode]);
        t_fresh();
        t_open(&env, (t_mode) mode, "cache tiers = memory, slow\n");
        t_loader_init(&loader, how, "late");
        loader.hold = true;
        t_reply *r = t_begin_load(&env, "k", &loader.loader, NULL);
        T_PUMP_UNTIL(&env, t_loader_waiting(&loader) == 1);
        REQUIRE(!pthread_create(&thread, NULL, end_later, &loader));
        close_now(&env); /* waits for the load, or does without it */
        (void) r;
        pthread_join(thread, NULL);
        t_loader_fini(&loader);
    }
}

static void loads_still_going_on(void)
{
    loads_end_after_close(T_LOAD_HOLD);
    loads_end_after_close(T_LOAD_RELEASE);
    loads_end_after_close(T_LOAD_FAIL);
    loads_end_after_close(T_LOAD_ABSENT);
}

/* A worker is inside a blocking provider, or a blocking loader. */
static void *let_go_later(void *arg)
{
    usleep(50000);
    atomic_store((_Atomic int *) arg, 0);
    return NULL;
}

static void workers_still_working(void)
{
    for (int mode = 0; mode < T_MODES; mode++) {
        t_env env;
        pthread_t thread;
        t_fresh();
        atomic_store(&fx_block.hold, 1);
        t_open(&env, (t_mode) mode, "cache tiers = memory, block\n");
        for (int i = 0; i < 10; i++) {
            t_begin_set(&env, "k", "v", NULL);
            t_begin_get(&env, "other", NULL);
        }
        T_PUMP_UNTIL(&env, atomic_load(&fx_block.batches) >= 1);
        REQUIRE(!pthread_create(&thread, NULL, let_go_later, (void *) &fx_block.hold));
        close_now(&env);
        pthread_join(thread, NULL);
    }
}

/* Answers from a provider's own thread cross with the close. */
static void answers_cross_the_close(void)
{
    for (int i = 0; i < 60 / T_SLOWNESS; i++) {
        t_env env;
        char key[16];
        t_fresh();
        atomic_store(&fx_slow.mt_percent, 80);
        atomic_store(&fx_slow.jitter_ms, 3);
        t_open(&env, i % 2 ? T_THREE : T_LENT, "cache tiers = slow\n");
        for (int k = 0; k < 50; k++) {
            snprintf(key, sizeof key, "k%d", k);
            t_begin_set(&env, key, key, NULL);
        }
        uint64_t until = t_ms() + (uint64_t) i % 4;
        while (t_ms() < until) {
            t_pump(&env);
        }
        close_now(&env);
    }
}

T_MAIN(T_TEST(pending_requests), T_TEST(close_and_wait), T_TEST(never_answered), T_TEST(at_once),
       T_TEST(inside_done), T_TEST(inside_done_of_a_private_loop),
       T_TEST(results_outlive_the_runtime), T_TEST(results_outlive_eviction),
       T_TEST(handles_outlive_the_runtime), T_TEST(loads_still_going_on),
       T_TEST(workers_still_working), T_TEST(answers_cross_the_close))
