/* shard.c - the life of the cache, what is charged against max_bytes, making room, removing.
 *
 * Everything that a shard takes counts: its part of the block of shards, the policy's state, the
 * index, the entries, and the entries that were removed but are still lent to readers. Room is made
 * before something is added, so the sum never exceeds the bound.
 *
 * Not charged: the entry that a SET builds before it takes the lock, and removed entries in the
 * moment between dropping the lock and being freed. Both are one call's own.
 */
#include "shard.h"

#include "block.h"

enum {
    SHARDS_MAX = 1024,
    SHARDS_PER_PROCESSOR = 4,
    SHARE_LEAST = 16 * 1024 * 1024, /* a share bounds the largest value: do not make it small */
    ENTRIES_LEAST = 1024,
    ROOM_LEAST = 4096, /* for entries, in each shard */
    SHRINK_STEP = 64   /* entries */
};

uint32_t mem_shards_for(uint64_t max_bytes, uint64_t max_entries, uint32_t processors)
{
    uint32_t n = 1;
    while (n < SHARDS_MAX && n < SHARDS_PER_PROCESSOR * (uint64_t) processors &&
           max_bytes / 2 / n >= SHARE_LEAST &&
           (!max_entries || max_entries / 2 / n >= ENTRIES_LEAST)) {
        n *= 2;
    }
    return n;
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static mst_status init_policy(mem_shard *sh, const mst_evictor *evictor, const mst_host *host,
                              uint32_t index, uint32_t count)
{
    size_t size = evictor->ops->shard_size ? evictor->ops->shard_size : 1;
    sh->policy_shard = mem_lines_alloc(host, size);
    if (!sh->policy_shard) {
        return MST_ENOMEM;
    }
    sh->policy = evictor->ops;
    sh->fixed_bytes += mem_lines_charge(size);
    const mst_shard_info info = {
        .struct_size = sizeof info,
        .shard_index = index,
        .shard_count = count,
        .max_bytes = sh->max_bytes,
        .max_entries = sh->max_entries,
        .seed = mix(host->now_ns(host) + mix(index + 1)),
    };
    mst_status s = MST_OK;
    if (sh->policy->shard_init) {
        s = sh->policy->shard_init(evictor->self, sh->policy_shard, &info);
    }
    if (s == MST_OK && sh->policy->footprint) {
        sh->fixed_bytes += mem_block_charge(sh->policy->footprint(sh->policy_shard));
    }
    return s;
}

static mst_status init_shard(mem_cache *cache, uint32_t index, const mem_limits *limits)
{
    mem_shard *sh = &cache->shards[index];
    const mst_host *host = cache->home.host;
    uint64_t block = sizeof *cache + limits->shards * (uint64_t) sizeof *sh;
    sh->max_bytes = limits->max_bytes / limits->shards;
    sh->max_entries = limits->max_entries / limits->shards;
    sh->fixed_bytes = (mem_lines_charge(block) + limits->shards - 1) / limits->shards;
    sh->pool.home = &cache->home;
    cache->shard_count = index + 1; /* from here on mem_cache_stop() cleans up */
    if (cache->evictor.ops) {
        sh->pool.node_room = (cache->evictor.ops->node_size + 7) & ~7u;
        mst_status s = init_policy(sh, &cache->evictor, host, index, limits->shards);
        if (s != MST_OK) {
            return s;
        }
    }
    mst_status s = mem_index_init(&sh->index, host, sh->pool.node_room);
    if (s != MST_OK) {
        return s;
    }
    if (sh->fixed_bytes + sh->index.bytes + ROOM_LEAST > sh->max_bytes) {
        return MST_EINVAL;
    }
    sh->most_bytes = sh->max_bytes - sh->fixed_bytes - sh->index.bytes;
    return MST_OK;
}

mst_status mem_cache_new(mem_cache **out, const mst_host *host, const mem_limits *limits,
                         const mst_evictor *evictor)
{
    mem_cache *cache = mem_lines_alloc(host, sizeof *cache + limits->shards * sizeof(mem_shard));
    if (!cache) {
        return MST_ENOMEM;
    }
    cache->home.host = host;
    host->retain(host); /* pins may outlive stop(): mem_home_release() */
    atomic_init(&cache->home.refs, 1);
    if (evictor) {
        cache->evictor = *evictor;
    }
    cache->shard_shift = 64;
    for (uint32_t n = limits->shards; n > 1; n /= 2) {
        cache->shard_shift--;
    }
    for (uint32_t i = 0; i < limits->shards; i++) {
        mst_status s = init_shard(cache, i, limits);
        if (s != MST_OK) {
            mem_cache_stop(cache);
            return s;
        }
    }
    *out = cache;
    return MST_OK;
}

static void stop_shard(mem_cache *cache, mem_shard *sh)
{
    mem_doomed doomed = {NULL};
    if (sh->index.directory) {
        for (uint32_t at = 0; mem_shard_clear_step(sh, NULL, &at, &doomed);) {
            mem_bury(&sh->pool, &doomed);
        }
        mem_index_fini(&sh->index);
    }
    if (sh->policy_shard) {
        if (sh->policy && sh->policy->shard_fini) {
            sh->policy->shard_fini(cache->evictor.self, sh->policy_shard);
        }
        mem_lines_free(cache->home.host, sh->policy_shard);
    }
}

void mem_cache_stop(mem_cache *cache)
{
    for (uint32_t i = 0; i < cache->shard_count; i++) {
        stop_shard(cache, &cache->shards[i]);
    }
    mem_home_release(&cache->home);
}

/* What cannot be evicted. */
static uint64_t base_bytes(const mem_shard *sh)
{
    return sh->fixed_bytes + sh->index.bytes +
           atomic_load_explicit(&sh->pool.held_bytes, memory_order_relaxed);
}

uint64_t mem_shard_used(const mem_shard *sh)
{
    return base_bytes(sh) + sh->entry_bytes;
}

static void detach(mem_shard *sh, mem_entry *e, mem_doomed *doomed)
{
    mem_index_remove(&sh->index, e);
    sh->entry_bytes -= mem_entry_charge(&sh->pool, e);
    mem_entry_unlink(&sh->pool, e, doomed);
}

void mem_shard_drop(mem_shard *sh, mem_entry *e, int why, mem_doomed *doomed)
{
    if (sh->policy) {
        sh->policy->on_remove(sh->policy_shard, mem_entry_node(e), why);
    }
    detach(sh, e, doomed);
}

static bool evict_one(mem_shard *sh, mem_doomed *doomed)
{
    mst_node *victim = sh->policy ? sh->policy->evict(sh->policy_shard) : NULL;
    if (victim) {
        sh->counters.evictions++;
        detach(sh, mem_node_entry(victim), doomed);
    }
    return victim;
}

bool mem_shard_make_room(mem_shard *sh, uint64_t bytes, mem_doomed *doomed)
{
    for (;;) {
        uint64_t base = base_bytes(sh);
        if (base > sh->max_bytes || bytes > sh->max_bytes - base) {
            return false;
        }
        if (sh->entry_bytes <= sh->max_bytes - base - bytes &&
            (!sh->max_entries || sh->index.count < sh->max_entries)) {
            return true;
        }
        if (!evict_one(sh, doomed)) {
            return false;
        }
    }
}

/* Evict a few entries, so that nobody waits long for the lock; what they took, 0 at the end. */
static uint64_t shrink_step(mem_shard *sh, uint64_t bytes)
{
    mem_doomed doomed = {NULL};
    mem_lock(sh);
    uint64_t before = mem_shard_used(sh), freed = 0;
    for (int i = 0; i < SHRINK_STEP && freed < bytes && evict_one(sh, &doomed); i++) {
        freed = before - mem_shard_used(sh);
    }
    mem_unlock(sh, &doomed);
    return freed;
}

/* All shards give the same, as long as they have it. */
uint64_t mem_cache_shrink(mem_cache *cache, uint64_t bytes)
{
    uint64_t freed = 0, before;
    do {
        before = freed;
        uint64_t share = (bytes - freed) / cache->shard_count + 1;
        for (uint32_t i = 0; i < cache->shard_count && freed < bytes; i++) {
            uint64_t given = 0, step;
            do {
                step = shrink_step(&cache->shards[i], share - given);
                given += step;
            } while (step && given < share);
            freed += given;
        }
    } while (freed < bytes && freed > before);
    return freed;
}

bool mem_shard_clear_step(mem_shard *sh, const mst_space *space, uint32_t *at, mem_doomed *doomed)
{
    if (*at >= mem_index_places(&sh->index)) {
        return false;
    }
    mem_segment *s = mem_index_segment(&sh->index, (*at)++);
    for (uint32_t line = 0; s && line < MEM_SEGMENT_LINES; line++) {
        for (uint32_t slot = 0; slot < MEM_LINE_SLOTS; slot++) {
            mem_entry *e = atomic_load_explicit(&s->line[line].slot[slot], memory_order_relaxed);
            if (e && (!space || mem_entry_space(e, sh->pool.node_room) == space->id)) {
                mem_shard_drop(sh, e, MST_GONE_CLEARED, doomed);
            }
        }
    }
    return true;
}
