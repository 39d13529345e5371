/* find.h - searching the index: see index.h for its shape. In a header, because it is half of what
 * a hit costs. */
#ifndef MEM_FIND_H
#define MEM_FIND_H

#include "index.h"

enum { MEM_PASSED_SHIFT = 56, MEM_PASSED_MAX = 255 /* has lost count, and stays */ };

static inline uint32_t mem_tag_of(uint64_t hash)
{
    uint32_t tag = hash >> 32 & 0xff;
    return tag ? tag : 1;
}

static inline uint32_t mem_line_of(uint64_t hash)
{
    return (uint32_t) hash % MEM_SEGMENT_LINES;
}

static inline uint64_t mem_tags_of(const mem_line *line)
{
    return atomic_load_explicit(&line->tags, memory_order_relaxed);
}

static inline mem_entry *mem_entry_at(const mem_line *line, uint32_t slot)
{
    return atomic_load_explicit(&line->slot[slot], memory_order_relaxed);
}

/* The high bit of each tag byte that is equal to `tag`, exactly. */
static inline uint64_t mem_matches(uint64_t tags, uint32_t tag)
{
    const uint64_t ones = 0x01010101010101u, lows = 0x7f7f7f7f7f7f7fu; /* of the seven tags */
    uint64_t differ = (tags ^ ones * tag) & (ones * 0xff);
    return ~((differ & lows) + lows) & ~differ & (ones << 7);
}

static inline uint32_t mem_first_slot(uint64_t found)
{
    return (uint32_t) __builtin_ctzll(found) / 8;
}

static inline uint64_t mem_passed(uint64_t tags)
{
    return tags >> MEM_PASSED_SHIFT;
}

static inline mem_segment *mem_segment_in(const mem_directory *d, uint64_t hash)
{
    uint32_t at = (uint32_t) hash >> MEM_LINE_BITS & ((1u << d->depth) - 1);
    return atomic_load_explicit(&d->segment[at], memory_order_acquire);
}

static inline mem_directory *mem_directory_of(const mem_index *ix)
{
    return atomic_load_explicit(&ix->directory, memory_order_acquire);
}

static inline mem_segment *mem_segment_of(const mem_index *ix, uint64_t hash)
{
    return mem_segment_in(mem_directory_of(ix), hash);
}

/* The entry of the key in the space, expired or not; NULL. */
static inline mem_entry *mem_index_find(const mem_index *ix, uint64_t hash, mst_slice key,
                                        const mst_space *space)
{
    const mem_segment *s = mem_segment_of(ix, hash);
    uint32_t at = mem_line_of(hash), tag = mem_tag_of(hash);
    for (uint32_t n = 0; n < MEM_SEGMENT_LINES; n++) {
        const mem_line *line = &s->line[at];
        uint64_t tags = mem_tags_of(line);
        for (uint64_t found = mem_matches(tags, tag); found; found &= found - 1) {
            mem_entry *e = mem_entry_at(line, mem_first_slot(found));
            __builtin_prefetch((const uint8_t *) e + 64); /* the value begins there or so */
            if (mem_entry_is(e, ix->node_room, hash, key, space)) {
                return e;
            }
        }
        if (!mem_passed(tags)) {
            return NULL;
        }
        at = (at + 1) % MEM_SEGMENT_LINES;
    }
    return NULL;
}

#endif
