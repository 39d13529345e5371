/* What the operations of the provider "memory" answer, and what they leave behind. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "provider/rig.h"
#include "provider/spy.h"

extern const mst_module memstache_module_eviction_lru, memstache_module_eviction_sieve;

static rig r;
static const rig_setup small = {.max_bytes = 1 << 20};

static void open_small(void)
{
    rig_open(&r, &small);
    cr_assert_eq(r.start, MST_OK);
}

static void close_all(void)
{
    cr_assert(rig_close(&r), "blocks left: %ld", (long) atomic_load(&r.host.blocks));
}

Test(memory, keeps_bytes_and_what_comes_with_them)
{
    open_small();
    const mst_slice parts[] = {{"one ", 4}, {NULL, 0}, {"two", 3}};
    mst_op set = rig_op(&r, MST_OP_SET, &rig_space, rig_text("key"));
    set.value = parts;
    set.value_parts = 3;
    set.tag = UINT64_C(0xfedcba9876543210);
    set.created_ms = 77;
    cr_assert_eq(rig_run(&r, &set), MST_OK);
    mst_op get = rig_get(&r, "key");
    cr_assert_eq(get.status, MST_OK);
    cr_assert_eq(get.out.len, 7);
    cr_assert(memcmp(get.out.data, "one two", 7) == 0);
    cr_assert_eq(get.tag, UINT64_C(0xfedcba9876543210));
    cr_assert_eq(get.created_ms, 77);
    cr_assert_eq(get.expires_ms, 0);
    cr_assert_eq(get.sliding_ms, 0);
    cr_assert_null(get.out_object);
    rig_release(&get);
    close_all();
}

Test(memory, empty_values_and_binary_keys)
{
    open_small();
    cr_assert_eq(rig_set(&r, "nothing", ""), MST_OK);
    cr_assert(rig_has(&r, "nothing", ""));
    mst_slice key = {"a\0b", 3}, other = {"a\0c", 3};
    mst_op set = rig_op(&r, MST_OP_SET, &rig_space, key);
    cr_assert_eq(rig_run(&r, &set), MST_OK);
    mst_op get = rig_op(&r, MST_OP_GET, &rig_space, other);
    cr_assert_eq(rig_run(&r, &get), MST_MISS);
    get = rig_op(&r, MST_OP_GET, &rig_space, key);
    cr_assert_eq(rig_run(&r, &get), MST_OK);
    rig_release(&get);
    close_all();
}

Test(memory, spaces_do_not_see_each_other)
{
    open_small();
    const mst_space wide = {.struct_size = sizeof wide, .id = 257}; /* low byte as rig_space */
    mst_slice one = rig_text("one"), two = rig_text("two");
    mst_op set = rig_op(&r, MST_OP_SET, &rig_space, rig_text("key"));
    set.value = &one;
    set.value_parts = 1;
    rig_run(&r, &set);
    set = rig_op(&r, MST_OP_SET, &wide, rig_text("key"));
    set.value = &two;
    set.value_parts = 1;
    set.hash = rig_hash(&rig_space, rig_text("key")); /* even when the hashes collide */
    rig_run(&r, &set);
    cr_assert(rig_has(&r, "key", "one"));
    mst_op get = set;
    get.code = MST_OP_GET;
    cr_assert_eq(rig_run(&r, &get), MST_OK);
    cr_assert(memcmp(get.out.data, "two", 3) == 0);
    rig_release(&get);
    mst_op clear = rig_op(&r, MST_OP_CLEAR, &wide, rig_text(""));
    cr_assert_eq(rig_run(&r, &clear), MST_OK);
    cr_assert(rig_has(&r, "key", "one"));
    cr_assert_eq(rig_run(&r, &get), MST_MISS);
    close_all();
}

Test(memory, answers_of_del_exists_and_touch)
{
    open_small();
    mst_op touch = rig_op(&r, MST_OP_TOUCH, &rig_space, rig_text("key"));
    cr_assert_eq(rig_run(&r, &touch), MST_MISS);
    cr_assert_eq(rig_del(&r, "key"), MST_MISS);
    cr_assert_not(rig_exists(&r, "key"));
    rig_set(&r, "key", "value");
    cr_assert_eq(rig_run(&r, &touch), MST_OK);
    cr_assert(rig_exists(&r, "key"));
    cr_assert_eq(rig_del(&r, "key"), MST_OK);
    cr_assert_not(rig_exists(&r, "key"));
    cr_assert_eq(rig_stat(&r, "entries"), 0);
    mst_op strange = rig_op(&r, 99, &rig_space, rig_text("key"));
    cr_assert_eq(rig_run(&r, &strange), MST_ENOTSUP);
    close_all();
}

