/* write.c - SET, DEL, TOUCH, CLEAR.
 *
 * A SET copies a large value before it takes the lock, so that this holds up nobody, and once room
 * was set aside for it; a small one is copied under it. What it then finds decides: a condition
 * that does not hold leaves everything as it is; in every other case the old entry of the key goes,
 * also when the new one cannot be stored, because the old value is known to be out of date.
 */
#include "find.h"
#include "shard.h"

enum { TRIES = 4 };

static void describe(const mst_op *op, uint64_t bytes, uint64_t end_ms, mst_entry_info *info)
{
    *info = (mst_entry_info){
        .struct_size = sizeof *info,
        .cost = op->cost,
        .hash = op->hash,
        .bytes = bytes,
        .expires_ms = end_ms,
    };
}

/* What a GET has lent. */
static const mem_entry *same_as(const mst_op *op)
{
    mem_loan *loan = (mem_loan *) (uintptr_t) op->same;
    return loan ? atomic_load_explicit(loan, memory_order_relaxed) : NULL;
}

static bool holds(const mst_op *op, const mem_entry *old)
{
    return !((op->flags & MST_OPF_IF_ABSENT) && old) &&
           !((op->flags & MST_OPF_IF_PRESENT) && !old) &&
           !((op->flags & MST_OPF_IF_SAME) && (!old || old != same_as(op)));
}

/* A SET as far as it is known before the lock is taken. */
typedef struct storing {
    mst_op *op;
    bool fresh;   /* the old value is out of date */
    bool dropped; /* and was removed */
    bool admitted;
    mst_status made; /* how the draft went */
    mem_draft draft;
    uint64_t aside; /* charged for its block */
    uint64_t end_ms;
    mst_entry_info info;
} storing;

static bool admits(const mem_shard *sh, storing *st)
{
    st->admitted = st->admitted || !sh->policy || !sh->policy->admit ||
                   sh->policy->admit(sh->policy_shard, &st->info);
    return st->admitted;
}

/* Before a large value is copied. False: the condition does not hold. */
static bool prepare(mem_shard *sh, storing *st)
{
    mem_doomed doomed = {0};
    mem_lock(sh);
    const mem_entry *old = mem_shard_find(sh, st->op, &doomed);
    bool go = holds(st->op, old);
    bool fits =
        go && admits(sh, st) &&
        mem_shard_set_aside(sh, mem_large_charge(st->draft.block_size), &st->aside, &doomed);
    st->dropped = old && !mem_shard_find(sh, st->op, &doomed); /* evicted for it */
    if (!fits && st->fresh) {
        st->made = MST_UNCHANGED;
    }
    mem_unlock(sh, &doomed);
    return go;
}

/* The key is not there any more. MST_OK: stored, and the draft is used. */
static mst_status store(mem_shard *sh, storing *st, mem_doomed *doomed)
{
    const mst_op *op = st->op;
    const mem_shape *shape = mem_shape_of(sh);
    uint64_t beside = mem_draft_beside(&st->draft);
    if (!admits(sh, st)) {
        return MST_UNCHANGED;
    }
    mem_shard_grow_index(sh, op->hash, doomed);
    void *slot = mem_shard_room(sh, st->draft.slot_size, beside, doomed);
    if (!slot) {
        return MST_UNCHANGED;
    }
    mem_entry *e = mem_entry_make(slot, shape, &st->draft, op);
    uint64_t end = mem_time_in(shape, st->end_ms);
    mem_entry_set_end(e, end);
    sh->beside_bytes += beside;
    st->draft.block = NULL;
    if (!mem_index_insert(&sh->index, op->hash, e)) {
        mem_shard_discard(sh, e, doomed);
        st->made = MST_UNCHANGED; /* the draft is gone */
        return MST_UNCHANGED;
    }
    sh->counters.stores++;
    mem_index_note_end(&sh->index, op->hash, end);
    if (sh->policy) {
        sh->policy->on_insert(sh->policy_shard, mem_entry_node(shape, e), &st->info);
    }
    return MST_OK;
}

static void count_failure(mem_shard *sh, mst_status s)
{
    if (s == MST_UNCHANGED) {
        sh->counters.refused++;
    } else if (s == MST_ETOOBIG) {
        sh->counters.too_big++;
    } else if (s == MST_ENOMEM) {
        sh->counters.no_memory++;
    }
}

/* [shard-lock] *again: there may be room once `doomed` was buried; when it is the last try, there
 * is none. */
static mst_status put_locked(mem_shard *sh, storing *st, mem_doomed *doomed, bool is_last,
                             bool *again)
{
    const mst_op *op = st->op;
    *again = false;
    sh->beside_bytes -= st->aside;
    st->aside = 0;
    mem_shard_sweep(sh, op->now_ms, doomed);
    mem_entry *old = mem_shard_find(sh, op, doomed);
    bool is_gone = st->dropped && !old; /* in the try before */
    if (!is_gone && !holds(op, old)) {
        return MST_UNCHANGED;
    }
    if (st->made != MST_OK && !st->fresh) {
        return st->made;
    }
    if (old) {
        mem_shard_drop(sh, old, MST_GONE_REPLACED, doomed);
        st->dropped = true;
    }
    if (st->made == MST_OK && st->end_ms && st->end_ms <= op->now_ms) {
        return MST_OK; /* stored and expired in one */
    }
    mst_status s = st->made == MST_OK ? store(sh, st, doomed) : st->made;
    *again = s == MST_UNCHANGED && doomed->first && !is_last;
    if (!*again) {
        count_failure(sh, s);
    }
    return s;
}

