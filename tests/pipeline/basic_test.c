/* basic_test.c - every operation once, in every arrangement of tiers and loops, with and without an
 * answer at once. What is the same everywhere is checked here; what differs has tests of its own.
 */
#include "env.h"

enum { LONGEST = 300 };

static bool has_near(const char *tiers)
{
    return !strncmp(tiers, "memory", 6) || !strncmp(tiers, "near", 4);
}

static void nothing_there(t_env *env)
{
    t_about("nothing there");
    t_reply *r = t_get(env, "k");
    IS_MISS(r);
    IS_WHY(r, MST_WHY_MISS);
    IS_TIER(r, MST_TIER_NONE);
    CHECK(!r->result.data && !r->result.object && !r->result.len);
    IS_MISS(t_exists(env, "k"));
    IS_MISS(t_remove(env, "k"));
    IS_MISS(t_touch(env, "k"));
}

static void one_value(t_env *env, bool near)
{
    t_about("one value");
    t_reply *r = t_set(env, "k", "one");
    IS_STATUS(r, MST_OK);
    IS_WHY(r, MST_WHY_STORED);
    r = t_get(env, "k");
    IS_VALUE(r, "one");
    IS_WHY(r, MST_WHY_HIT);
    IS_TIER(r, 0);
    CHECK(r->result.age_ms >= -1 && r->result.age_ms < T_PATIENCE_MS);
    CHECK(!r->result.object);
    if (near && env->use_now) {
        CHECK(r->at_once);
    }
    IS_STATUS(t_exists(env, "k"), MST_OK);
    IS_STATUS(t_set(env, "k", "two"), MST_OK);
    IS_VALUE(t_get(env, "k"), "two");
    IS_STATUS(t_touch(env, "k"), MST_OK);
    IS_VALUE(t_get(env, "k"), "two");
    r = t_remove(env, "k");
    IS_STATUS(r, MST_OK);
    IS_WHY(r, MST_WHY_REMOVED);
    IS_MISS(t_get(env, "k"));
    IS_MISS(t_remove(env, "k"));
}

static void odd_bytes(t_env *env)
{
    t_about("odd bytes");
    static const char value[] = "a\0b\xff\n";
    mst_slice key = {"k\0\x01\xfe", 4}, shorter = {"k\0\x01", 3};
    mst_slice bytes = {value, sizeof value - 1};
    IS_STATUS(t_wait(t_begin_set_bytes(env, key, bytes, NULL)), MST_OK);
    mst_slice keys[] = {key, shorter};
    t_reply *r = t_wait(t_begin_get_many(env, keys, 2, NULL));
    CHECK_INT(r->many[0].status, MST_OK);
    CHECK(r->many[0].len == bytes.len && !memcmp(r->many[0].data, value, bytes.len));
    CHECK_INT(r->many[1].status, MST_MISS);
    IS_STATUS(t_set(env, "empty", ""), MST_OK);
    r = t_get(env, "empty");
    IS_VALUE(r, "");
    IS_WHY(r, MST_WHY_HIT);
}

static void conditions(t_env *env)
{
    t_about("conditions");
    mst_options absent = {.flags = MST_F_IF_ABSENT}, present = {.flags = MST_F_IF_PRESENT};
    t_reply *r = t_wait(t_begin_set(env, "c", "no", &present));
    IS_STATUS(r, MST_UNCHANGED);
    IS_MISS(t_get(env, "c"));
    IS_STATUS(t_wait(t_begin_set(env, "c", "first", &absent)), MST_OK);
    IS_STATUS(t_wait(t_begin_set(env, "c", "second", &absent)), MST_UNCHANGED);
    IS_VALUE(t_get(env, "c"), "first");
    IS_STATUS(t_wait(t_begin_set(env, "c", "third", &present)), MST_OK);
    IS_VALUE(t_get(env, "c"), "third");
}

enum { MANY = 40, ASKED = 60 };

