/* sieve.c - the eviction policy "sieve" (Y. Zhang et al., SIEVE is simpler than LRU, NSDI 2024): a
 * queue in order of arrival, and a hand that goes from the oldest entry to the newest and takes the
 * first one that was not read since it last came by.
 *
 * Unlike in "clock" the entries stay where they are, so what is new is looked at soon, and goes
 * soon unless it is read. Good for the skewed reads of the web; a loop over more than fits gets
 * nothing.
 */
#include "queue.h"

#include <stdatomic.h>

typedef struct node {
    place place;
    _Atomic uint8_t was_read;
} node;

typedef struct shard {
    queue queue;
    place *hand; /* the next one to look at; NULL: begin with the oldest */
} shard;

static mst_status shard_init(void *self, void *shard_, const mst_shard_info *info)
{
    shard *s = shard_;
    queue_init(&s->queue, info);
    return MST_OK;
}

static void on_insert(void *shard_, mst_node *n, const mst_entry_info *info)
{
    queue_add(&((shard *) shard_)->queue, (place *) n);
}

static void on_hit(void *shard_, mst_node *n)
{
    atomic_store_explicit(&((node *) n)->was_read, 1, memory_order_relaxed);
}

static void on_remove(void *shard_, mst_node *n, int why)
{
    shard *s = shard_;
    if (s->hand == (place *) n) {
        s->hand = queue_newer(&s->queue, s->hand);
    }
    queue_remove(&s->queue, (place *) n);
}

static mst_node *evict(void *shard_)
{
    shard *s = shard_;
    if (queue_is_empty(&s->queue)) {
        return NULL;
    }
    for (;;) {
        if (!s->hand) {
            s->hand = queue_oldest(&s->queue);
        }
        node *n = (node *) s->hand;
        if (!atomic_load_explicit(&n->was_read, memory_order_relaxed)) {
            on_remove(s, (mst_node *) n, 0);
            return (mst_node *) n;
        }
        atomic_store_explicit(&n->was_read, 0, memory_order_relaxed);
        s->hand = queue_newer(&s->queue, s->hand);
    }
}

static const mst_eviction_ops ops = {
    .struct_size = sizeof ops,
    .node_size = sizeof(node),
    .node_align = _Alignof(node),
    .shard_size = sizeof(shard),
    .hit_mode = MST_HIT_SHARED | MST_HIT_LOSSY,
    .shard_init = shard_init,
    .on_insert = on_insert,
    .on_hit = on_hit,
    .reads_at = offsetof(node, was_read),
    .reads_max = 1,
    .on_remove = on_remove,
    .evict = evict,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_EVICTION,
    .kind_version = MST_EVICTION_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .name = "sieve",
    .version = "0.1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "Evicts what was not read since a hand came by; keeps the order of arrival",
    .option_size = sizeof(mst_option),
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
