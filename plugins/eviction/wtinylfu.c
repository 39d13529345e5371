/* wtinylfu.c - the eviction policy "wtinylfu": a window for what is new, and a main part that a key
 * enters only when it was asked for more often of late than what has to go for it (G. Einziger, R.
 * Friedman, B. Manes, TinyLFU, ACM Transactions on Storage 2017). The main part is a segmented LRU:
 * what is read on probation is protected. The size of the window climbs the hill of the hit ratio
 * (G. Einziger, O. Eytan, R. Friedman, B. Manes, Adaptive software cache management, Middleware
 * 2018): a step in the direction that was good last time, and smaller steps as time goes by. When
 * the ratio leaps, the program does something else, and the last step has been neither good nor
 * bad: then the window grows if its entries had more hits each than the others, and shrinks if not.
 *
 * The window's oldest competes when an entry has to go, just before the new one comes.
 */
#include "queue.h"
#include "sketch.h"

enum {
    WINDOW_PART = 100,      /* the window begins with 1 / 100 */
    PROTECTED_PERCENT = 80, /* of the main part */
    SAMPLE = 10,            /* requests for each entry, between two steps of the climber */
    STEP_PART = 16,         /* its first step is 1 / 16 of the entries */
    POPULAR = 6,            /* who is so popular, and loses, is let in now and then: an attacker */
    LOSERS_LET_IN = 128,    /* cannot know the sketch well enough to keep a key in for good */
    ENTRY_BYTES = 512       /* assumed, where the bound is in bytes: the sketch takes 2 to 3 % */
};

#define STEP_DECAY 0.98
#define RESTART_CHANGE 0.05 /* of the hit ratio: the program does something else now */

enum { WINDOW, PROBATION, PROTECTED, QUEUES };

typedef struct node {
    place place;
    uint32_t trace; /* of the key, for the sketch */
    uint8_t in;     /* one of the queues */
} node;

typedef struct shard {
    queue queue[QUEUES];
    int64_t count[QUEUES];
    int64_t size; /* of the cache in entries: as many as fit, or as there were when it was full */
    bool is_full;
    int64_t window_max, protected_max;
    uint64_t misses, hits[QUEUES]; /* of this sample; those in the main part are all PROTECTED's */
    double last_ratio, step;
    uint64_t lot;
    sketch sketch;
} shard;

typedef struct wtinylfu {
    const mst_host *host;
} wtinylfu;

static mst_status init(void *self, const mst_host *host)
{
    ((wtinylfu *) self)->host = host;
    return MST_OK;
}

static int64_t first_window(int64_t size)
{
    return size / WINDOW_PART ? size / WINDOW_PART : 1;
}

static void set_size(shard *s, int64_t size)
{
    s->size = size;
    s->window_max = first_window(size);
    s->protected_max = (size - s->window_max) * PROTECTED_PERCENT / 100;
    s->step = -(double) size / STEP_PART;
}

static mst_status shard_init(void *self, void *shard_, const mst_shard_info *info)
{
    shard *s = shard_;
    for (int i = 0; i < QUEUES; i++) {
        queue_init(&s->queue[i], info);
    }
    s->lot = info->seed;
    set_size(s, (int64_t) info->max_entries);
    uint64_t entries = info->max_entries ? info->max_entries : info->max_bytes / ENTRY_BYTES;
    return sketch_init(&s->sketch, ((wtinylfu *) self)->host, entries);
}

static void shard_fini(void *self, void *shard_)
{
    sketch_fini(&((shard *) shard_)->sketch, ((wtinylfu *) self)->host);
}

static uint64_t footprint(const void *shard_)
{
    return sketch_footprint(&((const shard *) shard_)->sketch);
}

static void add(shard *s, node *n, int to)
{
    n->in = (uint8_t) to;
    s->count[to]++;
    queue_add(&s->queue[to], &n->place);
}

static void take(shard *s, node *n)
{
    s->count[n->in]--;
    queue_remove(&s->queue[n->in], &n->place);
}

static node *oldest(shard *s, int in)
{
    return (node *) queue_oldest(&s->queue[in]);
}

static void move_oldest(shard *s, int from, int to)
{
    node *n = oldest(s, from);
    take(s, n);
    add(s, n, to);
}

static void demote(shard *s)
{
    while (s->count[PROTECTED] > s->protected_max) {
        move_oldest(s, PROTECTED, PROBATION);
    }
}

/* By so many entries, which come from the main part. */
static void grow_window(shard *s, int64_t by)
{
    by = by < s->protected_max ? by : s->protected_max;
    s->protected_max -= by;
    s->window_max += by;
    demote(s);
    for (; by > 0 && s->count[PROBATION] + s->count[PROTECTED] > 0; by--) {
        move_oldest(s, s->count[PROBATION] ? PROBATION : PROTECTED, WINDOW);
    }
}

