/* clockpro.c - the eviction policy "clockpro" (S. Jiang, F. Chen, X. Zhang, CLOCK-Pro: an effective
 * improvement of the CLOCK replacement, USENIX ATC 2005): hot entries, cold ones, and ghosts of
 * cold ones that went, in the order in which they came or were last passed by the hand of the hot
 * ones.
 *
 * The paper's one clock with three hands is three queues here, which hold the same order: an epoch
 * in each node says who is older across queues. A cold entry is in its test period until the hand
 * of the hot ones has passed what is as old as it is. Read again in that time, it becomes hot and
 * the cold part grows by one; else the cold part shrinks by one. Ghosts are as many as entries.
 */
#include "ghost.h"
#include "queue.h"

#include <stdatomic.h>

enum {
    COLD_PART = 100,   /* 1 / 100 of the entries is cold at least, as it is in the beginning */
    TICKS = 4,         /* for each ghost, until it is forgotten in any case */
    ENTRY_BYTES = 512, /* assumed, where the bound is in bytes: the ghosts take 1.2 % of it */
};

typedef struct node {
    place place;
    uint32_t trace; /* of the key, for the ghosts */
    uint16_t epoch; /* when it came to its place */
    bool is_hot, is_tested;
    _Atomic uint8_t was_read;
} node;

typedef struct shard {
    queue hot, cold;
    uint64_t hot_count, cold_count;
    int64_t cold_part; /* in entries; counted in from the first eviction on */
    uint16_t tests;    /* the epoch from which on test periods last */
    bool has_evicted;
    ghost ghosts;
} shard;

typedef struct clockpro {
    const mst_host *host;
} clockpro;

static mst_status init(void *self, const mst_host *host)
{
    ((clockpro *) self)->host = host;
    return MST_OK;
}

static mst_status shard_init(void *self, void *shard_, const mst_shard_info *info)
{
    shard *s = shard_;
    queue_init(&s->hot, info);
    queue_init(&s->cold, info);
    uint64_t entries = info->max_entries ? info->max_entries : info->max_bytes / ENTRY_BYTES;
    return ghost_init(&s->ghosts, ((clockpro *) self)->host, entries, TICKS);
}

static void shard_fini(void *self, void *shard_)
{
    ghost_fini(&((shard *) shard_)->ghosts, ((clockpro *) self)->host);
}

static uint64_t footprint(const void *shard_)
{
    return ghost_footprint(&((const shard *) shard_)->ghosts);
}

static int64_t count(const shard *s)
{
    return (int64_t) (s->hot_count + s->cold_count);
}

static int64_t least_cold(const shard *s)
{
    return count(s) / COLD_PART ? count(s) / COLD_PART : 1;
}

static void add(shard *s, node *n, bool is_hot, bool is_tested)
{
    n->is_hot = is_hot;
    n->is_tested = is_tested;
    n->epoch = ghost_tick(&s->ghosts);
    *(is_hot ? &s->hot_count : &s->cold_count) += 1;
    queue_add(is_hot ? &s->hot : &s->cold, &n->place);
}

static node *take_oldest(queue *q, uint64_t *count_of_it)
{
    node *n = (node *) queue_take_oldest(q);
    *count_of_it -= n != NULL;
    return n;
}

static bool take_read(node *n)
{
    bool was_read = atomic_load_explicit(&n->was_read, memory_order_relaxed);
    atomic_store_explicit(&n->was_read, 0, memory_order_relaxed);
    return was_read;
}

static void tests_failed(shard *s, uint32_t keys)
{
    s->cold_part -= keys;
    s->cold_part = s->cold_part > least_cold(s) ? s->cold_part : least_cold(s);
}

/* The hand of the hot ones: it makes one of them cold, and ends the tests that it passes. */
static void cool_one(shard *s)
{
    for (node *n; (n = take_oldest(&s->hot, &s->hot_count));) {
        if (ghost_before(s->tests, n->epoch)) {
            s->tests = n->epoch;
        }
        tests_failed(s, ghost_forget_before(&s->ghosts, n->epoch));
        bool stays = take_read(n);
        add(s, n, stays, false);
        if (!stays) {
            return;
        }
    }
}

static void test_passed(shard *s)
{
    s->cold_part += s->cold_part < count(s) - least_cold(s);
}

static void cool_surplus(shard *s)
{
    int64_t hot_part = count(s) - s->cold_part; /* negative when many were removed */
    while (s->hot_count > 0 && (int64_t) s->hot_count > hot_part) {
        cool_one(s);
    }
}

static void on_insert(void *shard_, mst_node *n_, const mst_entry_info *info)
{
    shard *s = shard_;
    node *n = (node *) n_;
    n->trace = ghost_trace(info->hash);
    if (ghost_take(&s->ghosts, n->trace)) {
        test_passed(s);
        add(s, n, true, false);
        cool_surplus(s);
    } else {
        /* The paper leaves open how memory fills: the hot part does so first. */
        bool is_hot = !s->has_evicted && s->cold_count * COLD_PART >= s->hot_count;
        add(s, n, is_hot, !is_hot);
    }
}

static void on_hit(void *shard_, mst_node *n)
{
    atomic_store_explicit(&((node *) n)->was_read, 1, memory_order_relaxed);
}

static void on_remove(void *shard_, mst_node *n_, int why)
{
    shard *s = shard_;
    node *n = (node *) n_;
    queue_remove(n->is_hot ? &s->hot : &s->cold, &n->place);
    *(n->is_hot ? &s->hot_count : &s->cold_count) -= 1;
}

/* The hand of the cold ones at `n`: true when it goes. */
static bool is_victim(shard *s, node *n)
{
    bool is_tested = n->is_tested && !ghost_before(n->epoch, s->tests);
    if (take_read(n)) {
        if (is_tested) {
            test_passed(s);
        }
        add(s, n, is_tested, !is_tested);
        cool_surplus(s);
        return false;
    }
    if (is_tested) {
        ghost_add(&s->ghosts, n->trace, n->epoch);
        tests_failed(s, ghost_keep(&s->ghosts, (uint64_t) count(s)));
    } else if (n->is_tested) {
        tests_failed(s, 1);
    }
    return true;
}

static mst_node *evict(void *shard_)
{
    shard *s = shard_;
    if (!s->has_evicted) {
        s->has_evicted = true;
        s->cold_part = least_cold(s);
    }
    while (count(s)) {
        node *n = take_oldest(&s->cold, &s->cold_count);
        if (!n) {
            cool_one(s);
        } else if (is_victim(s, n)) {
            return (mst_node *) n;
        }
    }
    return NULL;
}

static const mst_eviction_ops ops = {
    .struct_size = sizeof ops,
    .node_size = sizeof(node),
    .node_align = _Alignof(node),
    .shard_size = sizeof(shard),
    .hit_mode = MST_HIT_SHARED | MST_HIT_LOSSY,
    .shard_init = shard_init,
    .shard_fini = shard_fini,
    .on_insert = on_insert,
    .on_hit = on_hit,
    .reads_at = offsetof(node, was_read),
    .reads_max = 1,
    .on_remove = on_remove,
    .evict = evict,
    .footprint = footprint,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_EVICTION,
    .kind_version = MST_EVICTION_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .instance_size = sizeof(clockpro),
    .name = "clockpro",
    .version = "0.1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "Evicts what was not asked for again while something popular was",
    .option_size = sizeof(mst_option),
    .init = init,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
