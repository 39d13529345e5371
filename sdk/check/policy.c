/* policy.c - cases of eviction policies, on the fields of field.c. */
#include "cases.h"
#include "field.h"

#include <string.h>

enum { ENTRIES = 600, STEPS = 60000 };

typedef struct bench {
    check_instance instance;
    field field;
} bench;

static void start(kit *k, field *f)
{
    mst_status status = field_start(f);
    if (status != MST_OK) {
        check_fail(k, "shard_init() failed: %s", check_status(status));
    }
}

static void open_bench(kit *k, bench *b, size_t count, uint64_t max, bool closes)
{
    check_subject(k);
    check_instance_begin(k, &b->instance, NULL);
    field_open(k, &b->field, &b->instance, 0, count, max);
    start(k, &b->field);
    b->field.closes = closes;
    if (closes) {
        check_guard_protect(&b->field.nodes, CHECK_CLOSED);
    }
}

static void close_bench(bench *b)
{
    field_close(&b->field);
    check_instance_end(&b->instance);
}

void case_policy_each_once(kit *k)
{
    static const size_t counts[] = {0, 1, 2, 3, 10, 100, ENTRIES};
    bench b;
    open_bench(k, &b, ENTRIES, ENTRIES, false);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        for (int round = 0; round < 3; round++) {
            for (size_t e = 0; e < counts[i]; e++) {
                field_insert(&b.field, e);
            }
            for (size_t h = 0; round && h < counts[i]; h++) {
                size_t e = check_draw(&k->random, counts[i]);
                if (b.field.entries[e].tracked) {
                    field_hit(&b.field, e);
                }
            }
            field_drain(&b.field);
        }
    }
    close_bench(&b);
}

static void fuzz(kit *k, bench *b, int steps)
{
    for (int i = 0; i < steps && check_has_time(k); i++) {
        field_step(&b->field, &k->random);
    }
    field_drain(&b->field);
}

void case_policy_fuzz(kit *k)
{
    bench b;
    open_bench(k, &b, ENTRIES, ENTRIES / 3, false);
    fuzz(k, &b, STEPS * 4);
    close_bench(&b);
}

void case_policy_no_touch(kit *k)
{
    bench b;
    open_bench(k, &b, ENTRIES, ENTRIES / 3, true);
    fuzz(k, &b, STEPS);
    close_bench(&b);
}

/* While one shard works, the other's bytes and nodes are out of reach. */
void case_policy_shards(kit *k)
{
    bench b;
    field second;
    open_bench(k, &b, ENTRIES, ENTRIES / 3, false);
    field_open(k, &second, &b.instance, 1, ENTRIES, ENTRIES / 4);
    start(k, &second);
    b.field.nodes.what = second.nodes.what = "an entry of another shard";
    b.field.shard.what = second.shard.what = "another shard";
    for (int turn = 0; turn < 200 && check_has_time(k); turn++) {
        field *now = turn % 2 ? &second : &b.field, *other = turn % 2 ? &b.field : &second;
        field_protect(other, CHECK_CLOSED);
        field_protect(now, CHECK_OPEN);
        for (int i = 0; i < 200; i++) {
            field_step(now, &k->random);
        }
    }
    field_protect(&b.field, CHECK_OPEN);
    field_protect(&second, CHECK_OPEN);
    field_drain(&b.field);
    field_drain(&second);
    field_close(&second);
    close_bench(&b);
}

/* ---- MST_HIT_SHARED: only *node */

static void hit_alone(bench *b, size_t entry)
{
    field *f = &b->field;
    field_protect(f, CHECK_CLOSED);
    check_host_protect(&b->instance.host, CHECK_CLOSED);
    check_guard_protect(&b->instance.memory, CHECK_CLOSED);
    field_protect_node(f, entry, CHECK_OPEN);
    check_doing(f->k, "on_hit()");
    f->ops->on_hit(f->shard_bytes, f->entries[entry].node);
    check_guard_protect(&b->instance.memory, CHECK_OPEN);
    check_host_protect(&b->instance.host, CHECK_OPEN);
    field_protect(f, CHECK_OPEN);
}

