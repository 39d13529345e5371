/* answers_test.c - the rules of (now, done, arg): at once or later, never both, never early. */
#include <stdlib.h>

#include "env.h"

static void never(void *arg, mst_result *result)
{
    (void) result;
    atomic_fetch_add((_Atomic int *) arg, 1);
}

/* A near hit fills now, and done() never runs, also not later. */
static void near_hit_is_now(void)
{
    for (int mode = 0; mode < T_MODES; mode++) {
        t_env env;
        _Atomic int ran = 0;
        mst_request *handle = (mst_request *) &env;
        mst_options options = {.request = &handle};
        t_fresh();
        t_open(&env, (t_mode) mode, "cache tiers = memory, slow\n");
        IS_STATUS(t_set(&env, "k", "v"), MST_OK);
        mst_result now = {0};
        CHECK_INT(mst_get(env.cache, mst_str("k"), &options, &now, never, &ran), MST_OK);
        CHECK(t_has_value(&now, "v"));
        CHECK_INT(now.tier, 0);
        CHECK_INT(now.why, MST_WHY_HIT);
        CHECK(handle == NULL);
        mst_result_release(&now);
        t_set(&env, "other", "x");
        CHECK_INT(atomic_load(&ran), 0);
        uint64_t far = atomic_load(&fx_slow.seen[MST_OP_GET]);
        CHECK_INT(mst_get_now(env.cache, mst_str("k"), NULL, &now), MST_OK);
        mst_result_release(&now);
        CHECK_INT(mst_get_now(env.cache, mst_str("nowhere"), NULL, &now), MST_MISS);
        CHECK_INT(now.status, MST_MISS);
        CHECK_INT(atomic_load(&fx_slow.seen[MST_OP_GET]), far);
        t_close(&env);
        CHECK_INT(atomic_load(&ran), 0);
    }
}

/* Without now, a near hit is answered through done(), after the call. */
static void without_now_always_done(void)
{
    for (int mode = 0; mode < T_MODES; mode++) {
        t_env env;
        t_fresh();
        t_open(&env, (t_mode) mode, "cache tiers = memory\n");
        t_reply *r = t_begin_set(&env, "k", "v", NULL);
        CHECK_INT(r->status, MST_PENDING);
        t_wait(r);
        for (int i = 0; i < 100; i++) {
            r = t_begin_get(&env, "k", NULL);
            CHECK_INT(r->status, MST_PENDING);
            if (mode == T_LENT) {
                CHECK(!t_done(r));
            }
            IS_VALUE(t_wait(r), "v");
        }
        t_close(&env);
    }
}

/* What a loop has to answer is not answered before it turns. */
static void far_is_later(void)
{
    t_env env;
    t_fresh();
    t_open(&env, T_LENT, "cache tiers = slow\n");
    env.use_now = true;
    t_reply *r = t_begin_get(&env, "k", NULL);
    CHECK_INT(r->status, MST_PENDING);
    CHECK(!t_done(r));
    CHECK_INT(t_stats(&env).pending, 1);
    t_check_identity(env.cache);
    IS_MISS(t_wait(r));
    CHECK_INT(t_stats(&env).pending, 0);
    t_close(&env);
}

/* Errors in the call: now says it as well, done() never runs, release() does. */
static void released(void *owner)
{
    atomic_fetch_add((_Atomic int *) owner, 1);
}

static void errors_are_returned(void)
{
    t_env env;
    _Atomic int ran = 0, given_back = 0;
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, slow\n");
    mst_result now = {.status = MST_OK};
    mst_slice empty = {"", 0};
    mst_request *handle = (mst_request *) &env;
    mst_options options = {.request = &handle};
    CHECK_INT(mst_get(env.cache, empty, &options, &now, never, &ran), MST_EINVAL);
    CHECK_INT(now.status, MST_EINVAL);
    CHECK(!handle);
    mst_input input = {.data = "v", .len = 1, .release = released, .owner = &given_back};
    now.status = MST_OK;
    CHECK_INT(mst_set(env.cache, empty, &input, NULL, &now, never, &ran), MST_EINVAL);
    CHECK_INT(now.status, MST_EINVAL);
    CHECK_INT(atomic_load(&given_back), 1);
    CHECK_INT(t_stats(&env).started, 0);
    t_set(&env, "k", "v");
    t_close(&env);
    CHECK_INT(atomic_load(&ran), 0);
    CHECK_INT(atomic_load(&given_back), 1);
}

