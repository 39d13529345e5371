/* entry.h - one cached value, in one slot of a page:
 *
 *   header | the policy's node | key | optional fields | value, or where it is
 *
 * The key comes first so that its address follows from the entry's alone: a search fetches both at
 * the same time. The fields are not aligned. A value that makes the slot too large is a block of
 * its own (large.h); so is a long key, in one block with its value.
 *
 * The first word of the header, `life`, is written under the shard's lock and read without: when
 * the entry ends, what it has, and its state. A free slot has one, too. What is not part of it is
 * immutable, but for the sliding fields, which are only looked at under the lock.
 *
 * An entry is linked, then retired, then freed. Readers pin it by a loan (loan.h), not by a count.
 */
#ifndef MEM_ENTRY_H
#define MEM_ENTRY_H

#include "large.h"

#include <memstache/provider.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

/* Optional fields, present when flagged, in this order. */
enum {
    MEM_HAS_OBJECT = 1,      /* mem_object, instead of the value's bytes */
    MEM_HAS_SLIDING = 2,     /* mem_sliding */
    MEM_HAS_TAG = 4,         /* uint64_t */
    MEM_HAS_CREATED = 8,     /* nothing: it is in the header */
    MEM_HAS_WIDE_SPACE = 16, /* uint32_t: a space whose id does not fit into 8 bits */
    MEM_HAS_BLOCK = 32       /* uint8_t *: a block of large.h, with the value in it */
};

enum { MEM_KEY_MOST = 256 /* in the slot */ };

enum mem_state { MEM_FREE, MEM_LINKED, MEM_RETIRED };

/* Of `life`: the end in milliseconds of the cache (40 bits: 34 years; 0 never), or the position of
 * the next slot in a list of free or retired ones; the space; the fields; the state. */
enum { MEM_LIFE_SPACE = 16, MEM_LIFE_FIELDS = 8, MEM_LIFE_END = 24 };
#define MEM_LIFE_END_MAX (((uint64_t) 1 << 40) - 1)
#define MEM_CREATED_MAX (((uint64_t) 1 << 48) - 1)

typedef struct mem_entry {
    _Atomic uint64_t life;
    uint32_t hash; /* low half; enough for the index, and the policies are told the whole */
    uint32_t value_len;
    uint64_t key_len : 16, created_ms : 48;
} mem_entry;

enum { MEM_HEADER = sizeof(mem_entry) };

typedef struct mem_object {
    mst_object *object;
    uint64_t bytes; /* as charged; the object's own figure may change */
} mem_object;

typedef struct mem_sliding {
    uint64_t window_ms; /* 0: none (any more) */
    uint64_t limit_ms;  /* absolute; 0 never */
} mem_sliding;

/* How entries of a cache are laid out, and how their times are reckoned. */
typedef struct mem_shape {
    uint32_t node_at;   /* of the policy's node, within an entry */
    uint32_t key_at;    /* of the key */
    uint64_t origin_ms; /* the moment before the first millisecond of the cache */
} mem_shape;

/* A value on its way into an entry: see mem_draft_new(). */
typedef struct mem_draft {
    unsigned fields;
    uint32_t value_len;
    uint64_t slot_size;    /* that it needs */
    uint64_t object_bytes; /* as charged */
    uint64_t block_size;   /* 0: there is none */
    uint8_t *block;        /* with the value; NULL: it stands in the slot */
} mem_draft;

/* What a SET needs. MST_ETOOBIG when it cannot be represented or would be charged more than `most`.
 */
mst_status mem_draft_new(mem_draft *, const mem_shape *, const mst_op *, uint64_t slot_most,
                         uint64_t most);
/* Copy a value that does not stand in the slot; not under a lock, so that nobody waits for it.
 * MST_ENOMEM. */
mst_status mem_draft_fill(mem_draft *, mem_large *, const mst_op *);
/* It was not used. */
void mem_draft_drop(mem_draft *, mem_large *);
/* What it will be charged: that of the slot, and what lies elsewhere. */
static inline uint64_t mem_draft_beside(const mem_draft *d)
{
    return d->object_bytes + (d->block_size ? mem_large_charge(d->block_size) : 0);
}
/* [shard-lock] An entry in the slot; takes the block over and retains the object. It is linked. */
mem_entry *mem_entry_make(void *slot, const mem_shape *, const mem_draft *, const mst_op *);
/* The charge of what it has beside its slot. */
uint64_t mem_entry_beside(const mem_shape *, const mem_entry *);
/* Give back what it has beside its slot. Objects run foreign code: not under a lock. */
void mem_entry_empty(const mem_shape *, mem_large *, mem_entry *);

