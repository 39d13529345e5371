/* read.c - GET and EXISTS under the lock, one and many. A batch first brings the lines and then the
 * entries of all its keys into the cache, so that the memory's latencies overlap. */
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

static inline void note_hit(mem_shard *sh, const mem_shape *shape, mem_entry *e, hits *later)
{
    if (!sh->policy || !sh->policy->on_hit) {
        return;
    }
    if (later && sh->policy->on_hit_many) {
        later->node[later->n++] = mem_entry_node(shape, e);
    } else {
        sh->policy->on_hit(sh->policy_shard, mem_entry_node(shape, e));
    }
}

static void note_miss(mem_shard *sh, uint64_t hash)
{
    sh->counters.misses++;
    if (sh->policy && sh->policy->on_miss) {
        sh->policy->on_miss(sh->policy_shard, hash);
    }
}

/* ---- under the lock */

/* What a hit says about the entry's times. */
static void tell_times(const mem_shape *shape, mst_op *op, mem_entry *e, bool peek)
{
    if (mem_entry_fields(e) & MEM_HAS_SLIDING) {
        if (!peek) {
            mem_entry_renew(shape, e, op->now_ms);
        }
        const mem_sliding sliding = mem_entry_sliding(shape, e);
        op->sliding_ms = sliding.window_ms;
        op->limit_ms = sliding.limit_ms;
    }
    op->expires_ms = mem_entry_end_ms(shape, e);
}

static mem_entry *find(mem_shard *sh, const mst_op *op)
{
    return mem_index_find(&sh->index, op->hash, op->key, op->space);
}

/* [shard-lock] The entry that was found, or NULL: lent, with the times of the op filled in; or
 * NULL, and the op has a status. */
static mem_loan *take(mem_shard *sh, mst_op *op, mem_entry *e, hits *later, mem_doomed *doomed)
{
    const mem_shape *shape = mem_shape_of(sh);
    mem_lender *lender = &sh->cache->lender;
    bool peek = op->flags & MST_OPF_PEEK;
    if (e && mem_entry_is_over(shape, e, op->now_ms)) {
        if (later) {
            tell_hits(sh, later);
        }
        mem_shard_expire(sh, e, doomed);
        e = NULL;
    }
    if (!e) {
        op->status = MST_MISS;
        if (peek) {
            sh->counters.misses++;
        } else {
            note_miss(sh, op->hash);
        }
        return NULL;
    }
    mem_loan *loan = mem_lender_find(lender);
    if (!loan) {
        op->status = MST_ENOMEM;
        return NULL;
    }
    mem_loan_take(loan, e);
    op->status = MST_OK;
    tell_times(shape, op, e, peek);
    if (!peek) {
        note_hit(sh, shape, e, later);
    }
    return loan;
}

/* What needs no lock, because it never changes: the fields, one after the other, and the value. */
static void lend(const mem_shape *shape, mst_op *op, mem_loan *loan)
{
    if (!loan) {
        return;
    }
    const mem_entry *e = atomic_load_explicit(loan, memory_order_relaxed);
    op->tag = mem_entry_word(shape, e, MEM_HAS_TAG);
    op->created_ms = e->created_ms;
    op->out.release = mem_loan_release;
    op->out.owner = loan;
    if (mem_entry_fields(e) & MEM_HAS_OBJECT) {
        op->out_object = mem_entry_object(shape, e).object;
    } else {
        op->out.data = mem_entry_value(shape, e);
        op->out.len = e->value_len;
    }
}

void mem_get(mem_cache *cache, mst_op *op)
{
    mem_shard *sh = mem_cache_shard(cache, op->hash);
    mem_doomed doomed = {0};
    mem_lock(sh);
    mem_loan *loan = take(sh, op, find(sh, op), NULL, &doomed);
    mem_unlock(sh, &doomed);
    lend(&cache->shape, op, loan);
}

static void get_window(mem_cache *cache, mst_op *const *ops, size_t n)
{
    mem_loan *loans[WINDOW];
    hits later = {.n = 0};
    for (size_t i = 0; i < n; i++) {
        mem_index_prefetch_line(&mem_cache_shard(cache, ops[i]->hash)->index, ops[i]->hash);
    }
    for (size_t i = 0; i < n; i++) {
        mem_index_prefetch_entry(&mem_cache_shard(cache, ops[i]->hash)->index, ops[i]->hash);
    }
    for (size_t i = 0; i < n;) {
        mem_shard *sh = mem_cache_shard(cache, ops[i]->hash);
        mem_doomed doomed = {0};
        mem_lock(sh);
        for (; i < n && mem_cache_shard(cache, ops[i]->hash) == sh; i++) {
            loans[i] = take(sh, ops[i], find(sh, ops[i]), &later, &doomed);
        }
        tell_hits(sh, &later);
        mem_unlock(sh, &doomed);
    }
    for (size_t i = 0; i < n; i++) {
        lend(&cache->shape, ops[i], loans[i]);
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
    mem_doomed doomed = {0};
    mem_lock(sh);
    mem_entry *e = mem_shard_find(sh, op, &doomed);
    if (e) {
        op->expires_ms = mem_entry_end_ms(&cache->shape, e);
        op->sliding_ms = mem_entry_word(&cache->shape, e, MEM_HAS_SLIDING);
    }
    mem_unlock(sh, &doomed);
    op->status = e ? MST_OK : MST_MISS;
}

/* ---- the lock's half of a lookup (lookup.c) */

/* [shard-lock] Lent, if it is a plain hit. */
static mst_status take_plain(mem_shard *sh, const mst_lookup *l, mst_result *r, mem_doomed *doomed)
{
    mst_op op = {.hash = l->hash, .key = l->key, .space = l->asker->space, .now_ms = l->now_ms};
    mem_entry *e = find(sh, &op);
    if (e && mem_entry_fields(e) & MEM_HAS_OBJECT &&
        !mem_entry_is_over(mem_shape_of(sh), e, l->now_ms)) {
        return MST_ENOTSUP;
    }
    mem_loan *loan = take(sh, &op, e, NULL, doomed);
    lend(mem_shape_of(sh), &op, loan);
    *r = (mst_result){.status = op.status,
                      .why = op.status == MST_OK ? MST_WHY_HIT : MST_WHY_MISS,
                      .data = op.out.data,
                      .len = op.out.len,
                      .age_ms = mem_age_of(op.created_ms, l->now_ms),
                      .ttl_ms = op.expires_ms ? (int64_t) (op.expires_ms - l->now_ms) : -1,
                      .release = op.out.release,
                      .owner = op.out.owner};
    return op.status;
}

mst_status mem_lookup_locked(mem_cache *cache, const mst_lookup *l, mst_result *r)
{
    mem_shard *sh = mem_cache_shard(cache, l->hash);
    mem_doomed doomed = {0};
    mem_lock(sh);
    mst_status status = take_plain(sh, l, r, &doomed);
    mem_unlock(sh, &doomed);
    return status;
}
