/* spy.c - see spy.h. */
#include "spy.h"

enum { TRACKED = 0x7eac4ed, GONE = 0x90e, FULL = 0xf0115 };

typedef struct node {
    struct node *prev, *next;
    uint64_t hash;
    uint32_t state, full;
} node;

typedef struct shard {
    node head;
    spy *spy;
} shard;

static mst_status shard_init(void *self, void *shard_, const mst_shard_info *info)
{
    shard *s = shard_;
    s->spy = self;
    s->spy->faults += s->head.next || (uintptr_t) s % 64 || info->shard_index != s->spy->shards;
    s->spy->shards++;
    s->head.prev = s->head.next = &s->head;
    return MST_OK;
}

static void shard_fini(void *self, void *shard_)
{
    shard *s = shard_;
    s->spy->faults += s->head.next != &s->head; /* entries that nobody took away */
    s->spy->shards--;
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

static void on_insert(void *shard_, mst_node *n_, const mst_entry_info *info)
{
    shard *s = shard_;
    node *n = (node *) n_;
    s->spy->faults += n->prev || n->next || n->hash || n->state || n->full ||
                      (uintptr_t) n % _Alignof(node) || !info->bytes;
    s->spy->inserted++;
    n->hash = info->hash;
    n->state = TRACKED;
    n->full = FULL;
    link_first(s, n);
}

static void check(shard *s, const node *n)
{
    s->spy->faults += n->state != TRACKED || n->full != FULL;
}

static void on_hit(void *shard_, mst_node *n_)
{
    shard *s = shard_;
    check(s, (node *) n_);
    s->spy->hits++;
    unlink_node((node *) n_);
    link_first(s, (node *) n_);
}

static void on_hit_many(void *shard_, mst_node *const *nodes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        on_hit(shard_, nodes[i]);
    }
}

static void on_update(void *shard_, mst_node *n_, const mst_entry_info *info)
{
    shard *s = shard_;
    check(s, (node *) n_);
    s->spy->faults += info->hash != ((node *) n_)->hash;
    s->spy->updated++;
}

static void gone(shard *s, node *n, int why)
{
    check(s, n);
    n->state = GONE;
    unlink_node(n);
    if (s->spy->gone) {
        s->spy->gone(s->spy->arg, n->hash, why);
    }
}

static void on_remove(void *shard_, mst_node *n_, int why)
{
    shard *s = shard_;
    s->spy->faults += why < MST_GONE_DELETED || why > MST_GONE_ROOM;
    s->spy->removed++;
    gone(s, (node *) n_, why);
}

static mst_node *evict(void *shard_)
{
    shard *s = shard_;
    node *n = s->head.prev;
    if (n == &s->head) {
        return NULL;
    }
    s->spy->evicted++;
    gone(s, n, SPY_EVICTED);
    return (mst_node *) n;
}

static int admit(void *shard_, const mst_entry_info *candidate)
{
    shard *s = shard_;
    s->spy->faults += !candidate->bytes;
    return !s->spy->refuse;
}

static void on_miss(void *shard_, uint64_t hash)
{
    (void) hash;
    ((shard *) shard_)->spy->misses++;
}

const mst_eviction_ops spy_ops = {
    .struct_size = sizeof spy_ops,
    .node_size = sizeof(node),
    .node_align = _Alignof(node),
    .shard_size = sizeof(shard),
    .hit_mode = MST_HIT_EXCLUSIVE,
    .shard_init = shard_init,
    .shard_fini = shard_fini,
    .on_insert = on_insert,
    .on_hit = on_hit,
    .on_hit_many = on_hit_many,
    .on_update = on_update,
    .on_remove = on_remove,
    .evict = evict,
    .admit = admit,
    .on_miss = on_miss,
};
