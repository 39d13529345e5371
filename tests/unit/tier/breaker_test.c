/* The breaker as a state machine: time and outcomes are arguments. What a port does with it is in
 * tests/pipeline/breaker_test.c. */
#include <criterion/criterion.h>

#include "tier/breaker.h"

enum { FAILURES = 3, PAUSE = 100 };

static msi_breaker b;
static uint64_t now;

static void setup(void)
{
    now = 1000;
    msi_breaker_init(&b, FAILURES, PAUSE, 7);
}

TestSuite(breaker, .init = setup);

static bool admits(void)
{
    return msi_breaker_admit(&b, now) != 0;
}

/* One operation from beginning to end. */
static msi_breaker_state run(mst_status status)
{
    uint32_t generation = msi_breaker_admit(&b, now);
    cr_assert_neq(generation, 0);
    return msi_breaker_note(&b, generation, status, now);
}

static void open_it(void)
{
    for (int i = 0; i < FAILURES - 1; i++) {
        cr_assert_neq(run(MST_EIO), MSI_OPEN);
    }
    cr_assert_eq(run(MST_EIO), MSI_OPEN);
}

/* The pause and the longest jitter are over: the probe. */
static uint32_t probe(void)
{
    now += PAUSE + PAUSE / 4;
    uint32_t generation = msi_breaker_admit(&b, now);
    cr_assert_neq(generation, 0);
    cr_assert_eq(b.state, MSI_PROBING);
    return generation;
}

Test(breaker, opens_after_failures_in_a_row)
{
    cr_assert_neq(run(MST_EIO), MSI_OPEN);
    cr_assert_neq(run(MST_ETIMEDOUT), MSI_OPEN);
    cr_assert(admits());
    cr_assert_eq(run(MST_EIO), MSI_OPEN);
    cr_assert_not(admits());
}

Test(breaker, any_success_starts_the_row_again)
{
    static const mst_status successes[] = {MST_OK, MST_MISS, MST_UNCHANGED};
    for (size_t i = 0; i < sizeof successes / sizeof successes[0]; i++) {
        run(MST_EIO);
        run(MST_ETIMEDOUT);
        cr_assert_neq(run(successes[i]), MSI_OPEN);
    }
    open_it();
}

/* They neither begin a row nor end one. */
Test(breaker, other_errors_do_not_count)
{
    static const mst_status others[] = {MST_EBUSY,     MST_ETOOBIG, MST_ENOTSUP, MST_ENOMEM,
                                        MST_ECANCELED, MST_ECLOSED, MST_EINVAL,  -4711};
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
            cr_assert_neq(run(others[i]), MSI_OPEN);
        }
    }
    run(MST_EIO);
    run(MST_EIO);
    run(MST_EBUSY);
    cr_assert_eq(run(MST_EIO), MSI_OPEN);
}

Test(breaker, never_opens_without_a_threshold)
{
    msi_breaker_init(&b, 0, PAUSE, 7);
    for (int i = 0; i < 1000; i++) {
        cr_assert_neq(run(MST_EIO), MSI_OPEN);
    }
}

/* The pause has the length that was asked for, or up to a quarter more, and not always the same. */
Test(breaker, pause)
{
    uint64_t shortest = UINT64_MAX, longest = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        msi_breaker_init(&b, FAILURES, PAUSE, seed);
        open_it();
        uint64_t opened = now;
        while (!admits()) {
            now++;
        }
        shortest = now - opened < shortest ? now - opened : shortest;
        longest = now - opened > longest ? now - opened : longest;
    }
    cr_assert_geq(shortest, PAUSE);
    cr_assert_leq(longest, PAUSE + PAUSE / 4);
    cr_assert_gt(longest, shortest);
}

Test(breaker, a_pause_of_a_millisecond)
{
    msi_breaker_init(&b, 1, 1, 7);
    cr_assert_eq(run(MST_EIO), MSI_OPEN);
    cr_assert_not(admits());
    now++;
    cr_assert(admits());
}

Test(breaker, one_probe_at_a_time)
{
    open_it();
    uint32_t generation = probe();
    now += 10 * PAUSE;
    cr_assert_not(admits());
    cr_assert_eq(msi_breaker_note(&b, generation, MST_MISS, now), MSI_CLOSED);
    cr_assert(admits());
}

Test(breaker, probe_fails)
{
    static const mst_status failures[] = {MST_EIO, MST_ETIMEDOUT};
    open_it();
    for (size_t i = 0; i < 2; i++) {
        uint32_t generation = probe();
        cr_assert_neq(msi_breaker_note(&b, generation, failures[i], now), MSI_OPEN,
                      "it has been open all the time");
        cr_assert_eq(b.state, MSI_OPEN);
        now += PAUSE - 1;
        cr_assert_not(admits(), "another whole pause");
    }
}

/* A probe that was cancelled or refused has found nothing out: the next operation tries at once. */
Test(breaker, probe_says_nothing)
{
    open_it();
    uint32_t generation = probe();
    cr_assert_eq(msi_breaker_note(&b, generation, MST_ECANCELED, now), MSI_PROBING);
    generation = msi_breaker_admit(&b, now);
    cr_assert_neq(generation, 0);
    cr_assert_not(admits());
    cr_assert_eq(msi_breaker_note(&b, generation, MST_OK, now), MSI_CLOSED);
}

/* After it has closed it takes the full number of failures again. */
Test(breaker, closed_again)
{
    open_it();
    msi_breaker_note(&b, probe(), MST_OK, now);
    open_it();
}

/* What was sent before has no say in what comes after. */
Test(breaker, late_answers)
{
    uint32_t old = msi_breaker_admit(&b, now);
    open_it();
    cr_assert_eq(msi_breaker_note(&b, old, MST_OK, now), MSI_PROBING);
    cr_assert_not(admits(), "an old success does not close it");
    uint32_t generation = probe();
    for (int i = 0; i < 2 * FAILURES; i++) {
        cr_assert_eq(msi_breaker_note(&b, old, MST_ETIMEDOUT, now), MSI_PROBING);
        cr_assert_eq(msi_breaker_note(&b, old, MST_OK, now), MSI_PROBING);
    }
    cr_assert_not(admits(), "they do not decide for the probe");
    msi_breaker_note(&b, generation, MST_OK, now);
    for (int i = 0; i < 2 * FAILURES; i++) {
        cr_assert_eq(msi_breaker_note(&b, old, MST_ETIMEDOUT, now), MSI_PROBING);
        cr_assert_eq(msi_breaker_note(&b, generation, MST_ETIMEDOUT, now), MSI_PROBING);
    }
    cr_assert(admits(), "they do not open what the probe has closed");
}

Test(breaker, generation_is_never_zero)
{
    b.generation = UINT32_MAX;
    open_it();
    cr_assert_neq(b.generation, 0);
    cr_assert_neq(probe(), 0);
}
