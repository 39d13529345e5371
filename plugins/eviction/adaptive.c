/* adaptive.c - the eviction policy "adaptive": a small queue for what is new, a main one for what
 * was asked for again, ghosts of what went from the small one unread, and a division between the
 * two queues that follows what is asked for.
 *
 * The queues are those of "s3fifo" (J. Yang et al., SOSP 2023). What S3-FIFO fixes at a tenth is
 * learned here as in CLOCK-Pro (S. Jiang, F. Chen, X. Zhang, USENIX ATC 2005). A new key is on
 * trial until it is older than the oldest entry of the main queue, whether it is still here or only
 * a ghost. Read again in that time, it has a shorter way back than something in the main queue, and
 * takes its place; that also says that more of those would come back if the small queue were
 * larger. One that ends its trial unread says the opposite.
 *
 * The main queue gets what comes first, while there is place: on a loop that does not fit, a part
 * of it then stays, where S3-FIFO and LRU keep nothing.
 */
#include "ghost.h"
#include "queue.h"

#include <stdatomic.h>

enum {
    PARTS = 64,        /* each queue has at least one of so many parts */
    STEPS = 4,         /* answers that move the division by one entry */
    GHOSTS = 2,        /* for each entry */
    TICKS = 4,         /* for each ghost, until it is forgotten in any case */
    READS_MAX = 3,     /* that count */
    ENTRY_BYTES = 512, /* assumed, where the bound is in bytes: the ghosts take 2 to 3 % of it */
};

typedef struct node {
    place place;
    uint32_t trace; /* of the key, for the ghosts */
    uint16_t epoch; /* when it came to its place in its queue */
    bool is_main;
    _Atomic uint8_t reads;
} node;

typedef struct shard {
    queue small, main;
    uint64_t small_count, main_count;
    int64_t small_steps; /* what the small queue may have, in 1 / STEPS entries */
    uint16_t trial;      /* the epoch from which on keys are on trial */
    bool has_evicted;
    ghost ghosts;
} shard;

typedef struct adaptive {
    const mst_host *host;
} adaptive;

static mst_status init(void *self, const mst_host *host)
{
    ((adaptive *) self)->host = host;
    return MST_OK;
}

static mst_status shard_init(void *self, void *shard_, const mst_shard_info *info)
{
    shard *s = shard_;
    queue_init(&s->small, info);
    queue_init(&s->main, info);
    uint64_t entries = info->max_entries ? info->max_entries : info->max_bytes / ENTRY_BYTES;
    return ghost_init(&s->ghosts, ((adaptive *) self)->host, GHOSTS * entries, TICKS);
}

static void shard_fini(void *self, void *shard_)
{
    ghost_fini(&((shard *) shard_)->ghosts, ((adaptive *) self)->host);
}

static uint64_t footprint(const void *shard_)
{
    return ghost_footprint(&((const shard *) shard_)->ghosts);
}

static uint64_t count(const shard *s)
{
    return s->small_count + s->main_count;
}

static int64_t least_steps(const shard *s)
{
    uint64_t least = count(s) / PARTS;
    return (int64_t) (least ? least : 1) * STEPS;
}

/* A key was asked for again on trial: the small queue grows. */
static void passed(shard *s)
{
    int64_t most = (int64_t) count(s) * STEPS - least_steps(s);
    s->small_steps += s->small_steps < most;
}

static void failed(shard *s, uint32_t keys)
{
    int64_t least = least_steps(s);
    s->small_steps = s->small_steps - keys > least ? s->small_steps - keys : least;
}

static void add_small(shard *s, node *n)
{
    n->epoch = ghost_tick(&s->ghosts);
    s->small_count++;
    queue_add(&s->small, &n->place);
}

static void add_main(shard *s, node *n)
{
    n->epoch = ghost_tick(&s->ghosts);
    n->is_main = true;
    s->main_count++;
    queue_add(&s->main, &n->place);
}

static bool fills_main(const shard *s)
{
    return !s->has_evicted && s->small_count * PARTS >= s->main_count;
}

/* Nothing is refused; but while room is made, the ghosts can come near. */
static int admit(void *shard_, const mst_entry_info *info)
{
    ghost_prefetch(&((shard *) shard_)->ghosts, ghost_trace(info->hash));
    return 1;
}

static void on_insert(void *shard_, mst_node *n_, const mst_entry_info *info)
{
    shard *s = shard_;
    node *n = (node *) n_;
    n->trace = ghost_trace(info->hash);
    bool is_back = ghost_take(&s->ghosts, n->trace);
    if (is_back) {
        passed(s);
    }
    if (is_back || fills_main(s)) {
        add_main(s, n);
    } else {
        add_small(s, n);
    }
}

