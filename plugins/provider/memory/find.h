/* find.h - searching the index: see index.h for its shape. In a header, because it is half of what
 * a hit costs. */
#ifndef MEM_FIND_H
#define MEM_FIND_H

#include "index.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    MEM_PASSED_SHIFT = 32, /* of the second word of tags */
    MEM_PASSED_MAX = 255,  /* has lost count, and stays */
    MEM_SLOTS_MASK = (1 << MEM_LINE_SLOTS) - 1
};

typedef struct mem_tags {
    uint64_t word[2];
} mem_tags;

static inline uint32_t mem_tag_of(uint64_t hash)
{
    uint32_t tag = hash >> 32 & 0xff;
    return tag + !tag;
}

static inline uint32_t mem_line_of(const mem_index *ix, uint64_t hash)
{
    return ((uint32_t) hash >> 16) * ix->lines >> 16;
}

static inline uint32_t mem_line_after(const mem_index *ix, uint32_t line)
{
    return line + 1 == ix->lines ? 0 : line + 1;
}

static inline mem_tags mem_tags_of(const mem_line *line)
{
    return (mem_tags){{atomic_load_explicit(&line->tags[0], memory_order_relaxed),
                       atomic_load_explicit(&line->tags[1], memory_order_relaxed)}};
}

static inline uint32_t mem_position_at(const mem_line *line, uint32_t slot)
{
    return atomic_load_explicit(&line->slot[slot], memory_order_acquire);
}

static inline mem_entry *mem_index_at(const mem_index *ix, uint32_t position)
{
    return mem_region_at(ix->region, position);
}

/* A bit for each slot whose tag it is. */
static inline uint32_t mem_matches(mem_tags tags, uint32_t tag)
{
#ifdef __SSE2__
    __m128i all = _mm_set_epi64x((long long) tags.word[1], (long long) tags.word[0]);
    __m128i same = _mm_cmpeq_epi8(all, _mm_set1_epi8((char) tag));
    return (uint32_t) _mm_movemask_epi8(same) & MEM_SLOTS_MASK;
#else
    uint32_t found = 0;
    for (uint32_t i = 0; i < MEM_LINE_SLOTS; i++) {
        found |= (uint32_t) ((tags.word[i / 8] >> i % 8 * 8 & 0xff) == tag) << i;
    }
    return found;
#endif
}

static inline uint32_t mem_first_slot(uint32_t found)
{
    return (uint32_t) __builtin_ctz(found);
}

static inline uint32_t mem_passed(mem_tags tags)
{
    return tags.word[1] >> MEM_PASSED_SHIFT & MEM_PASSED_MAX;
}

static inline mem_segment *mem_segment_in(const mem_directory *d, uint64_t hash)
{
    return atomic_load_explicit(&d->segment[(uint32_t) hash & d->mask], memory_order_acquire);
}

static inline mem_directory *mem_directory_of(const mem_index *ix)
{
    return atomic_load_explicit(&ix->directory, memory_order_acquire);
}

static inline mem_segment *mem_segment_of(const mem_index *ix, uint64_t hash)
{
    return mem_segment_in(mem_directory_of(ix), hash);
}

/* The line of a key. */
static inline const mem_line *mem_index_line(const mem_index *ix, uint64_t hash)
{
    return &mem_segment_of(ix, hash)->line[mem_line_of(ix, hash)];
}

/* [any-thread] Bring into the cache what a search will touch first. (Inlined, because to gcc a
 * function that does nothing but prefetch does nothing.) */
static inline __attribute__((always_inline)) void mem_index_prefetch_line(const mem_index *ix,
                                                                          uint64_t hash)
{
    __builtin_prefetch(mem_index_line(ix, hash));
}

/* [shard-lock] The entry of the key in the space, expired or not; NULL. */
static inline mem_entry *mem_index_find(const mem_index *ix, uint64_t hash, mst_slice key,
                                        const mst_space *space)
{
    const mem_segment *s = mem_segment_of(ix, hash);
    uint32_t at = mem_line_of(ix, hash), tag = mem_tag_of(hash);
    for (uint32_t n = 0; n < MEM_SEGMENT_LINES; n++) {
        const mem_line *line = &s->line[at];
        mem_tags tags = mem_tags_of(line);
        for (uint32_t found = mem_matches(tags, tag); found; found &= found - 1) {
            mem_entry *e = mem_index_at(ix, mem_position_at(line, mem_first_slot(found)));
            if (mem_entry_is(ix->shape, e, hash, key, space)) {
                return e;
            }
        }
        if (!mem_passed(tags)) {
            return NULL;
        }
        at = mem_line_after(ix, at);
    }
    return NULL;
}

#endif