/* Nobody has to listen. */
static void nobody_listens(void)
{
    t_env env;
    mst_input input = {.data = "v", .len = 1};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, slow\n");
    CHECK_INT(mst_set(env.cache, mst_str("k"), &input, NULL, NULL, NULL, NULL), MST_PENDING);
    T_UNTIL(t_stats(&env).completed == 1);
    CHECK_INT(mst_get(env.cache, mst_str("far"), NULL, NULL, NULL, NULL), MST_PENDING);
    mst_status status = mst_remove(env.cache, mst_str("k"), NULL, NULL, NULL, NULL);
    CHECK_INT(status, MST_PENDING);
    T_UNTIL(t_stats(&env).completed == 3);
    t_check_identity(env.cache);
    IS_MISS(t_get(&env, "k"));
    t_close(&env);
}

/* A value that is taken over is used where it lies and given back once. */
static void taken_over(void)
{
    static const char *const chains[] = {"memory", "memory, slow", "slow", "near, slow", "block"};
    for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++) {
        t_env env;
        _Atomic int given_back = 0;
        char settings[100];
        snprintf(settings, sizeof settings, "cache tiers = %s\n", chains[i]);
        t_about("%s", chains[i]);
        t_fresh();
        t_open(&env, T_ONE, settings);
        static char text[5000];
        memset(text, 'x', sizeof text);
        mst_input input = {
            .data = text, .len = sizeof text, .release = released, .owner = &given_back};
        CHECK_INT(mst_set(env.cache, mst_str("k"), &input, NULL, NULL, NULL, NULL), MST_PENDING);
        T_UNTIL(t_stats(&env).completed == 1);
        t_reply *r = t_get(&env, "k");
        CHECK(r->result.len == sizeof text && !memcmp(r->result.data, text, sizeof text));
        t_remove(&env, "k");
        t_close(&env);
        CHECK_INT(atomic_load(&given_back), 1);
    }
}

/* The handles of the library keep a lent loop alive exactly while something is pending. */
static void lent_loop_is_kept_alive(void)
{
    t_env env;
    t_fresh();
    t_open(&env, T_LENT, "cache tiers = memory, slow\n");
    CHECK_INT(uv_run(&env.loop, UV_RUN_DEFAULT), 0);
    atomic_store(&fx_slow.delay_ms, 30);
    t_reply *r = t_begin_get(&env, "k", NULL);
    CHECK(!t_done(r));
    CHECK_INT(uv_run(&env.loop, UV_RUN_DEFAULT), 0);
    CHECK(t_done(r));
    mst_options options = {.timeout_ms = 40};
    atomic_store(&fx_slow.hold_requests, FX_ALL_CODES);
    r = t_begin_get(&env, "k", &options);
    T_PUMP_UNTIL(&env, t_done(r));
    IS_STATUS(r, MST_ETIMEDOUT);
    atomic_store(&fx_slow.hold_requests, 0);
    CHECK_INT(uv_run(&env.loop, UV_RUN_DEFAULT), 0);
    t_close(&env);
}

/* Requests of other threads wake a loop that sleeps in the program's hands. */
typedef struct sleeper {
    t_env env;
    uv_timer_t guard;
    uv_async_t over;
    bool woken;
} sleeper;

