/* Deadlines, against a plain array: in the order of time, whichever line or heap they stand in. */
#include <criterion/criterion.h>

#include "base/deadline.h"
#include "base/hash.h"
#include "unit/base/counting.h"

enum { COUNT = 300, STEPS = 20000 };

static counting memory;
static msi_deadlines all;
static msi_deadline some[COUNT];

static void setup(void)
{
    counting_init(&memory);
    msi_deadlines_init(&all, &memory.allocator);
}

static void teardown(void)
{
    msi_deadlines_fini(&all);
    cr_expect_eq(memory.blocks, 0);
}

TestSuite(deadline, .init = setup, .fini = teardown);

static uint64_t least(void)
{
    uint64_t at = UINT64_MAX;
    for (size_t i = 0; i < COUNT; i++) {
        if (msi_deadline_armed(&some[i]) && some[i].node.key < at) {
            at = some[i].node.key;
        }
    }
    return at;
}

static void check_first(void)
{
    const msi_deadline *first = msi_deadlines_first(&all);
    cr_assert_eq(first ? first->node.key : UINT64_MAX, least());
}

/* As in a loop: timeouts of a few lengths, from a clock that goes on. */
Test(deadline, few_timeouts_take_no_memory)
{
    static const uint64_t timeouts[] = {1000, 250, 5000, 30};
    for (uint64_t step = 0; step < STEPS; step++) {
        msi_deadline *d = &some[msi_mix(step) % COUNT];
        if (msi_deadline_armed(d)) {
            msi_deadline_disarm(&all, d);
            cr_assert_not(msi_deadline_armed(d));
        } else {
            cr_assert_eq(msi_deadline_arm(&all, d, step / 7 + timeouts[step % 4]), MST_OK);
            cr_assert(msi_deadline_armed(d));
        }
        check_first();
    }
    /* Only the beginning, when the lines do not know yet which timeout is whose, may use the heap.
     */
    cr_assert_leq(all.heap.capacity, 64);
}

Test(deadline, any_times)
{
    for (uint64_t step = 0; step < STEPS; step++) {
        msi_deadline *d = &some[msi_mix(step) % COUNT];
        if (msi_mix(step + STEPS) % 3 == 0) {
            msi_deadline_disarm(&all, d); /* armed or not */
        } else {
            cr_assert_eq(msi_deadline_arm(&all, d, msi_mix(~step) % 1000), MST_OK); /* or moved */
        }
        check_first();
    }
    for (uint64_t last = 0; msi_deadlines_first(&all);) {
        msi_deadline *d = msi_deadlines_first(&all);
        cr_assert_geq(d->node.key, last);
        last = d->node.key;
        msi_deadline_disarm(&all, d);
    }
    cr_assert_eq(least(), UINT64_MAX);
}

Test(deadline, out_of_memory_is_not_armed)
{
    memory.fail_at = 1;
    for (uint64_t i = 0; i < MSI_DEADLINE_LINES; i++) {
        cr_assert_eq(msi_deadline_arm(&all, &some[i], 100 - i), MST_OK);
    }
    msi_deadline *d = &some[MSI_DEADLINE_LINES];
    cr_assert_eq(msi_deadline_arm(&all, d, 1), MST_ENOMEM);
    cr_assert_not(msi_deadline_armed(d));
    check_first();
}