static mst_status set_if(uint16_t flags, const void *same, const char *value)
{
    mst_slice part = rig_text(value);
    mst_op op = rig_op(&r, MST_OP_SET, &rig_space, rig_text("key"));
    op.flags = flags;
    op.same = same;
    op.value = &part;
    op.value_parts = 1;
    return rig_run(&r, &op);
}

Test(memory, conditions_of_set)
{
    open_small();
    cr_assert_eq(set_if(MST_OPF_IF_PRESENT, NULL, "no"), MST_UNCHANGED);
    cr_assert_not(rig_exists(&r, "key"));
    cr_assert_eq(set_if(MST_OPF_IF_ABSENT, NULL, "first"), MST_OK);
    cr_assert_eq(set_if(MST_OPF_IF_ABSENT, NULL, "no"), MST_UNCHANGED);
    cr_assert(rig_has(&r, "key", "first"));
    cr_assert_eq(set_if(MST_OPF_IF_PRESENT, NULL, "second"), MST_OK);
    mst_op held = rig_get(&r, "key");
    cr_assert_eq(set_if(MST_OPF_IF_SAME, held.out.owner, "third"), MST_OK);
    cr_assert_eq(set_if(MST_OPF_IF_SAME, held.out.owner, "no"), MST_UNCHANGED);
    cr_assert(rig_has(&r, "key", "third"));
    rig_del(&r, "key");
    cr_assert_eq(set_if(MST_OPF_IF_SAME, held.out.owner, "no"), MST_UNCHANGED);
    cr_assert_eq(rig_stat(&r, "refused"), 0);
    rig_release(&held);
    close_all();
}

Test(memory, a_lent_value_outlives_its_entry)
{
    open_small();
    rig_set(&r, "key", "old");
    mst_op held = rig_get(&r, "key"), again = rig_get(&r, "key");
    uint64_t bytes = rig_stat(&r, "bytes");
    cr_assert_eq(rig_stat(&r, "pinned_bytes"), 0);
    rig_set(&r, "key", "new");
    uint64_t pinned = rig_stat(&r, "pinned_bytes");
    cr_assert(pinned > 20 && pinned < 100, "what is lent is charged: %lu", (unsigned long) pinned);
    cr_assert_eq(rig_stat(&r, "entries"), 1);
    rig_release(&again);
    cr_assert_eq(rig_stat(&r, "pinned_bytes"), pinned);
    cr_assert(memcmp(held.out.data, "old", 3) == 0);
    rig_release(&held);
    cr_assert_eq(rig_stat(&r, "pinned_bytes"), 0);
    cr_assert_eq(rig_stat(&r, "bytes"), bytes, "in the same page");
    cr_assert(rig_has(&r, "key", "new"));
    close_all();
}

Test(memory, a_lent_value_outlives_the_instance)
{
    open_small();
    rig_set(&r, "one", "first");
    rig_set(&r, "two", "second");
    rig_set(&r, "three", "third");
    mst_op one = rig_get(&r, "one"), two = rig_get(&r, "two");
    rig_del(&r, "two");
    rig_stop(&r);
    cr_assert_eq(atomic_load(&r.host.stopped), 1);
    cr_assert_gt(atomic_load(&r.host.blocks), 0);
    cr_assert(memcmp(two.out.data, "second", 6) == 0);
    rig_release(&two);
    cr_assert(memcmp(one.out.data, "first", 5) == 0);
    cr_assert_gt(atomic_load(&r.host.blocks), 0);
    rig_release(&one);
    cr_assert_eq(atomic_load(&r.host.blocks), 0, "the last release frees the last block");
    cr_assert(rig_free(&r));
}

typedef struct thing {
    mst_object object; /* first */
    int refs;
} thing;

static void retain(mst_object *object)
{
    ((thing *) object)->refs++;
}

