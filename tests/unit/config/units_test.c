/* Sizes, durations, shares, numbers and yes/no: what is read, what is refused and how, and how
 * values are shown. */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "config/units.h"

static char why_memory[300];
static msi_text why;

static msi_text *fresh(void)
{
    msi_text_init(&why, why_memory, sizeof why_memory);
    return &why;
}

#define COUNT(table) (sizeof(table) / sizeof *(table))

Test(units, sizes)
{
    static const struct {
        const char *text;
        uint64_t value;
    } cases[] = {
        {"0", 0},
        {"0.0", 0},
        {"0MiB", 0},
        {"1B", 1},
        {"512B", 512},
        {"1KB", 1000},
        {"1KiB", 1024},
        {"64MiB", 64u << 20},
        {"64MB", 64000000},
        {"1.5GiB", 1610612736},
        {"2TB", UINT64_C(2000000000000)},
        {"1TiB", UINT64_C(1) << 40},
        {" 1 KiB ", 1024},
        {"+1KiB", 1024},
        {"0.3KiB", 307}, /* 307.2 */
        {"1.9B", 1},
        {"0.0000000001TB", 100},
        {"0.00000000000090949470177292823791503906250TiB", 1}, /* 2 to the -40 */
        {"18446744073709551615B", UINT64_MAX},
        {"16777215.99TiB", UINT64_C(18446744062714435338)},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t value = 77;
        cr_expect_eq(msi_read_size(cases[i].text, &value, fresh()), MST_OK, "%s", why.data);
        cr_expect_eq(value, cases[i].value, "%s: %lu", cases[i].text, (unsigned long) value);
    }
}

Test(units, sizes_that_are_none)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "\"\" is not a size; write 64MiB, 64MB or 512B"},
        {"MiB", "\"MiB\" is not a size; write 64MiB, 64MB or 512B"},
        {"lots", "\"lots\" is not a size; write 64MiB, 64MB or 512B"},
        {".5MiB", "\".5MiB\" is not a size; write 64MiB, 64MB or 512B"},
        {"1.MiB", "\"1.MiB\" is not a size; write 64MiB, 64MB or 512B"},
        {"1.2.3MiB", "\"1.2.3MiB\" is not a size; write 64MiB, 64MB or 512B"},
        {"0x10B", "\"0x10B\" is not a size; write 64MiB, 64MB or 512B"},
        {"1,5GiB", "\"1,5GiB\" is not a size; write 64MiB, 64MB or 512B"},
        {"64", "\"64\" has no unit; write 64MiB, 64MB or 64B"},
        {" 64 ", "\"64\" has no unit; write 64MiB, 64MB or 64B"},
        {"64m", "\"64m\" is not a size; write 64MiB or 64MB"},
        {"64K", "\"64K\" is not a size; write 64KiB or 64KB"},
        {"1.5Gib", "\"1.5Gib\" is not a size; write 1.5GiB or 1.5GB"},
        {"1 T", "\"1 T\" is not a size; write 1TiB or 1TB"},
        {"64MiB/s", "\"64MiB/s\" is not a size; write 64MiB or 64MB"},
        {"-1MiB", "\"-1MiB\" is negative"},
        {"18446744073709551616B", "\"18446744073709551616B\" is too large"},
        {"16777216TiB", "\"16777216TiB\" is too large"},
        {"99999999999999999999999B", "\"99999999999999999999999B\" is too large"},
        {"0.9B", "\"0.9B\" is less than a byte"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t value = 77;
        cr_expect_eq(msi_read_size(cases[i].text, &value, fresh()), MST_EINVAL, "%s",
                     cases[i].text);
        cr_expect_str_eq(why.data, cases[i].why);
        cr_expect_eq(value, 77, "nothing is stored");
        cr_expect_eq(msi_read_size(cases[i].text, &value, NULL), MST_EINVAL);
    }
}

