/* ttl.c - the eviction policy "ttl": the entry that expires first goes first; of those that never
 * expire, the one that came first, when there is nothing else.
 *
 * A treap (R. Seidel, C. Aragon, Randomized search trees, Algorithmica 1996): a search tree by the
 * end of life that is at the same time a heap by a number drawn from the entry's address, and so as
 * flat as if the ends had come in random order, which they never do. Every step is logarithmic. A
 * timing wheel is faster on average and moves a whole list now and then, with the shard locked.
 *
 * A read that renews a sliding end does not tell the policy: such entries keep the place of their
 * last write.
 */
#include "queue.h"

enum { LEFT, RIGHT };

typedef struct node node;
struct node {
    union {
        node *child[2]; /* [LEFT] ends before or with this one */
        place place;    /* of one that never ends */
    };
    node *parent;
    uint64_t end; /* of its life; 0: never */
};

typedef struct shard {
    node *root;
    queue forever;
} shard;

static mst_status shard_init(void *self, void *shard_, const mst_shard_info *info)
{
    queue_init(&((shard *) shard_)->forever, info);
    return MST_OK;
}

static uint64_t rank(const node *n)
{
    uint64_t x = (uint64_t) (uintptr_t) n * 0x9e3779b97f4a7c15u;
    return (x ^ x >> 32) * 0xbf58476d1ce4e5b9u;
}

/* Where the tree refers to `n`. */
static node **place_in_tree(shard *s, node *n)
{
    return n->parent ? &n->parent->child[n->parent->child[RIGHT] == n] : &s->root;
}

/* Puts `n`, or nothing, where `old` was. */
static void put_in_place_of(shard *s, node *old, node *n)
{
    *place_in_tree(s, old) = n;
    if (n) {
        n->parent = old->parent;
    }
}

/* `n` and its parent change places; the order of the ends stays. */
static void rotate_up(shard *s, node *n)
{
    node *parent = n->parent;
    int side = parent->child[RIGHT] == n;
    node *inner = n->child[!side];
    put_in_place_of(s, parent, n);
    n->child[!side] = parent;
    parent->parent = n;
    parent->child[side] = inner;
    if (inner) {
        inner->parent = parent;
    }
}

static void tree_add(shard *s, node *n)
{
    node **at = &s->root;
    n->child[LEFT] = n->child[RIGHT] = n->parent = NULL;
    while (*at) {
        n->parent = *at;
        at = &(*at)->child[n->end >= (*at)->end];
    }
    *at = n;
    while (n->parent && rank(n) > rank(n->parent)) {
        rotate_up(s, n);
    }
}

static void tree_remove(shard *s, node *n)
{
    while (n->child[LEFT] && n->child[RIGHT]) {
        rotate_up(s, n->child[rank(n->child[RIGHT]) > rank(n->child[LEFT])]);
    }
    put_in_place_of(s, n, n->child[n->child[RIGHT] != NULL]);
}

static void on_insert(void *shard_, mst_node *n_, const mst_entry_info *info)
{
    shard *s = shard_;
    node *n = (node *) n_;
    n->end = info->expires_ms;
    if (n->end) {
        tree_add(s, n);
    } else {
        queue_add(&s->forever, &n->place);
    }
}

static void on_remove(void *shard_, mst_node *n_, int why)
{
    node *n = (node *) n_;
    if (n->end) {
        tree_remove(shard_, n);
    } else {
        queue_remove(&((shard *) shard_)->forever, &n->place);
    }
}

static void on_update(void *shard_, mst_node *n, const mst_entry_info *info)
{
    on_remove(shard_, n, MST_GONE_REPLACED);
    on_insert(shard_, n, info);
}

static mst_node *evict(void *shard_)
{
    shard *s = shard_;
    node *n = s->root;
    if (!n) {
        return (mst_node *) queue_take_oldest(&s->forever);
    }
    while (n->child[LEFT]) {
        n = n->child[LEFT];
    }
    tree_remove(s, n);
    return (mst_node *) n;
}

static const mst_eviction_ops ops = {
    .struct_size = sizeof ops,
    .node_size = sizeof(node),
    .node_align = _Alignof(node),
    .shard_size = sizeof(shard),
    .hit_mode = MST_HIT_NONE,
    .shard_init = shard_init,
    .on_insert = on_insert,
    .on_update = on_update,
    .on_remove = on_remove,
    .evict = evict,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_EVICTION,
    .kind_version = MST_EVICTION_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .name = "ttl",
    .version = "0.1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "Evicts what expires first",
    .option_size = sizeof(mst_option),
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
