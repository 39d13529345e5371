/* renew_test.c - entries that slide in a far tier which cannot tell their end, as Redis cannot: how
 * often they are renewed, by what, and never beyond their limit. The back end keeps ends only. */
#include <stdlib.h>

#include "env.h"
#include "loading.h"

enum { COARSE_MS = 25 };

static uint64_t touches(void)
{
    return atomic_load(&fx_slow.seen[MST_OP_TOUCH]);
}

static uint64_t windows(void)
{
    return atomic_load(&fx_slow.windows);
}

static uint64_t end_of(const char *key)
{
    char full[40];
    snprintf(full, sizeof full, "t:%s", key);
    return fx_server_expires_ms(fx_server_at(0), full);
}

/* `more`: further settings. */
static void open_sliding(t_env *env, const char *sliding, bool renews, const char *more)
{
    char settings[300];
    snprintf(settings, sizeof settings, "cache tiers = slow\ncache sliding = %s\n%s", sliding,
             more);
    t_fresh();
    atomic_store(&fx_slow.ends_only, 1);
    atomic_store(&fx_slow.renews, renews);
    t_open(env, T_ONE, settings);
}

static void read_once(t_env *env, const char *key)
{
    t_reply *r = t_get(env, key);
    IS_VALUE(r, "v");
    t_release(r);
}

/* And what the read sends has been executed: the tier keeps the order of operations on a key. */
static void read_and_settle(t_env *env, const char *key)
{
    read_once(env, key);
    t_release(t_exists(env, key));
}

static void one_renewal_for_a_thousand_reads(void)
{
    t_env env;
    open_sliding(&env, "1h", true, "");
    IS_STATUS(t_set(&env, "k", "v"), MST_OK);
    for (int i = 0; i < 1000; i++) {
        read_once(&env, "k");
    }
    read_and_settle(&env, "k");
    CHECK_INT(touches(), 1);
    CHECK_INT(windows(), 0);
    t_close(&env);
}

/* Reads go on for several quarters of the window: the first renewal is a TOUCH, and the others
 * travel with a GET. */
static void same_round_trip(void)
{
    enum { WINDOW = 1200, QUARTER = WINDOW / 4 };
    t_env env;
    open_sliding(&env, "1200ms", true, "");
    IS_STATUS(t_set(&env, "k", "v"), MST_OK);
    read_and_settle(&env, "k");
    CHECK_INT(touches(), 1);
    uint64_t begin = t_ms(), before = end_of("k"), last = begin, longest = 0;
    while (t_ms() - begin < 4 * QUARTER + 50) {
        t_sleep_until(t_ms() + 3);
        t_release(t_get(&env, "k"));
        longest = t_ms() - last > longest ? t_ms() - last : longest;
        last = t_ms();
    }
    if (longest < QUARTER / 2) { /* else the machine was too slow to say anything */
        CHECK_INT(touches(), 1);
        CHECK(windows() >= 3 && windows() <= (last - begin) / QUARTER + 1);
        CHECK_INT(atomic_load(&fx_slow.last_window_ms), WINDOW + QUARTER); /* life.c */
        CHECK(end_of("k") >= before + 3 * QUARTER - COARSE_MS);
        read_once(&env, "k");
    }
    t_close(&env);
}

/* A provider that ignores the window is sent a TOUCH as well, and not more often. */
static void provider_that_cannot(void)
{
    t_env env;
    open_sliding(&env, "2s", false, "");
    IS_STATUS(t_set(&env, "k", "v"), MST_OK);
    read_and_settle(&env, "k");
    uint64_t end = end_of("k"), begin = t_ms();
    t_sleep_until(begin + 500 + COARSE_MS);
    read_and_settle(&env, "k");
    CHECK_INT(windows(), 1);
    CHECK_INT(touches(), 2);
    CHECK(end_of("k") >= end + 500 - COARSE_MS);
    for (int i = 0; i < 20; i++) {
        read_and_settle(&env, "k");
        CHECK(touches() == 2 || t_ms() - begin >= 900);
    }
    t_close(&env);
}