Test(units, durations)
{
    static const struct {
        const char *text;
        int64_t value;
    } cases[] = {
        {"0", 0},           {"0s", 0},
        {"250ms", 250},     {"5s", 5000},
        {"30m", 1800000},   {"12h", 43200000},
        {"7d", 604800000},  {"1.5s", 1500},
        {"0.5d", 43200000}, {" 5 s ", 5000},
        {"never", -1},      {" never ", -1},
        {"1.0005s", 1000},  {"36525d", INT64_C(3155760000000)},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t value = 77;
        cr_expect_eq(msi_read_ms(cases[i].text, &value, fresh()), MST_OK, "%s", why.data);
        cr_expect_eq(value, cases[i].value, "%s: %ld", cases[i].text, (long) value);
    }
}

Test(units, durations_that_are_none)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "\"\" is not a duration; write 5s, 250ms, 30m"},
        {"soon", "\"soon\" is not a duration; write 5s, 250ms, 30m"},
        {"5x", "\"5x\" is not a duration; write 5s, 250ms, 30m"},
        {"5S", "\"5S\" is not a duration; write 5s, 250ms, 30m"},
        {"1h30m", "\"1h30m\" is not a duration; write 5s, 250ms, 30m"},
        {"Never", "\"Never\" is not a duration; write 5s, 250ms, 30m"},
        {"5", "\"5\" has no unit; write 5s, 5ms or 5m"},
        {"-1", "\"-1\" is negative; write \"never\" for no limit"},
        {"0.5ms", "\"0.5ms\" is less than a millisecond"},
        {"36526d", "\"36526d\" is more than a century; write \"never\""},
        {"99999999999999999999s",
         "\"99999999999999999999s\" is more than a century; write \"never\""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t value = 77;
        cr_expect_eq(msi_read_ms(cases[i].text, &value, fresh()), MST_EINVAL, "%s", cases[i].text);
        cr_expect_str_eq(why.data, cases[i].why);
        cr_expect_eq(value, 77);
    }
}

Test(units, percentages)
{
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        {"0", 0},
        {"0%", 0},
        {"5%", 0.05},
        {"10%", 0.10},
        {"12.5%", 0.125},
        {"33.3%", 0.333},
        {"100%", 1},
        {"250 %", 2.5},
        {"0.001%", 0.00001},
        {"12.3456789012345%", 0.123456789012345},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        double value = 77;
        cr_expect_eq(msi_read_percent(cases[i].text, &value, fresh()), MST_OK, "%s", why.data);
        cr_expect_eq(value, cases[i].value, "%s: %.20g", cases[i].text, value);
    }
}

Test(units, percentages_that_are_none)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "\"\" is not a percentage; write 10%"},
        {"ten", "\"ten\" is not a percentage; write 10%"},
        {"10%%", "\"10%%\" is not a percentage; write 10%"},
        {"10", "\"10\" has no percent sign; write it like 10%"},
        {"0.1", "\"0.1\" has no percent sign; write it like 10%"},
        {"-5%", "\"-5%\" is negative"},
        {"12.34567890123456%", "\"12.34567890123456%\" has too many digits"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        double value = 77;
        cr_expect_eq(msi_read_percent(cases[i].text, &value, fresh()), MST_EINVAL, "%s",
                     cases[i].text);
        cr_expect_str_eq(why.data, cases[i].why);
        cr_expect_eq(value, 77);
    }
}

