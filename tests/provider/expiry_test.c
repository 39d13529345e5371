/* When entries of the provider "memory" end, and that the dead are found. The clock is the test's.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "provider/rig.h"
#include "provider/spy.h"

static rig r;
static spy s;

static void open_spied(void)
{
    static const rig_setup spied = {.max_bytes = 1 << 20, .policy = &spy_ops, .policy_self = &s};
    rig_open(&r, &spied);
    cr_assert_eq(r.start, MST_OK);
}

static void close_all(void)
{
    cr_assert(rig_close(&r));
    cr_assert_eq(s.faults, 0);
}

static bool there(uint64_t *expires, uint64_t *sliding)
{
    mst_op op = rig_get(&r, "key");
    rig_release(&op);
    *expires = op.expires_ms;
    *sliding = op.sliding_ms;
    return op.status == MST_OK;
}

static mst_status touch(uint64_t ms, uint64_t sliding)
{
    mst_op op = rig_op(&r, MST_OP_TOUCH, &rig_space, rig_text("key"));
    op.expires_ms = ms ? op.now_ms + ms : 0;
    op.sliding_ms = sliding;
    return rig_run(&r, &op);
}

Test(expiry, absolute_to_the_millisecond)
{
    uint64_t expires, sliding;
    open_spied();
    rig_set_for(&r, "key", "value", 100, 0);
    rig_pass_ms(&r, 99);
    cr_assert(there(&expires, &sliding));
    cr_assert_eq(expires, 1100);
    cr_assert_eq(sliding, 0);
    rig_pass_ms(&r, 1);
    cr_assert_not(there(&expires, &sliding));
    cr_assert_eq(rig_stat(&r, "entries"), 0, "it goes when it is asked for");
    cr_assert_eq(rig_stat(&r, "expirations"), 1);
    cr_assert_eq(s.removed, 1);
    close_all();
}

Test(expiry, a_value_that_is_over_when_it_comes_only_removes)
{
    open_spied();
    rig_set(&r, "key", "old");
    mst_op set = rig_op(&r, MST_OP_SET, &rig_space, rig_text("key"));
    set.expires_ms = set.now_ms;
    cr_assert_eq(rig_run(&r, &set), MST_OK);
    cr_assert_eq(rig_stat(&r, "entries"), 0);
    close_all();
}

Test(expiry, sliding_is_renewed_by_reading)
{
    uint64_t expires, sliding;
    open_spied();
    rig_set_for(&r, "key", "value", 0, 80);
    for (int i = 0; i < 10; i++) {
        rig_pass_ms(&r, 79);
        cr_assert(there(&expires, &sliding));
        cr_assert_eq(expires, atomic_load(&r.host.now_ms) + 80);
        cr_assert_eq(sliding, 80);
    }
    rig_pass_ms(&r, 9); /* less than an eighth of the window: not renewed */
    cr_assert(there(&expires, &sliding));
    cr_assert_eq(expires, atomic_load(&r.host.now_ms) + 71);
    rig_pass_ms(&r, 1);
    cr_assert(there(&expires, &sliding));
    cr_assert_eq(expires, atomic_load(&r.host.now_ms) + 80);
    rig_pass_ms(&r, 80);
    cr_assert_not(there(&expires, &sliding));
    close_all();
}

Test(expiry, sliding_ends_at_the_absolute_limit)
{
    uint64_t expires, sliding;
    open_spied();
    rig_set_for(&r, "key", "value", 200, 80);
    for (int i = 0; i < 3; i++) {
        rig_pass_ms(&r, 60);
        cr_assert(there(&expires, &sliding));
    }
    cr_assert_eq(expires, 1200);
    mst_op get = rig_get(&r, "key");
    cr_assert_eq(get.limit_ms, 1200);
    rig_release(&get);
    rig_pass_ms(&r, 20);
    cr_assert_not(there(&expires, &sliding));
    close_all();
}

Test(expiry, exists_tells_and_does_not_renew)
{
    open_spied();
    rig_set_for(&r, "key", "value", 0, 80);
    rig_pass_ms(&r, 50);
    mst_op op = rig_op(&r, MST_OP_EXISTS, &rig_space, rig_text("key"));
    cr_assert_eq(rig_run(&r, &op), MST_OK);
    cr_assert_eq(op.expires_ms, 1080);
    rig_pass_ms(&r, 30);
    cr_assert_not(rig_exists(&r, "key"));
    cr_assert_eq(s.hits, 0);
    close_all();
}

Test(expiry, touch_sets_both_times)
{
    uint64_t expires, sliding;
    open_spied();
    rig_set_for(&r, "key", "value", 100, 0);
    cr_assert_eq(touch(300, 0), MST_OK);
    cr_assert_eq(s.updated, 1);
    rig_pass_ms(&r, 150);
    cr_assert(there(&expires, &sliding));
    cr_assert_eq(expires, 1300);
    cr_assert_eq(touch(0, 0), MST_OK);
    cr_assert(there(&expires, &sliding));
    cr_assert_eq(expires, 0);
    cr_assert_eq(touch(100, 0), MST_OK);
    rig_pass_ms(&r, 100);
    cr_assert_eq(touch(100, 0), MST_MISS);
    close_all();
}

