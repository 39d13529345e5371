/* What a program is told of the reads of its cache. */
#include <stdatomic.h>
#include <stdio.h>

#include "env.h"

enum { KEYS = 2000 };

typedef struct told {
    _Atomic unsigned calls;
    uint64_t keys[4 * KEYS];
    size_t sizes[4 * KEYS];
} told;

static void record(void *arg, uint64_t key, size_t size)
{
    told *t = arg;
    unsigned i = atomic_fetch_add(&t->calls, 1);
    if (i < 4 * KEYS) {
        t->keys[i] = key;
        t->sizes[i] = size;
    }
}

static void tell(t_env *env, told *t, uint32_t one_in)
{
    const mst_trace_options o = {.record = record, .arg = t, .one_in = one_in};
    atomic_store(&t->calls, 0);
    CHECK_INT(mst_cache_trace(env->cache, &o), MST_OK);
}

static void get_now(t_env *env, const char *key, uint32_t flags)
{
    const mst_options o = {.flags = flags};
    mst_result r;
    mst_get_now(env->cache, mst_str(key), &o, &r);
    mst_result_release(&r);
}

/* Each kind of read once, with the size where it is at hand; nothing else. */
static void reads(void)
{
    static told t;
    t_env env;
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, slow\n");
    IS_STATUS(t_set(&env, "k", "12345"), MST_OK);
    tell(&env, &t, 0);
    get_now(&env, "k", 0);
    get_now(&env, "other", 0);
    get_now(&env, "k", MST_F_PEEK);
    IS_STATUS(t_set(&env, "k", "12345"), MST_OK);
    CHECK_INT(t.calls, 2);
    CHECK(t.keys[0] != t.keys[1] && t.sizes[0] == 5 && t.sizes[1] == 0);
    for (int use_now = 0; use_now < 2; use_now++) {
        env.use_now = use_now;
        t_release(t_get(&env, "k"));
        CHECK_INT(t.calls, 3 + use_now);
        CHECK(t.keys[2 + use_now] == t.keys[0] && t.sizes[2 + use_now] == (use_now ? 5 : 0));
    }
    t_release(t_get(&env, "other"));
    CHECK_INT(t.calls, 5);
    CHECK(t.keys[4] == t.keys[1]);
    const mst_slice both[2] = {mst_str("k"), mst_str("other")};
    mst_result results[2];
    CHECK_INT(mst_get_many_wait(env.cache, both, 2, NULL, results), MST_OK);
    CHECK_INT(t.calls, 7);
    CHECK(t.keys[5] == t.keys[0] && t.sizes[5] == 5 && t.keys[6] == t.keys[1]);
    mst_result_release(&results[0]);
    mst_result_release(&results[1]);
    CHECK_INT(mst_cache_trace(env.cache, NULL), MST_OK);
    t_release(t_get(&env, "k"));
    CHECK_INT(t.calls, 7);
    t_close(&env);
}

/* All reads of a quarter of the keys, and always of the same. */
static void sample(void)
{
    static told t;
    t_env env;
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory\n");
    for (int round = 0; round < 2; round++) {
        tell(&env, &t, 4); /* replaces the one before */
        for (int i = 0; i < 2 * KEYS; i++) {
            char key[20];
            snprintf(key, sizeof key, "key-%d", i % KEYS);
            get_now(&env, key, 0);
        }
        unsigned half = t.calls / 2;
        CHECK(t.calls % 2 == 0 && half > KEYS / 5 && half < KEYS * 3 / 10);
        for (unsigned i = 0; i < half; i++) {
            CHECK(t.keys[i] == t.keys[half + i]);
        }
    }
    t_close(&env);
}

static void wrong(void)
{
    t_env env;
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory\n");
    CHECK_INT(mst_cache_trace(NULL, NULL), MST_EINVAL);
    CHECK_INT(mst_cache_trace(env.cache, &(mst_trace_options){.one_in = 1}), MST_EINVAL);
    get_now(&env, "k", 0);
    t_close(&env);
}

T_MAIN(T_TEST(reads), T_TEST(sample), T_TEST(wrong))
