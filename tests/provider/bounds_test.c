/* The bounds of the provider "memory": bytes, entries, and what happens when there is no memory. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "provider/rig.h"
#include "provider/spy.h"

static rig r;

static mst_status set_bytes(int number, size_t len)
{
    static char bytes[8 << 20];
    char key[32];
    mst_slice value = {bytes, len};
    mst_slice k = {key, (size_t) snprintf(key, sizeof key, "key %d", number)};
    mst_op op = rig_op(&r, MST_OP_SET, &rig_space, k);
    op.value = &value;
    op.value_parts = 1;
    return rig_run(&r, &op);
}

static void close_all(void)
{
    cr_assert(rig_close(&r), "blocks left: %ld", (long) atomic_load(&r.host.blocks));
}

static uint64_t resident(void)
{
    unsigned long all = 0, pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    cr_assert(f && fscanf(f, "%lu %lu", &all, &pages) == 2);
    fclose(f);
    return (uint64_t) pages * (uint64_t) sysconf(_SC_PAGESIZE);
}

/* What it says that it takes is what the process grew by, and never more than the bound. Under a
 * sanitizer only the bound can be checked. The sizes change half-way: what was cut for small values
 * has to serve large ones. */
Test(bounds, bytes_are_honest)
{
    const uint64_t max_bytes = 48 << 20;
    const rig_setup setup = {.max_bytes = max_bytes, .shards = 2};
    uint64_t before = resident();
    rig_open(&r, &setup);
    srand(1);
    for (int i = 0; i < 400000; i++) {
        size_t most = i % 1000 == 0 ? 50000 : i < 200000 ? 300 : 1500;
        cr_assert_eq(set_bytes(i, (size_t) rand() % most), MST_OK);
        if (i % 10000 == 9999) {
            cr_assert_leq(rig_stat(&r, "bytes"), max_bytes);
        }
    }
    double said = (double) rig_stat(&r, "bytes"), took = (double) (resident() - before);
    cr_assert_gt(said, 0.95 * (double) max_bytes, "the room is used");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    cr_assert(took > 0.9 * said && took < 1.1 * said, "%.0f of %.0f", took, said);
#endif
    cr_assert_gt(took, 0);
    cr_assert_gt(rig_stat(&r, "grows"), 4);
    uint64_t moved = rig_stat(&r, "most_moved");
    cr_assert(moved > 100 && moved < 996, "%lu", (unsigned long) moved);
    close_all();
}

/* What is lent and what is being copied among it, however large the values are. */
Test(bounds, large_values_keep_the_bound)
{
    enum { HELD = 8 };
    const uint64_t max_bytes = 128 << 20;
    const rig_setup setup = {.max_bytes = max_bytes, .shards = 2};
    mst_op held[HELD] = {0};
    char key[32];
    uint64_t before = resident(), peak = 0;
    rig_open(&r, &setup);
    srand(3);
    for (int i = 0; i < 5000; i++) {
        size_t most = i % 50 == 0 ? 8 << 20 : i % 5 == 0 ? 300000 : 20000;
        cr_assert_eq(set_bytes(i, (size_t) rand() % most), MST_OK);
        snprintf(key, sizeof key, "key %d", i);
        rig_release(&held[i % HELD]);
        held[i % HELD] = rig_get(&r, key);
        cr_assert_leq(rig_stat(&r, "bytes"), max_bytes);
        uint64_t now = resident();
        peak = now > peak ? now : peak;
    }
    uint64_t took = peak - before;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    cr_assert(took < max_bytes / 100 * 102, "%.3f", (double) took / (double) max_bytes);
#endif
    cr_assert_gt(took, max_bytes / 2);
    for (int i = 0; i < HELD; i++) {
        rig_release(&held[i]);
    }
    close_all();
}