static void release(mst_object *object)
{
    ((thing *) object)->refs--;
}

static mst_status set_thing(const char *key, thing *t)
{
    mst_op op = rig_op(&r, MST_OP_SET, &rig_space, rig_text(key));
    op.object = &t->object;
    op.tag = 5;
    return rig_run(&r, &op);
}

Test(memory, objects_are_lent_and_charged)
{
    open_small();
    thing t = {{retain, release, 10000}, 1}, large = {{retain, release, 2 << 20}, 1};
    uint64_t empty = rig_stat(&r, "bytes");
    cr_assert_eq(set_thing("key", &t), MST_OK);
    cr_assert_eq(t.refs, 2);
    uint64_t charged = rig_stat(&r, "bytes") - empty;
    cr_assert_eq(charged, 10000 + 4096, "and a page");
    mst_op get = rig_op(&r, MST_OP_GET, &rig_space, rig_text("key"));
    mst_asker asker = {0};
    mst_lookup bytes = rig_question(&get, &asker);
    mst_result answer;
    cr_assert_eq(r.ops->lookup(r.self, &bytes, &answer), MST_ENOTSUP);
    mst_op held = rig_get(&r, "key");
    cr_assert_eq(held.out_object, &t.object);
    cr_assert_null(held.out.data);
    cr_assert_eq(held.tag, 5);
    cr_assert_eq(t.refs, 2, "the pin keeps it");
    t.object.bytes = 5; /* what was charged counts */
    rig_del(&r, "key");
    cr_assert_eq(t.refs, 2);
    cr_assert_gt(rig_stat(&r, "bytes"), empty + charged, "loans are charged");
    rig_release(&held);
    cr_assert_lt(rig_stat(&r, "bytes"), empty + 4096 + 4096);
    cr_assert_eq(t.refs, 1);
    cr_assert_eq(set_thing("key", &large), MST_ETOOBIG);
    cr_assert_eq(large.refs, 1);
    cr_assert_eq(set_thing("key", &t), MST_OK);
    close_all();
    cr_assert_eq(t.refs, 1);
}

Test(memory, clear_takes_everything_of_a_space)
{
    open_small();
    const mst_space other = {.struct_size = sizeof other, .id = 2};
    uint64_t fixed = rig_stat(&r, "bytes") - rig_stat(&r, "index_bytes");
    for (int i = 0; i < 2000; i++) {
        char key[16];
        mst_slice k = {key, (size_t) snprintf(key, sizeof key, "key %d", i)};
        mst_op set = rig_op(&r, MST_OP_SET, i % 4 ? &rig_space : &other, k);
        cr_assert_eq(rig_run(&r, &set), MST_OK);
    }
    cr_assert_eq(rig_stat(&r, "entries"), 2000);
    mst_op clear = rig_op(&r, MST_OP_CLEAR, &rig_space, rig_text(""));
    cr_assert_eq(rig_run(&r, &clear), MST_OK);
    cr_assert_eq(rig_stat(&r, "entries"), 500);
    clear = rig_op(&r, MST_OP_CLEAR, &other, rig_text(""));
    cr_assert_eq(rig_run(&r, &clear), MST_OK);
    cr_assert_eq(rig_stat(&r, "entries"), 0);
    cr_assert_eq(rig_stat(&r, "bytes") - rig_stat(&r, "index_bytes"), fixed);
    close_all();
}

