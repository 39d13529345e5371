/* entry.h - one cached value, in one block:
 *
 *   header | the policy's node | key | optional fields | value
 *
 * The key comes first so that its address follows from the entry's alone: a search fetches both at
 * the same time. The fields are not aligned.
 *
 * An entry is alive while it is linked (in the index of its shard) or pinned (lent to a reader).
 * `refs` counts both: one for the link, one for each pin. Pins are taken under the shard's lock and
 * given back by any thread without it, also after the cache was stopped. Therefore an entry knows
 * its pool, and the pool's block lives until the last pinned entry is gone.
 *
 * Everything but refs, expires_ms and the sliding fields is immutable.
 */
#ifndef MEM_ENTRY_H
#define MEM_ENTRY_H

#include <memstache/provider.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

/* Start of the block that holds the shards. */
typedef struct mem_home {
    const mst_host *host;
    _Atomic uint64_t refs; /* 1 while running, and 1 for each entry that is removed and pinned */
} mem_home;

/* The part of a shard that entries need beyond its end. */
typedef struct mem_pool {
    mem_home *home;
    uint32_t node_room;          /* bytes of the policy's node, rounded up to 8 */
    _Atomic uint64_t held_bytes; /* charge of the entries that are removed and pinned */
} mem_pool;

/* Optional fields, present when flagged, in this order. */
enum {
    MEM_HAS_OBJECT = 1,     /* mem_object, instead of the value's bytes */
    MEM_HAS_SLIDING = 2,    /* mem_sliding */
    MEM_HAS_TAG = 4,        /* uint64_t */
    MEM_HAS_CREATED = 8,    /* uint64_t */
    MEM_HAS_WIDE_SPACE = 16 /* uint32_t: a space whose id does not fit into 8 bits */
};

typedef struct mem_entry {
    union {
        mem_pool *pool;
        struct mem_entry *next; /* in a mem_doomed list */
    };
    _Atomic uint64_t expires_ms; /* the effective end; 0 never */
    _Atomic uint32_t refs;
    uint32_t hash; /* low half; enough for the index, and the policies are told the whole */
    uint32_t value_len;
    uint16_t key_len;
    uint8_t space;
    uint8_t fields; /* MEM_HAS_* */
} mem_entry;

typedef struct mem_object {
    mst_object *object;
    uint64_t bytes; /* as charged; the object's own figure may change */
} mem_object;

typedef struct mem_sliding {
    uint64_t window_ms; /* 0: none (any more) */
    uint64_t limit_ms;  /* absolute; 0 never */
} mem_sliding;

/* Unlinked and unpinned entries, to be freed after the lock is dropped. */
typedef struct mem_doomed {
    mem_entry *first;
} mem_doomed;

/* An entry for a SET, not linked, with one reference. MST_ETOOBIG when it cannot be represented
 * or would be charged more than `most`; MST_ENOMEM. */
mst_status mem_entry_new(mem_pool *, const mst_op *, uint64_t most, mem_entry **);
/* Free an entry that nobody else refers to. */
void mem_entry_free(mem_pool *, mem_entry *);
/* Free a list of them. Not under a lock: objects run foreign code when they are released. */
void mem_bury(mem_pool *, mem_doomed *);
/* What it takes from max_bytes, without the index. */
uint64_t mem_entry_charge(const mem_pool *, const mem_entry *);

/* A reader that never releases must not wrap the counter round. */
enum { MEM_PINS_MAX = 0x7fffffff };
/* [shard-lock] Take a reference for a reader; false when there are absurdly many. */
static inline bool mem_entry_pin(mem_entry *e)
{
    if (atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed) < MEM_PINS_MAX) {
        return true;
    }
    atomic_fetch_sub_explicit(&e->refs, 1, memory_order_relaxed);
    return false;
}
/* [any-thread] Give it back: mst_value.release. */
void mem_entry_release(void *entry);
/* [shard-lock] Drop the reference of the link of an entry that was just taken out of the index: to
 * `doomed`, or into the care of its last reader. */
void mem_entry_unlink(mem_pool *, mem_entry *, mem_doomed *);

void mem_home_release(mem_home *);

