/* many_load_test.c - a batch whose missing keys are loaded in one call, on one loop and on three.
 */
#include "counting.h"
#include "env.h"
#include "loading.h"

static const char settings[] = "cache tiers = memory, slow\n";

enum { KEYS = 40 };

/* A loader of batches that a test controls. */
typedef struct batches {
    mst_loader_many loader;
    _Atomic int calls, loads;
    bool hold; /* keeps the loads of the next call */
    mst_load *held[KEYS];
    _Atomic size_t held_count;
    bool on_loop; /* of the last call: on a thread that may not wait */
} batches;

static void end(mst_load *load)
{
    mst_slice key = mst_load_key(load);
    if (memchr(key.data, '!', key.len)) {
        mst_load_fail(load, MST_EIO);
    } else if (memchr(key.data, '?', key.len)) {
        mst_load_absent(load);
    } else {
        char text[64];
        int len = snprintf(text, sizeof text, "of %.*s", (int) key.len, (const char *) key.data);
        mst_load_bytes(load, &(mst_input){.data = text, .len = (size_t) len});
    }
}

static void load(void *arg, mst_load *const *loads, size_t n)
{
    batches *b = arg;
    atomic_fetch_add(&b->calls, 1);
    atomic_fetch_add(&b->loads, (int) n);
    for (size_t i = 0; i < n; i++) {
        if (b->hold) {
            b->held[i] = loads[i];
        } else {
            end(loads[i]);
        }
    }
    atomic_store(&b->held_count, b->hold ? n : 0);
}

static void let_go(batches *b)
{
    b->hold = false;
    for (size_t i = 0; i < atomic_load(&b->held_count); i++) {
        end(b->held[i]);
    }
}

static void batches_init(batches *b, uint32_t flags)
{
    *b = (batches){0};
    b->loader = (mst_loader_many){.load = load, .arg = b, .flags = flags};
}

static char names[KEYS][16];
static mst_slice keys[KEYS];

static void name_keys(const char *format)
{
    for (int i = 0; i < KEYS; i++) {
        snprintf(names[i], sizeof names[i], format, i);
        keys[i] = mst_str(names[i]);
    }
}

static t_reply *begin(t_env *env, batches *b, size_t n, const mst_options *o)
{
    return t_begin_get_many_or_load(env, keys, n, &b->loader, o);
}

static bool is(const mst_result *r, const char *key)
{
    char want[64];
    snprintf(want, sizeof want, "of %s", key);
    return t_has_value(r, want);
}

/* What is missing is loaded in one call; what is there is not. */
static void one_call(void)
{
    for (int mode = T_ONE; mode < T_MODES; mode++) {
        for (uint32_t flags = 0; flags <= MST_LOAD_BLOCKING; flags++) {
            t_env env = {0};
            batches b;
            batches_init(&b, flags);
            name_keys("k%d");
            t_about("%s, flags %u", t_mode_names[mode], flags);
            t_fresh();
            t_open(&env, (t_mode) mode, settings);
            t_set(&env, "k3", "of k3");
            t_set(&env, "k7", "of k7");
            t_reply *first = t_wait(begin(&env, &b, KEYS, NULL));
            CHECK_INT(b.calls, 1);
            CHECK_INT(b.loads, KEYS - 2);
            t_reply *again = t_wait(begin(&env, &b, KEYS, NULL));
            CHECK_INT(b.calls, 1);
            for (int i = 0; i < KEYS; i++) {
                CHECK(is(&first->many[i], names[i]) && is(&again->many[i], names[i]));
                CHECK_INT(again->many[i].why, MST_WHY_HIT);
                CHECK_INT(first->many[i].why, i == 3 || i == 7 ? MST_WHY_HIT : MST_WHY_LOADED);
            }
            t_close(&env);
        }
    }
}