/* Not a page for each; but those of a size that occurs often get pages of their own. */
Test(bounds, a_few_entries_of_many_sizes)
{
    enum { SIZES = 64, PAGE = 128 << 10, MANY = 4000, SLOT = 176 };
    const rig_setup setup = {.max_bytes = 256 << 20, .shards = 1};
    rig_open(&r, &setup);
    uint64_t before = rig_stat(&r, "bytes");
    for (int i = 0; i < SIZES; i++) {
        cr_assert_eq(set_bytes(i, (size_t) (i * 37 % SIZES) * 240), MST_OK);
    }
    uint64_t few = rig_stat(&r, "bytes") - before;
    cr_assert_lt(few, SIZES / 4 * PAGE);
    for (int i = 0; i < MANY; i++) {
        set_bytes(SIZES + i, 100);
    }
    uint64_t many = rig_stat(&r, "bytes") - before - few;
    cr_assert(many < MANY * SLOT + 2 * PAGE, "%lu", (unsigned long) many);
    close_all();
}

Test(bounds, entries_are_bounded_and_lru_is_exact)
{
    char key[32];
    const rig_setup setup = {.max_bytes = 1 << 20, .max_entries = 10};
    rig_open(&r, &setup);
    cr_assert_eq(rig_stat(&r, "shards"), 1);
    for (int i = 0; i < 10; i++) {
        set_bytes(i, 10);
    }
    for (int i = 0; i < 10; i += 2) { /* the even ones are used again */
        snprintf(key, sizeof key, "key %d", i);
        mst_op op = rig_get(&r, key);
        cr_assert_eq(op.status, MST_OK);
        rig_release(&op);
    }
    for (int i = 10; i < 15; i++) {
        set_bytes(i, 10);
    }
    cr_assert_eq(rig_stat(&r, "entries"), 10);
    cr_assert_eq(rig_stat(&r, "evictions"), 5);
    for (int i = 0; i < 10; i++) {
        snprintf(key, sizeof key, "key %d", i);
        cr_assert_eq(rig_exists(&r, key), i % 2 == 0, "%s", key);
    }
    close_all();
}

Test(bounds, what_is_too_big_replaces_nothing_but_ends_the_old_value)
{
    const rig_setup setup = {.max_bytes = 256 << 10};
    rig_open(&r, &setup);
    cr_assert_eq(set_bytes(1, 10), MST_OK);
    cr_assert_eq(set_bytes(2, 10), MST_OK);
    cr_assert_eq(set_bytes(1, 256 << 10), MST_ETOOBIG);
    cr_assert_not(rig_exists(&r, "key 1"));
    cr_assert(rig_exists(&r, "key 2"), "nothing was evicted for it");
    cr_assert_eq(rig_stat(&r, "too_big"), 1);
    mst_slice huge[] = {{"", UINT32_MAX}, {"", UINT32_MAX}};
    mst_op op = rig_op(&r, MST_OP_SET, &rig_space, rig_text("key 2"));
    op.value = huge;
    op.value_parts = 2;
    cr_assert_eq(rig_run(&r, &op), MST_ETOOBIG);
    cr_assert_not(rig_exists(&r, "key 2"));
    close_all();
}

/* Lent values that nobody gives back use up the room; what is new is refused, not put on top. */
Test(bounds, lent_values_count)
{
    enum { N = 50 };
    mst_op held[N];
    char key[32];
    const rig_setup setup = {.max_bytes = 256 << 10};
    rig_open(&r, &setup);
    int n = 0;
    for (; n < N; n++) {
        if (set_bytes(n, 10000) != MST_OK) {
            break;
        }
        snprintf(key, sizeof key, "key %d", n);
        held[n] = rig_get(&r, key);
        cr_assert_leq(rig_stat(&r, "bytes"), 256 << 10);
    }
    cr_assert(n > 16 && n < 21, "%d: of 12 KiB each", n);
    cr_assert_eq(rig_stat(&r, "refused"), 1);
    for (int i = 0; i < n; i++) {
        rig_release(&held[i]);
    }
    cr_assert_eq(set_bytes(n, 10000), MST_OK);
    close_all();
}

