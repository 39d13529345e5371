/* find.h - searching the index: see index.h for its shape. In a header, because it is half of what
 * a hit costs. */
#ifndef MEM_FIND_H
#define MEM_FIND_H

#include "index.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif
#if defined(__SANITIZE_THREAD__)
#define MEM_WATCHED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MEM_WATCHED 1
#endif
#endif

/* &array[i] of an array in a struct, of whose offset gcc would make instructions of their own. */
#define MEM_ELEMENT(array, i) ((const void *) ((const uint8_t *) (array) + (i) * sizeof *(array)))

enum {
    MEM_PASSED_MAX = 255, /* has lost count, and stays */
    MEM_SLOTS_MASK = (1 << MEM_LINE_SLOTS) - 1
};

/* 0 for some, although that is the tag of empty slots. */
static inline uint8_t mem_raw_tag_of(uint64_t hash)
{
    return (uint8_t) (hash >> 32);
}

static inline uint8_t mem_tag_of(uint64_t hash)
{
    uint8_t tag = mem_raw_tag_of(hash);
    return tag ? tag : 1;
}

static inline uint32_t mem_line_of(const mem_index *ix, uint64_t hash)
{
    return ((uint32_t) hash >> 16) * ix->lines >> 16;
}

static inline uint32_t mem_line_after(const mem_index *ix, uint32_t line)
{
    return line + 1 == ix->lines ? 0 : line + 1;
}

static inline uint64_t mem_tags_word(const mem_line *line, uint32_t slot)
{
    return atomic_load_explicit(&line->tags[slot / 8], memory_order_relaxed);
}

static inline uint32_t mem_tag_at(const mem_line *line, uint32_t slot)
{
    return mem_tags_word(line, slot) >> slot % 8 * 8 & 0xff;
}

static inline uint32_t mem_position_at(const mem_line *line, uint32_t slot)
{
    const _Atomic uint32_t *at = MEM_ELEMENT(line->slot, slot);
    return atomic_load_explicit(at, memory_order_acquire);
}

static inline mem_entry *mem_index_at(const mem_index *ix, uint32_t position)
{
    return mem_region_at(ix->region, position);
}

/* A bit for each slot whose tag it is. What is found is looked at again, so that a change between
 * the two words, if the processor lets one happen, does no harm. */
static inline uint32_t mem_matches(const mem_line *line, uint8_t tag)
{
#if defined(__SSE2__) && !defined(MEM_WATCHED)
    __m128i tags = _mm_load_si128((const __m128i *) (const void *) line->tags);
    return (uint32_t) _mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8((char) tag))) &
           MEM_SLOTS_MASK;
#else
    uint32_t found = 0;
    for (uint32_t slot = 0; slot < MEM_LINE_SLOTS; slot++) {
        found |= (uint32_t) (mem_tag_at(line, slot) == tag) << slot;
    }
    return found;
#endif
}

/* A bit for each slot with that position. [shard-lock] */
static inline uint32_t mem_slots_with(const mem_line *line, uint32_t position)
{
#if defined(__SSE2__) && !defined(MEM_WATCHED)
    const __m128i *slots = (const __m128i *) (const void *) line->slot;
    __m128i all = _mm_set1_epi32((int) position);
    __m128i a = _mm_cmpeq_epi32(slots[0], all), b = _mm_cmpeq_epi32(slots[1], all),
            c = _mm_cmpeq_epi32(slots[2], all);
    __m128i bytes = _mm_packs_epi16(_mm_packs_epi32(a, b), _mm_packs_epi32(c, c));
    return (uint32_t) _mm_movemask_epi8(bytes) & MEM_SLOTS_MASK;
#else
    uint32_t found = 0;
    for (uint32_t slot = 0; slot < MEM_LINE_SLOTS; slot++) {
        found |= (uint32_t) (mem_position_at(line, slot) == position) << slot;
    }
    return found;
#endif
}

static inline uint32_t mem_first_slot(uint32_t found)
{
    return (uint32_t) __builtin_ctz(found);
}

/* How many entries that belong into the line, or before it, are behind it. */
static inline uint32_t mem_passed(const mem_line *line)
{
    return mem_tag_at(line, MEM_LINE_SLOTS);
}

static inline mem_segment *mem_segment_in(const mem_directory *d, uint64_t hash)
{
    const _Atomic(mem_segment *) *at = MEM_ELEMENT(d->segment, (uint32_t) hash & d->mask);
    return atomic_load_explicit(at, memory_order_acquire);
}

static inline mem_directory *mem_directory_of(const mem_index *ix)
{
    return atomic_load_explicit(ix->directory, memory_order_acquire);
}

static inline mem_segment *mem_segment_of(const mem_index *ix, uint64_t hash)
{
    return mem_segment_in(mem_directory_of(ix), hash);
}

/* The line of a key. */
static inline const mem_line *mem_line_in(const mem_directory *d, uint64_t hash)
{
    size_t at = ((uint32_t) hash >> 16) * d->lines >> 16;
    const _Atomic uint32_t *slots = mem_segment_in(d, hash)->line[at].slot;
    __asm__("" : "+r"(slots)); /* else gcc reckons the address anew for every use */
    return (const mem_line *) (const void *) ((const uint8_t *) slots - offsetof(mem_line, slot));
}

static inline const mem_line *mem_index_line(const mem_index *ix, uint64_t hash)
{
    return mem_line_in(mem_directory_of(ix), hash);
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
        for (uint32_t found = mem_matches(line, tag); found; found &= found - 1) {
            mem_entry *e = mem_index_at(ix, mem_position_at(line, mem_first_slot(found)));
            if (mem_entry_is(ix->shape, e, hash, key, space)) {
                return e;
            }
        }
        if (!mem_passed(line)) {
            return NULL;
        }
        at = mem_line_after(ix, at);
    }
    return NULL;
}

#endif
