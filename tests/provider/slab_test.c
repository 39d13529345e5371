/* The slots of the provider "memory" on their own: what came back last is used first, and pages
 * know of it once that is settled. */
#include <criterion/criterion.h>

#include "slab.h"

enum { PAGE = 4096, SIZE = 160, N = 2 * MEM_SPARES };

static mem_region region;
static mem_slabs slabs;
static void *slots[N];

static void setup(void)
{
    cr_assert_eq(mem_region_init(&region, PAGE, 64, false), MST_OK);
    slabs = (mem_slabs){.region = &region};
}

static void teardown(void)
{
    mem_region_fini(&region);
}

TestSuite(slab, .init = setup, .fini = teardown);

static void *take(uint32_t class)
{
    if (!mem_slot_is_there(&slabs, class)) {
        cr_assert(mem_slabs_grow(&slabs) && mem_slabs_cut(&slabs, class));
    }
    return mem_slot_take(&slabs, class);
}

static void take_all(uint32_t class)
{
    for (int i = 0; i < N; i++) {
        slots[i] = take(class);
        cr_assert_not_null(slots[i]);
    }
}

static uint32_t live(void)
{
    uint32_t n = 0;
    for (const mem_page *p = slabs.pages; p; p = p->next) {
        n += p->live;
    }
    return n;
}

Test(slab, what_came_back_last_is_used_first)
{
    uint32_t class = mem_slot_class(SIZE);
    take_all(class);
    mem_slot_give(&slabs, slots[3]);
    mem_slot_give(&slabs, slots[N - 1]);
    cr_assert_eq(slabs.spare_count, 2);
    cr_assert_eq(live(), N, "their pages do not know");
    cr_assert_eq(take(class), slots[N - 1]);
    cr_assert_eq(take(class), slots[3]);
    cr_assert_eq(slabs.spare_count, 0);
}

Test(slab, the_latest_size_is_kept_apart)
{
    uint32_t class = mem_slot_class(SIZE), other = mem_slot_class(3 * SIZE);
    void *a = take(class), *b = take(other);
    mem_slot_give(&slabs, a);
    mem_slot_give(&slabs, b);
    cr_assert_eq(slabs.spare_count, 1);
    cr_assert_eq(live(), 1, "the first one went back to its page, which is empty");
    cr_assert_not_null(slabs.empty);
    cr_assert_not(mem_slot_is_there(&slabs, class));
    cr_assert_eq(take(other), b);
}

Test(slab, pages_are_empty_once_it_is_settled)
{
    uint32_t class = mem_slot_class(SIZE);
    take_all(class);
    uint64_t pages = slabs.page_count;
    for (int i = 0; i < N; i++) {
        mem_slot_give(&slabs, slots[i]);
    }
    cr_assert_eq(slabs.spare_count, MEM_SPARES, "no more than that");
    cr_assert_eq(live(), MEM_SPARES);
    mem_slabs_settle(&slabs);
    cr_assert_eq(slabs.spare_count, 0);
    cr_assert_null(slabs.pages);
    cr_assert_eq(slabs.page_count, pages, "all of them empty");
    take_all(class);
    for (int i = 0; i < N; i++) {
        mem_slot_give(&slabs, slots[i]);
    }
    mem_slabs_trim(&slabs);
    cr_assert_eq(slabs.page_count, 0);
    cr_assert_null(slabs.empty);
}
