/* simulate_replay.c - the trace through a policy, as the memory provider would use it: one shard, a
 * miss inserts, and room is made before.
 *
 * An entry is the policy's node and the number of its key; the slots of entries that went are used
 * again at once, so that the nodes of a small cache lie close together, as they would in a cache.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "simulate.h"

typedef struct run {
    const mst_eviction_ops *ops;
    void *shard;
    const trace *t;
    size_t stride;     /* from one slot to the next */
    size_t key_offset; /* in a slot */
    char *slots;
    uint32_t *slot_of; /* key: its slot + 1; 0: it is not in the cache */
    uint32_t *free;    /* slots of entries that went */
    uint32_t free_count, used;
    uint32_t *bytes_of; /* key: what it was charged; NULL: each is one entry */
    uint64_t size, taken, hits;
} run;

/* The bits of a key's number, stirred (D. Stafford's variant 13 of the finalizer of MurmurHash3).
 */
static uint64_t hash_of(uint32_t key)
{
    uint64_t x = key + 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

enum { NODE_UNIT = 4 }; /* of MST_NODE_ALIGN_MAX bytes */

static bool begin(run *r, const policy *p, bool in_bytes)
{
    enum { ALIGN = 64 };
    const size_t keys = r->t->distinct ? r->t->distinct : 1;
    r->ops = p->evictor.ops;
    r->key_offset = (r->ops->node_size + 3u) & ~(size_t) 3;
    r->stride = (r->key_offset + sizeof(uint32_t) + MST_NODE_ALIGN_MAX - 1) &
                ~(size_t) (MST_NODE_ALIGN_MAX - 1);
    size_t shard = (r->ops->shard_size + (size_t) ALIGN) / ALIGN * ALIGN;
    r->shard = aligned_alloc(ALIGN, shard);
    r->slots = malloc(keys * r->stride);
    r->slot_of = calloc(keys, sizeof *r->slot_of);
    r->free = malloc(keys * sizeof *r->free);
    r->bytes_of = in_bytes ? calloc(keys, sizeof *r->bytes_of) : NULL;
    if (!r->shard || !r->slots || !r->slot_of || !r->free || (in_bytes && !r->bytes_of)) {
        return false;
    }
    memset(r->shard, 0, shard);
    return true;
}

static void end(run *r)
{
    free(r->shard);
    free(r->slots);
    free(r->slot_of);
    free(r->free);
    free(r->bytes_of);
}

static mst_node *node_at(const run *r, uint32_t slot)
{
    return (mst_node *) (void *) (r->slots + slot * r->stride);
}

/* False: there is nothing left to evict. */
static bool make_room(run *r, uint32_t charge)
{
    while (r->taken + charge > r->size) {
        char *victim = (char *) r->ops->evict(r->shard);
        uint32_t key;
        if (!victim) {
            return false;
        }
        memcpy(&key, victim + r->key_offset, sizeof key);
        r->taken -= r->bytes_of ? r->bytes_of[key] : 1;
        r->free[r->free_count++] = r->slot_of[key] - 1;
        r->slot_of[key] = 0;
    }
    return true;
}

static void insert(run *r, uint32_t key, const mst_entry_info *info)
{
    uint32_t slot = r->free_count ? r->free[--r->free_count] : r->used++;
    mst_node *n = node_at(r, slot);
    memset(n, 0, r->ops->node_size);
    memcpy((char *) n + r->key_offset, &key, sizeof key);
    r->slot_of[key] = slot + 1;
    r->taken += info->bytes;
    if (r->bytes_of) {
        r->bytes_of[key] = (uint32_t) info->bytes;
    }
    r->ops->on_insert(r->shard, n, info);
}

static void miss(run *r, uint32_t key, uint32_t charge)
{
    const mst_entry_info info = {.struct_size = sizeof info, .hash = hash_of(key), .bytes = charge};
    if (r->ops->on_miss) {
        r->ops->on_miss(r->shard, info.hash);
    }
    if (charge > r->size || (r->ops->admit && !r->ops->admit(r->shard, &info))) {
        return;
    }
    if (make_room(r, charge)) {
        insert(r, key, &info);
    }
}

static void replay_all(run *r)
{
    const uint32_t *sizes = r->bytes_of ? r->t->sizes : NULL;
    for (uint64_t i = 0; i < r->t->count; i++) {
        uint32_t key = r->t->keys[i], slot = r->slot_of[key];
        if (!slot) {
            miss(r, key, sizes ? sizes[i] : 1);
            continue;
        }
        r->hits++;
        if (r->ops->on_hit) {
            r->ops->on_hit(r->shard, node_at(r, slot - 1));
        }
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

int replay(cli *c, const policy *p, const trace *t, uint64_t size, bool in_bytes, outcome *out)
{
    run r = {.t = t, .size = size};
    mst_status status = begin(&r, p, in_bytes) ? MST_OK : MST_ENOMEM;
    const mst_shard_info info = {.struct_size = sizeof info,
                                 .shard_count = 1,
                                 .max_bytes = in_bytes ? size : 0,
                                 .max_entries = in_bytes ? 0 : size,
                                 .seed = 42,
                                 .node_base = r.slots - MST_NODE_ALIGN_MAX,
                                 .node_unit = NODE_UNIT};
    if (status == MST_OK) {
        status = r.ops->shard_init ? r.ops->shard_init(p->evictor.self, r.shard, &info) : MST_OK;
        double begun = now();
        if (status == MST_OK) {
            replay_all(&r);
        }
        *out = (outcome){r.hits, now() - begun};
        if (r.ops->shard_fini) {
            r.ops->shard_fini(p->evictor.self, r.shard);
        }
    }
    end(&r);
    if (status != MST_OK) {
        cli_say(c, "simulate: %s with %llu: %s", p->name, (unsigned long long) size,
                mst_strerror(status));
    }
    return status == MST_OK ? CLI_OK : CLI_FAILED;
}
