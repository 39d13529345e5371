/* What every eviction policy promises (eviction.h), and for those that are exact, which entry goes:
 * compared with models that are too simple to be wrong. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "provider/policy.h"

#define POLICIES(XX)                                                                               \
    XX(adaptive)                                                                                   \
    XX(arc)                                                                                        \
    XX(clock)                                                                                      \
    XX(clockpro) XX(fifo) XX(lfu) XX(lru) XX(random) XX(s3fifo) XX(sieve) XX(ttl) XX(wtinylfu)

#define DECLARE(name) extern const mst_module memstache_module_eviction_##name;
POLICIES(DECLARE)
#define ROW(name) {#name, &memstache_module_eviction_##name},
static const struct row {
    const char *name;
    const mst_module *module;
} rows[] = {POLICIES(ROW)};
enum { ROWS = sizeof rows / sizeof rows[0] };

/* ---- all of them */

/* An end for some, so that "ttl" has something to sort by. */
static void insert_any(policy *p, entry *e)
{
    const mst_entry_info info = {.struct_size = sizeof info,
                                 .bytes = 50 + (uint64_t) rand() % 100,
                                 .hash = policy_hash(p, e),
                                 .expires_ms = rand() % 3 ? 1 + (uint64_t) rand() : 0};
    policy_insert_with(p, e, &info);
}

static void update_any(policy *p, entry *e)
{
    const mst_entry_info info = {.struct_size = sizeof info,
                                 .bytes = 100,
                                 .hash = policy_hash(p, e),
                                 .expires_ms = (uint64_t) rand() % 1000000};
    if (p->ops->on_update) {
        p->ops->on_update(p->shard, (mst_node *) e->node, &info);
    }
}

static void hit_any(policy *p, entry *e)
{
    mst_node *twice[] = {(mst_node *) e->node, (mst_node *) e->node};
    if (p->ops->on_hit_many && rand() % 2) {
        p->ops->on_hit_many(p->shard, twice, 1 + (size_t) rand() % 2);
    } else {
        policy_hit(p, e);
    }
}

/* Misses, insertions, hits, updates, removals and evictions in any order. */
static size_t live_through(policy *p, int steps, int range, size_t tracked)
{
    for (int i = 0; i < steps; i++) {
        entry *e = &p->entries[rand() % range];
        int what = rand() % 9;
        if (what == 0) {
            bool gone = policy_evict(p) != NULL;
            cr_assert_eq(gone, tracked > 0);
            tracked -= gone;
        } else if (!e->tracked) {
            if (p->ops->on_miss) {
                p->ops->on_miss(p->shard, policy_hash(p, e));
            }
            insert_any(p, e);
            tracked++;
        } else if (what < 4) {
            hit_any(p, e);
        } else if (what == 4) {
            update_any(p, e);
        } else if (what == 5) {
            policy_drop(p, e);
            tracked--;
        }
    }
    return tracked;
}

static void drain(policy *p, size_t tracked)
{
    for (; tracked > 0; tracked--) {
        cr_assert(policy_evict(p));
    }
    cr_assert_null(policy_evict(p));
    for (int i = 0; i < POLICY_ENTRIES; i++) {
        cr_assert_not(p->entries[i].tracked);
    }
}

Test(policies, each_node_goes_once)
{
    for (int i = 0; i < ROWS; i++) {
        for (uint64_t max_entries = 0; max_entries <= 4000; max_entries += 4000) {
            policy p;
            srand(3);
            policy_open(&p, rows[i].module, max_entries, 3);
            cr_assert_null(policy_evict(&p), "%s", rows[i].name);
            size_t tracked = live_through(&p, 150000, POLICY_ENTRIES, 0);
            drain(&p, live_through(&p, 150000, 40, tracked));
            drain(&p, live_through(&p, 5000, 3, 0)); /* and once more, after it was empty */
            policy_close(&p);
        }
    }
}

/* Two shards of one instance know nothing of each other's entries. */
Test(policies, shards_are_apart)
{
    for (int i = 0; i < ROWS; i++) {
        policy one, two;
        srand(4);
        policy_open(&one, rows[i].module, 100, 1);
        policy_open(&two, rows[i].module, 100, 2);
        size_t tracked = live_through(&one, 1000, 200, 0);
        size_t others = live_through(&two, 1000, 200, 0);
        drain(&one, live_through(&one, 1000, 200, tracked));
        drain(&two, others);
        policy_close(&one);
        policy_close(&two);
    }
}

/* Beside its instance. */
static bool says_what_it_took(const policy *p)
{
    uint64_t said = p->ops->footprint ? p->ops->footprint(p->shard) : 0;
    return said == (uint64_t) atomic_load(&p->host.bytes);
}