/* Bytes of the fields that are flagged. Read for every hit, so it is a look into a table. */
#define MEM_FIELDS(f)                                                                              \
    (16 * ((f) &1) + 16 * ((f) >> 1 & 1) + 8 * ((f) >> 2 & 1) + 8 * ((f) >> 3 & 1) +               \
     4 * ((f) >> 4 & 1))
#define MEM_FIELDS_8(f)                                                                            \
    MEM_FIELDS(f), MEM_FIELDS((f) + 1), MEM_FIELDS((f) + 2), MEM_FIELDS((f) + 3),                  \
        MEM_FIELDS((f) + 4), MEM_FIELDS((f) + 5), MEM_FIELDS((f) + 6), MEM_FIELDS((f) + 7)
static inline uint32_t mem_fields_size(unsigned fields)
{
    static const uint8_t sizes[32] = {MEM_FIELDS_8(0), MEM_FIELDS_8(8), MEM_FIELDS_8(16),
                                      MEM_FIELDS_8(24)};
    return sizes[fields & 31];
}

static inline mst_node *mem_entry_node(mem_entry *e)
{
    return (mst_node *) (e + 1);
}

static inline mem_entry *mem_node_entry(mst_node *node)
{
    return (mem_entry *) (void *) node - 1;
}

static inline uint8_t *mem_entry_key(const mem_entry *e, uint32_t node_room)
{
    return (uint8_t *) (uintptr_t) (e + 1) + node_room;
}

/* Where the field `has` is, if it is there. */
static inline uint8_t *mem_entry_field(const mem_entry *e, uint32_t node_room, unsigned has)
{
    return mem_entry_key(e, node_room) + e->key_len + mem_fields_size(e->fields & (has - 1));
}

static inline uint8_t *mem_entry_value(const mem_entry *e, uint32_t node_room)
{
    return mem_entry_field(e, node_room, MEM_HAS_WIDE_SPACE << 1);
}

static inline uint32_t mem_entry_space(const mem_entry *e, uint32_t node_room)
{
    uint32_t id = e->space;
    if (e->fields & MEM_HAS_WIDE_SPACE) {
        memcpy(&id, mem_entry_field(e, node_room, MEM_HAS_WIDE_SPACE), sizeof id);
    }
    return id;
}

/* The tag, the time of creation, or the window; 0 when it has none. */
static inline uint64_t mem_entry_word(const mem_entry *e, uint32_t node_room, unsigned has)
{
    uint64_t word = 0;
    if (e->fields & has) {
        memcpy(&word, mem_entry_field(e, node_room, has), sizeof word);
    }
    return word;
}

static inline mem_object mem_entry_object(const mem_entry *e, uint32_t node_room)
{
    mem_object object = {NULL, 0};
    if (e->fields & MEM_HAS_OBJECT) {
        memcpy(&object, mem_entry_field(e, node_room, MEM_HAS_OBJECT), sizeof object);
    }
    return object;
}

static inline mem_sliding mem_entry_sliding(const mem_entry *e, uint32_t node_room)
{
    mem_sliding sliding = {0, 0};
    if (e->fields & MEM_HAS_SLIDING) {
        memcpy(&sliding, mem_entry_field(e, node_room, MEM_HAS_SLIDING), sizeof sliding);
    }
    return sliding;
}

/* Keys of usual lengths are compared without a call, in two words that may overlap. */
static inline bool mem_bytes_are(const void *a, const void *b, size_t len)
{
    if (len < 8 || len > 16) {
        return memcmp(a, b, len) == 0;
    }
    uint64_t x[2], y[2];
    memcpy(&x[0], a, 8);
    memcpy(&y[0], b, 8);
    memcpy(&x[1], (const uint8_t *) a + len - 8, 8);
    memcpy(&y[1], (const uint8_t *) b + len - 8, 8);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

static inline bool mem_entry_is(const mem_entry *e, uint32_t node_room, uint64_t hash,
                                mst_slice key, const mst_space *space)
{
    return e->hash == (uint32_t) hash && e->key_len == key.len &&
           mem_entry_space(e, node_room) == space->id &&
           mem_bytes_are(mem_entry_key(e, node_room), key.data, key.len);
}

#endif