Test(units, whole_numbers)
{
    static const struct {
        const char *text;
        int64_t value;
    } cases[] = {
        {"0", 0},
        {"42", 42},
        {" -42 ", -42},
        {"+7", 7},
        {"007", 7},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    static const struct {
        const char *text, *why;
    } none[] = {
        {"", "\"\" is not a whole number"},
        {"-", "\"-\" is not a whole number"},
        {"4.0", "\"4.0\" is not a whole number"},
        {"1e5", "\"1e5\" is not a whole number"},
        {"1 000", "\"1 000\" is not a whole number"},
        {"--1", "\"--1\" is not a whole number"},
        {"9223372036854775808", "\"9223372036854775808\" is too large a number"},
        {"-9223372036854775809", "\"-9223372036854775809\" is too large a number"},
        {"99999999999999999999", "\"99999999999999999999\" is too large a number"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t value = 77;
        cr_expect_eq(msi_read_int(cases[i].text, &value, fresh()), MST_OK, "%s", why.data);
        cr_expect_eq(value, cases[i].value, "%s", cases[i].text);
    }
    for (size_t i = 0; i < COUNT(none); i++) {
        int64_t value = 77;
        cr_expect_eq(msi_read_int(none[i].text, &value, fresh()), MST_EINVAL, "%s", none[i].text);
        cr_expect_str_eq(why.data, none[i].why);
        cr_expect_eq(value, 77);
    }
}

Test(units, yes_and_no)
{
    static const char *const yes[] = {"yes", "on", "true", " yes "};
    static const char *const no[] = {"no", "off", "false", "\tno"};
    static const char *const neither[] = {"", "y", "Yes", "1", "0", "yes no", "none"};
    bool value;
    for (size_t i = 0; i < COUNT(yes); i++) {
        value = false;
        cr_expect_eq(msi_read_bool(yes[i], &value, NULL), MST_OK);
        cr_expect(value, "%s", yes[i]);
        cr_expect_eq(msi_read_bool(no[i], &value, NULL), MST_OK);
        cr_expect_not(value, "%s", no[i]);
    }
    for (size_t i = 0; i < COUNT(neither); i++) {
        cr_expect_eq(msi_read_bool(neither[i], &value, fresh()), MST_EINVAL, "%s", neither[i]);
    }
    cr_expect_str_eq(why.data, "\"none\" is neither yes nor no");
}

/* A value of any length is shown up to a point. */
Test(units, long_values_are_not_repeated_whole)
{
    char text[400], expected[200];
    int64_t value;
    memset(text, 'z', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    cr_assert_eq(msi_read_int(text, &value, fresh()), MST_EINVAL);
    snprintf(expected, sizeof expected, "\"%.60s\" is not a whole number", text);
    cr_assert_str_eq(why.data, expected);
}

/* Programs may set a locale with a decimal comma. */
Test(units, the_locale_does_not_matter)
{
    uint64_t size;
    double share;
    if (!setlocale(LC_ALL, "de_DE.UTF-8")) {
        setlocale(LC_ALL, "");
    }
    cr_assert_eq(msi_read_size("1.5KiB", &size, NULL), MST_OK);
    cr_assert_eq(size, 1536);
    cr_assert_eq(msi_read_percent("1.5%", &share, NULL), MST_OK);
    cr_assert_eq(share, 0.015);
}

Test(units, shown_in_the_largest_exact_unit)
{
    static const struct {
        uint64_t value;
        const char *text;
    } sizes[] = {
        {0, "0"},
        {1, "1B"},
        {1000, "1KB"},
        {1024, "1KiB"},
        {1536, "1536B"},
        {256u << 20, "256MiB"},
        {3u << 29, "1536MiB"},
        {64000000, "64MB"},
        {UINT64_C(5) << 40, "5TiB"},
        {UINT64_MAX, "18446744073709551615B"},
    };
    static const struct {
        int64_t value;
        const char *text;
    } times[] = {
        {-1, "never"},  {0, "0"},         {1, "1ms"},       {1500, "1500ms"},  {5000, "5s"},
        {90000, "90s"}, {1800000, "30m"}, {86400000, "1d"}, {172800000, "2d"}, {5400000, "90m"},
    };
    for (size_t i = 0; i < COUNT(sizes); i++) {
        uint64_t back;
        msi_show_size(sizes[i].value, fresh());
        cr_expect_str_eq(why.data, sizes[i].text);
        cr_expect(msi_read_size(why.data, &back, NULL) == MST_OK && back == sizes[i].value);
    }
    for (size_t i = 0; i < COUNT(times); i++) {
        int64_t back;
        msi_show_ms(times[i].value, fresh());
        cr_expect_str_eq(why.data, times[i].text);
        cr_expect(msi_read_ms(why.data, &back, NULL) == MST_OK && back == times[i].value);
    }
}