/* Each load has an end of its own. */
static void each_ends_by_itself(void)
{
    t_env env = {0};
    batches b;
    batches_init(&b, 0);
    t_fresh();
    t_open(&env, T_THREE, settings);
    name_keys("k%d");
    keys[1] = mst_str("absent?");
    keys[2] = mst_str("fails!");
    t_reply *reply = t_wait(begin(&env, &b, 4, NULL));
    CHECK(is(&reply->many[0], "k0") && is(&reply->many[3], "k3"));
    CHECK_INT(reply->many[1].why, MST_WHY_ABSENT);
    CHECK_INT(reply->many[2].status, MST_EIO);
    CHECK_INT(b.calls, 1);
    t_close(&env);
}

/* The same key twice is one load. */
static void same_key_twice(void)
{
    t_env env = {0};
    batches b;
    batches_init(&b, 0);
    t_fresh();
    t_open(&env, T_ONE, settings);
    name_keys("k%d");
    keys[2] = keys[0];
    t_reply *reply = t_wait(begin(&env, &b, 3, NULL));
    CHECK(is(&reply->many[0], "k0") && is(&reply->many[2], "k0") && is(&reply->many[1], "k1"));
    CHECK_INT(b.loads, 2);
    CHECK_INT(b.calls, 1);
    t_close(&env);
}

/* Two batches that share keys, the other way round: neither waits for the other's loader before it
 * calls its own. A single get_or_load joins as well, and so does a batch a single load. */
static void batches_that_meet(void)
{
    for (int mode = T_ONE; mode <= T_THREE; mode++) {
        t_env env = {0};
        batches a, b;
        t_loader single;
        batches_init(&a, 0);
        batches_init(&b, 0);
        t_loader_init(&single, T_LOAD_HOLD, "of k9");
        t_about("%s", t_mode_names[mode]);
        t_fresh();
        t_open(&env, (t_mode) mode, settings);
        name_keys("k%d");
        a.hold = true;
        t_reply *first = begin(&env, &a, 5, NULL); /* 0 to 4 */
        T_UNTIL(atomic_load(&a.held_count) == 5);
        t_reply *joined = t_begin_load(&env, "k0", &single.loader, NULL);
        t_reply *alone = t_begin_load(&env, "k9", &single.loader, NULL);
        T_UNTIL(t_loader_waiting(&single) == 1);
        t_reply *second = begin(&env, &b, 10, NULL); /* 0 to 9: 0 to 4 and 9 are others' */
        T_UNTIL(atomic_load(&b.calls) == 1);
        CHECK_INT(b.loads, 4);
        CHECK(!t_done(first) && !t_done(second));
        let_go(&a);
        t_loader_let_go(&single);
        t_wait(first);
        t_wait(second);
        IS_VALUE(t_wait(joined), "of k0");
        IS_VALUE(t_wait(alone), "of k9");
        for (int i = 0; i < 10; i++) {
            CHECK(is(&second->many[i], names[i]));
        }
        CHECK_INT(a.calls + b.calls, 2);
        t_close(&env);
        t_loader_fini(&single);
    }
}

/* A write or a removal while the batch loads wins over what it loads. */
static void writes_win(void)
{
    t_env env = {0};
    batches b;
    batches_init(&b, MST_LOAD_BLOCKING);
    t_fresh();
    t_open(&env, T_ONE, settings);
    name_keys("k%d");
    b.hold = true;
    t_reply *reply = begin(&env, &b, 3, NULL);
    T_UNTIL(atomic_load(&b.held_count) == 3);
    IS_STATUS(t_set(&env, "k1", "newer"), MST_OK);
    t_remove(&env, "k2");
    let_go(&b);
    t_wait(reply);
    CHECK(is(&reply->many[1], "k1") && is(&reply->many[2], "k2")); /* they had asked before */
    IS_VALUE(t_get(&env, "k0"), "of k0");
    IS_VALUE(t_get(&env, "k1"), "newer");
    IS_MISS(t_get(&env, "k2"));
    t_close(&env);
}

