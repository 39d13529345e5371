/* The tag index of the provider "memory" on its own: 100,000 entries found, walked and taken out,
 * at every stage of growth; and that it leaves no trace of what is gone. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "find.h"
#include "fixtures/fake_host.h"

enum { N = 100000 };

static fake_host host;
static mem_region region;
static mem_slabs slabs;
static mem_shape shape = {.node_at = MEM_HEADER, .key_at = MEM_HEADER};
static mem_index ix;
static _Atomic(mem_directory *) directory;
static mem_entry *entries[N];
static const mst_space space = {.struct_size = sizeof space, .id = 1};

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static void open_index(uint32_t shard)
{
    fake_host_init(&host, "index");
    cr_assert_eq(mem_region_init(&region, 64 << 10, 1 << 10, false), MST_OK);
    slabs = (mem_slabs){.region = &region};
    cr_assert(mem_slabs_grow(&slabs));
    cr_assert_eq(mem_index_init(&ix, &host.host, &shape, &slabs, &directory, shard), MST_OK);
    cr_assert_null(slabs.empty);
}

static void close_index(void)
{
    mem_index_fini(&ix);
    mem_region_fini(&region);
    cr_assert_eq(atomic_load(&host.blocks), 0);
}

static uint64_t skew; /* bits that are missing in the hashes of odd numbers */

static mst_op op_for(const uint32_t *number)
{
    uint64_t hash = mix(*number + 1) & ~(*number % 2 ? skew : 0);
    return (mst_op){.hash = hash, .space = &space, .key = {number, sizeof *number}};
}

static mem_entry *find(uint32_t number)
{
    mst_op op = op_for(&number);
    return mem_index_find(&ix, op.hash, op.key, op.space);
}

static void grow(uint64_t hash)
{
    uint64_t bytes = ix.block_bytes, more = mem_index_growth(&ix, hash), splits = ix.splits;
    if (mem_index_needs_page(&ix)) {
        cr_assert(mem_slabs_grow(&slabs));
    }
    cr_assert_eq(mem_index_grow(&ix, hash), MST_OK);
    cr_assert_eq(ix.splits, splits + 1);
    cr_assert_eq(ix.block_bytes, bytes + more, "it takes what it has announced");
    cr_assert_null(slabs.empty, "and no page that it did not need");
}

static void insert(uint32_t number)
{
    mst_op op = op_for(&number);
    mem_draft draft;
    cr_assert_eq(mem_draft_new(&draft, &shape, &op, 1000, 1000), MST_OK);
    if (mem_index_is_full(&ix, op.hash)) {
        grow(op.hash);
    }
    uint32_t class = mem_slot_class(draft.slot_size);
    if (!slabs.free[class]) {
        cr_assert(mem_slabs_grow(&slabs) && mem_slabs_cut(&slabs, class));
    }
    entries[number] = mem_entry_make(mem_slot_take(&slabs, class), &shape, &draft, &op);
    cr_assert(mem_index_insert(&ix, op.hash, entries[number]));
}

static void drop(uint32_t number)
{
    mem_index_remove(&ix, entries[number]);
    mem_slot_give(&slabs, entries[number]);
    mem_slabs_trim(&slabs);
    entries[number] = NULL;
}

/* Each segment once: its entries, and whatever its lines still say. */
static void walk(uint64_t *found, uint64_t *traces)
{
    *found = *traces = 0;
    for (uint32_t at = 0; at < mem_index_places(&ix); at++) {
        const mem_segment *s = mem_index_segment(&ix, at);
        for (uint32_t line = 0; s && line < ix.lines; line++) {
            *traces += atomic_load(&s->line[line].tags[0]) || atomic_load(&s->line[line].tags[1]);
            for (uint32_t slot = 0; slot < MEM_LINE_SLOTS; slot++) {
                *found += atomic_load(&s->line[line].slot[slot]) != 0;
            }
        }
    }
}

Test(index, finds_everything_and_forgets_everything)
{
    uint64_t found, traces;
    open_index(0);
    for (uint32_t i = 0; i < N; i++) {
        insert(i);
        uint32_t other = (uint32_t) (mix(i) % N);
        cr_assert_eq(find(other), entries[other]);
        cr_assert_eq(find(i), entries[i]);
    }
    walk(&found, &traces);
    cr_assert_eq(found, N);
    cr_assert_gt(ix.splits, N / (MEM_SEGMENT_LINES * MEM_LINE_SLOTS));
    cr_assert_lt(ix.bytes, (uint64_t) N * 16);
    for (uint32_t i = 0; i < N; i++) {
        cr_assert_eq(find(i), entries[i]);
    }
    for (uint32_t i = 0; i < N; i++) {
        drop(i);
        cr_assert_null(find(i));
    }
    walk(&found, &traces);
    cr_assert_eq(found, 0);
    cr_assert_eq(traces, 0, "no tag and no overflow count is left");
    cr_assert_eq(ix.count, 0);
    close_index();
}

/* The count of overflows is what ends a search: it must be right after any history. */
Test(index, insertions_and_removals_in_any_order)
{
    uint64_t found, traces, random = 1;
    open_index(7); /* the smallest segments */
    for (int i = 0; i < 600000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint32_t number = (uint32_t) (random >> 33) % 1200;
        cr_assert_eq(find(number), entries[number]);
        if (entries[number]) {
            drop(number);
        } else {
            insert(number);
        }
    }
    for (uint32_t i = 0; i < 1200; i++) {
        cr_assert_eq(find(i), entries[i]);
        if (entries[i]) {
            drop(i);
        }
    }
    walk(&found, &traces);
    cr_assert_eq(found + traces, 0);
    close_index();
}

/* Half of the entries crowd in 1/16 of the directory, so that its segments differ in depth. */
Test(index, a_hash_that_spreads_badly)
{
    uint64_t found, traces;
    open_index(0);
    skew = 15;
    for (uint32_t i = 1; i < 20000; i += 2) {
        insert(i);
    }
    for (uint32_t i = 0; i < 20000; i += 2) {
        insert(i);
    }
    for (uint32_t i = 0; i < 20000; i++) {
        cr_assert_eq(find(i), entries[i]);
    }
    walk(&found, &traces);
    cr_assert_eq(found, 20000);
    for (uint32_t i = 0; i < 20000; i++) {
        drop(i);
    }
    walk(&found, &traces);
    cr_assert_eq(found + traces, 0);
    close_index();
}
