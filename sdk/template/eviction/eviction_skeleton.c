/* eviction_skeleton.c - an eviction policy for memstache: which entry goes when a tier is full.
 *
 * It begins as LRU: the entries stand in a list, what is used goes to its front, and what is at
 * its end goes first. What the functions may do, and may rely on, stands at the top of
 * <memstache/eviction.h>. In short: no table of keys, no memory of your own, no calls of the host;
 * what you need to know about an entry you keep in its node.
 */
#include <memstache/eviction.h>

/* In each entry: at most 64 bytes, zeroed before on_insert(). It does not move. */
typedef struct node {
    struct node *newer, *older;
} node;

/* One for each part of the tier that has a lock of its own, zeroed. */
typedef struct shard {
    node *newest, *oldest;
} shard;

static void put_in_front(shard *s, node *n)
{
    n->newer = NULL;
    n->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = n;
    s->newest = n;
}

static void take_out(shard *s, node *n)
{
    *(n->newer ? &n->newer->older : &s->newest) = n->older;
    *(n->older ? &n->older->newer : &s->oldest) = n->newer;
}

static void on_insert(void *shard_, mst_node *node_, const mst_entry_info *info)
{
    put_in_front(shard_, (node *) node_);
}

static void on_hit(void *shard_, mst_node *node_)
{
    take_out(shard_, (node *) node_);
    put_in_front(shard_, (node *) node_);
}

/* The entry was removed, has expired or was replaced: MST_GONE_*. */
static void on_remove(void *shard_, mst_node *node_, int why)
{
    take_out(shard_, (node *) node_);
}

/* Each node once, until none is left: NULL. */
static mst_node *evict(void *shard_)
{
    shard *s = shard_;
    node *victim = s->oldest;
    if (victim) {
        take_out(s, victim);
    }
    return (mst_node *) victim;
}

/* Hits need the lock here, because they change the list. A policy whose on_hit() writes to its node
 * only, atomically, says MST_HIT_SHARED, and hits are several times as fast; one that ignores hits
 * says MST_HIT_NONE and has no on_hit(). LOSSY: a hit that is late or lost does no harm. */
static const mst_eviction_ops ops = {
    .struct_size = sizeof ops,
    .node_size = sizeof(node),
    .node_align = _Alignof(node),
    .shard_size = sizeof(shard),
    .hit_mode = MST_HIT_EXCLUSIVE | MST_HIT_LOSSY,
    .on_insert = on_insert,
    .on_hit = on_hit,
    .on_remove = on_remove,
    .evict = evict,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_EVICTION,
    .kind_version = MST_EVICTION_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .name = "skeleton",
    .version = "0.1.0",
    .author = "you",
    .license = "MIT",
    .summary = "Evicts what was not used for the longest time",
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
