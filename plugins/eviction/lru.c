/* lru.c - the eviction policy "lru": the entry that was not read for longest goes first.
 *
 * Exact, at the price of writing to three entries per hit under the shard's lock; a batch of hits
 * fetches the neighbours that it is going to write to first.
 */
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

static void on_hit(void *shard, mst_node *n)
{
    queue_renew(shard, (place *) n);
}

static void on_hit_many(void *shard, mst_node *const *nodes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        __builtin_prefetch(queue_at(shard, ((place *) nodes[i])->newer), 1);
        __builtin_prefetch(queue_at(shard, ((place *) nodes[i])->older), 1);
    }
    for (size_t i = 0; i < n; i++) {
        on_hit(shard, nodes[i]);
    }
}

static void on_remove(void *shard, mst_node *n, int why)
{
    queue_remove(shard, (place *) n);
}

static mst_node *evict(void *shard)
{
    return (mst_node *) queue_take_oldest(shard);
}

static const mst_node *likely_victim(const void *shard)
{
    return (const mst_node *) queue_oldest(shard);
}

static const mst_eviction_ops ops = {
    .struct_size = sizeof ops,
    .node_size = sizeof(place),
    .node_align = _Alignof(place),
    .shard_size = sizeof(queue),
    .hit_mode = MST_HIT_EXCLUSIVE,
    .shard_init = shard_init,
    .on_insert = on_insert,
    .on_hit = on_hit,
    .on_hit_many = on_hit_many,
    .on_remove = on_remove,
    .evict = evict,
    .likely_victim = likely_victim,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_EVICTION,
    .kind_version = MST_EVICTION_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .name = "lru",
    .version = "0.1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "Evicts what was not read for longest",
    .option_size = sizeof(mst_option),
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