static void draw_up(storing *st, const mem_cache *cache, const mem_shard *sh)
{
    const mst_op *op = st->op;
    st->made =
        mem_draft_new(&st->draft, &cache->shape, op, mem_slot_most(&sh->slabs), sh->most_bytes);
    st->end_ms = mem_end_of(op->expires_ms, op->sliding_ms, op->now_ms);
    uint64_t slot_size = mem_slot_size(mem_slot_class(st->draft.slot_size));
    describe(op, slot_size + mem_draft_beside(&st->draft), st->end_ms, &st->info);
}

static void put(mem_cache *cache, mst_op *op, bool fresh)
{
    mem_shard *sh = mem_cache_shard(cache, op->hash);
    storing st = {.op = op, .fresh = fresh};
    bool again = true;
    draw_up(&st, cache, sh);
    bool is_large = st.draft.block_size >= MEM_LARGE_LEAST;
    if (st.made == MST_OK && is_large && !prepare(sh, &st)) {
        op->status = MST_UNCHANGED;
        return;
    }
    if (st.made == MST_OK) {
        st.made = mem_draft_fill(&st.draft, &cache->large, op);
    }
    for (int i = 0; again && i < TRIES; i++) {
        mem_doomed doomed = {0};
        mem_lock(sh);
        op->status = put_locked(sh, &st, &doomed, i + 1 == TRIES, &again);
        mem_unlock(sh, &doomed);
    }
    mem_draft_drop(&st.draft, &cache->large);
}

void mem_set(mem_cache *cache, mst_op *op)
{
    put(cache, op, true);
}

void mem_del(mem_cache *cache, mst_op *op)
{
    mem_shard *sh = mem_cache_shard(cache, op->hash);
    mem_doomed doomed = {0};
    mem_lock(sh);
    mem_shard_sweep(sh, op->now_ms, &doomed);
    mem_entry *e = mem_shard_find(sh, op, &doomed);
    if (e) {
        mem_shard_drop(sh, e, MST_GONE_DELETED, &doomed);
    }
    mem_unlock(sh, &doomed);
    op->status = e ? MST_OK : MST_MISS;
}

static void touch_in_place(mem_shard *sh, mem_entry *e, const mst_op *op)
{
    const mem_shape *shape = mem_shape_of(sh);
    uint64_t end_ms = mem_end_of(op->expires_ms, op->sliding_ms, op->now_ms);
    if (mem_entry_fields(e) & MEM_HAS_SLIDING) {
        const mem_sliding sliding = {op->sliding_ms, op->expires_ms};
        memcpy(mem_entry_field(shape, e, MEM_HAS_SLIDING), &sliding, sizeof sliding);
    }
    uint64_t end = mem_time_in(shape, end_ms);
    mem_entry_set_end(e, end);
    mem_index_note_end(&sh->index, op->hash, end);
    if (sh->policy && sh->policy->on_update) {
        mst_entry_info info;
        describe(op, mem_shard_charge(sh, e), end_ms, &info);
        sh->policy->on_update(sh->policy_shard, mem_entry_node(shape, e), &info);
    }
}

/* The entry has no room for a sliding window: store its value again, with one. It is lent.
 * MST_UNCHANGED: somebody else was quicker. */
static mst_status touch_by_copy(mem_cache *cache, const mst_op *op, mem_loan *loan)
{
    const mem_shape *shape = &cache->shape;
    const mem_entry *e = atomic_load_explicit(loan, memory_order_relaxed);
    mst_slice value = {mem_entry_value(shape, e), e->value_len};
    mst_op set = *op;
    set.code = MST_OP_SET;
    set.flags = MST_OPF_IF_SAME;
    set.same = loan;
    set.value = &value;
    set.value_parts = 1;
    set.object = mem_entry_object(shape, e).object;
    set.cost = 0;
    set.tag = mem_entry_word(shape, e, MEM_HAS_TAG);
    set.created_ms = e->created_ms;
    put(cache, &set, false);
    return set.status;
}

void mem_touch(mem_cache *cache, mst_op *op)
{
    mem_shard *sh = mem_cache_shard(cache, op->hash);
    op->status = MST_UNCHANGED;
    while (op->status == MST_UNCHANGED) {
        mem_doomed doomed = {0};
        mem_loan *loan = NULL;
        mem_lock(sh);
        mem_entry *e = mem_shard_find(sh, op, &doomed);
        if (e && op->sliding_ms && !(mem_entry_fields(e) & MEM_HAS_SLIDING)) {
            loan = mem_lender_find(&cache->lender);
            op->status = MST_ENOMEM;
        } else {
            op->status = e ? MST_OK : MST_MISS;
        }
        if (loan) {
            mem_loan_take(loan, e);
        } else if (op->status == MST_OK) {
            touch_in_place(sh, e, op);
        }
        mem_unlock(sh, &doomed);
        if (loan) {
            op->status = touch_by_copy(cache, op, loan);
            mem_loan_release(loan);
        }
    }
}

/* The lock is dropped after each segment, so that a large cache can be used meanwhile. */
void mem_clear(mem_cache *cache, mst_op *op)
{
    for (uint32_t i = 0; i < cache->shard_count; i++) {
        mem_shard *sh = &cache->shards[i];
        bool more = true;
        for (uint32_t at = 0; more;) {
            mem_doomed doomed = {0};
            mem_lock(sh);
            more = mem_shard_clear_step(sh, op->space, &at, &doomed);
            if (!more) {
                mem_shard_reclaim(sh, &doomed);
                mem_slabs_trim(&sh->slabs);
            }
            mem_unlock(sh, &doomed);
        }
    }
    mem_large_trim(&cache->large);
    op->status = MST_OK;
}
