/* lru.c - the eviction policy "lru": the entry that was not read for longest goes first.
 *
 * A circular list through the entries, the most recent one behind the head. Exact, at the price of
 * writing to three entries per hit under the shard's lock; a batch of hits fetches the neighbours
 * that it is going to write to first.
 */
#include <memstache/eviction.h>

typedef struct node {
    struct node *prev, *next;
} node;

typedef struct shard {
    node head; /* next: the most recent, prev: the victim */
} shard;

static mst_status shard_init(void *self, void *shard_, const mst_shard_info *info)
{
    node *head = &((shard *) shard_)->head;
    head->prev = head->next = head;
    return MST_OK;
}

static void link_first(shard *s, node *n)
{
    n->prev = &s->head;
    n->next = s->head.next;
    n->next->prev = n;
    s->head.next = n;
}

static void unlink_node(node *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
}

static void on_insert(void *shard_, mst_node *n, const mst_entry_info *info)
{
    link_first(shard_, (node *) n);
}

static void on_hit(void *shard_, mst_node *n)
{
    shard *s = shard_;
    if (s->head.next != (node *) n) {
        unlink_node((node *) n);
        link_first(s, (node *) n);
    }
}

static void on_hit_many(void *shard_, mst_node *const *nodes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        __builtin_prefetch(((node *) nodes[i])->prev, 1);
        __builtin_prefetch(((node *) nodes[i])->next, 1);
    }
    for (size_t i = 0; i < n; i++) {
        on_hit(shard_, nodes[i]);
    }
}

static void on_remove(void *shard_, mst_node *n, int why)
{
    unlink_node((node *) n);
}

static mst_node *evict(void *shard_)
{
    shard *s = shard_;
    node *victim = s->head.prev;
    if (victim == &s->head) {
        return NULL;
    }
    unlink_node(victim);
    return (mst_node *) victim;
}

static const mst_eviction_ops ops = {
    .struct_size = sizeof ops,
    .node_size = sizeof(node),
    .node_align = _Alignof(node),
    .shard_size = sizeof(shard),
    .hit_mode = MST_HIT_EXCLUSIVE,
    .shard_init = shard_init,
    .on_insert = on_insert,
    .on_hit = on_hit,
    .on_hit_many = on_hit_many,
    .on_remove = on_remove,
    .evict = evict,
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
