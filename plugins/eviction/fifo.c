/* fifo.c - the eviction policy "fifo": the entry that came first goes first, read or not. A hit
 * costs nothing at all. */
#include "queue.h"

static mst_status shard_init(void *self, void *shard, const mst_shard_info *info)
{
    queue_init(shard, info);
    return MST_OK;
}

static void on_insert(void *shard, mst_node *n, const mst_entry_info *info)
{
    queue_add(shard, (place *) n);
}

static void on_remove(void *shard, mst_node *n, int why)
{
    queue_remove(shard, (place *) n);
}

static mst_node *evict(void *shard)
{
    return (mst_node *) queue_take_oldest(shard);
}

static const mst_eviction_ops ops = {
    .struct_size = sizeof ops,
    .node_size = sizeof(place),
    .node_align = _Alignof(place),
    .shard_size = sizeof(queue),
    .hit_mode = MST_HIT_NONE,
    .shard_init = shard_init,
    .on_insert = on_insert,
    .on_remove = on_remove,
    .evict = evict,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_EVICTION,
    .kind_version = MST_EVICTION_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .name = "fifo",
    .version = "0.1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "Evicts what came first; hits cost nothing",
    .option_size = sizeof(mst_option),
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
