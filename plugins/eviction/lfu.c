/* lfu.c - the eviction policy "lfu": the entry that was read least often goes first, and of those
 * the one that has been so for longest.
 *
 * A queue for each count of reads, and a bit for each queue that says whether it may have entries.
 * Counts end at 1023, which is more than anything has that is about to go. There is no ageing: what
 * was popular once stays for as long as others are read less. That is what the name promises, and
 * seldom what a program wants; "s3fifo" forgets.
 */
#include "queue.h"

enum { COUNTS = 1024, WORD_BITS = 64 };

typedef struct node {
    place place;
    uint32_t count;
} node;

typedef struct shard {
    uint64_t used[COUNTS / WORD_BITS];
    queue queue[COUNTS];
} shard;

static mst_status shard_init(void *self, void *shard_, const mst_shard_info *info)
{
    shard *s = shard_;
    for (int i = 0; i < COUNTS; i++) {
        queue_init(&s->queue[i], info);
    }
    return MST_OK;
}

static void add(shard *s, node *n)
{
    s->used[n->count / WORD_BITS] |= (uint64_t) 1 << n->count % WORD_BITS;
    queue_add(&s->queue[n->count], &n->place);
}

static void on_insert(void *shard_, mst_node *n, const mst_entry_info *info)
{
    add(shard_, (node *) n);
}

static void on_hit(void *shard_, mst_node *n_)
{
    shard *s = shard_;
    node *n = (node *) n_;
    queue_remove(&s->queue[n->count], &n->place);
    n->count += n->count < COUNTS - 1;
    add(shard_, n);
}

static void on_remove(void *shard_, mst_node *n, int why)
{
    shard *s = shard_;
    queue_remove(&s->queue[((node *) n)->count], (place *) n);
}

static mst_node *evict(void *shard_)
{
    shard *s = shard_;
    for (unsigned i = 0; i < COUNTS / WORD_BITS;) {
        if (!s->used[i]) {
            i++;
            continue;
        }
        place *victim = queue_take_oldest(&s->queue[i * WORD_BITS + __builtin_ctzll(s->used[i])]);
        if (victim) {
            return (mst_node *) victim;
        }
        s->used[i] &= s->used[i] - 1; /* that queue is empty */
    }
    return NULL;
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
    .on_remove = on_remove,
    .evict = evict,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_EVICTION,
    .kind_version = MST_EVICTION_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .name = "lfu",
    .version = "0.1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "Evicts what was read least often, without ageing",
    .option_size = sizeof(mst_option),
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