/* ---- life */

static inline uint64_t mem_life_of(const mem_entry *e)
{
    return atomic_load_explicit(&e->life, memory_order_relaxed);
}
static inline unsigned mem_life_fields(uint64_t life)
{
    return life >> MEM_LIFE_FIELDS & 0xff;
}
static inline enum mem_state mem_life_state(uint64_t life)
{
    return (enum mem_state)(life & 0xff);
}
/* In milliseconds of the cache; 0 never. */
static inline uint64_t mem_life_end(uint64_t life)
{
    return life >> MEM_LIFE_END;
}
static inline bool mem_life_is_over(uint64_t life, uint64_t now)
{
    return mem_life_end(life) - 1 < now; /* 0 becomes the latest moment of all */
}

static inline unsigned mem_entry_fields(const mem_entry *e)
{
    return mem_life_fields(mem_life_of(e));
}

/* [shard-lock] */
static inline void mem_entry_set_end(mem_entry *e, uint64_t end)
{
    uint64_t low = mem_life_of(e) & (((uint64_t) 1 << MEM_LIFE_END) - 1);
    atomic_store_explicit(&e->life, end << MEM_LIFE_END | low, memory_order_relaxed);
}
/* [shard-lock] In lists of retired entries: a reader may still look at its fields. */
static inline void mem_entry_set_retired(mem_entry *e, uint32_t next)
{
    uint64_t kept = mem_life_of(e) & 0xffff00;
    uint64_t life = (uint64_t) next << MEM_LIFE_END | kept | MEM_RETIRED;
    atomic_store_explicit(&e->life, life, memory_order_relaxed);
}
/* [shard-lock] In lists of free slots. */
static inline void mem_entry_set_free(mem_entry *e, uint32_t next)
{
    atomic_store_explicit(&e->life, (uint64_t) next << MEM_LIFE_END | MEM_FREE,
                          memory_order_relaxed);
}
static inline uint32_t mem_entry_next(const mem_entry *e)
{
    return (uint32_t) (mem_life_of(e) >> MEM_LIFE_END);
}

/* ---- times: those of ops are absolute, an entry's are the cache's */

static inline uint64_t mem_time_in(const mem_shape *s, uint64_t ms)
{
    if (!ms) {
        return 0;
    }
    uint64_t t = ms > s->origin_ms ? ms - s->origin_ms : 1; /* long over */
    return t < MEM_LIFE_END_MAX ? t : MEM_LIFE_END_MAX;
}
/* Not below 0, since the time may be kept behind the clock; -1: not known. */
static inline int64_t mem_age_of(uint64_t created_ms, uint64_t now_ms)
{
    if (__builtin_expect(created_ms - 1 < now_ms, 1)) {
        return (int64_t) (now_ms - created_ms);
    }
    return created_ms ? 0 : -1;
}
static inline uint64_t mem_time_out(const mem_shape *s, uint64_t end)
{
    return end ? end + s->origin_ms : 0;
}

/* ---- where things are */

/* Bytes of the fields that are flagged. Read for every hit, so it is a look into a table. */
#define MEM_FIELDS(f)                                                                              \
    (16 * ((f) &1) + 16 * ((f) >> 1 & 1) + 8 * ((f) >> 2 & 1) + 4 * ((f) >> 4 & 1) +               \
     8 * ((f) >> 5 & 1))
#define MEM_FIELDS_8(f)                                                                            \
    MEM_FIELDS(f), MEM_FIELDS((f) + 1), MEM_FIELDS((f) + 2), MEM_FIELDS((f) + 3),                  \
        MEM_FIELDS((f) + 4), MEM_FIELDS((f) + 5), MEM_FIELDS((f) + 6), MEM_FIELDS((f) + 7)
static inline uint32_t mem_fields_size(unsigned fields)
{
    static const uint8_t sizes[64] = {MEM_FIELDS_8(0),  MEM_FIELDS_8(8),  MEM_FIELDS_8(16),
                                      MEM_FIELDS_8(24), MEM_FIELDS_8(32), MEM_FIELDS_8(40),
                                      MEM_FIELDS_8(48), MEM_FIELDS_8(56)};
    return sizes[fields & 63];
}

static inline mst_node *mem_entry_node(const mem_shape *s, const mem_entry *e)
{
    return (mst_node *) (void *) ((uint8_t *) (uintptr_t) e + s->node_at);
}

static inline mem_entry *mem_node_entry(const mem_shape *s, mst_node *node)
{
    return (mem_entry *) (void *) ((uint8_t *) (void *) node - s->node_at);
}