static void shrink_window(shard *s, int64_t by)
{
    by = by < s->window_max - 1 ? by : s->window_max - 1;
    s->protected_max += by;
    s->window_max -= by;
    for (; by > 0 && s->count[WINDOW] > 0; by--) {
        move_oldest(s, WINDOW, PROBATION);
    }
}

static void begin_sample(shard *s)
{
    s->misses = s->hits[WINDOW] = s->hits[PROTECTED] = 0;
}

static bool has_dense_window(const shard *s)
{
    double in_window = (double) s->hits[WINDOW], in_main = (double) s->hits[PROTECTED];
    return in_window * (double) (s->size - s->window_max) >= in_main * (double) s->window_max;
}

/* At the end of a sample. A window as small as at first has too few hits to be compared. */
static void climb(shard *s)
{
    uint64_t hits = s->hits[WINDOW] + s->hits[PROTECTED];
    if (hits + s->misses < (uint64_t) s->size * SAMPLE) {
        return;
    }
    double ratio = (double) hits / (double) (hits + s->misses);
    double change = ratio - s->last_ratio;
    double step = change >= 0 ? s->step : -s->step;
    bool restarts = change >= RESTART_CHANGE || change <= -RESTART_CHANGE;
    if (restarts && s->window_max > first_window(s->size)) {
        step = has_dense_window(s) == (step >= 0) ? step : -step;
    }
    double first = (double) s->size / STEP_PART;
    s->step = restarts ? (step >= 0 ? first : -first) : STEP_DECAY * step;
    s->last_ratio = ratio;
    begin_sample(s);
    if (step >= 0) {
        grow_window(s, (int64_t) step);
    } else {
        shrink_window(s, (int64_t) -step);
    }
}

static int64_t count(const shard *s)
{
    return s->count[WINDOW] + s->count[PROBATION] + s->count[PROTECTED];
}

/* As long as there is place, what leaves the window goes on. The sample begins half-way. */
static void fill(shard *s)
{
    if (count(s) > s->size) {
        set_size(s, count(s));
    }
    while (s->count[WINDOW] > s->window_max) {
        move_oldest(s, WINDOW, PROBATION);
    }
    if (2 * count(s) < s->size) {
        begin_sample(s);
    }
}

static void on_insert(void *shard_, mst_node *n_, const mst_entry_info *info)
{
    shard *s = shard_;
    node *n = (node *) n_;
    n->trace = (uint32_t) (info->hash ^ info->hash >> 32);
    sketch_add(&s->sketch, n->trace);
    s->misses++;
    add(s, n, WINDOW);
    if (!s->is_full) {
        fill(s);
    }
    climb(s);
}

static void on_hit(void *shard_, mst_node *n_)
{
    shard *s = shard_;
    node *n = (node *) n_;
    int to = n->in == WINDOW ? WINDOW : PROTECTED;
    sketch_add(&s->sketch, n->trace);
    s->hits[to]++;
    take(s, n);
    add(s, n, to);
    demote(s);
}

static void on_remove(void *shard_, mst_node *n, int why)
{
    take(shard_, (node *) n);
}

static bool is_let_in(shard *s, const node *candidate, const node *other)
{
    unsigned count = sketch_count(&s->sketch, candidate->trace);
    if (count > sketch_count(&s->sketch, other->trace)) {
        return true;
    }
    s->lot = s->lot * 6364136223846793005u + 1442695040888963407u;
    return count >= POPULAR && (s->lot >> 33) % LOSERS_LET_IN == 0;
}

static node *victim(shard *s)
{
    if (s->count[WINDOW] >= s->window_max) { /* it overflows with what comes now */
        node *candidate = oldest(s, WINDOW), *other = oldest(s, PROBATION);
        if (candidate) {
            move_oldest(s, WINDOW, PROBATION);
            return other && is_let_in(s, candidate, other) ? other : candidate;
        }
    }
    node *n = oldest(s, PROBATION);
    n = n ? n : oldest(s, PROTECTED);
    return n ? n : oldest(s, WINDOW);
}

static mst_node *evict(void *shard_)
{
    shard *s = shard_;
    s->is_full = true;
    node *n = victim(s);
    if (n) {
        take(s, n);
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
    .instance_size = sizeof(wtinylfu),
    .name = "wtinylfu",
    .version = "0.1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "Evicts what was asked for less often of late than what comes",
    .option_size = sizeof(mst_option),
    .init = init,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
