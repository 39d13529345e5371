/* read.c - GET and EXISTS, one and many.
 *
 * A hit takes a reference under the lock and lends the entry itself; what does not change in an
 * entry is read after the lock was dropped. A batch first brings the lines and then the entries of
 * all its keys into the cache, without locks, so that the memory's latencies overlap; neighbours in
 * the batch that belong to one shard share one locking, and one call of the policy.
 */
#include "shard.h"

enum { WINDOW = 16 };

/* Hits that the policy has not been told yet. They must be, before any entry is removed. */
typedef struct hits {
    mst_node *node[WINDOW];
    size_t n;
} hits;

static void tell_hits(mem_shard *sh, hits *told)
{
    if (told->n) {
        sh->policy->on_hit_many(sh->policy_shard, told->node, told->n);
        told->n = 0;
    }
}

static void note_hit(mem_shard *sh, mem_entry *e, hits *later)
{
    if (!sh->policy || !sh->policy->on_hit) {
        return;
    }
    if (later && sh->policy->on_hit_many) {
        later->node[later->n++] = mem_entry_node(e);
    } else {
        sh->policy->on_hit(sh->policy_shard, mem_entry_node(e));
    }
}

static mem_entry *miss(mem_shard *sh, const mst_op *op)
{
    sh->counters.misses++;
    if (sh->policy && sh->policy->on_miss && !(op->flags & MST_OPF_PEEK)) {
        sh->policy->on_miss(sh->policy_shard, op->hash);
    }
    return NULL;
}

/* [shard-lock] The pinned entry, with the times of the op filled in; NULL for a miss. */
static mem_entry *take(mem_shard *sh, mst_op *op, hits *later, mem_doomed *doomed)
{
    mem_entry *e = mem_index_find(&sh->index, op);
    if (e && mem_life_over(mem_entry_end(e), op->now_ms)) {
        if (later) {
            tell_hits(sh, later);
        }
        e = mem_shard_find(sh, op, doomed);
    }
    if (!e || !mem_entry_pin(e)) {
        return miss(sh, op);
    }
    sh->counters.hits++;
    if (!(op->flags & MST_OPF_PEEK)) {
        mem_entry_renew(e, sh->pool.node_room, op->now_ms);
        note_hit(sh, e, later);
    }
    op->expires_ms = mem_entry_end(e);
    const mem_sliding sliding = mem_entry_sliding(e, sh->pool.node_room);
    op->sliding_ms = sliding.window_ms;
    op->limit_ms = sliding.limit_ms;
    return e;
}

/* What needs no lock, because it never changes. */
static void lend(mst_op *op, mem_entry *e, uint32_t node_room)
{
    if (!e) {
        op->status = MST_MISS;
        return;
    }
    op->tag = mem_entry_word(e, node_room, MEM_HAS_TAG);
    op->created_ms = mem_entry_word(e, node_room, MEM_HAS_CREATED);
    op->out = (mst_value){NULL, 0, mem_entry_release, e};
    if (e->fields & MEM_HAS_OBJECT) {
        op->out_object = mem_entry_object(e, node_room).object;
    } else {
        op->out.data = mem_entry_value(e, node_room);
        op->out.len = e->value_len;
    }
    op->status = MST_OK;
}

void mem_get(mem_cache *cache, mst_op *op)
{
    mem_shard *sh = mem_cache_shard(cache, op->hash);
    mem_doomed doomed = {NULL};
    mem_lock(sh);
    mem_entry *e = take(sh, op, NULL, &doomed);
    mem_unlock(sh, &doomed);
    lend(op, e, sh->pool.node_room);
}

static void get_window(mem_cache *cache, mst_op *const *ops, size_t n)
{
    mem_entry *found[WINDOW];
    mem_doomed doomed = {NULL};
    hits later = {.n = 0};
    for (size_t i = 0; i < n; i++) {
        mem_index_prefetch_line(&mem_cache_shard(cache, ops[i]->hash)->index, ops[i]->hash);
    }
    for (size_t i = 0; i < n; i++) {
        mem_index_prefetch_entry(&mem_cache_shard(cache, ops[i]->hash)->index, ops[i]->hash);
    }
    for (size_t i = 0; i < n;) {
        mem_shard *sh = mem_cache_shard(cache, ops[i]->hash);
        mem_lock(sh);
        for (; i < n && mem_cache_shard(cache, ops[i]->hash) == sh; i++) {
            found[i] = take(sh, ops[i], &later, &doomed);
        }
        tell_hits(sh, &later);
        mem_unlock(sh, &doomed);
    }
    for (size_t i = 0; i < n; i++) {
        lend(ops[i], found[i], cache->shards[0].pool.node_room);
    }
}

void mem_get_many(mem_cache *cache, mst_op *const *ops, size_t n)
{
    while (n) {
        size_t now = n < WINDOW ? n : WINDOW;
        get_window(cache, ops, now);
        ops += now;
        n -= now;
    }
}

void mem_exists(mem_cache *cache, mst_op *op)
{
    mem_shard *sh = mem_cache_shard(cache, op->hash);
    mem_doomed doomed = {NULL};
    mem_lock(sh);
    mem_entry *e = mem_shard_find(sh, op, &doomed);
    if (e) {
        op->expires_ms = mem_entry_end(e);
        op->sliding_ms = mem_entry_word(e, sh->pool.node_room, MEM_HAS_SLIDING);
    }
    mem_unlock(sh, &doomed);
    op->status = e ? MST_OK : MST_MISS;
}