/* 100 keys in one submit(), in 4 shards, every third absent and every fifth expired, some twice. */
Test(memory, a_batch_answers_as_single_gets_do)
{
    enum { N = 100 };
    spy s = {0};
    const rig_setup sharded = {
        .max_bytes = 1 << 20, .shards = 4, .policy = &spy_ops, .policy_self = &s};
    mst_op op[N], *ops[N];
    char key[N][16];
    rig_open(&r, &sharded);
    for (int i = 0; i < N; i++) {
        snprintf(key[i], sizeof key[i], "key %d", i % 80);
        if (i % 80 % 3) {
            cr_assert_eq(rig_set_for(&r, key[i], key[i], i % 80 % 5 ? 0 : 10, 0), MST_OK);
        }
    }
    rig_pass_ms(&r, 10);
    for (int i = 0; i < N; i++) {
        op[i] = rig_op(&r, MST_OP_GET, &rig_space, rig_text(key[i]));
        ops[i] = &op[i];
    }
    op[50].code = MST_OP_DEL;
    r.ops->submit(r.self, ops, N);
    uint64_t hits = 0;
    for (int i = 0; i < N; i++) {
        bool there = i % 80 % 3 && i % 80 % 5;
        cr_assert_eq(op[i].status, there ? MST_OK : MST_MISS, "%s", key[i]);
        if (there && i != 50) {
            cr_assert_eq(op[i].out.len, strlen(key[i]));
            cr_assert(memcmp(op[i].out.data, key[i], op[i].out.len) == 0);
            rig_release(&op[i]);
            hits++;
        }
    }
    cr_assert_eq(s.hits, hits);
    cr_assert_eq(hits + rig_stat(&r, "misses"), N - 1);
    cr_assert_eq(s.misses, rig_stat(&r, "misses"));
    close_all();
    cr_assert_eq(s.faults, 0);
}

/* The policy hears of a hit before the entry goes, also when both happen in one batch. */
Test(memory, a_batch_during_which_an_entry_ends)
{
    spy s = {0};
    const rig_setup spied = {.max_bytes = 1 << 20, .policy = &spy_ops, .policy_self = &s};
    rig_open(&r, &spied);
    rig_set_for(&r, "key", "value", 10, 0);
    mst_op op[2], *ops[2] = {&op[0], &op[1]};
    op[0] = op[1] = rig_op(&r, MST_OP_GET, &rig_space, rig_text("key"));
    op[1].now_ms += 10;
    r.ops->submit(r.self, ops, 2);
    cr_assert_eq(op[0].status, MST_OK);
    cr_assert_eq(op[1].status, MST_MISS);
    cr_assert(memcmp(op[0].out.data, "value", 5) == 0);
    rig_release(&op[0]);
    close_all();
    cr_assert_eq(s.hits, 1);
    cr_assert_eq(s.faults, 0);
}

Test(memory, a_peek_leaves_no_trace)
{
    spy s = {0};
    const rig_setup spied = {.max_bytes = 1 << 20, .policy = &spy_ops, .policy_self = &s};
    rig_open(&r, &spied);
    rig_set_for(&r, "key", "value", 0, 80);
    rig_pass_ms(&r, 40);
    mst_op peek = rig_op(&r, MST_OP_GET, &rig_space, rig_text("key"));
    peek.flags = MST_OPF_PEEK;
    cr_assert_eq(rig_run(&r, &peek), MST_OK);
    cr_assert_eq(peek.expires_ms, 1080);
    rig_release(&peek);
    peek = rig_op(&r, MST_OP_GET, &rig_space, rig_text("other"));
    peek.flags = MST_OPF_PEEK;
    cr_assert_eq(rig_run(&r, &peek), MST_MISS);
    cr_assert_eq(s.hits + s.misses, 0);
    close_all();
}

/* A hash of which nothing is left must cost room in the index, not memory or correctness. */
Test(memory, survives_a_broken_hash)
{
    enum { N = 1100 };
    const rig_setup large = {.max_bytes = 8 << 20, .shards = 1};
    char key[N][16];
    int stored = 0;
    rig_open(&r, &large);
    for (int i = 0; i < N; i++) {
        snprintf(key[i], sizeof key[i], "key %d", i);
        mst_slice value = rig_text(key[i]);
        mst_op set = rig_op(&r, MST_OP_SET, &rig_space, rig_text(key[i]));
        set.hash = 42;
        set.value = &value;
        set.value_parts = 1;
        stored += rig_run(&r, &set) == MST_OK;
    }
    cr_assert(stored > 400 && stored < N);
    cr_assert_eq(rig_stat(&r, "refused"), (uint64_t) (N - stored));
    cr_assert_lt(rig_stat(&r, "index_bytes"), 128 << 10);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < stored; i++) {
            mst_op op =
                rig_op(&r, round ? MST_OP_DEL : MST_OP_EXISTS, &rig_space, rig_text(key[i]));
            op.hash = 42;
            cr_assert_eq(rig_run(&r, &op), MST_OK);
        }
    }
    cr_assert_eq(rig_stat(&r, "entries"), 0);
    close_all();
}