/* Neither TOUCH nor GET lets it live beyond its `expire`. */
static void absolute_limit(void)
{
    t_env env;
    open_sliding(&env, "1200ms", true, "cache expire = 2s\n");
    uint64_t begin = t_ms();
    IS_STATUS(t_set(&env, "k", "v"), MST_OK);
    read_and_settle(&env, "k");
    uint64_t limit = begin + 2000 + 2 * COARSE_MS, set_after = t_ms() - begin;
    while (t_ms() - begin < 1900) {
        t_release(t_get(&env, "k"));
        uint64_t end = end_of("k"), window = atomic_load(&fx_slow.last_window_ms);
        CHECK(end == MST_TIME_UNKNOWN || end <= limit + set_after);
        CHECK(window <= 2000);
        t_sleep_until(t_ms() + 10);
    }
    if (windows() > 1) {
        CHECK(atomic_load(&fx_slow.last_window_ms) < 1500); /* what was left, not the window */
    }
    CHECK(touches() <= 1 + 2); /* one or two of clocks that disagree by some milliseconds */
    while (t_get(&env, "k")->result.status == MST_OK && t_ms() - begin < T_PATIENCE_MS) {
        t_sleep_until(t_ms() + 10);
    }
    CHECK(t_ms() - begin < T_PATIENCE_MS);
    t_close(&env);
}

static void others_never_carry(void)
{
    t_env env;
    mst_options peek = {.flags = MST_F_PEEK};
    t_fresh();
    atomic_store(&fx_slow.ends_only, 1);
    atomic_store(&fx_slow.renews, 1);
    t_open(&env, T_ONE, "cache tiers = slow\ncache expire = 1h\n");
    IS_STATUS(t_set(&env, "k", "v"), MST_OK);
    for (int i = 0; i < 50; i++) {
        read_once(&env, "k");
        t_release(t_exists(&env, "k"));
        t_release(t_wait(t_begin_get(&env, "k", &peek)));
    }
    CHECK_INT(windows(), 0);
    CHECK_INT(touches(), 0);
    t_close(&env);
}

/* Known to slide, and due: the next read would carry the window. */
static void make_due(t_env *env, const char *key)
{
    IS_STATUS(t_set(env, key, "v"), MST_OK);
    read_and_settle(env, key);
    t_sleep_until(t_ms() + 250 + COARSE_MS);
}

static void peeks_never_carry(void)
{
    t_env env;
    mst_options peek = {.flags = MST_F_PEEK};
    open_sliding(&env, "1s", true, "");
    make_due(&env, "k");
    uint64_t before = touches();
    t_release(t_wait(t_begin_get(&env, "k", &peek)));
    t_release(t_exists(&env, "k"));
    CHECK_INT(windows(), 0);
    CHECK_INT(touches(), before);
    t_close(&env);
}

/* What this process writes is known to it: the old window is not carried any more. */
static void writes_forget(void)
{
    mst_options endless = {.entry = {.sliding_ms = MST_NEVER}};
    for (int how = 0; how < 3; how++) {
        t_env env;
        t_about("way %d", how);
        open_sliding(&env, "1s", true, "");
        make_due(&env, "k");
        if (how == 0) {
            t_release(t_wait(t_begin_set(&env, "k", "v", &endless)));
        } else if (how == 1) {
            t_release(t_touch(&env, "k"));
        } else {
            t_release(t_remove(&env, "k"));
        }
        t_release(t_get(&env, "k"));
        CHECK_INT(windows(), 0);
        t_close(&env);
    }
}

/* A key that has gone and is loaded again begins anew. */
static void loads_forget(void)
{
    t_env env;
    t_loader loader;
    open_sliding(&env, "1s", true, "");
    t_loader_init(&loader, T_LOAD_NOW, "v");
    make_due(&env, "k");
    fx_server_erase(fx_server_at(0), "t:k");
    IS_VALUE(t_load(&env, "k", &loader.loader), "v");
    uint64_t before = windows();
    T_UNTIL(end_of("k") != MST_TIME_UNKNOWN);
    read_once(&env, "k");
    CHECK_INT(windows(), before);
    t_close(&env);
    t_loader_fini(&loader);
}

/* Another process has written the key with another life. The window that the GET carried was wrong;
 * what is read says so, and it is put right. */
