/* index.c - the tag index: see index.h for its shape.
 *
 * Why tags in words of their own: a search compares twelve tags in one instruction, and looks at
 * no entry but the right one, save in about 3 % of the searches.
 *
 * Slots and tags are written under the lock and read by searches without it. A slot is written
 * before its tag when an entry comes, and after it when one goes; who finds an entry without the
 * lock looks at the slot again once the entry is pinned.
 */
#include "index.h"

#include "block.h"
#include "find.h"

static void set_tags(mem_line *line, uint32_t slot, uint32_t clear, uint64_t set)
{
    uint64_t word = mem_tags_word(line, slot);
    uint32_t shift = slot % 8 * 8;
    word = (word & ~((uint64_t) clear << shift)) | set << shift;
    atomic_store_explicit(&line->tags[slot / 8], word, memory_order_release);
}

static void pass(mem_line *line, int by)
{
    uint32_t passed = mem_passed(line);
    if (passed != MEM_PASSED_MAX) {
        set_tags(line, MEM_LINE_SLOTS, 0xff, passed + (uint32_t) by);
    }
}

static mem_segment *hand_segment(const mem_index *ix, const mem_directory *d)
{
    return atomic_load_explicit(&d->segment[ix->hand.at], memory_order_relaxed);
}

static size_t segment_size(const mem_index *ix)
{
    return sizeof(mem_segment) + ix->lines * sizeof(mem_line);
}

static size_t directory_size(uint32_t depth)
{
    return sizeof(mem_directory) + ((size_t) 1 << depth) * sizeof(mem_segment *);
}

static mem_directory *new_directory(mem_index *ix, uint32_t depth)
{
    mem_directory *d = ix->host->alloc(ix->host, directory_size(depth));
    if (d) {
        d->depth = depth;
        d->mask = (1u << depth) - 1;
        d->lines = ix->lines;
        d->older = NULL;
        ix->bytes += mem_block_charge(directory_size(depth));
        ix->block_bytes += mem_block_charge(directory_size(depth));
    }
    return d;
}

static mem_segment *new_segment(mem_index *ix, uint32_t depth)
{
    bool is_block = !mem_index_is_in_pages(ix->region);
    size_t size = segment_size(ix);
    mem_segment *s = is_block ? mem_lines_alloc(ix->host, size) : mem_slabs_lines(ix->slabs, size);
    if (s) {
        s->depth = depth;
        s->soonest = UINT64_MAX;
        ix->block_bytes += is_block ? mem_lines_charge(size) : 0;
        ix->bytes += is_block ? mem_lines_charge(size) : size;
    }
    return s;
}

static void free_segment(mem_index *ix, mem_segment *s)
{
    if (!mem_index_is_in_pages(ix->region)) {
        mem_aligned_free(ix->host, s);
    }
}

mst_status mem_index_init(mem_index *ix, const mst_host *host, const mem_shape *shape,
                          mem_slabs *slabs, _Atomic(mem_directory *) *directory, uint32_t shard)
{
    /* About 84 / 2^(n/8), so that segments fill pages, and in an order that spreads the first two,
     * or four, as well. */
    static const uint8_t lines[] = {MEM_SEGMENT_LINES, 59, 72, 50, 77, 55, 67, 45};
    *ix = (mem_index){.host = host,
                      .shape = shape,
                      .slabs = slabs,
                      .region = slabs->region,
                      .lines = lines[shard % sizeof lines],
                      .soonest = UINT64_MAX,
                      .hand = {.soonest = UINT64_MAX, .round = UINT64_MAX}};
    ix->split_at = ix->lines * MEM_LINE_SLOTS * 9 / 10;
    mem_directory *d = new_directory(ix, 0);
    if (!d) {
        return MST_ENOMEM;
    }
    mem_segment *s = new_segment(ix, 0);
    if (!s) {
        host->free(host, d);
        return MST_ENOMEM;
    }
    atomic_init(&d->segment[0], s);
    ix->directory = directory;
    atomic_init(directory, d);
    return MST_OK;
}

