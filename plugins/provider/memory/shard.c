/* shard.c - the life of the cache, clearing and shrinking.
 *
 * A cache lives until it was stopped and everything that it has lent came back.
 */
#include "shard.h"

#include "block.h"
#include "find.h"

enum {
    SHARDS_MAX = 1024,
    SHARDS_PER_PROCESSOR = 4,
    SHARE_LEAST = 16 * 1024 * 1024, /* a share bounds the largest value: do not make it small */
    ENTRIES_LEAST = 1024,
    ROOM_LEAST = 4096 /* for what is beside the slots, in each shard */
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

static mst_status init_policy(mem_shard *sh, const mst_host *host, uint32_t index, uint32_t count)
{
    const mst_evictor *evictor = &sh->cache->evictor;
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
        .node_base = sh->cache->region.base + sh->cache->shape.node_at,
        .node_unit = sh->cache->region.unit,
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

/* The shards lie behind the directories, each in lines of its own. */
static size_t shards_at(uint32_t count)
{
    size_t size = sizeof(mem_cache) + count * sizeof(_Atomic(mem_directory *));
    return (size + _Alignof(mem_shard) - 1) / _Alignof(mem_shard) * _Alignof(mem_shard);
}

static size_t cache_size(uint32_t count)
{
    return shards_at(count) + count * sizeof(mem_shard);
}

static mst_status init_shard(mem_cache *cache, uint32_t index, const mem_limits *limits)
{
    mem_shard *sh = &cache->shards[index];
    const mst_host *host = cache->host;
    uint64_t common =
        mem_lines_charge(cache_size(limits->shards)) + mem_region_overhead(cache->region.pages);
    sh->cache = cache;
    sh->max_bytes = limits->max_bytes / limits->shards;
    sh->max_entries = limits->max_entries / limits->shards;
    sh->fixed_bytes = (common + limits->shards - 1) / limits->shards;
    sh->slabs.region = &cache->region;
    cache->shard_count = index + 1; /* from here on mem_cache_stop() cleans up */
    mst_status s = MST_OK;
    if (cache->evictor.ops) {
        s = init_policy(sh, host, index, limits->shards);
    }
    if (s == MST_OK) {
        if (mem_index_is_in_pages(&cache->region)) {
            mem_slabs_grow(&sh->slabs);
        }
        s = mem_index_init(&sh->index, host, &cache->shape, &sh->slabs, &cache->directory[index],
                           index);
    }
    if (s != MST_OK) {
        return s;
    }
    uint64_t page = cache->region.page_size;
    uint64_t used = mem_shard_used(sh) + mem_shard_spare(sh) + page; /* a page for the slot */
    if (used + ROOM_LEAST > sh->max_bytes) {
        return MST_EINVAL;
    }
    sh->most_bytes = sh->max_bytes - used;
    return MST_OK;
}

static void shape(mem_cache *cache, const mst_host *host)
{
    const mst_eviction_ops *policy = cache->evictor.ops;
    uint32_t align = policy && policy->node_align > 8 ? policy->node_align : 8;
    cache->shape.node_at = (MEM_HEADER + align - 1) / align * align;
    cache->shape.key_at = cache->shape.node_at + (policy ? policy->node_size : 0);
    uint64_t now = host->now_ms(host);
    cache->shape.origin_ms = now - 1;
}

/* The last loan came back, or there was none. */
static void end(mem_lender *lender)
{
    mem_cache *cache = (mem_cache *) lender;
    const mst_host *host = cache->host;
    for (uint32_t i = 0; i < cache->shard_count; i++) {
        mem_doomed rest = {cache->shards[i].lent};
        mem_bury(&cache->shards[i], &rest);
    }
    mem_region_fini(&cache->region);
    mem_large_fini(&cache->large);
    mem_lender_fini(&cache->lender);
    mem_aligned_free(host, cache);
    host->release(host); /* fini() may run here */
}

/* What a hit does for the policy; whether it may be done without the lock. */
static bool prepare_hits(mem_cache *cache)
{
    const mst_eviction_ops *policy = cache->evictor.ops;
    uint32_t mode = policy ? policy->hit_mode & MST_HIT_MODE : MST_HIT_NONE;
    if (mode == MST_HIT_SHARED && policy->reads_max) {
        cache->reads_at = cache->shape.node_at + policy->reads_at;
        cache->reads_max = policy->reads_max;
    } else {
        cache->on_hit = policy ? policy->on_hit : NULL;
    }
    return mode != MST_HIT_EXCLUSIVE;
}

static mst_status init_cache(mem_cache *cache, const mst_host *host, const mem_limits *limits)
{
    cache->host = host;
    shape(cache, host);
    mem_large_init(&cache->large, host, limits->max_bytes);
    mst_status s = mem_lender_init(&cache->lender, host, prepare_hits(cache), end);
    if (s == MST_OK) {
        uint32_t page = mem_region_page_for(limits->max_bytes / limits->shards);
        s = mem_region_init(&cache->region, page, limits->max_bytes / page, true);
    }
    for (uint32_t i = 0; s == MST_OK && i < limits->shards; i++) {
        s = init_shard(cache, i, limits);
    }
    return s;
}

mst_status mem_cache_new(mem_cache **out, const mst_host *host, const mem_limits *limits,
                         const mst_evictor *evictor)
{
    mem_cache *cache = mem_lines_alloc(host, cache_size(limits->shards));
    if (!cache) {
        return MST_ENOMEM;
    }
    cache->shards = (mem_shard *) (void *) ((uint8_t *) cache + shards_at(limits->shards));
    cache->shard_mask = limits->shards - 1;
    cache->shard_bits = (uint32_t) __builtin_ctz(limits->shards);
    host->retain(host); /* loans may outlive stop(): end() */
    if (evictor) {
        cache->evictor = *evictor;
    }
    mst_status s = init_cache(cache, host, limits);
    if (s != MST_OK) {
        mem_cache_stop(cache);
        return s;
    }
    *out = cache;
    return MST_OK;
}

static void stop_shard(mem_cache *cache, mem_shard *sh)
{
    mem_doomed doomed = {0};
    mem_lock(sh);
    if (sh->index.directory) {
        for (uint32_t at = 0; mem_shard_clear_step(sh, NULL, &at, &doomed);) {
        }
        mem_shard_reclaim(sh, &doomed);
    }
    mem_unlock(sh, &doomed);
    mem_slabs_trim(&sh->slabs); /* what is lent may stay for long */
    mem_index_fini(&sh->index);
    if (sh->policy_shard) {
        if (sh->policy && sh->policy->shard_fini) {
            sh->policy->shard_fini(cache->evictor.self, sh->policy_shard);
        }
        mem_aligned_free(cache->host, sh->policy_shard);
    }
}

void mem_cache_stop(mem_cache *cache)
{
    for (uint32_t i = 0; i < cache->shard_count; i++) {
        stop_shard(cache, &cache->shards[i]);
    }
    mem_lender_stop(&cache->lender);
}

/* All shards give the same, as long as they have it. */
uint64_t mem_cache_shrink(mem_cache *cache, uint64_t bytes)
{
    uint64_t freed = 0, before;
    do {
        before = freed;
        uint64_t share = (bytes - freed) / cache->shard_count + 1;
        for (uint32_t i = 0; i < cache->shard_count && freed < bytes; i++) {
            freed += mem_shard_shrink(&cache->shards[i], share);
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
    for (uint32_t line = 0; s && line < sh->index.lines; line++) {
        for (uint32_t slot = 0; slot < MEM_LINE_SLOTS; slot++) {
            uint32_t position = mem_position_at(&s->line[line], slot);
            mem_entry *e = position ? mem_index_at(&sh->index, position) : NULL;
            if (e && (!space || mem_entry_space(mem_shape_of(sh), e) == space->id)) {
                mem_shard_drop(sh, e, MST_GONE_CLEARED, doomed);
            }
        }
    }
    return true;
}