void case_policy_hit_shared(kit *k)
{
    enum { FEW = 40 };
    bench b;
    check_subject(k);
    if ((k->ops.eviction.hit_mode & MST_HIT_MODE) != MST_HIT_SHARED) {
        check_skip(k, "its hit_mode is not MST_HIT_SHARED");
    }
    check_instance_prepare(k, &b.instance, NULL);
    b.instance.host.mapped = true;
    mst_status status = check_instance_init(&b.instance);
    if (status != MST_OK) {
        check_fail(k, "init() failed: %s", check_status(status));
    }
    field_open(k, &b.field, &b.instance, 0, FEW, FEW);
    start(k, &b.field);
    b.field.nodes.what = "another entry than the one that was hit";
    b.field.shard.what = "the shard in a hit of MST_HIT_SHARED";
    b.instance.memory.what = "the instance in a hit of MST_HIT_SHARED";
    for (int i = 0; i < 3000 && check_has_time(k); i++) {
        size_t e = check_draw(&k->random, FEW);
        if (b.field.entries[e].tracked) {
            hit_alone(&b, e);
        }
        field_step(&b.field, &k->random);
    }
    field_drain(&b.field);
    close_bench(&b);
}

/* ---- reads_at, reads_max: a provider may count hits itself */

static void hit_counted(kit *k, const field *f, size_t entry)
{
    const mst_eviction_ops *ops = f->ops;
    uint8_t expected[MST_NODE_SIZE_MAX], *node = (uint8_t *) f->entries[entry].node;
    memcpy(expected, node, ops->node_size);
    expected[ops->reads_at] += expected[ops->reads_at] < ops->reads_max;
    check_doing(k, "on_hit()");
    ops->on_hit(f->shard_bytes, f->entries[entry].node);
    if (memcmp(expected, node, ops->node_size) != 0) {
        check_fail(k,
                   "on_hit() does not just add one to the byte at reads_at (%u), up to reads_max "
                   "(%u)",
                   ops->reads_at, ops->reads_max);
    }
}

void case_policy_reads(kit *k)
{
    enum { FEW = 40 };
    bench b;
    check_subject(k);
    if (!k->ops.eviction.reads_max) {
        check_skip(k, "its reads_max is 0");
    }
    open_bench(k, &b, FEW, FEW, false);
    for (int i = 0; i < 3000 && check_has_time(k); i++) {
        size_t e = check_draw(&k->random, FEW);
        if (b.field.entries[e].tracked) {
            hit_counted(k, &b.field, e);
        }
        field_step(&b.field, &k->random);
    }
    field_drain(&b.field);
    close_bench(&b);
}

/* ---- memory */

void case_policy_footprint(kit *k)
{
    static const uint64_t sizes[] = {1, 100, 5000, 200000};
    check_instance instance;
    check_subject(k);
    check_instance_begin(k, &instance, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        field f;
        field_open(k, &f, &instance, 0, 1, sizes[i]);
        int64_t before = atomic_load(&instance.host.bytes);
        start(k, &f);
        int64_t taken = atomic_load(&instance.host.bytes) - before;
        check_doing(k, "footprint()");
        uint64_t said = f.ops->footprint ? f.ops->footprint(f.shard_bytes) : 0;
        if (said < (uint64_t) taken || said > (uint64_t) taken * 2 + 65536) {
            check_fail(k,
                       "shard_init() for %llu entries took %lld bytes of memory, but %s %llu: the "
                       "provider would not keep its bound",
                       (unsigned long long) sizes[i], (long long) taken,
                       f.ops->footprint ? "footprint() says" : "without a footprint() it counts",
                       (unsigned long long) said);
        }
        field_close(&f);
    }
    check_instance_end(&instance);
}

void case_policy_silent(kit *k)
{
    bench b;
    open_bench(k, &b, ENTRIES, ENTRIES / 3, false);
    atomic_store(&b.instance.host.silence, "an operation of the policy, after shard_init(),");
    fuzz(k, &b, STEPS / 2);
    atomic_store(&b.instance.host.silence, NULL);
    close_bench(&b);
}

/* ---- the work of oom/every-allocation */

void scenario_policy(kit *k, check_instance *i)
{
    enum { FEW = 50 };
    field f;
    field_open(k, &f, i, 0, FEW, 5000);
    mst_status status = field_start(&f);
    if (status == MST_OK) {
        for (int step = 0; step < 300; step++) {
            field_step(&f, &k->random);
        }
        field_drain(&f);
    }
    field_close(&f);
}
