/* Spares: blocks come back to who needs one, not for ever more of them, and all go in the end. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/spares.h"
#include "unit/base/counting.h"

enum { SIZE = 100, MANY = MSI_SPARES_MAX + 10 };

static counting memory;
static msi_spares spares;

static void setup(void)
{
    counting_init(&memory);
    msi_spares_init(&spares, &memory.allocator, SIZE);
}

TestSuite(spares, .init = setup);

Test(spares, are_bounded)
{
    void *blocks[MANY];
    for (int i = 0; i < MANY; i++) {
        blocks[i] = msi_spares_take(&spares);
        memset(blocks[i], i, SIZE);
    }
    cr_assert_eq(memory.blocks, MANY);
    for (int i = 0; i < MANY; i++) {
        msi_spares_give(&spares, blocks[i]);
    }
    cr_assert_eq(memory.blocks, MSI_SPARES_MAX);
    cr_assert_eq(spares.count, MSI_SPARES_MAX);
    msi_spares_fini(&spares);
    cr_assert_eq(memory.blocks, 0);
    cr_assert_eq(spares.count, 0);
}

Test(spares, are_taken_before_memory_is)
{
    void *a = msi_spares_take(&spares), *b = msi_spares_take(&spares);
    msi_spares_give(&spares, a);
    msi_spares_give(&spares, b);
    long calls = memory.calls;
    a = msi_spares_take(&spares);
    b = msi_spares_take(&spares);
    cr_assert_eq(memory.calls, MSI_SPARES_MAX ? calls : calls + 2);
    cr_assert_neq(a, b);
    msi_free(&memory.allocator, a); /* an ordinary block */
    msi_spares_give(&spares, b);
    msi_spares_fini(&spares);
    cr_assert_eq(memory.blocks, 0);
}

Test(spares, without_memory)
{
    memory.fail_at = 1;
    cr_assert_null(msi_spares_take(&spares));
    msi_spares_fini(&spares);
}
