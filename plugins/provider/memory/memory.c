/* memory.c - the provider "memory": a near cache in this process, bounded in bytes.
 *
 * This file is the plugin's surface: options, start and stop, dispatch, figures. The cache itself
 * is in shard.h and below. It is a block of its own and not part of the instance, because results
 * that are still lent at stop() stay valid until their readers give them back.
 */
#include <memstache/provider.h>

#include <unistd.h>

#include "find.h"
#include "shard.h"

typedef struct memory {
    uint64_t max_bytes;
    int64_t max_entries, shards;
    const mst_host *host;
    mem_cache *cache; /* between start() and stop() */
} memory;

static const mst_option options[] = {
    {.name = "max_bytes",
     .type = MST_OPT_SIZE,
     .offset = offsetof(memory, max_bytes),
     .def = "256MiB",
     .min = "64KiB",
     .max = "128GiB",
     .help = "The most memory to take, everything included: keys, values, the index, the state of "
             "the eviction policy, what the allocator adds, and removed values that are still in "
             "use."},
    {.name = "max_entries",
     .type = MST_OPT_INT,
     .offset = offsetof(memory, max_entries),
     .def = "0",
     .min = "0",
     .help = "The most entries to keep; 0: only max_bytes counts."},
    {.name = "shards",
     .type = MST_OPT_INT,
     .offset = offsetof(memory, shards),
     .def = "0",
     .min = "0",
     .max = "1024",
     .help =
         "Parts with a lock each, a power of two; a value may be as large as a part. 0: one for "
         "small caches, more for large ones on machines with more processors."},
};

static mst_status init(void *self, const mst_host *host)
{
    memory *m = self;
    m->host = host;
    if (m->shards & (m->shards - 1)) {
        host->set_error(host, "shards must be a power of two: 1, 2, 4, 8, ... or 0");
        return MST_EINVAL;
    }
    if (m->max_entries && m->max_entries < m->shards) {
        host->set_error(host, "max_entries must not be less than shards");
        return MST_EINVAL;
    }
    return MST_OK;
}

static mst_status start(void *self, const mst_provider_env *env)
{
    memory *m = self;
    mem_limits limits = {
        .max_bytes = m->max_bytes,
        .max_entries = (uint64_t) m->max_entries,
        .shards = (uint32_t) m->shards,
    };
    if (!limits.shards) {
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        limits.shards = mem_shards_for(limits.max_bytes, limits.max_entries,
                                       processors > 0 ? (uint32_t) processors : 1);
    }
    mst_status s = mem_cache_new(&m->cache, m->host, &limits, env ? env->evictor : NULL);
    if (s == MST_EINVAL) {
        m->host->set_error(m->host, "max_bytes is too small for so many shards");
    } else if (s == MST_EBUSY) {
        m->host->set_error(m->host, "too many caches: the process has no pthread_key_t left");
    } else if (s != MST_OK) {
        m->host->set_error(m->host, "no memory for a cache of max_bytes");
    }
    return s;
}

static void run(mem_cache *cache, mst_op *op)
{
    switch (op->code) {
    case MST_OP_GET:
        mem_get(cache, op);
        return;
    case MST_OP_SET:
        mem_set(cache, op);
        return;
    case MST_OP_DEL:
        mem_del(cache, op);
        return;
    case MST_OP_EXISTS:
        mem_exists(cache, op);
        return;
    case MST_OP_TOUCH:
        mem_touch(cache, op);
        return;
    case MST_OP_CLEAR:
        mem_clear(cache, op);
        return;
    default:
        op->status = MST_ENOTSUP;
    }
}

static void submit(void *self, mst_op *const *ops, size_t n)
{
    mem_cache *cache = ((memory *) self)->cache;
    for (size_t i = 0; i < n;) {
        size_t gets = 0;
        while (i + gets < n && ops[i + gets]->code == MST_OP_GET) {
            gets++;
        }
        if (gets > 1) {
            mem_get_many(cache, ops + i, gets);
            i += gets;
        } else {
            run(cache, ops[i++]);
        }
    }
}

static mst_status lookup(void *self, const mst_lookup *l, mst_result *r)
{
    return mem_lookup(((memory *) self)->cache, l, r);
}

