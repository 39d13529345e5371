/* random.c - the eviction policy "random": any entry may go, however new or popular it is.
 *
 * A uniform choice seems to need an array of all entries, and that would be memory that nobody has
 * allowed the policy to take. Instead each entry draws its lifetime when it comes: a geometric one
 * with a mean of 32 ticks, kept as a place on a wheel of 256 lists, one per tick. The victims are
 * the entries of the current tick; when it is used up, the wheel turns. A geometric lifetime has no
 * memory: at each turn every entry, old or new, has the same chance of 1 in 32 to be the next. That
 * is what random replacement means, in O(1), with two pointers per entry and 2 KiB per shard.
 *
 * How random it is: exact from tick to tick. Within a tick the victims, about 3 % of the entries,
 * are known before they go, and an entry that comes meanwhile is safe until the next one.
 * Lifetimes of 256 ticks and more (0.03 %) are taken modulo 256.
 *
 * The bits of a geometric variable are independent: bit j is set with the probability
 * 1 / (1 + exp(2^j / 32)). Eight 16-bit comparisons therefore draw one.
 */
#include <memstache/eviction.h>

enum { TICKS = 256, BITS = 8, WORD_BITS = 64 };

/* 65536 times the probabilities. */
static const uint16_t chances[BITS] = {32256, 31744, 30723, 28693, 24743, 17625, 7812, 1179};

typedef struct node {
    struct node *next;
    struct node **link; /* what points to this node */
} node;

typedef struct shard {
    uint64_t random;
    uint32_t now;
    uint64_t filled[TICKS / WORD_BITS]; /* one bit per list; may be set for an empty one */
    node *tick[TICKS];
} shard;

static mst_status shard_init(void *self, void *shard_, const mst_shard_info *info)
{
    ((shard *) shard_)->random = info->seed;
    return MST_OK;
}

/* splitmix64 */
static uint64_t draw(shard *s)
{
    uint64_t x = s->random += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static uint32_t draw_lifetime(shard *s)
{
    uint64_t random = 0;
    uint32_t ticks = 0;
    for (uint32_t j = 0; j < BITS; j++) {
        if (j % 4 == 0) {
            random = draw(s);
        }
        ticks |= (uint32_t) ((random & 0xffff) < chances[j]) << j;
        random >>= 16;
    }
    return ticks;
}

static void on_insert(void *shard_, mst_node *n_, const mst_entry_info *info)
{
    shard *s = shard_;
    node *n = (node *) n_;
    uint32_t at = (s->now + 1 + draw_lifetime(s)) % TICKS;
    n->next = s->tick[at];
    n->link = &s->tick[at];
    if (n->next) {
        n->next->link = &n->next;
    }
    s->tick[at] = n;
    s->filled[at / WORD_BITS] |= (uint64_t) 1 << at % WORD_BITS;
}

static void on_remove(void *shard_, mst_node *n_, int why)
{
    node *n = (node *) n_;
    *n->link = n->next;
    if (n->next) {
        n->next->link = n->link;
    }
}

/* The first tick from s->now on that has entries; TICKS when none has. */
static uint32_t next_tick(shard *s)
{
    for (uint32_t turned = 0; turned < TICKS;) {
        uint32_t at = (s->now + turned) % TICKS;
        uint64_t rest = s->filled[at / WORD_BITS] >> at % WORD_BITS;
        if (!rest) {
            turned += WORD_BITS - at % WORD_BITS;
            continue;
        }
        uint32_t skip = (uint32_t) __builtin_ctzll(rest);
        at += skip;
        if (s->tick[at]) {
            return at;
        }
        s->filled[at / WORD_BITS] &= ~((uint64_t) 1 << at % WORD_BITS);
        turned += skip;
    }
    return TICKS;
}

static mst_node *evict(void *shard_)
{
    shard *s = shard_;
    uint32_t at = next_tick(s);
    if (at == TICKS) {
        return NULL;
    }
    s->now = at;
    mst_node *victim = (mst_node *) s->tick[at];
    on_remove(s, victim, 0);
    return victim;
}

static const mst_eviction_ops ops = {
    .struct_size = sizeof ops,
    .node_size = sizeof(node),
    .node_align = _Alignof(node),
    .shard_size = sizeof(shard),
    .hit_mode = MST_HIT_NONE,
    .shard_init = shard_init,
    .on_insert = on_insert,
    .on_remove = on_remove,
    .evict = evict,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_EVICTION,
    .kind_version = MST_EVICTION_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .name = "random",
    .version = "0.1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "Evicts any entry, all with the same chance",
    .option_size = sizeof(mst_option),
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