Test(policies, no_memory)
{
    for (int i = 0; i < ROWS; i++) {
        policy p;
        mst_status status = MST_ENOMEM;
        for (int64_t fail_at = 1; status != MST_OK; fail_at++) {
            status = policy_try(&p, rows[i].module, 1000, fail_at);
            cr_assert(status == MST_OK || status == MST_ENOMEM, "%s", rows[i].name);
            cr_assert(status != MST_OK || says_what_it_took(&p), "%s", rows[i].name);
            policy_close(&p); /* shard_fini() comes after a failed shard_init(), too */
            cr_assert_lt(fail_at, 10);
        }
    }
}

/* ---- exact ones: the entries in the order of the queue, the oldest first */

enum { M = 60 };

typedef struct model {
    entry *queue[M];
    unsigned reads[M]; /* of the entry at this place of the queue */
    int n, hand;
} model;

static int place_of(const model *m, const entry *e)
{
    int at = 0;
    while (at < m->n && m->queue[at] != e) {
        at++;
    }
    return at;
}

static void cut(model *m, int at)
{
    m->n--;
    memmove(m->queue + at, m->queue + at + 1, (size_t) (m->n - at) * sizeof *m->queue);
    memmove(m->reads + at, m->reads + at + 1, (size_t) (m->n - at) * sizeof *m->reads);
    m->hand -= at < m->hand;
    m->hand = m->hand < m->n ? m->hand : 0; /* it does not wait for the next to come */
}

static void append(model *m, entry *e, unsigned reads)
{
    m->queue[m->n] = e;
    m->reads[m->n++] = reads;
}

static void no_hit(model *m, int at)
{
    (void) m;
    (void) at;
}

static void mark_hit(model *m, int at)
{
    m->reads[at] = 1;
}

static void renew_hit(model *m, int at)
{
    entry *e = m->queue[at];
    unsigned reads = m->reads[at] + 1;
    cut(m, at);
    append(m, e, reads);
}

static int oldest(model *m)
{
    (void) m;
    return 0;
}

static int second_chance(model *m)
{
    while (m->reads[0]) {
        entry *e = m->queue[0];
        cut(m, 0);
        append(m, e, 0);
    }
    return 0;
}

static int from_hand(model *m)
{
    for (;; m->hand++) {
        m->hand = m->hand >= m->n ? 0 : m->hand;
        if (!m->reads[m->hand]) {
            return m->hand;
        }
        m->reads[m->hand] = 0;
    }
}

/* Of equal counts the one that came to its count first: renew_hit() keeps that order. */
static int least_read(model *m)
{
    int least = 0;
    for (int i = 1; i < m->n; i++) {
        least = m->reads[i] < m->reads[least] ? i : least;
    }
    return least;
}

static const struct exact {
    const char *name;
    void (*hit)(model *, int at);
    int (*victim)(model *);
} exacts[] = {
    {"fifo", no_hit, oldest},           {"lru", renew_hit, oldest},
    {"clock", mark_hit, second_chance}, {"sieve", mark_hit, from_hand},
    {"lfu", renew_hit, least_read},
};

static void compare(const struct exact *x, const mst_module *module)
{
    policy p;
    model m = {.n = 0};
    policy_open(&p, module, M, 1);
    srand(5);
    for (int i = 0; i < 100000; i++) {
        entry *e = &p.entries[rand() % (rand() % 2 ? 20 : 2 * M)];
        int at = place_of(&m, e);
        if (at < m.n && rand() % 50 == 0) {
            policy_drop(&p, e);
            cut(&m, at);
        } else if (at < m.n) {
            policy_hit(&p, e);
            x->hit(&m, at);
        } else {
            if (m.n == M) {
                int victim = x->victim(&m);
                cr_assert_eq(policy_evict(&p), m.queue[victim], "%s, step %d", x->name, i);
                cut(&m, victim);
            }
            policy_insert(&p, e);
            append(&m, e, 0);
        }
    }
    policy_close(&p);
}

Test(policies, exact_ones_agree_with_their_models)
{
    for (size_t x = 0; x < sizeof exacts / sizeof exacts[0]; x++) {
        int i = 0;
        while (strcmp(rows[i].name, exacts[x].name) != 0) {
            i++;
        }
        compare(&exacts[x], rows[i].module);
    }
}

/* ---- ttl */

static void insert_until(policy *p, int i, uint64_t end)
{
    const mst_entry_info info = {.struct_size = sizeof info, .bytes = 100, .expires_ms = end};
    policy_insert_with(p, &p->entries[i], &info);
}

