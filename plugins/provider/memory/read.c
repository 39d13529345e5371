/* read.c - GET and EXISTS, one and many.
 *
 * A hit takes a reference under the lock and lends the entry itself; what does not change in an
 * entry is read after the lock was dropped. A batch first brings the lines and then the entries of
 * all its keys into the cache, without locks, so that the memory's latencies overlap; neighbours in
 * the batch that belong to one shard share one locking, and one call of the policy.
 */
#include "find.h"
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

static void note_miss(mem_shard *sh, uint64_t hash)
{
    sh->counters.misses++;
    if (sh->policy && sh->policy->on_miss) {
        sh->policy->on_miss(sh->policy_shard, hash);
    }
}

/* [shard-lock] The pinned entry, with the times of the op filled in; NULL for a miss. */
static mem_entry *take(mem_shard *sh, mst_op *op, hits *later, mem_doomed *doomed)
{
    bool peek = op->flags & MST_OPF_PEEK;
    mem_entry *e = mem_index_find(&sh->index, op->hash, op->key, op->space);
    if (e && mem_life_over(mem_entry_end(e), op->now_ms)) {
        if (later) {
            tell_hits(sh, later);
        }
        mem_shard_expire(sh, e, doomed);
        e = NULL;
    }
    if (!e || !mem_entry_pin(e)) {
        if (peek) {
            sh->counters.misses++;
        } else {
            note_miss(sh, op->hash);
        }
        return NULL;
    }
    sh->counters.hits++;
    if (e->fields & MEM_HAS_SLIDING) {
        if (!peek) {
            mem_entry_renew(e, sh->pool.node_room, op->now_ms);
        }
        const mem_sliding sliding = mem_entry_sliding(e, sh->pool.node_room);
        op->sliding_ms = sliding.window_ms;
        op->limit_ms = sliding.limit_ms;
    }
    if (!peek) {
        note_hit(sh, e, later);
    }
    op->expires_ms = mem_entry_end(e);
    return e;
}

/* What needs no lock, because it never changes: the fields, one after the other, and the value. */
static inline void lend(mst_op *op, mem_entry *e, uint32_t node_room)
{
    if (!e) {
        op->status = MST_MISS;
        return;
    }
    op->status = MST_OK;
    op->tag = mem_entry_word(e, node_room, MEM_HAS_TAG);
    op->created_ms = mem_entry_word(e, node_room, MEM_HAS_CREATED);
    op->out.release = mem_entry_release;
    op->out.owner = e;
    if (e->fields & MEM_HAS_OBJECT) {
        op->out_object = mem_entry_object(e, node_room).object;
    } else {
        op->out.data = mem_entry_value(e, node_room);
        op->out.len = e->value_len;
    }
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

/* [shard-lock] Not a plain hit: `e` is NULL, over, or an object. */
__attribute__((noinline)) static mst_status look_again(mem_shard *sh, const mst_lookup *l,
                                                       mem_entry *e, mem_doomed *doomed)
{
    bool over = e && mem_life_over(mem_entry_end(e), l->now_ms);
    if (e && !over) {
        return MST_ENOTSUP;
    }
    if (over) {
        mem_shard_expire(sh, e, doomed);
    }
    note_miss(sh, l->hash);
    return MST_MISS;
}

mst_status mem_lookup(mem_cache *cache, mst_lookup *l)
{
    mem_shard *sh = mem_cache_shard(cache, l->hash);
    uint32_t room = sh->pool.node_room;
    mem_lock(sh);
    mem_entry *e = mem_index_find(&sh->index, l->hash, l->key, l->space);
    if (!e || mem_life_over(mem_entry_end(e), l->now_ms) || e->fields & MEM_HAS_OBJECT ||
        !mem_entry_pin(e)) {
        mem_doomed doomed = {NULL};
        mst_status status = look_again(sh, l, e, &doomed);
        mem_unlock(sh, &doomed);
        return status;
    }
    sh->counters.hits++;
    if (e->fields & MEM_HAS_SLIDING) {
        mem_entry_renew(e, room, l->now_ms);
    }
    note_hit(sh, e, NULL);
    l->expires_ms = mem_entry_end(e);
    mem_mutex_unlock(&sh->lock);
    l->created_ms = mem_entry_word(e, room, MEM_HAS_CREATED);
    l->out.data = mem_entry_value(e, room);
    l->out.len = e->value_len;
    l->out.release = mem_entry_release;
    l->out.owner = e;
    return MST_OK;
}

void mem_lookup_many(mem_cache *cache, mst_lookup *l, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        l[i].status = mem_lookup(cache, &l[i]);
    }
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
