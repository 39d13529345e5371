/* index.c - the tag index: see index.h for its shape.
 *
 * Why tags in a word of their own and not in spare bits of the pointers: a search compares seven
 * tags in five instructions, pointers stay whole (leak checkers follow them, and nothing is assumed
 * about address sizes), and the spare byte counts overflows. A false tag match costs one look at an
 * entry, in about 2 % of the searches.
 *
 * Slots and tags are written under the lock and read with relaxed atomics, because the prefetches
 * look at them without it.
 */
#include "index.h"

#include "block.h"
#include "find.h"

static void pass(mem_line *line, int by)
{
    uint64_t tags = mem_tags_of(line);
    if (mem_passed(tags) != MEM_PASSED_MAX) {
        tags += (uint64_t) (int64_t) by << MEM_PASSED_SHIFT;
        atomic_store_explicit(&line->tags, tags, memory_order_relaxed);
    }
}

static mem_segment *hand_segment(const mem_index *ix, const mem_directory *d)
{
    return atomic_load_explicit(&d->segment[ix->hand.at], memory_order_relaxed);
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
        d->older = NULL;
        ix->bytes += mem_block_charge(directory_size(depth));
    }
    return d;
}

static mem_segment *new_segment(mem_index *ix, uint32_t depth)
{
    mem_segment *s = mem_lines_alloc(ix->host, sizeof *s);
    if (s) {
        s->depth = depth;
        s->soonest_ms = UINT64_MAX;
        ix->bytes += mem_lines_charge(sizeof *s);
    }
    return s;
}

mst_status mem_index_init(mem_index *ix, const mst_host *host, uint32_t node_room)
{
    *ix = (mem_index){.host = host, .node_room = node_room, .hand = {.soonest_ms = UINT64_MAX}};
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
    atomic_init(&ix->directory, d);
    return MST_OK;
}

void mem_index_fini(mem_index *ix)
{
    mem_directory *d = mem_directory_of(ix);
    if (!d) {
        return;
    }
    /* From the top down, because the depth of a segment tells its other places. */
    for (uint32_t at = mem_index_places(ix); at-- > 0;) {
        mem_segment *s = mem_index_segment(ix, at);
        if (s) {
            mem_lines_free(ix->host, s);
        }
    }
    while (d) {
        mem_directory *older = d->older;
        ix->host->free(ix->host, d);
        d = older;
    }
    atomic_store_explicit(&ix->directory, NULL, memory_order_relaxed);
}

static bool place(mem_segment *s, uint32_t home, uint32_t tag, mem_entry *e)
{
    if (s->count == MEM_SEGMENT_SLOTS) {
        return false;
    }
    mem_line *line = &s->line[home];
    uint64_t empty = mem_matches(mem_tags_of(line), 0);
    while (!empty) {
        pass(line, 1);
        home = (home + 1) % MEM_SEGMENT_LINES;
        line = &s->line[home];
        empty = mem_matches(mem_tags_of(line), 0);
    }
    uint32_t slot = mem_first_slot(empty);
    atomic_store_explicit(&line->slot[slot], e, memory_order_relaxed);
    uint64_t tags = mem_tags_of(line) | (uint64_t) tag << slot * 8;
    atomic_store_explicit(&line->tags, tags, memory_order_relaxed);
    s->count++;
    return true;
}

/* Empty a slot of a line, for an entry whose search begins at `home`. */
static void displace(mem_segment *s, uint32_t home, uint32_t line, uint32_t slot)
{
    for (; home != line; home = (home + 1) % MEM_SEGMENT_LINES) {
        pass(&s->line[home], -1);
    }
    uint64_t tags = mem_tags_of(&s->line[line]) & ~((uint64_t) 0xff << slot * 8);
    atomic_store_explicit(&s->line[line].tags, tags, memory_order_relaxed);
    atomic_store_explicit(&s->line[line].slot[slot], NULL, memory_order_relaxed);
    s->count--;
}

/* Can a split help? Not when so many entries share their hash bits that the directory would grow
 * out of all proportion: then the hash is broken, and the segment fills up. */
static bool may_split(const mem_index *ix, const mem_segment *s)
{
    return s->depth < MEM_DEPTH_MAX && ((uint64_t) MEM_SEGMENT_SPLIT << s->depth) < 32 * ix->count;
}

uint64_t mem_index_growth(const mem_index *ix, uint64_t hash)
{
    const mem_directory *d = mem_directory_of(ix);
    const mem_segment *s = mem_segment_in(d, hash);
    if (s->count < MEM_SEGMENT_SPLIT || !may_split(ix, s)) {
        return 0;
    }
    uint64_t bytes = mem_lines_charge(sizeof *s);
    return s->depth < d->depth ? bytes : bytes + mem_block_charge(directory_size(d->depth + 1));
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
    atomic_store_explicit(&ix->directory, d, memory_order_release);
    return d;
}