/* Who is cancelled, or has waited long enough, holds nobody up; nobody left, no call. */
static void waiters_leave(void)
{
    t_env env = {0};
    batches b;
    mst_request *handle;
    batches_init(&b, 0);
    t_fresh();
    t_open(&env, T_ONE, settings);
    name_keys("k%d");
    atomic_store(&fx_slow.hold_requests, FX_ALL_CODES);
    t_reply *late = begin(&env, &b, 3, &(mst_options){.timeout_ms = 20});
    t_reply *cancelled = begin(&env, &b, 3, &(mst_options){.request = &handle});
    t_wait(late);
    CHECK_INT(late->many[2].status, MST_ETIMEDOUT);
    mst_cancel(handle);
    mst_request_release(handle);
    t_wait(cancelled);
    CHECK_INT(cancelled->many[0].status, MST_ECANCELED);
    t_reply *stays = begin(&env, &b, 4, NULL);
    atomic_store(&fx_slow.hold_requests, 0);
    t_wait(stays);
    CHECK(is(&stays->many[0], "k0") && is(&stays->many[3], "k3"));
    CHECK_INT(b.calls, 1);
    CHECK_INT(b.loads, 4);
    t_close(&env);
}

static void on_closed(void *arg)
{
    atomic_store((_Atomic bool *) arg, true);
}

/* Closing waits for a loader that has been called; a batch that waits for its tiers is answered at
 * its deadline, and no loader is called for nobody. */
static void closing(void)
{
    for (int called = 0; called < 2; called++) {
        t_env env = {0};
        batches b;
        t_counting counting;
        _Atomic bool closed = false;
        t_counting_init(&counting);
        env.allocator = &counting.allocator;
        batches_init(&b, MST_LOAD_BLOCKING);
        t_about("called %d", called);
        t_fresh();
        t_open(&env, T_THREE, settings);
        name_keys("k%d");
        b.hold = true;
        atomic_store(&fx_slow.hold_requests, called ? 0 : FX_ALL_CODES);
        t_reply *reply = begin(&env, &b, KEYS, &(mst_options){.timeout_ms = called ? 0 : 100});
        T_UNTIL(!called || atomic_load(&b.held_count) == KEYS);
        mst_close(env.runtime, on_closed, &closed);
        CHECK(!called || !atomic_load(&closed));
        if (called) {
            let_go(&b);
        } else {
            T_UNTIL(t_done(reply));
            CHECK_INT(reply->many[0].status, MST_ETIMEDOUT);
            atomic_store(&fx_slow.hold_requests, 0);
        }
        T_UNTIL(atomic_load(&closed));
        CHECK_INT(b.calls, called);
        CHECK(!called || is(&reply->many[KEYS - 1], names[KEYS - 1]));
        t_end(&env);
        CHECK_INT(atomic_load(&counting.balance), 0);
    }
}

static void wrong_calls(void)
{
    t_env env = {0};
    batches b;
    mst_result results[2];
    batches_init(&b, 0);
    t_fresh();
    t_open(&env, T_ONE, settings);
    name_keys("k%d");
    mst_cache *c = env.cache;
    const mst_loader_many none = {0};
    CHECK_INT(mst_get_many_or_load_wait(c, keys, 2, NULL, NULL, results), MST_EINVAL);
    CHECK_INT(mst_get_many_or_load_wait(c, keys, 2, &none, NULL, results), MST_EINVAL);
    CHECK_INT(mst_get_many_or_load_wait(c, keys, 0, &b.loader, NULL, results), MST_EINVAL);
    CHECK_INT(mst_get_many_or_load_wait(c, keys, 2, &b.loader, NULL, results), MST_OK);
    CHECK(is(&results[1], "k1"));
    mst_result_release(&results[0]);
    mst_result_release(&results[1]);
    t_close(&env);
}

T_MAIN(T_TEST(one_call), T_TEST(each_ends_by_itself), T_TEST(same_key_twice),
       T_TEST(batches_that_meet), T_TEST(writes_win), T_TEST(waiters_leave), T_TEST(closing),
       T_TEST(wrong_calls))
