/* eviction.c - a policy, complete but for its name: the file calls it a compressor. */
#include <memstache/eviction.h>

static void on_insert(void *shard, mst_node *node, const mst_entry_info *info)
{
    (void) shard;
    (void) node;
    (void) info;
}

static void on_remove(void *shard, mst_node *node, int why)
{
    (void) shard;
    (void) node;
    (void) why;
}

static mst_node *evict(void *shard)
{
    (void) shard;
    return NULL;
}

static const mst_eviction_ops ops = {.struct_size = sizeof ops,
                                     .node_align = 1,
                                     .hit_mode = MST_HIT_NONE,
                                     .on_insert = on_insert,
                                     .on_remove = on_remove,
                                     .evict = evict};

static const mst_plugin plugin = {.struct_size = sizeof plugin,
                                  .kind = MST_KIND_EVICTION,
                                  .kind_version = MST_EVICTION_VERSION,
                                  .name = "kind",
                                  .version = "1.0",
                                  .author = "memstache",
                                  .license = "MIT",
                                  .summary = "keeps nothing",
                                  .ops = &ops};

MST_PLUGIN_MODULE(&plugin);