/* An entry that came without a window has no room for one. */
Test(expiry, touch_can_add_a_window_and_take_it_back)
{
    uint64_t expires, sliding;
    open_spied();
    mst_slice value = rig_text("value");
    mst_op set = rig_op(&r, MST_OP_SET, &rig_space, rig_text("key"));
    set.value = &value;
    set.value_parts = 1;
    set.tag = 3;
    set.created_ms = 4;
    rig_run(&r, &set);
    mst_op held = rig_get(&r, "key");
    cr_assert_eq(touch(0, 50), MST_OK);
    cr_assert(rig_has(&r, "key", "value"));
    mst_op get = rig_get(&r, "key");
    cr_assert_eq(get.tag, 3);
    cr_assert_eq(get.created_ms, 4);
    cr_assert_eq(get.expires_ms, 1050);
    cr_assert_eq(get.sliding_ms, 50);
    rig_release(&get);
    rig_release(&held);
    cr_assert_eq(touch(500, 0), MST_OK);
    cr_assert(there(&expires, &sliding));
    cr_assert_eq(expires, 1500);
    cr_assert_eq(sliding, 0);
    rig_pass_ms(&r, 499);
    cr_assert(there(&expires, &sliding));
    close_all();
}

static void fill(const char *name, int n, uint64_t ms)
{
    char key[32];
    for (int i = 0; i < n; i++) {
        snprintf(key, sizeof key, "%s %d", name, i);
        cr_assert_eq(rig_set_for(&r, key, "value", ms, 0), MST_OK);
    }
}

/* Writes to other keys find the dead, within one round of the hand; nobody asks for them. */
Test(expiry, writes_find_the_dead)
{
    open_spied();
    fill("short", 1500, 1000);
    fill("long", 1000, 100000);
    cr_assert_eq(rig_stat(&r, "expirations"), 0);
    rig_pass_ms(&r, 1000);
    for (int i = 0; i < 1500 && rig_stat(&r, "expirations") < 1500; i++) {
        rig_del(&r, "nobody");
    }
    cr_assert_eq(rig_stat(&r, "expirations"), 1500);
    cr_assert_eq(rig_stat(&r, "entries"), 1000);
    rig_pass_ms(&r, 99000);
    for (int i = 0; i < 1500; i++) {
        rig_del(&r, "nobody");
    }
    cr_assert_eq(rig_stat(&r, "entries"), 0, "the second time round as well");
    close_all();
}

/* Entries that come while the hand is on its way through their segment, behind it. */
Test(expiry, the_hand_comes_back_for_what_comes_behind_it)
{
    open_spied();
    fill("due", 100, 10);
    rig_pass_ms(&r, 10);
    for (int i = 0; i < 32; i++) { /* half of the segment's lines */
        rig_del(&r, "nobody");
    }
    cr_assert_gt(rig_stat(&r, "expirations"), 20);
    cr_assert_lt(rig_stat(&r, "expirations"), 80);
    int late = 0;
    for (int i = 0; late < 5; i++) {
        char key[32];
        snprintf(key, sizeof key, "late %d", i);
        if (rig_hash(&rig_space, rig_text(key)) % 64 < 20) { /* one of the first lines */
            cr_assert_eq(rig_set_for(&r, key, "value", 5, 0), MST_OK);
            late++;
        }
    }
    rig_pass_ms(&r, 5);
    for (int i = 0; i < 200; i++) {
        rig_del(&r, "nobody");
    }
    cr_assert_eq(rig_stat(&r, "entries"), 0);
    close_all();
}

/* A TOUCH that brings the end nearer is seen by the hand as well, wherever it is at that time. */
Test(expiry, the_hand_sees_shortened_lives)
{
    char key[32];
    open_spied();
    fill("key", 2000, 100000);
    for (int i = 0; i < 2000; i++) {
        snprintf(key, sizeof key, "key %d", i);
        mst_op op = rig_op(&r, MST_OP_TOUCH, &rig_space, rig_text(key));
        op.expires_ms = op.now_ms + 50 + (uint64_t) (i % 40);
        cr_assert_eq(rig_run(&r, &op), MST_OK);
        if (i % 100 == 0) {
            rig_pass_ms(&r, 1);
        }
        rig_del(&r, "nobody");
    }
    rig_pass_ms(&r, 100);
    for (int i = 0; i < 2000; i++) {
        rig_del(&r, "nobody");
    }
    cr_assert_eq(rig_stat(&r, "entries"), 0);
    close_all();
}

/* Keys that nobody asks for again, one each millisecond, with an end: each write looks at a line of
 * the index, which has eight entries or so, so the dead are found when an eighth of what is there
 * was written after they died. A policy that needs the room finds others anyway. */
Test(expiry, the_dead_are_a_small_part)
{
    enum { LIVE = 20000, ROUNDS = 8 };
    const rig_setup setup = {.max_bytes = 64 << 20, .shards = 2};
    char key[32];
    uint64_t most = 0;
    rig_open(&r, &setup);
    for (int i = 0; i < ROUNDS * LIVE; i++) {
        snprintf(key, sizeof key, "key %d", i);
        cr_assert_eq(rig_set_for(&r, key, "value", LIVE, 0), MST_OK);
        rig_pass_ms(&r, 1);
        if (i > 2 * LIVE && i % 100 == 0) {
            uint64_t entries = rig_stat(&r, "entries");
            most = entries > most ? entries : most;
        }
    }
    cr_assert(most > LIVE && most < LIVE * 9 / 8, "%lu", (unsigned long) most);
    cr_assert_eq(rig_stat(&r, "evictions"), 0);
    close_all();
}
