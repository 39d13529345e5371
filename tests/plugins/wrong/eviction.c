/* eviction.c - entries in the order in which they came, with a second chance. See fault.h. */
#include <memstache/eviction.h>

#include "fault.h"

typedef struct node {
    struct node *prev, *next;
    uint8_t hit;
} node;

typedef struct shard {
    node head;
    const mst_host *host;
    node *last; /* the fault of touches_removed */
    uint64_t hits;
    void *ghosts;
    uint64_t taken;
} shard;

typedef struct policy {
    const mst_host *host;
} policy;

static shard *shared; /* the fault of one_list_for_all */

static mst_status init(void *self, const mst_host *host)
{
    ((policy *) self)->host = host;
    return MST_OK;
}

static mst_status shard_init(void *self, void *shard_, const mst_shard_info *info)
{
    shard *s = shard_;
    s->host = ((policy *) self)->host;
    s->head.prev = s->head.next = &s->head;
    s->taken = 100 + info->max_entries;
    s->ghosts = s->host->alloc(s->host, s->taken);
    if (!shared) {
        shared = s;
    }
    return s->ghosts ? MST_OK : MST_ENOMEM;
}

static void shard_fini(void *self, void *shard_)
{
    shard *s = shard_;
    shared = NULL;
    s->host->free(s->host, s->ghosts);
}

static void on_insert(void *shard_, mst_node *node_, const mst_entry_info *info)
{
    shard *s = IS(one_list_for_all) ? shared : shard_;
    node *n = (node *) node_;
    if (IS(touches_removed) && s->last) {
        s->last->hit = 1;
    }
    if (IS(logs_on_insert)) {
        s->host->log(s->host, MST_LOG_DEBUG, "an entry");
    }
    if (IS(loses_entry) && info->hash % 50 == 0) {
        n->prev = n->next = n; /* in no list */
        return;
    }
    if (IS(node_overrun)) {
        ((volatile uint8_t *) node_)[sizeof *n] = 1;
    }
    n->prev = &s->head;
    n->next = s->head.next;
    n->next->prev = s->head.next = n;
}

static void on_hit(void *shard_, mst_node *node_)
{
    if (IS(counts_hits_in_shard)) {
        ((shard *) shard_)->hits++;
    }
    uint8_t hits = IS(counts_hits_twice) ? 2 : 1;
    __atomic_store_n(&((node *) node_)->hit, hits, __ATOMIC_RELAXED);
}

static void leave(node *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
}

static void on_remove(void *shard_, mst_node *node_, int why)
{
    shard *s = shard_;
    s->last = (node *) node_;
    if (!IS(forgets_removal) || why != MST_GONE_EXPIRED) {
        leave((node *) node_);
    }
}

static mst_node *evict(void *shard_)
{
    shard *s = shard_;
    node *n = s->head.prev;
    while (n != &s->head && n->hit) {
        n->hit = 0;
        leave(n);
        n->prev = &s->head;
        n->next = s->head.next;
        n->next->prev = s->head.next = n;
        n = s->head.prev;
    }
    if (n == &s->head) {
        return NULL;
    }
    if (!IS(evicts_twice)) {
        leave(n);
    }
    return (mst_node *) n;
}

static uint64_t footprint(const void *shard_)
{
    return ((const shard *) shard_)->taken;
}

static const mst_eviction_ops ops = {
    .struct_size = sizeof ops,
    .node_size = sizeof(node),
    .node_align = _Alignof(node),
    .shard_size = sizeof(shard),
    .hit_mode = MST_HIT_SHARED,
    .shard_init = shard_init,
    .shard_fini = shard_fini,
    .on_insert = on_insert,
    .on_hit = on_hit,
    .reads_at = offsetof(node, hit),
    .reads_max = 1,
    .on_remove = on_remove,
    .evict = evict,
    .footprint = IS(no_footprint) ? NULL : footprint,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_EVICTION,
    .kind_version = MST_EVICTION_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .instance_size = sizeof(policy),
    .name = NAME,
    .version = "1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "A queue, for tests",
    .init = init,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