/* Bytes of the key that stand in the slot: all or none. */
static inline uint32_t mem_key_room(size_t key_len)
{
    return key_len <= MEM_KEY_MOST ? (uint32_t) key_len : 0;
}

/* Where the field `has` is, if it is there. */
static inline uint8_t *mem_entry_field(const mem_shape *s, const mem_entry *e, unsigned has)
{
    return (uint8_t *) (uintptr_t) e + s->key_at + mem_key_room(e->key_len) +
           mem_fields_size(mem_entry_fields(e) & (has - 1));
}

static inline uint8_t *mem_entry_block(const mem_shape *s, const mem_entry *e)
{
    uint8_t *block = NULL;
    if (mem_entry_fields(e) & MEM_HAS_BLOCK) {
        memcpy(&block, mem_entry_field(s, e, MEM_HAS_BLOCK), sizeof block);
    }
    return block;
}

static inline uint8_t *mem_entry_key(const mem_shape *s, const mem_entry *e)
{
    if (e->key_len > MEM_KEY_MOST) {
        return mem_entry_block(s, e);
    }
    return (uint8_t *) (uintptr_t) e + s->key_at;
}

static inline uint8_t *mem_entry_value(const mem_shape *s, const mem_entry *e)
{
    if (mem_entry_fields(e) & MEM_HAS_BLOCK) {
        return mem_entry_block(s, e) + (e->key_len - mem_key_room(e->key_len));
    }
    return mem_entry_field(s, e, MEM_HAS_BLOCK << 1);
}

static inline uint32_t mem_entry_space(const mem_shape *s, const mem_entry *e)
{
    uint32_t id = mem_life_of(e) >> MEM_LIFE_SPACE & 0xff;
    if (mem_entry_fields(e) & MEM_HAS_WIDE_SPACE) {
        memcpy(&id, mem_entry_field(s, e, MEM_HAS_WIDE_SPACE), sizeof id);
    }
    return id;
}

/* The tag or the window; 0 when it has none. */
static inline uint64_t mem_entry_word(const mem_shape *s, const mem_entry *e, unsigned has)
{
    uint64_t word = 0;
    if (mem_entry_fields(e) & has) {
        memcpy(&word, mem_entry_field(s, e, has), sizeof word);
    }
    return word;
}

static inline mem_object mem_entry_object(const mem_shape *s, const mem_entry *e)
{
    mem_object object = {NULL, 0};
    if (mem_entry_fields(e) & MEM_HAS_OBJECT) {
        memcpy(&object, mem_entry_field(s, e, MEM_HAS_OBJECT), sizeof object);
    }
    return object;
}

static inline mem_sliding mem_entry_sliding(const mem_shape *s, const mem_entry *e)
{
    mem_sliding sliding = {0, 0};
    if (mem_entry_fields(e) & MEM_HAS_SLIDING) {
        memcpy(&sliding, mem_entry_field(s, e, MEM_HAS_SLIDING), sizeof sliding);
    }
    return sliding;
}

/* Keys of usual lengths are compared without a call, in two words that may overlap. */
static inline bool mem_bytes_are(const void *a, const void *b, size_t len)
{
    if (len - 8 > 8) {
        return memcmp(a, b, len) == 0;
    }
    uint64_t x[2], y[2];
    memcpy(&x[0], a, 8);
    memcpy(&y[0], b, 8);
    memcpy(&x[1], (const uint8_t *) a + len - 8, 8);
    memcpy(&y[1], (const uint8_t *) b + len - 8, 8);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

static inline uint64_t mem_word_at(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* Without a call, which needs registers; false also for what is not from 8 to 64 bytes long. */
static inline bool mem_short_is(const uint8_t *a, const uint8_t *b, size_t len)
{
    enum { WORD = 8, MOST = 64 };
    if (__builtin_expect(len - WORD <= WORD, 1)) {
        return mem_word_at(a) == mem_word_at(b) &&
               mem_word_at(a + len - WORD) == mem_word_at(b + len - WORD);
    }
    if (len - WORD > MOST - WORD) {
        return false;
    }
    for (size_t end = WORD; end < len; end += WORD) {
        if (mem_word_at(a + end - WORD) != mem_word_at(b + end - WORD)) {
            return false;
        }
    }
    return mem_word_at(a + len - WORD) == mem_word_at(b + len - WORD);
}

static inline bool mem_entry_is(const mem_shape *s, const mem_entry *e, uint64_t hash,
                                mst_slice key, const mst_space *space)
{
    return e->hash == (uint32_t) hash && e->key_len == key.len &&
           mem_entry_space(s, e) == space->id &&
           mem_bytes_are(mem_entry_key(s, e), key.data, key.len);
}

#endif
