/* oom_test.c - each allocation fails once, in turn, through a whole life: open, ask, close. Nothing
 * crashes, nothing leaks, and every request is refused or answered. */
#include <stdlib.h>

#include "counting.h"
#include "env.h"

static void load_now(void *arg, mst_load *load)
{
    mst_input input = {.data = "loaded", .len = 6};
    atomic_fetch_add((_Atomic int *) arg, 1);
    mst_load_bytes(load, &input);
}

static bool is_true(const mst_result *r, const char *want)
{
    return r->status != MST_OK || !r->data || t_has_value(r, want);
}

static void ask_everything(t_env *env)
{
    _Atomic int loads = 0;
    mst_loader loader = {.load = load_now, .arg = &loads};
    mst_request *handle = NULL;
    mst_options options = {.request = &handle};
    mst_slice keys[] = {mst_str("a"), mst_str("b"), mst_str("c")};
    mst_input inputs[] = {
        {.data = "va", .len = 2}, {.data = "vb", .len = 2}, {.data = "vc", .len = 2}};
    t_wait(t_begin_set(env, "k", "value", NULL));
    CHECK(is_true(&t_get(env, "k")->result, "value"));
    CHECK(is_true(&t_wait(t_begin_get(env, "k", &options))->result, "value"));
    mst_cancel(handle);
    mst_request_release(handle);
    CHECK(is_true(&t_load(env, "l", &loader)->result, "loaded"));
    CHECK(is_true(&t_load(env, "l", &loader)->result, "loaded"));
    t_wait(t_begin_set_many(env, keys, inputs, 3));
    t_reply *r = t_wait(t_begin_get_many(env, keys, 3, NULL));
    CHECK(is_true(&r->many[2], "vc"));
    t_wait(t_begin_remove_many(env, keys, 2));
    t_exists(env, "k");
    t_touch(env, "k");
    t_remove(env, "k");
    t_clear(env);
    CHECK(atomic_load(&loads) <= 4);
}

/* One life; returns whether everything was opened and no allocation had to fail. */
static bool one_life(t_counting *counting, t_mode mode, const char *settings)
{
    t_env env = {.allocator = &counting->allocator};
    mst_error error = {0};
    mst_status status = t_try_open(&env, mode, settings, &error);
    if (status) {
        CHECK(atomic_load(&counting->failed) > 0);
        CHECK_INT(status, MST_ENOMEM);
        t_end(&env);
    } else {
        REQUIRE(env.cache);
        ask_everything(&env);
        t_close(&env);
    }
    return !status && !atomic_load(&counting->failed);
}

static void each_allocation_fails(t_mode mode, const char *settings)
{
    t_counting counting;
    long n = 0;
    fprintf(stderr, "  %s, %s", t_mode_names[mode], settings);
    for (bool over = false; !over;) {
        t_fresh();
        t_counting_init(&counting);
        atomic_store(&counting.fail_at, ++n);
        t_about("allocation %ld", n);
        over = one_life(&counting, mode, settings);
        CHECK_INT(atomic_load(&counting.balance), 0);
        t_keep_going();
    }
    fprintf(stderr, "  %ld allocations\n", n - 1);
    CHECK(n > 20);
}

static void memory_alone(void)
{
    each_allocation_fails(T_LENT, "cache tiers = memory\n");
}

static void memory_and_slow(void)
{
    each_allocation_fails(T_LENT, "cache tiers = memory, slow\n");
}

static void traced(void)
{
    each_allocation_fails(T_LENT, "cache tiers = memory, slow\ncache slow_request = 1ms\n"
                                  "runtime exporters = keep\nruntime trace_ratio = 100%\n");
}

static void near_and_slow_on_threads(void)
{
    each_allocation_fails(T_THREE, "cache tiers = near, slow\n");
}

static void block_compressed(void)
{
    each_allocation_fails(T_ONE, "cache tiers = memory, block\ncache compressor = brotli\n"
                                 "compressor.brotli min_size = 1B\ncache offload_bytes = 1B\n");
}

/* From some allocation on there is no memory at all: also then everything ends. */
static void no_more_memory(void)
{
    t_counting counting;
    for (long start = 0; start < 40; start++) {
        t_env env = {.allocator = &counting.allocator};
        mst_error error = {0};
        t_fresh();
        t_counting_init(&counting);
        t_about("%ld", start);
        REQUIRE(!t_try_open(&env, T_ONE, "cache tiers = memory, slow\n", &error));
        atomic_store(&counting.fail_at, atomic_load(&counting.calls) + start + 1);
        atomic_store(&counting.fail_after, true);
        ask_everything(&env);
        t_close(&env);
        CHECK_INT(atomic_load(&counting.balance), 0);
    }
}

T_MAIN(T_TEST(memory_alone), T_TEST(memory_and_slow), T_TEST(traced),
       T_TEST(near_and_slow_on_threads), T_TEST(block_compressed), T_TEST(no_more_memory))