/* What is asked for goes, and hardly more; what readers hold does not; then there is nothing left.
 */
Test(bounds, shrinks_when_it_is_asked_to)
{
    enum { N = 2000 };
    const rig_setup setup = {.max_bytes = 64 << 20, .shards = 4};
    rig_open(&r, &setup);
    for (int i = 0; i < N; i++) {
        cr_assert_eq(set_bytes(i, 1000), MST_OK);
    }
    mst_op held = rig_get(&r, "key 7");
    uint64_t before = rig_stat(&r, "bytes"), entry = (uint64_t) N * 1000 / 4;
    uint64_t freed = r.ops->shrink(r.self, entry);
    cr_assert(freed >= entry && freed < entry + 4 * (16 << 10), "%lu", (unsigned long) freed);
    cr_assert_eq(before - rig_stat(&r, "bytes"), freed);
    uint64_t gone = rig_stat(&r, "evictions") + rig_stat(&r, "displaced");
    cr_assert_eq(gone, N - rig_stat(&r, "entries"));
    freed = r.ops->shrink(r.self, UINT64_MAX);
    cr_assert_eq(rig_stat(&r, "entries"), 0);
    cr_assert_gt(rig_stat(&r, "pinned_bytes"), 1000);
    cr_assert_eq(r.ops->shrink(r.self, 1), 0);
    cr_assert_eq(held.out.len, 1000);
    rig_release(&held);
    cr_assert_eq(rig_stat(&r, "pinned_bytes"), 0);
    cr_assert_eq(set_bytes(1, 1000), MST_OK);
    close_all();
}

Test(bounds, without_a_policy_full_is_full)
{
    const rig_setup setup = {.max_bytes = 64 << 10, .no_policy = true};
    rig_open(&r, &setup);
    cr_assert_eq(r.start, MST_OK);
    int stored = 0;
    while (set_bytes(stored, 1000) == MST_OK) {
        stored++;
    }
    cr_assert(stored > 40 && stored < 60, "%d", stored);
    cr_assert_eq(set_bytes(stored, 1000), MST_UNCHANGED);
    cr_assert_eq(rig_stat(&r, "refused"), 2);
    cr_assert_eq(rig_stat(&r, "entries"), (uint64_t) stored);
    cr_assert_eq(rig_del(&r, "key 0"), MST_OK);
    cr_assert_eq(set_bytes(stored, 1000), MST_OK);
    close_all();
}

/* Nothing can be evicted for it, so the index must do without growing where that would not fit. */
Test(bounds, the_index_stays_within_the_bound)
{
    for (uint64_t max_bytes = 40 << 10; max_bytes < 64 << 10; max_bytes += 512) {
        const rig_setup setup = {.max_bytes = max_bytes, .no_policy = true};
        rig_open(&r, &setup);
        for (int i = 0; i < 2000; i++) {
            set_bytes(i, 0);
            cr_assert_leq(rig_stat(&r, "bytes"), max_bytes);
        }
        cr_assert_gt(rig_stat(&r, "refused"), 0);
        close_all();
    }
}

Test(bounds, what_is_not_admitted_ends_the_old_value)
{
    spy s = {0};
    const rig_setup setup = {.max_bytes = 1 << 20, .policy = &spy_ops, .policy_self = &s};
    rig_open(&r, &setup);
    set_bytes(1, 10);
    s.refuse = true;
    cr_assert_eq(set_bytes(1, 10), MST_UNCHANGED);
    cr_assert_not(rig_exists(&r, "key 1"));
    cr_assert_eq(rig_stat(&r, "refused"), 1);
    mst_op touch = rig_op(&r, MST_OP_TOUCH, &rig_space, rig_text("key 2"));
    touch.sliding_ms = 100;
    s.refuse = false;
    set_bytes(2, 10);
    s.refuse = true;
    cr_assert_eq(rig_run(&r, &touch), MST_MISS, "storing it again was not admitted");
    close_all();
    cr_assert_eq(s.faults, 0);
}

