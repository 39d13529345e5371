/* s3fifo.c - the eviction policy "s3fifo" (J. Yang et al., FIFO queues are all you need for cache
 * eviction, SOSP 2023): a small queue for what is new, a main one for what was asked for again, and
 * the memory of what went from the small one unread, a ghost.
 *
 * Most keys are asked for once: they pass through the small queue, a tenth of the entries, and do
 * no harm. What was read twice there goes on to the main queue; what comes back while its ghost is
 * remembered goes there at once. The main queue is a clock with counts up to three. A hit counts in
 * a byte of the entry that is read anyway.
 */
#include "ghost.h"
#include "queue.h"

#include <stdatomic.h>

enum {
    SMALL_PART = 10,   /* the small queue is 1 / 10 of all */
    READS_TO_MAIN = 2, /* so often read in the small queue, it stays */
    READS_MAX = 3,
    TICKS = 2,        /* for each ghost, until it is forgotten in any case */
    ENTRY_BYTES = 512 /* assumed, where the bound is in bytes: the ghost takes 3 % of it */
};

typedef struct node {
    place place;
    uint32_t trace; /* of the key, for the ghost */
    _Atomic uint8_t reads;
    bool is_main;
} node;

typedef struct shard {
    queue small, main;
    uint64_t small_count, main_count;
    ghost ghost;
} shard;

typedef struct s3fifo {
    const mst_host *host;
} s3fifo;

static mst_status init(void *self, const mst_host *host)
{
    ((s3fifo *) self)->host = host;
    return MST_OK;
}

static mst_status shard_init(void *self, void *shard_, const mst_shard_info *info)
{
    shard *s = shard_;
    queue_init(&s->small, info);
    queue_init(&s->main, info);
    uint64_t entries = info->max_entries ? info->max_entries : info->max_bytes / ENTRY_BYTES;
    return ghost_init(&s->ghost, ((s3fifo *) self)->host, entries, TICKS);
}

static void shard_fini(void *self, void *shard_)
{
    ghost_fini(&((shard *) shard_)->ghost, ((s3fifo *) self)->host);
}

static uint64_t footprint(const void *shard_)
{
    return ghost_footprint(&((const shard *) shard_)->ghost);
}

static void add_main(shard *s, node *n)
{
    n->is_main = true;
    s->main_count++;
    queue_add(&s->main, &n->place);
}

static void on_insert(void *shard_, mst_node *n_, const mst_entry_info *info)
{
    shard *s = shard_;
    node *n = (node *) n_;
    n->trace = ghost_trace(info->hash);
    if (ghost_take(&s->ghost, n->trace)) {
        add_main(s, n);
    } else {
        s->small_count++;
        queue_add(&s->small, &n->place);
    }
}

static void on_hit(void *shard_, mst_node *n_)
{
    node *n = (node *) n_;
    uint8_t reads = atomic_load_explicit(&n->reads, memory_order_relaxed);
    if (reads < READS_MAX) {
        atomic_store_explicit(&n->reads, reads + 1, memory_order_relaxed);
    }
}

static void on_remove(void *shard_, mst_node *n_, int why)
{
    shard *s = shard_;
    node *n = (node *) n_;
    queue_remove(n->is_main ? &s->main : &s->small, &n->place);
    *(n->is_main ? &s->main_count : &s->small_count) -= 1;
}

static node *evict_main(shard *s)
{
    for (;;) {
        node *n = (node *) queue_take_oldest(&s->main);
        uint8_t reads = n ? atomic_load_explicit(&n->reads, memory_order_relaxed) : 0;
        if (!reads) {
            s->main_count -= n != NULL;
            return n;
        }
        atomic_store_explicit(&n->reads, reads - 1, memory_order_relaxed);
        queue_add(&s->main, &n->place);
    }
}

/* NULL: all of it went on to the main queue, or that grew out of its part. */
static node *evict_small(shard *s)
{
    uint64_t main_part = (s->small_count + s->main_count) * (SMALL_PART - 1) / SMALL_PART;
    while (s->small_count && s->small_count * SMALL_PART >= s->small_count + s->main_count) {
        node *n = (node *) queue_take_oldest(&s->small);
        s->small_count--;
        if (atomic_load_explicit(&n->reads, memory_order_relaxed) < READS_TO_MAIN) {
            ghost_add(&s->ghost, n->trace, ghost_tick(&s->ghost));
            ghost_keep(&s->ghost, main_part);
            return n;
        }
        atomic_store_explicit(&n->reads, 0, memory_order_relaxed);
        add_main(s, n);
    }
    return NULL;
}

static mst_node *evict(void *shard_)
{
    shard *s = shard_;
    node *n = evict_small(s);
    return (mst_node *) (n ? n : evict_main(s));
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
    .reads_at = offsetof(node, reads),
    .reads_max = READS_MAX,
    .on_remove = on_remove,
    .evict = evict,
    .footprint = footprint,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_EVICTION,
    .kind_version = MST_EVICTION_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .instance_size = sizeof(s3fifo),
    .name = "s3fifo",
    .version = "0.1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "Evicts what came and was not asked for again; popular entries stay",
    .option_size = sizeof(mst_option),
    .init = init,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
