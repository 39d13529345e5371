/* arc.c - the eviction policy "arc" (N. Megiddo, D. Modha, ARC: a self-tuning, low overhead
 * replacement cache, FAST 2003): a queue of what was asked for once, one of what was asked for
 * again, ghosts of both, and a target for the first queue. A key whose ghost is in the first one
 * moves the target up, one of the second moves it down.
 *
 * The paper moves the target before it chooses a victim; here the victim is chosen before the new
 * key is known, so a move counts from the next eviction on.
 */
#include "ghost.h"
#include "queue.h"

enum {
    TICKS = 2,        /* for each ghost, until it is forgotten in any case */
    ENTRY_BYTES = 512 /* assumed, where the bound is in bytes: the ghosts take 2.4 % of it */
};

typedef struct node {
    place place;
    uint32_t trace; /* of the key, for the ghosts */
    bool is_again;
} node;

typedef struct side { /* the paper's T1 and B1, or T2 and B2 */
    queue entries;
    uint64_t count;
    ghost ghosts;
} side;

typedef struct shard {
    side once, again;
    uint64_t once_target;
    bool has_evicted;
} shard;

typedef struct arc {
    const mst_host *host;
} arc;

static mst_status init(void *self, const mst_host *host)
{
    ((arc *) self)->host = host;
    return MST_OK;
}

static mst_status shard_init(void *self, void *shard_, const mst_shard_info *info)
{
    shard *s = shard_;
    const mst_host *host = ((arc *) self)->host;
    queue_init(&s->once.entries, info);
    queue_init(&s->again.entries, info);
    uint64_t entries = info->max_entries ? info->max_entries : info->max_bytes / ENTRY_BYTES;
    mst_status status = ghost_init(&s->once.ghosts, host, entries, TICKS);
    return status == MST_OK ? ghost_init(&s->again.ghosts, host, entries, TICKS) : status;
}

static void shard_fini(void *self, void *shard_)
{
    shard *s = shard_;
    ghost_fini(&s->once.ghosts, ((arc *) self)->host);
    ghost_fini(&s->again.ghosts, ((arc *) self)->host);
}

static uint64_t footprint(const void *shard_)
{
    const shard *s = shard_;
    return ghost_footprint(&s->once.ghosts) + ghost_footprint(&s->again.ghosts);
}

static uint64_t count(const shard *s)
{
    return s->once.count + s->again.count;
}

static void add(shard *s, node *n, bool is_again)
{
    side *to = is_again ? &s->again : &s->once;
    n->is_again = is_again;
    to->count++;
    queue_add(&to->entries, &n->place);
}

static void take(shard *s, node *n)
{
    queue_remove(n->is_again ? &s->again.entries : &s->once.entries, &n->place);
    (n->is_again ? &s->again : &s->once)->count--;
}

/* How far the ghost that was just taken moves the target: more, when its side has fewer of them. */
static uint64_t move(const side *of, const side *other)
{
    uint64_t ghosts = of->ghosts.keys + 1;
    return ghosts < other->ghosts.keys ? other->ghosts.keys / ghosts : 1;
}

static void on_insert(void *shard_, mst_node *n_, const mst_entry_info *info)
{
    shard *s = shard_;
    node *n = (node *) n_;
    n->trace = ghost_trace(info->hash);
    if (ghost_take(&s->once.ghosts, n->trace)) {
        uint64_t more = s->once_target + move(&s->once, &s->again);
        s->once_target = more < count(s) + 1 ? more : count(s) + 1;
        add(s, n, true);
    } else if (ghost_take(&s->again.ghosts, n->trace)) {
        uint64_t less = move(&s->again, &s->once);
        s->once_target = s->once_target > less ? s->once_target - less : 0;
        add(s, n, true);
    } else {
        add(s, n, false);
    }
}

static void on_hit(void *shard_, mst_node *n)
{
    take(shard_, (node *) n);
    add(shard_, (node *) n, true);
}

static void on_remove(void *shard_, mst_node *n, int why)
{
    take(shard_, (node *) n);
}

/* Both queues and the ghosts of the first are no more than the cache, all ghosts no more either. */
static mst_node *evict(void *shard_)
{
    shard *s = shard_;
    uint64_t size = count(s);
    bool from_once = s->once.count && (s->once.count > s->once_target || !s->again.count);
    side *from = from_once ? &s->once : &s->again;
    node *n = (node *) queue_oldest(&from->entries);
    if (n) {
        take(s, n);
        ghost_add(&from->ghosts, n->trace, ghost_tick(&from->ghosts));
        ghost_keep(&s->once.ghosts, size - s->once.count);
        ghost_keep(&s->again.ghosts, size - s->once.ghosts.keys);
    }
    return (mst_node *) n;
}

static const mst_eviction_ops ops = {
    .struct_size = sizeof ops,
    .node_size = sizeof(node),
    .node_align = _Alignof(node),
    .shard_size = sizeof(shard),
    .hit_mode = MST_HIT_EXCLUSIVE,
    .shard_init = shard_init,
    .shard_fini = shard_fini,
    .on_insert = on_insert,
    .on_hit = on_hit,
    .on_remove = on_remove,
    .evict = evict,
    .footprint = footprint,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_EVICTION,
    .kind_version = MST_EVICTION_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .instance_size = sizeof(arc),
    .name = "arc",
    .version = "0.1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "Evicts what was used once or what was used often, as learned from what came back",
    .option_size = sizeof(mst_option),
    .init = init,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