Test(bounds, start_without_memory)
{
    spy s = {0};
    rig_setup setup = {.max_bytes = 1 << 20, .shards = 4, .policy = &spy_ops, .policy_self = &s};
    do {
        setup.fail_at++;
        rig_open(&r, &setup);
        cr_assert(r.start == MST_OK || r.start == MST_ENOMEM);
        cr_assert(r.start == MST_OK || r.host.error[0]);
        cr_assert(r.start == MST_OK || atomic_load(&r.host.blocks) == 0);
        atomic_store(&r.host.fail_in, -1);
        close_all();
        cr_assert_eq(s.shards, 0);
        cr_assert_lt(setup.fail_at, 100);
    } while (r.start != MST_OK);
    cr_assert_eq(setup.fail_at, 1 + 4 * 3 + 1,
                 "a block; and a policy, a directory, a segment each");
    cr_assert_eq(s.faults, 0);
}

/* 2000 SETs of 1000 keys, each of them twice; the n-th allocation fails. The failed SET leaves no
 * old value, all others are stored, also when it was the index that could not grow. */
Test(bounds, every_allocation_fails_once)
{
    enum { KEYS = 1000 };
    spy s = {0};
    const rig_setup setup = {.max_bytes = 2 << 20, .policy = &spy_ops, .policy_self = &s};
    char key[32];
    int failed_sets = 0, failed_growth = 0;
    for (int64_t fail = 0;; fail++) {
        int failed = -1;
        rig_open(&r, &setup);
        set_bytes(0, 1);
        mst_op read = rig_get(&r, "key 0"); /* so that this thread has its loans */
        rig_release(&read);
        atomic_store(&r.host.fail_in, fail);
        for (int i = 0; i < 2 * KEYS; i++) {
            mst_status status = set_bytes(i % KEYS, 600 + (size_t) i / KEYS);
            cr_assert(status == MST_OK || (status == MST_ENOMEM && failed < 0));
            failed = status == MST_OK ? failed : i;
        }
        for (int i = 0; i < KEYS; i++) {
            snprintf(key, sizeof key, "key %d", i);
            mst_op op = rig_get(&r, key);
            cr_assert_eq(op.status, i + KEYS == failed ? MST_MISS : MST_OK);
            cr_assert(op.status != MST_OK || op.out.len == 601);
            rig_release(&op);
        }
        bool ran_out = atomic_load(&r.host.fail_in) < 0;
        failed_sets += failed >= 0;
        failed_growth += ran_out && failed < 0;
        cr_assert_eq(rig_stat(&r, "no_memory"), failed >= 0);
        close_all();
        if (!ran_out) {
            break;
        }
    }
    cr_assert_eq(failed_sets, 2 * KEYS);
    cr_assert_eq(failed_growth, 2, "of the directory, of a segment");
    cr_assert_eq(s.faults, 0);
}

/* A TOUCH that has to make a copy keeps the entry as it was. */
Test(bounds, touch_without_memory)
{
    const rig_setup setup = {.max_bytes = 1 << 20};
    rig_open(&r, &setup);
    rig_set(&r, "key", "value");
    atomic_store(&r.host.fail_in, 0);
    mst_op touch = rig_op(&r, MST_OP_TOUCH, &rig_space, rig_text("key"));
    touch.sliding_ms = 100;
    cr_assert_eq(rig_run(&r, &touch), MST_ENOMEM);
    cr_assert(rig_has(&r, "key", "value"));
    cr_assert_eq(rig_run(&r, &touch), MST_OK);
    cr_assert(rig_has(&r, "key", "value"));
    close_all();
}