static void lookup_many(void *self, const mst_lookup *l, mst_result *r, size_t n)
{
    mem_lookup_many(((memory *) self)->cache, l, r, n);
}

static void expect(void *self, uint64_t hash)
{
    mem_expect(((memory *) self)->cache, hash);
}

static uint64_t shrink(void *self, uint64_t bytes)
{
    mem_cache *cache = ((memory *) self)->cache;
    return cache ? mem_cache_shrink(cache, bytes) : 0;
}

static void stop(void *self)
{
    memory *m = self;
    const mst_host *host = m->host;
    mem_cache *cache = m->cache;
    m->cache = NULL;
    if (cache) {
        mem_cache_stop(cache);
    }
    host->stopped(host);
}

typedef struct figures {
    uint64_t entries, bytes, index_bytes, pinned_bytes, grows, most_moved;
    mem_counters counters;
} figures;

static void add_figures(mem_shard *sh, figures *sum)
{
    mem_doomed doomed = {0};
    mem_lock(sh);
    mem_shard_reclaim(sh, &doomed);
    sum->entries += sh->index.count;
    sum->bytes += mem_shard_used(sh);
    sum->index_bytes += sh->index.bytes;
    sum->pinned_bytes += sh->lent_bytes;
    sum->grows += sh->index.splits;
    if (sh->index.most_moved > sum->most_moved) {
        sum->most_moved = sh->index.most_moved;
    }
#define ADD_COUNTER(name) sum->counters.name += sh->counters.name;
    MEM_COUNTER_MAP(ADD_COUNTER)
#undef ADD_COUNTER
    mem_unlock(sh, &doomed);
}

/* What is kept beyond the least; if there is no room for it, it is on its way back. */
static uint64_t excess_of(const memory *m, uint64_t bytes)
{
    uint64_t excess = mem_large_excess(&m->cache->large);
    uint64_t room = bytes < m->max_bytes ? m->max_bytes - bytes : 0;
    return excess < room ? excess : room;
}

/* entries       in the cache, expired ones that nobody has met yet among them
 * bytes         charged against max_bytes
 * max_bytes     as configured
 * index_bytes   of bytes: what the index takes
 * pinned_bytes  of bytes: removed entries that readers still hold
 * shards        parts with a lock each
 * grows         splits of index segments
 * most_moved    entries that one of them moved, at most
 * and the counters of MEM_COUNTER_MAP in shard.h. */
static void stats(void *self, void (*emit)(void *arg, const char *name, uint64_t value), void *arg)
{
    memory *m = self;
    figures sum = {0};
    if (!m->cache) {
        return;
    }
    for (uint32_t i = 0; i < m->cache->shard_count; i++) {
        add_figures(&m->cache->shards[i], &sum);
    }
    emit(arg, "entries", sum.entries);
    emit(arg, "bytes", sum.bytes + excess_of(m, sum.bytes));
    emit(arg, "max_bytes", m->max_bytes);
    emit(arg, "index_bytes", sum.index_bytes);
    emit(arg, "pinned_bytes", sum.pinned_bytes);
    emit(arg, "shards", m->cache->shard_count);
    emit(arg, "grows", sum.grows);
    emit(arg, "most_moved", sum.most_moved);
#define EMIT_COUNTER(name) emit(arg, #name, sum.counters.name);
    MEM_COUNTER_MAP(EMIT_COUNTER)
#undef EMIT_COUNTER
}

static const mst_provider_ops ops = {
    .struct_size = sizeof ops,
    .caps = MST_CAP_INPROC | MST_CAP_EVICTION | MST_CAP_TTL | MST_CAP_OBJECT,
    .op_codes = 1u << MST_OP_GET | 1u << MST_OP_SET | 1u << MST_OP_DEL | 1u << MST_OP_EXISTS |
                1u << MST_OP_TOUCH | 1u << MST_OP_CLEAR,
    .start = start,
    .submit = submit,
    .stop = stop,
    .stats = stats,
    .lookup = lookup,
    .lookup_many = lookup_many,
    .shrink = shrink,
    .expect = expect,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_PROVIDER,
    .kind_version = MST_PROVIDER_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .instance_size = sizeof(memory),
    .name = "memory",
    .version = "0.1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "A cache in this process, bounded in bytes, with lent values and expiry",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .option_size = sizeof options[0],
    .init = init,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