static void batches(t_env *env)
{
    static char names[ASKED][16], values[MANY][16];
    mst_slice keys[ASKED];
    mst_input inputs[MANY] = {{0}};
    t_about("batches");
    for (int i = 0; i < ASKED; i++) {
        snprintf(names[i], sizeof names[i], "many-%d", i);
        keys[i] = mst_str(names[i]);
    }
    for (int i = 0; i < MANY; i++) {
        snprintf(values[i], sizeof values[i], "value-%d", i);
        inputs[i].data = values[i];
        inputs[i].len = strlen(values[i]);
    }
    t_reply *r = t_wait(t_begin_set_many(env, keys, inputs, MANY));
    for (int i = 0; i < MANY; i++) {
        CHECK_INT(r->many[i].status, MST_OK);
    }
    r = t_wait(t_begin_get_many(env, keys, ASKED, NULL));
    for (int i = 0; i < ASKED; i++) {
        CHECK_INT(r->many[i].status, i < MANY ? MST_OK : MST_MISS);
        if (i < MANY) {
            CHECK_BYTES(r->many[i].data, r->many[i].len, values[i]);
        }
    }
    mst_slice twice[3] = {keys[3], keys[50], keys[3]};
    r = t_wait(t_begin_get_many(env, twice, 3, NULL));
    CHECK(t_has_value(&r->many[0], values[3]) && t_has_value(&r->many[2], values[3]));
    CHECK_INT(r->many[1].status, MST_MISS);
    r = t_wait(t_begin_remove_many(env, keys + MANY - 5, 10));
    for (int i = 0; i < 10; i++) {
        CHECK_INT(r->many[i].status, i < 5 ? MST_OK : MST_MISS);
    }
    IS_MISS(t_get(env, names[MANY - 1]));
    IS_VALUE(t_get(env, names[0]), values[0]);
}

static void clearing(t_env *env)
{
    t_about("clear");
    IS_STATUS(t_set(env, "c1", "1"), MST_OK);
    IS_STATUS(t_set(env, "c2", "2"), MST_OK);
    IS_STATUS(t_clear(env), MST_OK);
    IS_MISS(t_get(env, "c1"));
    IS_MISS(t_get(env, "c2"));
    IS_MISS(t_get(env, "many-0"));
    IS_STATUS(t_set(env, "c1", "again"), MST_OK);
    IS_VALUE(t_get(env, "c1"), "again");
}

static void all_operations(t_mode mode, const char *tiers, bool use_now)
{
    t_env env;
    char settings[200];
    snprintf(settings, sizeof settings, "cache tiers = %s\n", tiers);
    fprintf(stderr, "  %s, %s, %s\n", tiers, t_mode_names[mode], use_now ? "now" : "done only");
    t_fresh();
    t_open(&env, mode, settings);
    env.use_now = use_now;
    nothing_there(&env);
    one_value(&env, has_near(tiers));
    odd_bytes(&env);
    conditions(&env);
    batches(&env);
    clearing(&env);
    mst_stats s = t_stats(&env);
    CHECK(s.started > 140);
    CHECK(s.pending == 0 && s.loads == 0 && s.decodes == 0 && s.encodes == 0);
    CHECK(s.tier_errors == 0 && s.tier_timeouts == 0 && s.decode_misses == 0);
    CHECK(has_near(tiers) ? s.near_hits > 40 : s.far_hits > 40);
    CHECK(s.misses > 20);
    t_close(&env);
}

static void every_arrangement(const char *tiers)
{
    for (int mode = 0; mode < T_MODES; mode++) {
        all_operations((t_mode) mode, tiers, false);
        all_operations((t_mode) mode, tiers, true);
    }
}

static void memory_only(void)
{
    every_arrangement("memory");
}

static void memory_and_slow(void)
{
    every_arrangement("memory, slow");
}

static void slow_only(void)
{
    every_arrangement("slow");
    all_operations(T_THREE, "fail", true);
}

static void near_and_slow(void)
{
    every_arrangement("near, slow");
}

static void near_only(void)
{
    every_arrangement("near");
}

static void memory_and_block(void)
{
    every_arrangement("memory, block");
    CHECK_INT(fx_block.overlaps, 0);
}

static void block_only(void)
{
    every_arrangement("block");
}

static void three_tiers(void)
{
    every_arrangement("memory, block, slow");
}

/* The same with a slow that answers late, at random, half of the time from another thread. */
static void slow_with_delays(void)
{
    t_env env;
    t_fresh();
    atomic_store(&fx_slow.delay_ms, 1);
    atomic_store(&fx_slow.jitter_ms, 5);
    atomic_store(&fx_slow.mt_percent, 50);
    for (int mode = 0; mode < T_MODES; mode++) {
        t_open(&env, (t_mode) mode, "cache tiers = memory, slow\n");
        nothing_there(&env);
        one_value(&env, true);
        conditions(&env);
        batches(&env);
        clearing(&env);
        t_close(&env);
    }
    CHECK(atomic_load(&fx_slow.by_thread) > 0);
}