Test(memory, options_that_cannot_work)
{
    const rig_setup three = {.shards = 3}, few = {.max_entries = 4, .shards = 8},
                    tight = {.max_bytes = 64 << 10, .shards = 64};
    rig_open(&r, &three);
    cr_assert_eq(r.init, MST_EINVAL);
    cr_assert(strstr(r.host.error, "power of two"));
    rig_free(&r);
    rig_open(&r, &few);
    cr_assert_eq(r.init, MST_EINVAL);
    cr_assert(strstr(r.host.error, "max_entries"));
    rig_free(&r);
    rig_open(&r, &tight);
    cr_assert_eq(r.start, MST_EINVAL);
    cr_assert(strstr(r.host.error, "max_bytes"));
    cr_assert_eq(atomic_load(&r.host.blocks), 0);
    close_all();
}

/* What a GET would answer, count and tell the policy. `kept`: hits need no lock with the policy,
 * where there is membarrier(2). */
static void look_up_without_an_op(const mst_module *policy, bool kept)
{
    const rig_setup setup = {.max_bytes = 1 << 20, .policy = rig_policy(policy)};
    rig_open(&r, &setup);
    mst_asker asker = {0};
    mst_op op = rig_op(&r, MST_OP_GET, &rig_space, rig_text("key"));
    cr_assert_eq(rig_look(&r, &op, &asker), MST_MISS);
    cr_assert_eq(asker.word != NULL, kept && syscall(SYS_membarrier, 0, 0, 0) > 0,
                 "for the next time");
    rig_set_for(&r, "key", "value", 100, 0);
    cr_assert_eq(rig_look(&r, &op, &asker), MST_OK);
    cr_assert_eq(op.expires_ms, op.now_ms + 100);
    cr_assert_eq(op.created_ms, 0);
    cr_assert(op.out.len == 5 && memcmp(op.out.data, "value", 5) == 0);
    cr_assert_eq(rig_stat(&r, "misses"), 1);
    rig_del(&r, "key");
    cr_assert(memcmp(op.out.data, "value", 5) == 0, "it is pinned");
    rig_release(&op);
    rig_set_for(&r, "key", "value", 100, 0);
    rig_pass_ms(&r, 100);
    op = rig_op(&r, MST_OP_GET, &rig_space, rig_text("key"));
    cr_assert_eq(rig_look(&r, &op, NULL), MST_MISS);
    cr_assert_eq(rig_stat(&r, "expirations"), 1);
    close_all();
}

Test(memory, looks_up_without_an_op)
{
    look_up_without_an_op(&memstache_module_eviction_lru, false);
    look_up_without_an_op(&memstache_module_eviction_sieve, true);
}

/* The shortest way compares keys by words: every length, and keys that differ in one byte only. */
Test(memory, looks_up_keys_of_all_lengths)
{
    enum { LONGEST = 300 };
    const rig_setup setup = {.max_bytes = 1 << 20,
                             .policy = rig_policy(&memstache_module_eviction_sieve)};
    rig_open(&r, &setup);
    mst_asker asker = {0};
    char key[LONGEST];
    memset(key, 'k', sizeof key);
    for (size_t len = 1; len <= LONGEST; len++) {
        mst_op set = rig_op(&r, MST_OP_SET, &rig_space, (mst_slice){key, len});
        set.value = &(mst_slice){&len, sizeof len};
        set.value_parts = 1;
        cr_assert_eq(rig_run(&r, &set), MST_OK);
    }
    for (size_t len = 1; len <= LONGEST; len++) {
        mst_op get = rig_op(&r, MST_OP_GET, &rig_space, (mst_slice){key, len});
        const uint64_t hash = get.hash;
        cr_assert_eq(rig_look(&r, &get, &asker), MST_OK, "%zu", len);
        cr_assert(memcmp(get.out.data, &len, sizeof len) == 0, "%zu", len);
        rig_release(&get);
        for (size_t at = 0; at < len; at += len < 40 ? 1 : 37) {
            key[at] = 'x';
            get = rig_op(&r, MST_OP_GET, &rig_space, (mst_slice){key, len});
            get.hash = hash; /* so that only the bytes tell them apart */
            cr_assert_eq(rig_look(&r, &get, &asker), MST_MISS, "%zu of %zu", at, len);
            key[at] = 'k';
        }
    }
    close_all();
}
