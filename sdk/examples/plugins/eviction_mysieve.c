/* eviction_mysieve.c - a whole eviction policy, as others would write one: SIEVE (Y. Zhang et al.,
 * NSDI 2024). Entries stand in order of arrival; a hand goes from the oldest to the newest and
 * takes the first one that nobody visited since it last came by.
 *
 *   cc -shared -fPIC -fvisibility=hidden -O2 $(pkg-config --cflags memstache-plugin) \
 *       eviction_mysieve.c -o plugins/eviction_mysieve.so
 */
#include <memstache/eviction.h>
#include <stdatomic.h>

typedef struct node {
    struct node *older, *newer;
    _Atomic uint8_t visited;
} node;

typedef struct shard {
    node *oldest, *newest, *hand;
} shard;

static void on_insert(void *shard_, mst_node *n_, const mst_entry_info *info)
{
    shard *s = shard_;
    node *n = (node *) n_;
    (void) info;
    n->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = n;
    s->newest = n;
}

static void on_hit(void *shard_, mst_node *n)
{
    (void) shard_;
    atomic_store_explicit(&((node *) n)->visited, 1, memory_order_relaxed);
}

static void on_remove(void *shard_, mst_node *n_, int why)
{
    shard *s = shard_;
    node *n = (node *) n_;
    (void) why;
    s->hand = s->hand == n ? n->newer : s->hand;
    *(n->older ? &n->older->newer : &s->oldest) = n->newer;
    *(n->newer ? &n->newer->older : &s->newest) = n->older;
}

static mst_node *evict(void *shard_)
{
    shard *s = shard_;
    node *n = s->hand ? s->hand : s->oldest;
    while (n && atomic_load_explicit(&n->visited, memory_order_relaxed)) {
        atomic_store_explicit(&n->visited, 0, memory_order_relaxed);
        n = n->newer ? n->newer : s->oldest;
    }
    if (n) {
        s->hand = n;
        on_remove(s, (mst_node *) n, 0); /* the hand moves on */
    }
    return (mst_node *) n;
}

static const mst_eviction_ops ops = {
    .struct_size = sizeof ops,
    .node_size = sizeof(node),
    .node_align = _Alignof(node),
    .shard_size = sizeof(shard),
    .hit_mode = MST_HIT_SHARED | MST_HIT_LOSSY,
    .on_insert = on_insert,
    .on_hit = on_hit,
    .reads_at = offsetof(node, visited),
    .reads_max = 1,
    .on_remove = on_remove,
    .evict = evict,
};

static const mst_plugin mysieve = {
    .struct_size = sizeof mysieve,
    .kind = MST_KIND_EVICTION,
    .kind_version = MST_EVICTION_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .name = "mysieve",
    .version = "1.0.0",
    .author = "you",
    .license = "MIT",
    .summary = "Evicts what nobody visited since the hand came by",
    .ops = &ops,
};

MST_PLUGIN_MODULE(&mysieve);