/* The entry with the soonest end; NULL: none has one. */
static entry *soonest(policy *p, const uint64_t *end, int range)
{
    entry *first = NULL;
    for (int i = 0; i < range; i++) {
        if (p->entries[i].tracked && end[i] && (!first || end[i] < end[first - p->entries])) {
            first = &p->entries[i];
        }
    }
    return first;
}

/* Ends near and far, each of its own. */
Test(ttl, what_ends_first_goes_first)
{
    enum { RANGE = 300, STEPS = 30000 };
    uint64_t end[RANGE] = {0};
    policy p;
    policy_open(&p, &memstache_module_eviction_ttl, 0, 1);
    srand(6);
    for (int i = 0; i < STEPS; i++) {
        int at = rand() % RANGE;
        if (!p.entries[at].tracked) {
            uint64_t life = (uint64_t) 1 << rand() % 40;
            end[at] = rand() % 10 ? (life + (uint64_t) rand() % life) * RANGE + (uint64_t) at : 0;
            insert_until(&p, at, end[at]);
        } else if (rand() % 4 == 0) {
            policy_drop(&p, &p.entries[at]);
        } else {
            entry *first = soonest(&p, end, RANGE), *victim = policy_evict(&p);
            cr_assert(first ? victim == first : end[victim - p.entries] == 0);
        }
    }
    policy_close(&p);
}

Test(ttl, of_equal_ends_the_one_that_came_first_goes_first)
{
    enum { N = 1000 };
    policy p;
    policy_open(&p, &memstache_module_eviction_ttl, 0, 1);
    for (int i = 0; i < N; i++) {
        insert_until(&p, i * 7 % N, 5000 + (uint64_t) i % 3);
    }
    for (int third = 0; third < 3; third++) {
        for (int i = third; i < N; i += 3) {
            cr_assert_eq(policy_evict(&p), &p.entries[i * 7 % N]);
        }
    }
    policy_close(&p);
}

Test(ttl, what_never_ends_goes_last_and_updates_count)
{
    policy p;
    policy_open(&p, &memstache_module_eviction_ttl, 0, 1);
    insert_until(&p, 0, 0);
    insert_until(&p, 1, UINT64_MAX);
    insert_until(&p, 2, 5000);
    insert_until(&p, 3, 4000);
    const mst_entry_info later = {.struct_size = sizeof later, .expires_ms = 6000};
    p.ops->on_update(p.shard, (mst_node *) p.entries[3].node, &later);
    cr_assert_eq(policy_evict(&p), &p.entries[2]);
    insert_until(&p, 4, 10); /* before what has gone already */
    cr_assert_eq(policy_evict(&p), &p.entries[4]);
    cr_assert_eq(policy_evict(&p), &p.entries[3]);
    cr_assert_eq(policy_evict(&p), &p.entries[1]);
    cr_assert_eq(policy_evict(&p), &p.entries[0]);
    policy_close(&p);
}

/* ---- what is popular */

/* Some that are read again and again, beside a stream of those that come once. Returns how many of
 * the last 44 reads of those were hits. */
static int popular_hits(const mst_module *module)
{
    enum { POPULAR = 22, SIZE = 100, ROUNDS = 400 };
    policy p;
    int hits = 0, stream = POPULAR;
    size_t tracked = 0;
    policy_open(&p, module, SIZE, 1);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < POPULAR * 5; i++) {
            /* four of the stream to each popular one: 110 entries between two reads of it */
            stream = stream + 1 < POLICY_ENTRIES ? stream + 1 : POPULAR;
            entry *e = i % 5 ? &p.entries[stream] : &p.entries[i / 5];
            if (e->tracked) {
                hits += round >= ROUNDS - 2 && i % 5 == 0;
                policy_hit(&p, e);
                continue;
            }
            if (tracked == SIZE) {
                cr_assert(policy_evict(&p));
                tracked--;
            }
            policy_insert(&p, e);
            tracked++;
        }
    }
    policy_close(&p);
    return hits;
}

Test(popular, a_stream_does_not_wash_out_what_is_popular)
{
    cr_assert_eq(popular_hits(&memstache_module_eviction_lru), 0);
    cr_assert_gt(popular_hits(&memstache_module_eviction_adaptive), 40);
    cr_assert_gt(popular_hits(&memstache_module_eviction_clockpro), 40);
    cr_assert_gt(popular_hits(&memstache_module_eviction_s3fifo), 40);
    cr_assert_gt(popular_hits(&memstache_module_eviction_wtinylfu), 40);
}