static void blocking_forms(void)
{
    t_env env;
    mst_result r = {0}, many[2] = {{0}};
    mst_input in = {.data = "v", .len = 1},
              ins[2] = {{.data = "1", .len = 1}, {.data = "2", .len = 1}};
    mst_slice k = mst_str("k"), keys[2] = {mst_str("a"), mst_str("b")};
    t_fresh();
    t_open(&env, T_THREE, "cache tiers = memory, slow\n");
    CHECK_INT(mst_get_wait(env.cache, k, NULL, &r), MST_MISS);
    CHECK_INT(r.status, MST_MISS);
    CHECK_INT(mst_set_wait(env.cache, k, &in, NULL, &r), MST_OK);
    mst_result_release(&r);
    CHECK_INT(mst_get_wait(env.cache, k, NULL, &r), MST_OK);
    CHECK(t_has_value(&r, "v"));
    mst_result_release(&r);
    CHECK(!r.data && !r.len && !r.release);
    CHECK_INT(mst_exists_wait(env.cache, k, NULL, &r), MST_OK);
    mst_result_release(&r);
    CHECK_INT(mst_touch_wait(env.cache, k, NULL, &r), MST_OK);
    mst_result_release(&r);
    CHECK_INT(mst_remove_wait(env.cache, k, NULL, &r), MST_OK);
    mst_result_release(&r);
    CHECK(mst_set_many_wait(env.cache, keys, ins, 2, NULL, many) >= 0);
    CHECK(many[0].status == MST_OK && many[1].status == MST_OK);
    CHECK(mst_get_many_wait(env.cache, keys, 2, NULL, many) >= 0);
    CHECK(t_has_value(&many[0], "1") && t_has_value(&many[1], "2"));
    mst_result_release(&many[0]);
    mst_result_release(&many[1]);
    CHECK(mst_remove_many_wait(env.cache, keys, 2, NULL, many) >= 0);
    CHECK(many[0].status == MST_OK && many[1].status == MST_OK);
    CHECK_INT(mst_clear_wait(env.cache, NULL, &r), MST_OK);
    mst_result_release(&r);
    t_close(&env);
}

/* Hits of the nearest tier have a shortest way, on which keys of 9 to 16 bytes are hashed in place:
 * all lengths, by threads that have asked before and one that has not, of two caches in turn. */
static void hit(mst_cache *cache, mst_slice key)
{
    mst_result r = {0};
    CHECK_INT(mst_get_now(cache, key, NULL, &r), MST_OK);
    CHECK(r.len == key.len && memcmp(r.data, key.data, key.len) == 0);
    CHECK(r.age_ms >= 0 && r.ttl_ms > 0);
    mst_result_release(&r);
    CHECK(!r.release && !r.data);
    CHECK_INT(mst_get(cache, key, NULL, &r, NULL, NULL), MST_OK);
    mst_result_release(&r);
}

static void *hit_all(void *arg)
{
    mst_cache *const *caches = arg;
    char text[LONGEST];
    memset(text, 'k', sizeof text);
    for (size_t len = 1; len <= LONGEST; len++) {
        t_about("a key of %zu bytes", len);
        hit(caches[0], (mst_slice){text, len});
        hit(caches[1], (mst_slice){text, len});
        hit(caches[1], (mst_slice){text, len});
    }
    return NULL;
}

static void keys_of_all_lengths(void)
{
    t_env env;
    pthread_t thread;
    char text[LONGEST];
    mst_result r;
    memset(text, 'k', sizeof text);
    t_fresh();
    t_open(&env, T_ONE,
           "cache tiers = memory\ncache expire = 1h\n"
           "cache.other tiers = memory\ncache.other expire = 1h\ncache.other namespace = o\n");
    mst_cache *caches[2] = {env.cache, mst_cache_named(env.runtime, "other")};
    for (size_t len = 1; len <= LONGEST; len++) {
        mst_slice key = {text, len};
        mst_input in = {.data = text, .len = len};
        for (int i = 0; i < 2; i++) {
            CHECK_INT(mst_get_now(caches[i], key, NULL, &r), MST_MISS);
            CHECK_INT(mst_set_wait(caches[i], key, &in, NULL, &r), MST_OK);
            mst_result_release(&r);
        }
    }
    CHECK_INT(mst_get_now(env.cache, (mst_slice){text, 0}, NULL, &r), MST_EINVAL);
    CHECK_INT(mst_get_now(env.cache, (mst_slice){NULL, 9}, NULL, &r), MST_EINVAL);
    CHECK_INT(mst_get_now(env.cache, (mst_slice){text, 65536}, NULL, &r), MST_EINVAL);
    hit_all(caches);
    REQUIRE(!pthread_create(&thread, NULL, hit_all, caches));
    pthread_join(thread, NULL);
    CHECK_INT(t_stats(&env).near_hits, 2 * 2 * LONGEST);
    t_close(&env);
}

T_MAIN(T_TEST(keys_of_all_lengths), T_TEST(memory_only), T_TEST(memory_and_slow), T_TEST(slow_only),
       T_TEST(near_and_slow), T_TEST(near_only), T_TEST(memory_and_block), T_TEST(block_only),
       T_TEST(three_tiers), T_TEST(slow_with_delays), T_TEST(blocking_forms))