void mem_index_fini(mem_index *ix)
{
    if (!ix->directory) {
        return;
    }
    mem_directory *d = mem_directory_of(ix);
    /* From the top down, because the depth of a segment tells its other places. */
    for (uint32_t at = mem_index_places(ix); at-- > 0;) {
        mem_segment *s = mem_index_segment(ix, at);
        if (s) {
            free_segment(ix, s);
        }
    }
    while (d) {
        mem_directory *older = d->older;
        ix->host->free(ix->host, d);
        d = older;
    }
    ix->directory = NULL;
}

static bool place(const mem_index *ix, mem_segment *s, uint32_t home, uint32_t tag,
                  uint32_t position)
{
    if (s->count == ix->lines * MEM_LINE_SLOTS) {
        return false;
    }
    mem_line *line = &s->line[home];
    uint32_t empty = mem_matches(line, 0);
    while (!empty) {
        pass(line, 1);
        home = mem_line_after(ix, home);
        line = &s->line[home];
        empty = mem_matches(line, 0);
    }
    uint32_t slot = mem_first_slot(empty);
    atomic_store_explicit(&line->slot[slot], position, memory_order_release);
    set_tags(line, slot, 0, tag);
    s->count++;
    return true;
}

/* Empty a slot of a line, for an entry whose search begins at `home`. */
static void displace(const mem_index *ix, mem_segment *s, uint32_t home, uint32_t line,
                     uint32_t slot)
{
    for (; home != line; home = mem_line_after(ix, home)) {
        pass(&s->line[home], -1);
    }
    set_tags(&s->line[line], slot, 0xff, 0);
    atomic_store_explicit(&s->line[line].slot[slot], 0, memory_order_relaxed);
    s->count--;
}

/* Can a split help? Not when so many entries share their hash bits that the directory would grow
 * out of all proportion: then the hash is broken, and the segment fills up. */
static bool may_split(const mem_index *ix, const mem_segment *s)
{
    return s->depth < MEM_DEPTH_MAX && ((uint64_t) ix->split_at << s->depth) < 32 * ix->count;
}

bool mem_index_is_full(const mem_index *ix, uint64_t hash)
{
    const mem_segment *s = mem_segment_of(ix, hash);
    return s->count >= ix->split_at && may_split(ix, s);
}

bool mem_index_needs_page(const mem_index *ix)
{
    return mem_index_is_in_pages(ix->region) &&
           mem_slabs_lines_need_page(ix->slabs, (uint32_t) segment_size(ix));
}

uint64_t mem_index_growth(const mem_index *ix, uint64_t hash)
{
    const mem_directory *d = mem_directory_of(ix);
    uint64_t bytes = mem_index_is_in_pages(ix->region) ? 0 : mem_lines_charge(segment_size(ix));
    bool doubles = mem_segment_in(d, hash)->depth == d->depth;
    return doubles ? bytes + mem_block_charge(directory_size(d->depth + 1)) : bytes;
}

static mem_directory *double_directory(mem_index *ix, mem_directory *old)
{
    mem_directory *d = new_directory(ix, old->depth + 1);
    if (!d) {
        return NULL;
    }
    uint32_t places = 1u << old->depth;
    for (uint32_t i = 0; i < places; i++) {
        mem_segment *s = atomic_load_explicit(&old->segment[i], memory_order_relaxed);
        atomic_init(&d->segment[i], s);
        atomic_init(&d->segment[i + places], s);
    }
    d->older = old;
    atomic_store_explicit(ix->directory, d, memory_order_release);
    return d;
}

static void prefetch_line_entries(const mem_index *ix, const mem_line *line)
{
    for (uint32_t slot = 0; slot < MEM_LINE_SLOTS; slot++) {
        __builtin_prefetch(mem_index_at(ix, mem_position_at(line, slot)));
    }
}

