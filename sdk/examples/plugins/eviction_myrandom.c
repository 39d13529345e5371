/* eviction_myrandom.c - any entry may go, however new or popular it is.
 *
 * The entries stand in a ring. A hand skips a random number of them, 0 to 7, and takes the next
 * one: in each round every entry has the same chance to go. New ones join behind the hand. So
 * there is no array of all entries, which nobody gave the policy memory for.
 */
#include <memstache/eviction.h>

typedef struct node {
    struct node *next, *previous;
} node;

typedef struct shard {
    node *hand; /* NULL: the ring is empty */
    uint64_t random;
} shard;

static mst_status shard_init(void *self, void *shard_, const mst_shard_info *info)
{
    ((shard *) shard_)->random = info->seed | 1; /* never 0, and xorshift never gets there */
    return MST_OK;
}

static void on_insert(void *shard_, mst_node *node_, const mst_entry_info *info)
{
    shard *s = shard_;
    node *n = (node *) node_;
    node *next = s->hand ? s->hand : n, *previous = s->hand ? s->hand->previous : n;
    n->next = next;
    n->previous = previous;
    previous->next = next->previous = n;
    s->hand = next;
}

static void on_remove(void *shard_, mst_node *node_, int why)
{
    shard *s = shard_;
    node *n = (node *) node_;
    if (s->hand == n) {
        s->hand = n->next != n ? n->next : NULL;
    }
    n->next->previous = n->previous;
    n->previous->next = n->next;
}

static mst_node *evict(void *shard_)
{
    shard *s = shard_;
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    for (uint64_t skip = s->random >> 61; s->hand && skip > 0; skip--) {
        s->hand = s->hand->next;
    }
    node *victim = s->hand;
    if (victim) {
        on_remove(s, (mst_node *) victim, 0);
    }
    return (mst_node *) victim;
}

static const mst_eviction_ops ops = {
    .struct_size = sizeof ops,
    .node_size = sizeof(node),
    .node_align = _Alignof(node),
    .shard_size = sizeof(shard),
    .hit_mode = MST_HIT_NONE, /* hits mean nothing here, so nobody is told of them */
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
    .name = "myrandom",
    .version = "1.0.0",
    .author = "you",
    .license = "MIT",
    .summary = "Evicts any entry, all with the same chance",
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