static void somebody_else_has_written(void)
{
    t_env env, other;
    mst_options endless = {.entry = {.sliding_ms = MST_NEVER}};
    mst_options bounded = {.entry = {.sliding_ms = 1000, .expire_ms = 700}};
    open_sliding(&env, "1s", true, "");
    t_open(&other, T_ONE, "cache tiers = slow\n");
    make_due(&env, "k");
    IS_STATUS(t_wait(t_begin_set(&other, "k", "v", &endless)), MST_OK);
    CHECK_INT(end_of("k"), 0);
    t_reply *r = t_get(&env, "k");
    IS_VALUE(r, "v");
    CHECK_INT(r->result.ttl_ms, -1);
    CHECK_INT(windows(), 1);
    T_UNTIL(end_of("k") == 0);
    read_and_settle(&env, "k");
    CHECK_INT(windows(), 1);

    make_due(&env, "l");
    uint64_t begin = t_ms();
    IS_STATUS(t_wait(t_begin_set(&other, "l", "v", &bounded)), MST_OK);
    uint64_t limit = end_of("l");
    t_release(t_get(&env, "l"));
    if (t_ms() - begin < 600) {
        CHECK_INT(windows(), 2);
        T_UNTIL_MS(end_of("l") <= limit + 2 * COARSE_MS, 5000);
    }
    t_close(&other);
    t_close(&env);
}

/* A renewal that did not happen is tried again by the next read, not a quarter of the window
 * later. */
static void failed_renewal(void)
{
    t_env env;
    open_sliding(&env, "1h", true, "");
    IS_STATUS(t_set(&env, "k", "v"), MST_OK);
    atomic_store(&fx_slow.touch_status, MST_EBUSY);
    for (unsigned i = 1; i <= 3; i++) {
        read_and_settle(&env, "k");
        CHECK_INT(touches(), i);
    }
    atomic_store(&fx_slow.touch_status, 0);
    read_and_settle(&env, "k");
    read_and_settle(&env, "k");
    CHECK_INT(touches(), 4);
    t_close(&env);
}

/* A read that was sent before a write must not give the written value the life of the old one. */
static void superseded_read(void)
{
    t_env env;
    mst_options endless = {.entry = {.sliding_ms = MST_NEVER}};
    open_sliding(&env, "1h", true, "");
    IS_STATUS(t_set(&env, "k", "v"), MST_OK);
    atomic_store(&fx_slow.hold_replies, FX_BIT(MST_OP_GET));
    t_reply *r = t_begin_get(&env, "k", NULL);
    T_UNTIL(atomic_load(&fx_slow.executed[MST_OP_GET]) == 1);
    IS_STATUS(t_wait(t_begin_set(&env, "k", "w", &endless)), MST_OK);
    atomic_store(&fx_slow.hold_replies, 0);
    IS_VALUE(t_wait(r), "v");
    IS_VALUE(t_get(&env, "k"), "w");
    CHECK_INT(touches(), 0);
    CHECK_INT(end_of("k"), 0);
    t_close(&env);
}

/* Some share a place: what is forgotten is renewed once more, and nothing else happens. */
static void many_keys(void)
{
    enum { KEYS = 1000 / T_SLOWNESS };
    t_env env;
    char key[16];
    open_sliding(&env, "1h", true, "");
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "k%d", i);
        t_release(t_set(&env, key, "v"));
    }
    for (int i = 0; i < 3 * KEYS; i++) {
        snprintf(key, sizeof key, "k%d", i % KEYS);
        read_once(&env, key);
    }
    CHECK(touches() >= KEYS && touches() <= 3 * KEYS);
    CHECK_INT(windows(), 0);
    t_close(&env);
}

/* Behind a near tier, where the window is larger by what the far one does not see. */
static void behind_a_near_tier(void)
{
    t_env env;
    mst_options far = {.flags = MST_F_FAR};
    t_fresh();
    atomic_store(&fx_slow.ends_only, 1);
    atomic_store(&fx_slow.renews, 1);
    t_open(&env, T_ONE, "cache tiers = memory, slow\ncache sliding = 1s\n");
    IS_STATUS(t_set(&env, "k", "v"), MST_OK);
    t_release(t_wait(t_begin_get(&env, "k", &far)));
    T_UNTIL(touches() == 1);
    t_sleep_until(t_ms() + 250 + COARSE_MS);
    t_release(t_wait(t_begin_get(&env, "k", &far)));
    CHECK_INT(windows(), 1);
    CHECK_INT(touches(), 1);
    CHECK_INT(atomic_load(&fx_slow.last_window_ms), 1000 + 500 + 250);
    t_close(&env);
}

T_MAIN(T_TEST(one_renewal_for_a_thousand_reads), T_TEST(same_round_trip),
       T_TEST(provider_that_cannot), T_TEST(absolute_limit), T_TEST(others_never_carry),
       T_TEST(peeks_never_carry), T_TEST(writes_forget), T_TEST(loads_forget),
       T_TEST(somebody_else_has_written), T_TEST(failed_renewal), T_TEST(superseded_read),
       T_TEST(many_keys), T_TEST(behind_a_near_tier))
