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
static mem_home *home;
static mem_pool pool;
static mem_index ix;
static mem_entry *entries[N];
static const mst_space space = {.struct_size = sizeof space, .id = 1};

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static void open_index(void)
{
    fake_host_init(&host, "index");
    home = mem_lines_alloc(&host.host, sizeof *home);
    home->host = &host.host;
    pool = (mem_pool){.home = home};
    cr_assert_eq(mem_index_init(&ix, &host.host, 0), MST_OK);
}

static void close_index(void)
{
    mem_index_fini(&ix);
    mem_lines_free(&host.host, home);
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

static void insert(uint32_t number)
{
    mst_op op = op_for(&number);
    cr_assert_eq(mem_entry_new(&pool, &op, 1000, &entries[number]), MST_OK);
    uint64_t growth = mem_index_growth(&ix, op.hash), bytes = ix.bytes;
    if (growth) {
        cr_assert_eq(mem_index_grow(&ix, op.hash), MST_OK);
        cr_assert_eq(ix.bytes, bytes + growth, "it takes what it has announced");
    }
    cr_assert(mem_index_insert(&ix, op.hash, entries[number]));
}

static void drop(uint32_t number)
{
    mem_index_remove(&ix, entries[number]);
    mem_entry_free(&pool, entries[number]);
    entries[number] = NULL;
}

/* Each segment once: its entries, and whatever its lines still say. */
static void walk(uint64_t *found, uint64_t *traces)
{
    *found = *traces = 0;
    for (uint32_t at = 0; at < mem_index_places(&ix); at++) {
        const mem_segment *s = mem_index_segment(&ix, at);
        for (uint32_t line = 0; s && line < MEM_SEGMENT_LINES; line++) {
            *traces += atomic_load(&s->line[line].tags) != 0;
            for (uint32_t slot = 0; slot < MEM_LINE_SLOTS; slot++) {
                *found += atomic_load(&s->line[line].slot[slot]) != NULL;
            }
        }
    }
}

Test(index, finds_everything_and_forgets_everything)
{
    uint64_t found, traces;
    open_index();
    for (uint32_t i = 0; i < N; i++) {
        insert(i);
        uint32_t other = (uint32_t) (mix(i) % N);
        cr_assert_eq(find(other), entries[other]);
        cr_assert_eq(find(i), entries[i]);
    }
    walk(&found, &traces);
    cr_assert_eq(found, N);
    cr_assert_gt(ix.splits, N / MEM_SEGMENT_SLOTS);
    cr_assert_lt(ix.bytes, (uint64_t) N * 24);
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
    open_index();
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
    open_index();
    skew = 15 << MEM_LINE_BITS;
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