static void prefetch_line_entries(const mem_line *line)
{
    for (uint32_t slot = 0; slot < MEM_LINE_SLOTS; slot++) {
        __builtin_prefetch(mem_entry_at(line, slot));
    }
}

/* Move the entries that have bit `bit` of their hash set, and say how many. The others stay where
 * they are, so that the hand may be in the middle of the segment. */
static uint32_t move_half(mem_segment *from, mem_segment *to, uint32_t bit)
{
    prefetch_line_entries(&from->line[0]);
    for (uint32_t at = 0; at < MEM_SEGMENT_LINES; at++) {
        mem_line *line = &from->line[at];
        if (at + 1 < MEM_SEGMENT_LINES) {
            prefetch_line_entries(line + 1);
        }
        for (uint32_t slot = 0; slot < MEM_LINE_SLOTS; slot++) {
            mem_entry *e = mem_entry_at(line, slot);
            if (e && e->hash >> bit & 1) {
                uint32_t tag = mem_tags_of(line) >> slot * 8 & 0xff;
                displace(from, mem_line_of(e->hash), at, slot);
                place(to, mem_line_of(e->hash), tag, e);
            }
        }
    }
    return to->count;
}

mst_status mem_index_grow(mem_index *ix, uint64_t hash)
{
    mem_directory *d = mem_directory_of(ix);
    mem_segment *from = mem_segment_in(d, hash);
    mem_segment *to = new_segment(ix, from->depth + 1);
    if (to && from->depth == d->depth) {
        d = double_directory(ix, d);
        if (!d) {
            mem_lines_free(ix->host, to);
            ix->bytes -= mem_lines_charge(sizeof *to);
        }
    }
    if (!to || !d) {
        return MST_ENOMEM;
    }
    uint32_t moved = move_half(from, to, MEM_LINE_BITS + from->depth);
    ix->most_moved = moved > ix->most_moved ? moved : ix->most_moved;
    to->soonest_ms = from->soonest_ms;
    uint32_t step = 1u << from->depth;
    uint32_t at = ((uint32_t) hash >> MEM_LINE_BITS & (step - 1)) | step;
    from->depth++;
    for (; at < 1u << d->depth; at += 2 * step) {
        atomic_store_explicit(&d->segment[at], to, memory_order_release);
    }
    ix->splits++;
    return MST_OK;
}

bool mem_index_insert(mem_index *ix, uint64_t hash, mem_entry *e)
{
    if (!place(mem_segment_of(ix, hash), mem_line_of(hash), mem_tag_of(hash), e)) {
        return false;
    }
    ix->count++;
    return true;
}

void mem_index_remove(mem_index *ix, mem_entry *e)
{
    mem_segment *s = mem_segment_of(ix, e->hash);
    uint32_t home = mem_line_of(e->hash), at = home;
    for (uint32_t n = 0; n < MEM_SEGMENT_LINES; n++) {
        for (uint32_t slot = 0; slot < MEM_LINE_SLOTS; slot++) {
            if (mem_entry_at(&s->line[at], slot) == e) {
                displace(s, home, at, slot);
                ix->count--;
                return;
            }
        }
        at = (at + 1) % MEM_SEGMENT_LINES;
    }
}

void mem_index_note_expiry(mem_index *ix, uint64_t hash, uint64_t expires_ms)
{
    mem_directory *d = mem_directory_of(ix);
    mem_segment *s = mem_segment_in(d, hash);
    if (!expires_ms) {
        return;
    }
    if (expires_ms < s->soonest_ms) {
        s->soonest_ms = expires_ms;
    }
    /* The hand may have passed the entry's line already. */
    if (expires_ms < ix->hand.soonest_ms && hand_segment(ix, d) == s) {
        ix->hand.soonest_ms = expires_ms;
    }
}

void mem_index_prefetch_line(const mem_index *ix, uint64_t hash)
{
    __builtin_prefetch(&mem_segment_of(ix, hash)->line[mem_line_of(hash)]);
}

void mem_index_prefetch_entry(const mem_index *ix, uint64_t hash)
{
    const mem_line *line = &mem_segment_of(ix, hash)->line[mem_line_of(hash)];
    uint64_t found = mem_matches(mem_tags_of(line), mem_tag_of(hash));
    if (found) {
        uintptr_t e =
            (uintptr_t) mem_entry_at(line, mem_first_slot(found)); /* may be gone already */
        __builtin_prefetch((void *) e);
        __builtin_prefetch((void *) (e + 64));
    }
}
