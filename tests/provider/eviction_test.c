/* What the eviction policies "lru" and "random" promise of their own. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "provider/policy.h"
#include "provider/rig.h"

enum { N = POLICY_ENTRIES };

static policy p;

/* Against an array in the order of use. */
Test(lru, order_is_exact)
{
    enum { M = 64 };
    entry *order[M];
    int n = 0;
    policy_open(&p, &memstache_module_eviction_lru, 0, 1);
    srand(5);
    for (int i = 0; i < 50000; i++) {
        entry *e = &p.entries[rand() % M];
        int at = 0;
        while (at < n && order[at] != e) {
            at++;
        }
        if (at == n) {
            policy_insert(&p, e);
            n++;
        } else if (rand() % 8 == 0) {
            policy_drop(&p, e);
            memmove(order + at, order + at + 1, (size_t) (--n - at) * sizeof *order);
            continue;
        } else {
            mst_node *twice[] = {(mst_node *) e->node, (mst_node *) e->node};
            p.ops->on_hit_many(p.shard, twice, 1 + (size_t) rand() % 2);
        }
        memmove(order + 1, order, (size_t) at * sizeof *order);
        order[0] = e;
        if (rand() % 8 == 0) {
            cr_assert_eq(policy_evict(&p), order[--n]);
        }
    }
    policy_close(&p);
}

/* Of N residents half are evicted: however old they are, the same share goes. Sixteen groups by
 * age; 256 of 512 expected, standard deviation 11. */
Test(random, age_does_not_matter_at_once)
{
    int gone[16] = {0};
    policy_open(&p, &memstache_module_eviction_random, 0, 11);
    for (int i = 0; i < N; i++) {
        policy_insert(&p, &p.entries[i]);
    }
    for (int i = 0; i < N / 2; i++) {
        gone[(policy_evict(&p) - p.entries) * 16 / N]++;
    }
    for (int i = 0; i < 16; i++) {
        cr_assert(gone[i] > 200 && gone[i] < 312, "group %d: %d", i, gone[i]);
    }
    policy_close(&p);
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
    policy_open(&p, &memstache_module_eviction_random, 0, 13);
    for (int i = 0; i < N; i++) {
        policy_insert(&p, &p.entries[i]);
    }
    for (int i = 0; i < ROUNDS; i++) {
        entry *victim = policy_evict(&p);
        int age = i - born[victim - p.entries];
        if (i > 10 * N) {
            counted++;
            for (int k = 0; k < 4; k++) {
                younger[k] += age < (k + 1) * N;
            }
        }
        policy_insert(&p, victim);
        born[victim - p.entries] = i;
    }
    for (int k = 0; k < 4; k++) {
        double share = (double) younger[k] / counted;
        cr_assert(share > expected[k] - 0.03 && share < expected[k] + 0.03, "%d N: %f", k + 1,
                  share);
    }
    policy_close(&p);
}

/* Of three residents each is chosen about equally often, whichever came last. */
Test(random, few_entries)
{
    int chosen[3] = {0};
    policy_open(&p, &memstache_module_eviction_random, 0, 17);
    entry *held[3] = {&p.entries[0], &p.entries[1], &p.entries[2]};
    for (int i = 0; i < 3; i++) {
        policy_insert(&p, held[i]);
    }
    for (int i = 0; i < 30000; i++) {
        entry *victim = policy_evict(&p);
        int at = 0;
        while (held[at] != victim) {
            at++;
        }
        chosen[at]++;
        for (; at < 2; at++) { /* by age, the oldest first */
            held[at] = held[at + 1];
        }
        held[2] = victim;
        policy_insert(&p, victim);
    }
    for (int i = 0; i < 3; i++) {
        cr_assert(chosen[i] > 9000 && chosen[i] < 11000, "%d: %d", i, chosen[i]);
    }
    policy_close(&p);
}
