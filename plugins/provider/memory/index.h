/* index.h - where the entries of a shard are: hash to entry.
 *
 * Extendible hashing (R. Fagin et al., ACM TODS 4(3), 1979). A directory of 2^depth pointers leads
 * to segments of up to 84 cache lines; a line has twelve entries by their positions in the region,
 * and a one-byte tag of each. A hit reads the directory (small, hot), one line, and the entry. What
 * does not fit into its line goes into the next ones of the segment; each line counts how many
 * entries passed it, so that a search ends at the first line that none passed, and a removal leaves
 * no tombstone.
 *
 * A segment that is full is split in two: growth is a few hundred moves now and then, never a
 * rebuild of the whole, costs 5 KiB at a time, and needs no second table that searches would have
 * to look at. The index never shrinks.
 *
 * All segments of a shard are split at about the same time, since they fill up alike, and are half
 * empty then. So shards have segments of different sizes, in eight steps from one to one half: at
 * any time some have just been split and some are nearly full, whatever the number of entries.
 *
 * How the hash is used: bits 0-23 directory, 16-31 line, 32-39 tag, from 40 on the shard.
 *
 * All [shard-lock], except reading lines: a search without the lock may miss an entry that is being
 * moved, and what it finds may be gone, but what it reads is never freed memory: segments and
 * replaced directories stay until mem_index_fini().
 */
#ifndef MEM_INDEX_H
#define MEM_INDEX_H

#include "entry.h"
#include "slab.h"

enum {
    MEM_LINE_SLOTS = 12,
    MEM_SEGMENT_LINES = 84, /* at most */
    MEM_DEPTH_MAX = 24
};

/* Bytes 0 to 11 of tags are those of the slots, 0 when one is empty; byte 12 counts the entries
 * that passed. */
typedef struct mem_line {
    _Alignas(64) _Atomic uint64_t tags[2];
    _Atomic uint32_t slot[MEM_LINE_SLOTS];
} mem_line;

typedef struct mem_segment {
    _Alignas(64) uint32_t depth; /* hash bits that all its entries share */
    uint32_t count;
    uint64_t soonest; /* no entry ends before (mem_life_end()); UINT64_MAX */
    mem_line line[];
} mem_segment;

typedef struct mem_directory {
    uint32_t depth, mask;        /* 2^depth - 1 */
    uint64_t lines;              /* of a segment */
    struct mem_directory *older; /* replaced, kept for searches under way */
    _Atomic(mem_segment *) segment[];
} mem_directory;

/* The clock hand that looks for expired entries. */
typedef struct mem_hand {
    uint32_t at;      /* in the directory */
    uint32_t line;    /* of that segment, the next one to look at */
    uint64_t soonest; /* of what was seen in the segment so far */
    uint64_t round;   /* of the segments that it passed since it began at the first one */
} mem_hand;

typedef struct mem_index {
    _Atomic(mem_directory *) *directory; /* where lookups find it; NULL: there is no index */
    const mem_region *region;
    const mem_shape *shape;
    mem_slabs *slabs;
    const mst_host *host;
    uint32_t lines;              /* of a segment */
    uint32_t split_at;           /* so many entries */
    _Alignas(64) uint64_t count; /* apart from what lookups read */
    uint64_t bytes;              /* of segments and directories */
    uint64_t block_bytes;        /* of these, the charge of those that are not in pages */
    uint64_t splits;
    uint64_t most_moved; /* entries, by one split */
    uint64_t soonest;    /* no entry ends before; UINT64_MAX */
    mem_hand hand;
} mem_index;

/* Are segments in pages? Else they are blocks of the host. */
static inline bool mem_index_is_in_pages(const mem_region *r)
{
    return r->page_size >= sizeof(mem_segment) + MEM_SEGMENT_LINES * sizeof(mem_line);
}
/* Of the shard with that number. Takes an empty page of the slabs, if segments are in pages. */
mst_status mem_index_init(mem_index *, const mst_host *, const mem_shape *, mem_slabs *,
                          _Atomic(mem_directory *) *directory, uint32_t shard);
void mem_index_fini(mem_index *); /* safe on a zeroed one; does not free entries */

/* Is it time to split before an insertion with this hash? Then mem_index_needs_page(), an empty
 * page or not, and what is charged besides. */
bool mem_index_is_full(const mem_index *, uint64_t hash);
bool mem_index_needs_page(const mem_index *);
uint64_t mem_index_growth(const mem_index *, uint64_t hash);
/* Split the segment of the hash. Without memory nothing changes. */
mst_status mem_index_grow(mem_index *, uint64_t hash);
/* false: the segment is full to the last slot. The key must not be there already. */
bool mem_index_insert(mem_index *, uint64_t hash, mem_entry *);
/* Take out an entry that is there. */
void mem_index_remove(mem_index *, mem_entry *);
/* Tell the hand that an entry with this hash ends then; 0 never. */
void mem_index_note_end(mem_index *, uint64_t hash, uint64_t end);

/* Walking: the segment at a place of the directory; NULL when it was seen at a lower place.
 * A split moves entries to higher places only. */
static inline mem_segment *mem_index_segment(const mem_index *ix, uint32_t at)
{
    mem_directory *d = atomic_load_explicit(ix->directory, memory_order_relaxed);
    mem_segment *s = atomic_load_explicit(&d->segment[at], memory_order_relaxed);
    return at >> s->depth ? NULL : s;
}
static inline uint32_t mem_index_places(const mem_index *ix)
{
    return 1u << atomic_load_explicit(ix->directory, memory_order_relaxed)->depth;
}

/* [any-thread] Bring into the cache what a search will touch after its line (find.h). */
void mem_index_prefetch_entry(const mem_index *, uint64_t hash);

#endif
