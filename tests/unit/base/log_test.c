/* Log lines, and at most one a second of a kind. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

typedef struct seen {
    unsigned lines;
    int level;
    char last[1200];
} seen;

static void note(void *arg, int level, const char *text)
{
    seen *s = arg;
    size_t len = strlen(text);
    s->lines++;
    s->level = level;
    cr_assert_lt(len, sizeof s->last);
    memcpy(s->last, text, len + 1);
}

Test(log, formats_and_passes_on)
{
    seen s = {0};
    msi_log log = {note, &s};
    msi_log_write(&log, MST_LOG_WARN, "%s has %d", "x", 7);
    cr_assert_eq(s.lines, 1);
    cr_assert_eq(s.level, MST_LOG_WARN);
    cr_assert_str_eq(s.last, "x has 7");
}

Test(log, cuts_what_is_too_long)
{
    seen s = {0};
    msi_log log = {note, &s};
    char long_text[3000];
    memset(long_text, 'a', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    msi_log_write(&log, MST_LOG_INFO, "%s", long_text);
    cr_assert_eq(strlen(s.last), 1023);
    cr_assert_str_eq(s.last + 1020, "...");
}

Test(log, without_a_callback_is_silent)
{
    msi_log log = {NULL, NULL};
    msi_log_limit limit = {0};
    msi_log_write(&log, MST_LOG_ERROR, "nobody");
    msi_log_limited(&log, &limit, MST_LOG_ERROR, "nobody");
    cr_assert_eq(limit.skipped, 0, "nothing is left out where nobody listens");
}

Test(log, limit_lets_one_through_and_counts_the_rest)
{
    seen s = {0};
    msi_log log = {note, &s};
    msi_log_limit limit = {0};
    uint64_t start = msi_now_ms();
    for (int i = 0; i < 1000; i++) {
        msi_log_limited(&log, &limit, MST_LOG_WARN, "value %d", i);
    }
    cr_assert_eq(s.lines, 1 + (msi_now_ms() - start) / 1000);
    limit.next_ms = 0; /* as if a second had passed */
    uint64_t skipped = limit.skipped;
    msi_log_limited(&log, &limit, MST_LOG_WARN, "again");
    if (skipped == 999) { /* unless this machine stood still for a second */
        cr_assert_str_eq(s.last, "again (999 alike left out)");
    }
    cr_assert_eq(limit.skipped, 0);
    cr_assert_geq(limit.next_ms, start + 1000);
    limit.next_ms = 0;
    msi_log_limited(&log, &limit, MST_LOG_WARN, "alone");
    cr_assert_str_eq(s.last, "alone");
}

Test(log, limits_do_not_share)
{
    seen s = {0};
    msi_log log = {note, &s};
    msi_log_limit a = {0}, b = {0};
    msi_log_limited(&log, &a, MST_LOG_WARN, "a");
    msi_log_limited(&log, &b, MST_LOG_WARN, "b");
    cr_assert_eq(s.lines, 2);
    cr_assert_str_eq(s.last, "b");
}