static void on_hit(void *shard_, mst_node *n_)
{
    node *n = (node *) n_;
    uint8_t reads = atomic_load_explicit(&n->reads, memory_order_relaxed);
    if (reads < READS_MAX) {
        atomic_store_explicit(&n->reads, reads + 1, memory_order_relaxed);
    }
}

static void on_remove(void *shard_, mst_node *n_, int why)
{
    shard *s = shard_;
    node *n = (node *) n_;
    queue_remove(n->is_main ? &s->main : &s->small, &n->place);
    *(n->is_main ? &s->main_count : &s->small_count) -= 1;
}

static uint8_t take_reads(node *n, uint8_t left)
{
    uint8_t reads = atomic_load_explicit(&n->reads, memory_order_relaxed);
    atomic_store_explicit(&n->reads, left, memory_order_relaxed);
    return reads;
}

/* What is older than the entry that the main queue's hand has reached has ended its trial. */
static void end_trials(shard *s, uint16_t epoch)
{
    if (ghost_before(s->trial, epoch)) {
        s->trial = epoch;
    }
    failed(s, ghost_forget_before(&s->ghosts, epoch));
}

static node *evict_main(shard *s)
{
    for (node *n; (n = (node *) queue_take_oldest(&s->main));) {
        s->main_count--;
        end_trials(s, n->epoch);
        uint8_t reads = take_reads(n, 0);
        if (!reads) {
            return n;
        }
        take_reads(n, reads - 1);
        add_main(s, n);
    }
    return NULL;
}

static node *evict_small(shard *s)
{
    node *n = (node *) queue_take_oldest(&s->small);
    bool on_trial = !ghost_before(n->epoch, s->trial);
    bool was_read = take_reads(n, 0) > 0;
    s->small_count--;
    if (was_read && on_trial) {
        passed(s);
        add_main(s, n);
        return NULL;
    }
    if (was_read) {
        add_small(s, n); /* and has another trial */
        return NULL;
    }
    if (on_trial) {
        ghost_add(&s->ghosts, n->trace, n->epoch);
        failed(s, ghost_keep(&s->ghosts, GHOSTS * count(s)));
    } else {
        failed(s, 1);
    }
    return n;
}

/* The next victims are likely these: their memory can come near until then. (Inlined, because to
 * gcc a function that does nothing but prefetch does nothing.) */
static inline __attribute__((always_inline)) void look_ahead(const shard *s)
{
    const node *next = (const node *) queue_oldest(&s->small);
    if (next) {
        ghost_prefetch(&s->ghosts, next->trace);
        __builtin_prefetch(queue_newer(&s->small, &next->place), 1);
    }
    __builtin_prefetch(queue_oldest(&s->main), 1);
}

static mst_node *evict(void *shard_)
{
    shard *s = shard_;
    node *n = NULL;
    s->has_evicted = true;
    while (!n && count(s)) {
        bool is_small_full = (int64_t) s->small_count * STEPS >= s->small_steps;
        n = s->small_count && (is_small_full || !s->main_count) ? evict_small(s) : evict_main(s);
    }
    look_ahead(s);
    return (mst_node *) n;
}

static const mst_node *likely_victim(const void *shard_)
{
    const shard *s = shard_;
    bool is_small_full = (int64_t) s->small_count * STEPS >= s->small_steps;
    return (const mst_node *) queue_oldest(is_small_full ? &s->small : &s->main);
}

static const mst_eviction_ops ops = {
    .struct_size = sizeof ops,
    .node_size = sizeof(node),
    .node_align = _Alignof(node),
    .shard_size = sizeof(shard),
    .hit_mode = MST_HIT_SHARED | MST_HIT_LOSSY,
    .shard_init = shard_init,
    .shard_fini = shard_fini,
    .admit = admit,
    .on_insert = on_insert,
    .on_hit = on_hit,
    .reads_at = offsetof(node, reads),
    .reads_max = READS_MAX,
    .on_remove = on_remove,
    .evict = evict,
    .footprint = footprint,
    .likely_victim = likely_victim,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_EVICTION,
    .kind_version = MST_EVICTION_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .instance_size = sizeof(adaptive),
    .name = "adaptive",
    .version = "0.1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "Evicts what is not asked for again in time, and learns what that is",
    .option_size = sizeof(mst_option),
    .init = init,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
