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
    msi_log log = {.write = note, .arg = &s};
    msi_log_write(&log, MST_LOG_WARN, "%s has %d", "x", 7);
    cr_assert_eq(s.lines, 1);
    cr_assert_eq(s.level, MST_LOG_WARN);
    cr_assert_str_eq(s.last, "x has 7");
}

Test(log, cuts_what_is_too_long)
{
    seen s = {0};
    msi_log log = {.write = note, .arg = &s};
    char long_text[3000];
    memset(long_text, 'a', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    msi_log_write(&log, MST_LOG_INFO, "%s", long_text);
    cr_assert_eq(strlen(s.last), 1023);
    cr_assert_str_eq(s.last + 1020, "...");
}

Test(log, without_a_callback_is_silent)
{
    msi_log log = {.write = NULL};
    msi_log_limit limit = {0};
    msi_log_write(&log, MST_LOG_ERROR, "nobody");
    msi_log_limited(&log, &limit, MST_LOG_ERROR, "nobody");
    cr_assert_eq(limit.skipped, 0, "nothing is left out where nobody listens");
}

Test(log, limit_lets_one_through_and_counts_the_rest)
{
    seen s = {0};
    msi_log log = {.write = note, .arg = &s};
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
    msi_log log = {.write = note, .arg = &s};
    msi_log_limit a = {0}, b = {0};
    msi_log_limited(&log, &a, MST_LOG_WARN, "a");
    msi_log_limited(&log, &b, MST_LOG_WARN, "b");
    cr_assert_eq(s.lines, 2);
    cr_assert_str_eq(s.last, "b");
}

Test(log, says_whose_line_it_is_and_leaves_out_the_unimportant)
{
    seen s = {0};
    msi_log parent = {.write = note, .arg = &s, .level = MST_LOG_WARN}, log;
    msi_log_limit limit = {0};
    msi_log_init(&log, &parent, "cache.shop");
    msi_log_write(&log, MST_LOG_WARN, "%d of them", 3);
    cr_assert_str_eq(s.last, "[cache.shop] 3 of them");
    msi_log_write(&log, MST_LOG_INFO, "not told");
    msi_log_limited(&log, &limit, MST_LOG_DEBUG, "nor this");
    cr_assert_eq(s.lines, 1);
    cr_assert_eq(limit.next_ms, 0, "what is not told takes no place");
    msi_log_limited(&log, &limit, MST_LOG_ERROR, "this is");
    cr_assert_str_eq(s.last, "[cache.shop] this is");
}

/* As if a second had passed. */
static void a_second_later(msi_log *log)
{
    log->period_end_ms = 0;
    for (int i = 0; i < MSI_LOG_RECENT; i++) {
        log->recent[i].limit.next_ms = 0;
    }
}

Test(log, the_same_line_comes_once_a_second)
{
    seen s = {0};
    msi_log parent = {.write = note, .arg = &s}, a, b;
    msi_log_init(&a, &parent, "a");
    msi_log_init(&b, &parent, "b");
    uint64_t start = msi_now_ms();
    for (int i = 0; i < 100; i++) {
        msi_log_write(&a, MST_LOG_WARN, "cannot connect");
        msi_log_write(&b, MST_LOG_WARN, "cannot connect");
    }
    if (msi_now_ms() - start < 1000) { /* unless this machine stood still for a second */
        cr_assert_eq(s.lines, 2, "one of each category");
        a_second_later(&a);
        msi_log_write(&a, MST_LOG_WARN, "cannot connect");
        cr_assert_str_eq(s.last, "[a] cannot connect (99 alike left out)");
    }
    a_second_later(&a);
    msi_log_write(&a, MST_LOG_WARN, "cannot connect");
    cr_assert_str_eq(s.last, "[a] cannot connect");
    msi_log_write(&a, MST_LOG_WARN, "connected");
    cr_assert_str_eq(s.last, "[a] connected", "another line is not held up");
}

Test(log, lines_of_a_category_are_bounded_however_they_differ)
{
    seen s = {0};
    msi_log log = {.write = note, .arg = &s, .category = "x"};
    uint64_t start = msi_now_ms();
    for (int i = 0; i < 10000; i++) {
        msi_log_write(&log, MST_LOG_WARN, "value %d", i);
    }
    if (msi_now_ms() - start < 1000) {
        cr_assert_eq(s.lines, MSI_LOG_LINES_MAX);
        a_second_later(&log);
        msi_log_write(&log, MST_LOG_WARN, "once more");
        cr_assert_str_eq(s.last, "[x] once more (9950 others left out)");
    }
}
