/* The table of keys that slide. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "pipeline/slides.h"

static int64_t balance;
static bool out_of_memory;

static void *take(void *ctx, size_t size)
{
    (void) ctx;
    balance += !out_of_memory;
    return out_of_memory ? NULL : malloc(size);
}

static void *retake(void *ctx, void *p, size_t size)
{
    (void) ctx;
    balance += !p;
    return realloc(p, size);
}

static void give(void *ctx, void *p)
{
    (void) ctx;
    balance -= p != NULL;
    free(p);
}

static const mst_allocator allocator = {take, retake, give, NULL};
static msi_slides s;

/* A hash of that place; others of the same place differ in `more`. */
static uint64_t hash_of(uint64_t place, uint64_t more)
{
    return place << 44 | more;
}

static void note(uint64_t hash, uint64_t window)
{
    msi_slides_note(&s, &allocator, (msi_slide){hash, window, 5000, 9000});
}

static void teardown(void)
{
    msi_slides_fini(&s, &allocator);
    msi_slides_fini(&s, &allocator);
    cr_assert_eq(balance, 0);
}

TestSuite(slides, .fini = teardown);

Test(slides, empty)
{
    cr_assert_null(msi_slides_find(&s, 7));
    msi_slides_forget(&s, 7);
    cr_assert_eq(balance, 0, "no memory until a key slides");
}

Test(slides, remembers_and_forgets)
{
    uint64_t hash = hash_of(17, 3);
    note(hash, 100);
    cr_assert_eq(balance, 1);
    const msi_slide *at = msi_slides_find(&s, hash);
    cr_assert(at && at->window_ms == 100 && at->renewed_ms == 5000 && at->limit_ms == 9000);
    note(hash, 200);
    cr_assert_eq(msi_slides_find(&s, hash)->window_ms, 200);
    msi_slides_forget(&s, hash);
    cr_assert_null(msi_slides_find(&s, hash));
    cr_assert_null(msi_slides_find(&s, 0), "an empty place is nobody's");
}

/* The later one has the place; forgetting the former one does not touch it. */
Test(slides, one_place_for_two)
{
    uint64_t first = hash_of(17, 3), second = hash_of(17, 4);
    note(first, 100);
    note(second, 200);
    cr_assert_null(msi_slides_find(&s, first));
    msi_slides_forget(&s, first);
    cr_assert_eq(msi_slides_find(&s, second)->window_ms, 200);
}

Test(slides, all_places)
{
    for (uint64_t i = 0; i < MSI_SLIDES; i++) {
        note(hash_of(i, 1), i + 1);
    }
    for (uint64_t i = 0; i < MSI_SLIDES; i++) {
        cr_assert_eq(msi_slides_find(&s, hash_of(i, 1))->window_ms, i + 1);
    }
    note(UINT64_MAX, 7);
    cr_assert_eq(msi_slides_find(&s, UINT64_MAX)->window_ms, 7);
    cr_assert_eq(balance, 1);
}

Test(slides, without_memory)
{
    out_of_memory = true;
    note(1, 100);
    cr_assert_null(msi_slides_find(&s, 1));
    out_of_memory = false;
    note(1, 100);
    cr_assert_not_null(msi_slides_find(&s, 1));
}
