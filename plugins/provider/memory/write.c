/* write.c - SET, DEL, TOUCH, CLEAR.
 *
 * A SET builds the whole entry before it takes the lock, so that copying a large value holds up
 * nobody. What it then finds decides: a condition that does not hold leaves everything as it is; in
 * every other case the old entry of the key goes, also when the new one cannot be stored, because
 * the old value is known to be out of date.
 */
#include "shard.h"

static void describe(const mem_shard *sh, const mem_entry *e, const mst_op *op,
                     mst_entry_info *info)
{
    *info = (mst_entry_info){
        .struct_size = sizeof *info,
        .cost = op->cost,
        .hash = op->hash,
        .bytes = mem_entry_charge(&sh->pool, e),
        .expires_ms = mem_entry_end(e),
    };
}

static bool holds(const mst_op *op, const mem_entry *old)
{
    return !((op->flags & MST_OPF_IF_ABSENT) && old) &&
           !((op->flags & MST_OPF_IF_PRESENT) && !old) &&
           !((op->flags & MST_OPF_IF_SAME) && (!old || (const void *) old != op->same));
}

static void link_entry(mem_shard *sh, mem_entry *e, const mst_op *op, const mst_entry_info *info)
{
    sh->entry_bytes += info->bytes;
    sh->counters.stores++;
    mem_index_note_expiry(&sh->index, op->hash, info->expires_ms);
    if (sh->policy) {
        sh->policy->on_insert(sh->policy_shard, mem_entry_node(e), info);
    }
}

/* The key is not there any more. MST_OK: stored, the shard has taken the reference over. */
static mst_status store(mem_shard *sh, mem_entry *e, const mst_op *op, mem_doomed *doomed)
{
    mst_entry_info info;
    describe(sh, e, op, &info);
    if (sh->policy && sh->policy->admit && !sh->policy->admit(sh->policy_shard, &info)) {
        return MST_UNCHANGED;
    }
    /* An index that is growing needs room as well. If it gets none, it has some slots left. */
    uint64_t growth = mem_index_growth(&sh->index, op->hash);
    if (growth && mem_shard_make_room(sh, info.bytes + growth, doomed)) {
        mem_index_grow(&sh->index, op->hash);
    }
    if (!mem_shard_make_room(sh, info.bytes, doomed) ||
        !mem_index_insert(&sh->index, op->hash, e)) {
        return MST_UNCHANGED;
    }
    link_entry(sh, e, op, &info);
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

/* [shard-lock] `made` is how building *entry went; *entry becomes NULL when it was stored. `fresh`:
 * the old value is out of date. */
static mst_status put_locked(mem_shard *sh, mst_op *op, bool fresh, mst_status made,
                             mem_entry **entry, mem_doomed *doomed)
{
    mem_shard_sweep(sh, op->now_ms, doomed);
    mem_entry *old = mem_shard_find(sh, op, doomed);
    if (!holds(op, old)) {
        return MST_UNCHANGED;
    }
    if (made != MST_OK && !fresh) {
        return made;
    }
    if (old) {
        mem_shard_drop(sh, old, MST_GONE_REPLACED, doomed);
    }
    if (made == MST_OK && mem_life_over(mem_entry_end(*entry), op->now_ms)) {
        return MST_OK; /* stored and expired in one */
    }
    mst_status s = made == MST_OK ? store(sh, *entry, op, doomed) : made;
    if (s == MST_OK) {
        *entry = NULL;
    }
    count_failure(sh, s);
    return s;
}

static void put(mem_cache *cache, mst_op *op, bool fresh)
{
    mem_shard *sh = mem_cache_shard(cache, op->hash);
    mem_doomed doomed = {NULL};
    mem_entry *e = NULL;
    mst_status made = mem_entry_new(&sh->pool, op, sh->most_bytes, &e);
    if (e) {
        uint64_t end = mem_life_end(op->expires_ms, op->sliding_ms, op->now_ms);
        atomic_init(&e->expires_ms, end);
    }
    mem_lock(sh);
    op->status = put_locked(sh, op, fresh, made, &e, &doomed);
    mem_unlock(sh, &doomed);
    if (e) {
        mem_entry_free(&sh->pool, e);
    }
}

void mem_set(mem_cache *cache, mst_op *op)
{
    put(cache, op, true);
}

void mem_del(mem_cache *cache, mst_op *op)
{
    mem_shard *sh = mem_cache_shard(cache, op->hash);
    mem_doomed doomed = {NULL};
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
    uint64_t end = mem_life_end(op->expires_ms, op->sliding_ms, op->now_ms);
    if (e->fields & MEM_HAS_SLIDING) {
        const mem_sliding sliding = {op->sliding_ms, op->expires_ms};
        memcpy(mem_entry_field(e, sh->pool.node_room, MEM_HAS_SLIDING), &sliding, sizeof sliding);
    }
    atomic_store_explicit(&e->expires_ms, end, memory_order_relaxed);
    mem_index_note_expiry(&sh->index, op->hash, end);
    if (sh->policy && sh->policy->on_update) {
        mst_entry_info info;
        describe(sh, e, op, &info);
        sh->policy->on_update(sh->policy_shard, mem_entry_node(e), &info);
    }
}

/* The entry has no room for a sliding window: store its value again, with one. `e` is pinned.
 * MST_UNCHANGED: somebody else was quicker. */
static mst_status touch_by_copy(mem_cache *cache, const mst_op *op, mem_entry *e)
{
    uint32_t room = mem_cache_shard(cache, op->hash)->pool.node_room;
    mst_slice value = {mem_entry_value(e, room), e->value_len};
    mst_op set = *op;
    set.code = MST_OP_SET;
    set.flags = MST_OPF_IF_SAME;
    set.same = e;
    set.value = &value;
    set.value_parts = 1;
    set.object = mem_entry_object(e, room).object;
    set.cost = 0;
    set.tag = mem_entry_word(e, room, MEM_HAS_TAG);
    set.created_ms = mem_entry_word(e, room, MEM_HAS_CREATED);
    put(cache, &set, false);
    return set.status;
}

void mem_touch(mem_cache *cache, mst_op *op)
{
    mem_shard *sh = mem_cache_shard(cache, op->hash);
    op->status = MST_UNCHANGED;
    while (op->status == MST_UNCHANGED) {
        mem_doomed doomed = {NULL};
        mem_lock(sh);
        mem_entry *e = mem_shard_find(sh, op, &doomed);
        bool copy = e && op->sliding_ms && !(e->fields & MEM_HAS_SLIDING) && mem_entry_pin(e);
        if (e && !copy) {
            touch_in_place(sh, e, op);
        }
        mem_unlock(sh, &doomed);
        op->status = e ? MST_OK : MST_MISS;
        if (copy) {
            op->status = touch_by_copy(cache, op, e);
            mem_entry_release(e);
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
            mem_doomed doomed = {NULL};
            mem_lock(sh);
            more = mem_shard_clear_step(sh, op->space, &at, &doomed);
            mem_unlock(sh, &doomed);
        }
    }
    op->status = MST_OK;
}