/* Move the entries that have bit `bit` of their hash set, and say how many. The others stay where
 * they are, so that the hand may be in the middle of the segment. */
static uint32_t move_half(const mem_index *ix, mem_segment *from, mem_segment *to, uint32_t bit)
{
    prefetch_line_entries(ix, &from->line[0]);
    for (uint32_t at = 0; at < ix->lines; at++) {
        mem_line *line = &from->line[at];
        if (at + 1 < ix->lines) {
            prefetch_line_entries(ix, line + 1);
        }
        for (uint32_t slot = 0; slot < MEM_LINE_SLOTS; slot++) {
            uint32_t position = mem_position_at(line, slot);
            const mem_entry *e = position ? mem_index_at(ix, position) : NULL;
            if (e && e->hash >> bit & 1) {
                uint32_t tag = mem_tag_at(line, slot);
                displace(ix, from, mem_line_of(ix, e->hash), at, slot);
                place(ix, to, mem_line_of(ix, e->hash), tag, position);
            }
        }
    }
    return to->count;
}

mst_status mem_index_grow(mem_index *ix, uint64_t hash)
{
    mem_directory *d = mem_directory_of(ix);
    mem_segment *from = mem_segment_in(d, hash);
    if (from->depth == d->depth) {
        d = double_directory(ix, d);
    }
    mem_segment *to = d ? new_segment(ix, from->depth + 1) : NULL;
    if (!to) {
        return MST_ENOMEM;
    }
    uint32_t moved = move_half(ix, from, to, from->depth);
    ix->most_moved = moved > ix->most_moved ? moved : ix->most_moved;
    to->soonest = from->soonest;
    uint32_t step = 1u << from->depth;
    uint32_t at = ((uint32_t) hash & (step - 1)) | step;
    from->depth++;
    for (; at < 1u << d->depth; at += 2 * step) {
        atomic_store_explicit(&d->segment[at], to, memory_order_release);
    }
    ix->splits++;
    return MST_OK;
}

bool mem_index_insert(mem_index *ix, uint64_t hash, mem_entry *e)
{
    uint32_t position = mem_region_position(ix->region, e);
    if (!place(ix, mem_segment_of(ix, hash), mem_line_of(ix, hash), mem_tag_of(hash), position)) {
        return false;
    }
    ix->count++;
    return true;
}

void mem_index_remove(mem_index *ix, mem_entry *e)
{
    mem_segment *s = mem_segment_of(ix, e->hash);
    uint32_t position = mem_region_position(ix->region, e);
    uint32_t home = mem_line_of(ix, e->hash), at = home;
    for (uint32_t n = 0; n < ix->lines; n++) {
        uint32_t found = mem_slots_with(&s->line[at], position);
        if (found) {
            displace(ix, s, home, at, mem_first_slot(found));
            ix->count--;
            return;
        }
        at = mem_line_after(ix, at);
    }
}

static void lower(uint64_t *least, uint64_t end)
{
    if (end < *least) {
        *least = end;
    }
}

void mem_index_note_end(mem_index *ix, uint64_t hash, uint64_t end)
{
    mem_directory *d = mem_directory_of(ix);
    mem_segment *s = mem_segment_in(d, hash);
    if (!end) {
        return;
    }
    lower(&s->soonest, end);
    lower(&ix->soonest, end);
    lower(&ix->hand.round, end);
    /* The hand may have passed the entry's line already. */
    if (end < ix->hand.soonest && hand_segment(ix, d) == s) {
        ix->hand.soonest = end;
    }
}

void mem_index_prefetch_entry(const mem_index *ix, uint64_t hash)
{
    const mem_line *line = mem_index_line(ix, hash);
    uint32_t found = mem_matches(line, mem_tag_of(hash));
    if (found) {
        const uint8_t *e = mem_region_at(ix->region, mem_position_at(line, mem_first_slot(found)));
        __builtin_prefetch(e);
        __builtin_prefetch(e + 64);
    }
}
