/* The ticker: keeps the time when readers are in haste, follows the clock, and stops by itself. */
#include <criterion/criterion.h>
#include <time.h>

#include "base/clock.h"
#include "base/ticker.h"

enum { PATIENCE_MS = 20000, READS = 100000 };

static msi_ticker ticker;
static msi_pace pace;

static void setup(void)
{
    msi_ticker_init(&ticker, true);
}

static void teardown(void)
{
    msi_ticker_fini(&ticker);
}

TestSuite(ticker, .init = setup, .fini = teardown);

static void nap(void)
{
    const struct timespec ms = {.tv_nsec = 1000000};
    nanosleep(&ms, NULL);
}

/* Read as fast as possible until the time is kept. */
static uint64_t call(void)
{
    uint64_t end = msi_now_ms() + PATIENCE_MS, kept;
    while (!(kept = msi_ticker_kept(&ticker)) && msi_now_ms() < end) {
        for (int i = 0; i < READS; i++) {
            msi_ticker_read(&ticker, &pace);
        }
    }
    cr_assert(kept, "nobody keeps the time");
    return kept;
}

Test(ticker, is_not_called_without_haste)
{
    uint64_t before = msi_now_ms();
    for (int i = 0; i < 100; i++) {
        uint64_t now = msi_ticker_read(&ticker, &pace);
        cr_assert(now >= before && now <= msi_now_ms());
    }
    cr_assert_eq(msi_ticker_kept(&ticker), 0);
    cr_assert_not(ticker.has_thread);
}

Test(ticker, follows_the_clock_and_is_never_ahead)
{
    uint64_t first = call(), end = msi_now_ms() + PATIENCE_MS;
    bool has_moved = false;
    while (!has_moved && msi_now_ms() < end) {
        uint64_t kept = msi_ticker_kept(&ticker);
        cr_assert_leq(kept, msi_now_ms());
        has_moved = kept > first;
        if (!kept) {
            first = call(); /* its term was over */
        }
    }
    cr_assert(has_moved);
}

Test(ticker, stops_by_itself)
{
    call();
    uint64_t end = msi_now_ms() + PATIENCE_MS;
    while (msi_ticker_kept(&ticker) && msi_now_ms() < end) {
        nap();
    }
    cr_assert_eq(msi_ticker_kept(&ticker), 0);
    call(); /* and can be called again */
}

Test(ticker, is_not_behind_what_it_was_told)
{
    call();
    for (int i = 0; i < READS; i++) {
        uint64_t now = msi_now_ms();
        msi_ticker_tell(&ticker, now);
        uint64_t kept = msi_ticker_kept(&ticker);
        cr_assert(!kept || kept >= now);
    }
}

Test(ticker, is_not_started_by_being_told)
{
    msi_ticker_tell(&ticker, msi_now_ms());
    cr_assert_eq(msi_ticker_kept(&ticker), 0);
}

Test(ticker, rests)
{
    atomic_store(&ticker.rests_until_ms, msi_now_ms() + 3600000);
    for (int i = 0; i < READS; i++) {
        msi_ticker_read(&ticker, &pace);
    }
    cr_assert_not(ticker.has_thread);
}

Test(ticker, may_have_no_thread)
{
    msi_ticker_fini(&ticker);
    msi_ticker_init(&ticker, false);
    for (int i = 0; i < READS; i++) {
        cr_assert_leq(msi_ticker_read(&ticker, &pace), msi_now_ms());
    }
    cr_assert_not(ticker.has_thread);
    cr_assert_eq(msi_ticker_kept(&ticker), 0);
}
