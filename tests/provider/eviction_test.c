/* The eviction policies "lru" and "random", without a provider. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "provider/rig.h"

enum { N = 8192 };

typedef struct entry {
    _Alignas(MST_NODE_ALIGN_MAX) uint8_t node[MST_NODE_SIZE_MAX];
    bool tracked;
} entry;

static const mst_eviction_ops *ops;
static void *shard;
static entry *entries;

static void open_policy(const mst_module *module, uint64_t seed)
{
    const mst_shard_info info = {
        .struct_size = sizeof info, .shard_count = 1, .max_bytes = 1 << 20, .seed = seed};
    ops = rig_policy(module);
    cr_assert_leq(ops->node_size, MST_NODE_SIZE_MAX);
    size_t size = (ops->shard_size + 63u) / 64 * 64;
    shard = aligned_alloc(64, size);
    entries = aligned_alloc(64, N * sizeof *entries);
    memset(shard, 0, size);
    cr_assert_eq(ops->shard_init(NULL, shard, &info), MST_OK);
}

static void close_policy(void)
{
    if (ops->shard_fini) {
        ops->shard_fini(NULL, shard);
    }
    free(shard);
    free(entries);
}

static void insert(entry *e)
{
    const mst_entry_info info = {.struct_size = sizeof info, .bytes = 100};
    memset(e, 0, sizeof *e);
    ops->on_insert(shard, (mst_node *) e->node, &info);
    e->tracked = true;
}

static entry *evict(void)
{
    entry *e = (entry *) ops->evict(shard);
    if (e) {
        cr_assert(e >= entries && e < entries + N);
        cr_assert(e->tracked, "evicted twice, or after it was removed");
        e->tracked = false;
    }
    return e;
}

static void drop(entry *e)
{
    ops->on_remove(shard, (mst_node *) e->node, MST_GONE_DELETED);
    e->tracked = false;
}

/* Inserts, hits, removals and evictions in any order: each node goes exactly once. */
static void each_node_once(const mst_module *module)
{
    size_t tracked = 0, evicted = 0;
    open_policy(module, 7);
    memset(entries, 0, N * sizeof *entries);
    srand(3);
    cr_assert_null(ops->evict(shard));
    for (int i = 0; i < 400000; i++) {
        entry *e = &entries[rand() % (i < 200000 ? N : 40)];
        int what = rand() % 8;
        if (what == 0) {
            evicted += evict() != NULL;
            tracked -= tracked > 0;
        } else if (!e->tracked) {
            insert(e);
            tracked++;
        } else if (what < 4 && ops->on_hit) {
            ops->on_hit(shard, (mst_node *) e->node);
        } else if (what < 5) {
            drop(e);
            tracked--;
        }
    }
    cr_assert_gt(evicted, 10000);
    for (; tracked > 0; tracked--) {
        cr_assert_not_null(evict());
    }
    cr_assert_null(evict());
    for (int i = 0; i < N; i++) {
        cr_assert_not(entries[i].tracked);
    }
    close_policy();
}

Test(lru, each_node_once)
{
    each_node_once(&memstache_module_eviction_lru);
}

Test(random, each_node_once)
{
    each_node_once(&memstache_module_eviction_random);
}

/* Against an array in the order of use. */
Test(lru, order_is_exact)
{
    enum { M = 64 };
    entry *order[M];
    int n = 0;
    open_policy(&memstache_module_eviction_lru, 1);
    memset(entries, 0, N * sizeof *entries);
    srand(5);
    for (int i = 0; i < 50000; i++) {
        entry *e = &entries[rand() % M];
        int at = 0;
        while (at < n && order[at] != e) {
            at++;
        }
        if (at == n) {
            insert(e);
            n++;
        } else if (rand() % 8 == 0) {
            drop(e);
            memmove(order + at, order + at + 1, (size_t) (--n - at) * sizeof *order);
            continue;
        } else {
            mst_node *twice[] = {(mst_node *) e->node, (mst_node *) e->node};
            ops->on_hit_many(shard, twice, 1 + (size_t) rand() % 2);
        }
        memmove(order + 1, order, (size_t) at * sizeof *order);
        order[0] = e;
        if (rand() % 8 == 0) {
            cr_assert_eq(evict(), order[--n]);
        }
    }
    close_policy();
}

/* Of N residents half are evicted: however old they are, the same share goes. Sixteen groups by
 * age; 256 of 512 expected, standard deviation 11. */
Test(random, age_does_not_matter_at_once)
{
    int gone[16] = {0};
    open_policy(&memstache_module_eviction_random, 11);
    for (int i = 0; i < N; i++) {
        insert(&entries[i]);
    }
    for (int i = 0; i < N / 2; i++) {
        gone[(evict() - entries) * 16 / N]++;
    }
    for (int i = 0; i < 16; i++) {
        cr_assert(gone[i] > 200 && gone[i] < 312, "group %d: %d", i, gone[i]);
    }
    close_policy();
}

/* A full cache in which each newcomer costs one victim. The age of the victims, in evictions, must
 * be exponential with a mean of N: 1 - 1/e = 63.2 % are younger than N, 86.5 % than 2 N, and so on.
 */
Test(random, lives_have_no_memory)
{
    enum { ROUNDS = 400000 };
    static int born[N];
    int younger[4] = {0}, counted = 0;
    const double expected[4] = {0.6321, 0.8647, 0.9502, 0.9817};
    open_policy(&memstache_module_eviction_random, 13);
    for (int i = 0; i < N; i++) {
        insert(&entries[i]);
    }
    for (int i = 0; i < ROUNDS; i++) {
        entry *victim = evict();
        int age = i - born[victim - entries];
        if (i > 10 * N) {
            counted++;
            for (int k = 0; k < 4; k++) {
                younger[k] += age < (k + 1) * N;
            }
        }
        insert(victim);
        born[victim - entries] = i;
    }
    for (int k = 0; k < 4; k++) {
        double share = (double) younger[k] / counted;
        cr_assert(share > expected[k] - 0.03 && share < expected[k] + 0.03, "%d N: %f", k + 1,
                  share);
    }
    close_policy();
}

/* Of three residents each is chosen about equally often, whichever came last. */
Test(random, few_entries)
{
    int chosen[3] = {0};
    open_policy(&memstache_module_eviction_random, 17);
    entry *held[3] = {&entries[0], &entries[1], &entries[2]};
    for (int i = 0; i < 3; i++) {
        insert(held[i]);
    }
    for (int i = 0; i < 30000; i++) {
        entry *victim = evict();
        int at = 0;
        while (held[at] != victim) {
            at++;
        }
        chosen[at]++;
        for (; at < 2; at++) { /* by age, the oldest first */
            held[at] = held[at + 1];
        }
        held[2] = victim;
        insert(victim);
    }
    for (int i = 0; i < 3; i++) {
        cr_assert(chosen[i] > 9000 && chosen[i] < 11000, "%d: %d", i, chosen[i]);
    }
    close_policy();
}
