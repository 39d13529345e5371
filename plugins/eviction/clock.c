/* clock.c - the eviction policy "clock" (F. J. Corbato, A paging experiment with the Multics
 * system, 1968): first in, first out, but what was read since it was last looked at gets another
 * round.
 *
 * Close to lru in what it keeps; a hit writes one byte of the entry that it reads anyway.
 */
#include "queue.h"

#include <stdatomic.h>

typedef struct node {
    place place;
    _Atomic uint8_t was_read;
} node;

static mst_status shard_init(void *self, void *shard, const mst_shard_info *info)
{
    queue_init(shard, info);
    return MST_OK;
}

static void on_insert(void *shard, mst_node *n, const mst_entry_info *info)
{
    queue_add(shard, (place *) n);
}

static void on_hit(void *shard, mst_node *n)
{
    atomic_store_explicit(&((node *) n)->was_read, 1, memory_order_relaxed);
}

static void on_remove(void *shard, mst_node *n, int why)
{
    queue_remove(shard, (place *) n);
}

static mst_node *evict(void *shard)
{
    for (;;) {
        node *n = (node *) queue_take_oldest(shard);
        if (!n || !atomic_load_explicit(&n->was_read, memory_order_relaxed)) {
            return (mst_node *) n;
        }
        atomic_store_explicit(&n->was_read, 0, memory_order_relaxed);
        queue_add(shard, &n->place);
    }
}

static const mst_eviction_ops ops = {
    .struct_size = sizeof ops,
    .node_size = sizeof(node),
    .node_align = _Alignof(node),
    .shard_size = sizeof(queue),
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
    .name = "clock",
    .version = "0.1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "Evicts in order of arrival, with another round for what was read",
    .option_size = sizeof(mst_option),
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
