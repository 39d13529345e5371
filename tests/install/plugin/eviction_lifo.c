/* A policy that evicts the newest entry first: useless, and so easy to tell from all the others.
 * Built out of tree, with what pkg-config says about memstache-plugin and nothing else. */
#include <memstache/eviction.h>

typedef struct node {
    struct node *older, *newer;
} node;

typedef struct shard {
    node *newest;
} shard;

static void on_insert(void *shard_, mst_node *node_, const mst_entry_info *info)
{
    shard *s = shard_;
    node *n = (node *) node_;
    (void) info;
    n->older = s->newest;
    n->newer = NULL;
    if (s->newest) {
        s->newest->newer = n;
    }
    s->newest = n;
}

static void on_remove(void *shard_, mst_node *node_, int why)
{
    shard *s = shard_;
    node *n = (node *) node_;
    (void) why;
    if (n->newer) {
        n->newer->older = n->older;
    } else {
        s->newest = n->older;
    }
    if (n->older) {
        n->older->newer = n->newer;
    }
}

static mst_node *evict(void *shard_)
{
    mst_node *victim = (mst_node *) ((shard *) shard_)->newest;
    if (victim) {
        on_remove(shard_, victim, 0);
    }
    return victim;
}

static const mst_eviction_ops ops = {
    .struct_size = sizeof ops,
    .node_size = sizeof(node),
    .node_align = _Alignof(node),
    .shard_size = sizeof(shard),
    .hit_mode = MST_HIT_NONE,
    .on_insert = on_insert,
    .on_remove = on_remove,
    .evict = evict,
};

static const mst_plugin lifo = {
    .struct_size = sizeof lifo,
    .kind = MST_KIND_EVICTION,
    .kind_version = MST_EVICTION_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .name = "lifo",
    .version = "1.0.0",
    .author = "The memstache authors",
    .license = "MIT",
    .summary = "Evicts the newest entry first",
    .ops = &ops,
};

MST_PLUGIN_MODULE(&lifo);