static void on_guard(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

static void on_over(uv_async_t *over)
{
    ((sleeper *) over->data)->woken = true;
    uv_stop(over->loop);
}

static void *ask(void *arg)
{
    sleeper *s = arg;
    mst_result r = {0};
    CHECK_INT(mst_get_wait(s->env.cache, mst_str("k"), NULL, &r), MST_MISS);
    mst_result_release(&r);
    uv_async_send(&s->over);
    return NULL;
}

static void lent_loop_is_woken(void)
{
    static sleeper s;
    pthread_t thread;
    t_fresh();
    t_open(&s.env, T_LENT, "cache tiers = slow\n");
    uv_timer_init(&s.env.loop, &s.guard);
    uv_async_init(&s.env.loop, &s.over, on_over);
    s.over.data = &s;
    for (int i = 0; i < 20; i++) {
        s.woken = false;
        uv_timer_start(&s.guard, on_guard, T_PATIENCE_MS, 0);
        REQUIRE(!pthread_create(&thread, NULL, ask, &s));
        uv_run(&s.env.loop, UV_RUN_DEFAULT);
        REQUIRE(s.woken);
        pthread_join(thread, NULL);
    }
    uv_close((uv_handle_t *) &s.guard, NULL);
    uv_close((uv_handle_t *) &s.over, NULL);
    t_close(&s.env);
}

/* A near value whose unpacking is work for the pool is answered later; get_now() does it at once.
 */
static void large_sealed_is_later(void)
{
    enum { LEN = 200000 };
    t_env env;
    char *text = malloc(LEN + 1);
    REQUIRE(text);
    memset(text, 'a', LEN);
    text[LEN] = 0;
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory\ncache compressor = brotli\n");
    IS_STATUS(t_set(&env, "large", text), MST_OK);
    IS_STATUS(t_set(&env, "small", "v"), MST_OK);
    env.use_now = true;
    t_reply *later = t_begin_get(&env, "large", NULL);
    CHECK_INT(later->status, MST_PENDING);
    IS_VALUE(t_wait(later), text);
    IS_TIER(later, 0);
    t_reply *now = t_begin_get(&env, "small", NULL);
    CHECK_INT(now->status, MST_OK);
    mst_result r;
    CHECK_INT(mst_get_now(env.cache, mst_str("large"), NULL, &r), MST_OK);
    CHECK_INT(r.len, LEN);
    mst_result_release(&r);
    mst_slice keys[] = {mst_str("small"), mst_str("large"), mst_str("none")};
    t_reply *many = t_wait(t_begin_get_many(&env, keys, 3, NULL));
    CHECK_INT(many->many[0].status, MST_OK);
    CHECK(many->many[1].status == MST_OK && many->many[1].len == LEN);
    CHECK_INT(many->many[2].status, MST_MISS);
    t_close(&env);
    free(text);
}

/* "Turn until it is answered": a turn in which done() ran must not then sleep for other events. */
static void lent_loop_turned_by_hand(void)
{
    static sleeper s;
    static const char *const chains[] = {"memory", "memory, slow", "block"};
    for (int i = 0; i < 3; i++) {
        char settings[100];
        snprintf(settings, sizeof settings, "cache tiers = %s\n", chains[i]);
        t_about("%s", chains[i]);
        t_fresh();
        t_open(&s.env, T_LENT, settings);
        uv_timer_init(&s.env.loop, &s.guard); /* the program's loop has other things to wait for */
        uv_timer_start(&s.guard, on_guard, 4000, 0);
        uint64_t begin = t_ms();
        for (int k = 0; k < 10; k++) {
            t_reply *r = t_begin_set(&s.env, "k", "v", NULL);
            while (!t_done(r)) {
                uv_run(&s.env.loop, UV_RUN_ONCE);
            }
            r = t_begin_get(&s.env, "k", NULL);
            while (!t_done(r)) {
                uv_run(&s.env.loop, UV_RUN_ONCE);
            }
        }
        CHECK(t_ms() - begin < 3000);
        uv_close((uv_handle_t *) &s.guard, NULL);
        t_close(&s.env);
    }
}

T_MAIN(T_TEST(large_sealed_is_later), T_TEST(near_hit_is_now), T_TEST(without_now_always_done),
       T_TEST(far_is_later), T_TEST(errors_are_returned), T_TEST(nobody_listens),
       T_TEST(taken_over), T_TEST(lent_loop_is_kept_alive), T_TEST(lent_loop_is_woken),
       T_TEST(lent_loop_turned_by_hand))
