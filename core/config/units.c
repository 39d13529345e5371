/* units.c - reading and printing sizes, durations, shares, numbers and yes/no.
 *
 * Read by hand and not with strtod() or strtoull(): those follow the locale of the host program
 * ("1,5"), accept hexadecimal and negative sizes, and say nothing about what is left over. A unit
 * is required because a bare number hides a factor of a thousand or a million: 512 what?
 */
#include "config/units.h"

#include <string.h>

typedef struct unit {
    const char *name;
    uint64_t factor;
} unit;

static const unit size_units[] = {
    {"B", 1},
    {"KB", 1000},
    {"KiB", UINT64_C(1) << 10},
    {"MB", 1000000},
    {"MiB", UINT64_C(1) << 20},
    {"GB", 1000000000},
    {"GiB", UINT64_C(1) << 30},
    {"TB", UINT64_C(1000000000000)},
    {"TiB", UINT64_C(1) << 40},
};
static const unit ms_units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000},
};
enum { SIZE_UNITS = sizeof size_units / sizeof *size_units };
enum { MS_UNITS = sizeof ms_units / sizeof *ms_units };

/* A century; beyond it "never" is meant, and sums with a clock could overflow. */
static const uint64_t ms_most = UINT64_C(36525) * 86400000;

/* A part of the text. */
typedef struct span {
    const char *at;
    int len;
} span;

typedef struct number {
    span text;                          /* all of it: "1.5 GiB" */
    span digits, whole, fraction, unit; /* "1.5", "1", "5", "GiB" */
    bool negative;
} number;

MSI_PRINTF(2, 3) static mst_status refuse(msi_text *why, const char *format, ...)
{
    if (why) {
        va_list args;
        va_start(args, format);
        msi_text_addv(why, format, args);
        va_end(args);
    }
    return MST_EINVAL;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

enum { SHOWN_MAX = 60 }; /* of a value, in messages */

static span trimmed(const char *text)
{
    while (is_blank(*text)) {
        text++;
    }
    size_t len = strlen(text);
    while (len > 0 && is_blank(text[len - 1])) {
        len--;
    }
    return (span){text, len < SHOWN_MAX ? (int) len : SHOWN_MAX};
}

static bool equals(span s, const char *word)
{
    return (size_t) s.len == strlen(word) && memcmp(s.at, word, (size_t) s.len) == 0;
}

static span take_digits(const char **at)
{
    span s = {*at, 0};
    while (is_digit(**at)) {
        ++*at;
        s.len++;
    }
    return s;
}

/* Splits "1.5 GiB" into its parts. False when it does not begin with a number. */
static bool split(const char *text, number *n)
{
    memset(n, 0, sizeof *n);
    n->text = trimmed(text);
    const char *at = n->text.at;
    n->negative = *at == '-';
    at += *at == '-' || *at == '+';
    n->digits.at = at;
    n->whole = take_digits(&at);
    if (n->whole.len == 0) {
        return false;
    }
    if (*at == '.') {
        at++;
        n->fraction = take_digits(&at);
        if (n->fraction.len == 0) {
            return false;
        }
    }
    n->digits.len = (int) (at - n->digits.at);
    n->unit = trimmed(at);
    return true;
}

static bool is_zero(const number *n)
{
    for (int i = 0; i < n->digits.len; i++) {
        if (n->digits.at[i] != '0' && n->digits.at[i] != '.') {
            return false;
        }
    }
    return true;
}

/* The whole part; false when it does not fit. */
static bool whole_value(const number *n, uint64_t *out)
{
    uint64_t value = 0;
    for (int i = 0; i < n->whole.len; i++) {
        uint64_t digit = (uint64_t) (n->whole.at[i] - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

/* The number times `factor`, rounded down; exact for any number of digits, because rounding down
 * after each digit from the last to the first is rounding down once. False when it does not fit. */
static bool scale(const number *n, uint64_t factor, uint64_t *out)
{
    uint64_t whole, rest = 0;
    for (int i = n->fraction.len - 1; i >= 0; i--) {
        rest = ((uint64_t) (n->fraction.at[i] - '0') * factor + rest) / 10;
    }
    if (!whole_value(n, &whole) || whole > (UINT64_MAX - rest) / factor) {
        return false;
    }
    *out = whole * factor + rest;
    return true;
}

static const unit *find_unit(const unit *units, int count, span name)
{
    for (int i = 0; i < count; i++) {
        if (equals(name, units[i].name)) {
            return &units[i];
        }
    }
    return NULL;
}

/* `"64" has no unit; write 64MiB, 64MB or 64B` */
static mst_status refuse_unit(msi_text *why, const number *n, const char *const units[3])
{
    span d = n->digits;
    return refuse(why, "\"%.*s\" has no unit; write %.*s%s, %.*s%s or %.*s%s", n->text.len,
                  n->text.at, d.len, d.at, units[0], d.len, d.at, units[1], d.len, d.at, units[2]);
}

/* "64M", "64mb", "64Mb", "64m" are written by people who know what they mean, which is one of two
 * things: `"64M" is not a size; write 64MiB or 64MB` */
static mst_status refuse_size(msi_text *why, const number *n)
{
    static const char letters[] = "kmgt", written[] = "KMGT";
    const char *letter = n->unit.len ? strchr(letters, n->unit.at[0] | 0x20) : NULL;
    if (!letter || !*letter) {
        return refuse(why, "\"%.*s\" is not a size; write 64MiB, 64MB or 512B", n->text.len,
                      n->text.at);
    }
    char prefix = written[letter - letters];
    span d = n->digits;
    return refuse(why, "\"%.*s\" is not a size; write %.*s%ciB or %.*s%cB", n->text.len, n->text.at,
                  d.len, d.at, prefix, d.len, d.at, prefix);
}

mst_status msi_read_size(const char *text, uint64_t *out, msi_text *why)
{
    static const char *const likely[] = {"MiB", "MB", "B"};
    number n;
    if (!split(text, &n)) {
        return refuse_size(why, &n);
    }
    if (n.negative) {
        return refuse(why, "\"%.*s\" is negative", n.text.len, n.text.at);
    }
    const unit *u = find_unit(size_units, SIZE_UNITS, n.unit);
    if (n.unit.len == 0 && !is_zero(&n)) {
        return refuse_unit(why, &n, likely);
    }
    if (n.unit.len > 0 && !u) {
        return refuse_size(why, &n);
    }
    uint64_t value;
    if (!scale(&n, u ? u->factor : 1, &value)) {
        return refuse(why, "\"%.*s\" is too large", n.text.len, n.text.at);
    }
    if (value == 0 && !is_zero(&n)) {
        return refuse(why, "\"%.*s\" is less than a byte", n.text.len, n.text.at);
    }
    *out = value;
    return MST_OK;
}

mst_status msi_read_ms(const char *text, int64_t *out, msi_text *why)
{
    static const char *const likely[] = {"s", "ms", "m"};
    number n;
    if (equals(trimmed(text), "never")) {
        *out = -1;
        return MST_OK;
    }
    if (!split(text, &n)) {
        return refuse(why, "\"%.*s\" is not a duration; write 5s, 250ms, 30m", n.text.len,
                      n.text.at);
    }
    if (n.negative) {
        return refuse(why, "\"%.*s\" is negative; write \"never\" for no limit", n.text.len,
                      n.text.at);
    }
    const unit *u = find_unit(ms_units, MS_UNITS, n.unit);
    if (n.unit.len == 0 && !is_zero(&n)) {
        return refuse_unit(why, &n, likely);
    }
    if (n.unit.len > 0 && !u) {
        return refuse(why, "\"%.*s\" is not a duration; write 5s, 250ms, 30m", n.text.len,
                      n.text.at);
    }
    uint64_t value;
    if (!scale(&n, u ? u->factor : 1, &value) || value > ms_most) {
        return refuse(why, "\"%.*s\" is more than a century; write \"never\"", n.text.len,
                      n.text.at);
    }
    if (value == 0 && !is_zero(&n)) {
        return refuse(why, "\"%.*s\" is less than a millisecond", n.text.len, n.text.at);
    }
    *out = (int64_t) value;
    return MST_OK;
}

/* Doubles hold 15 digits exactly, and so does the power of ten below: one division, rounded once,
 * is then the nearest double to what was written. */
enum { PERCENT_DIGITS = 15 };

mst_status msi_read_percent(const char *text, double *out, msi_text *why)
{
    number n;
    if (!split(text, &n) || (n.unit.len > 0 && !equals(n.unit, "%"))) {
        return refuse(why, "\"%.*s\" is not a percentage; write 10%%", n.text.len, n.text.at);
    }
    if (n.negative) {
        return refuse(why, "\"%.*s\" is negative", n.text.len, n.text.at);
    }
    if (n.unit.len == 0 && !is_zero(&n)) {
        return refuse(why, "\"%.*s\" has no percent sign; write it like 10%%", n.text.len,
                      n.text.at);
    }
    if (n.whole.len + n.fraction.len > PERCENT_DIGITS) {
        return refuse(why, "\"%.*s\" has too many digits", n.text.len, n.text.at);
    }
    double value = 0, divisor = 100;
    for (int i = 0; i < n.digits.len; i++) {
        if (is_digit(n.digits.at[i])) {
            value = value * 10 + (n.digits.at[i] - '0');
        }
    }
    for (int i = 0; i < n.fraction.len; i++) {
        divisor *= 10;
    }
    *out = value / divisor;
    return MST_OK;
}

mst_status msi_read_int(const char *text, int64_t *out, msi_text *why)
{
    number n;
    if (!split(text, &n) || n.fraction.len > 0 || n.unit.len > 0) {
        return refuse(why, "\"%.*s\" is not a whole number", n.text.len, n.text.at);
    }
    uint64_t value, most = (uint64_t) INT64_MAX + n.negative;
    if (!whole_value(&n, &value) || value > most) {
        return refuse(why, "\"%.*s\" is too large a number", n.text.len, n.text.at);
    }
    *out = n.negative ? (int64_t) (0 - value) : (int64_t) value;
    return MST_OK;
}

mst_status msi_read_bool(const char *text, bool *out, msi_text *why)
{
    static const char *const words[] = {"no", "yes", "off", "on", "false", "true"};
    span word = trimmed(text);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (equals(word, words[i])) {
            *out = i % 2 == 1;
            return MST_OK;
        }
    }
    return refuse(why, "\"%.*s\" is neither yes nor no", word.len, word.at);
}

static void show(uint64_t value, const unit *units, int count, msi_text *out)
{
    const unit *best = &units[0];
    for (int i = 1; i < count; i++) {
        if (value % units[i].factor == 0) {
            best = &units[i];
        }
    }
    if (value == 0) {
        msi_text_add(out, "0");
    } else {
        msi_text_add(out, "%llu%s", (unsigned long long) (value / best->factor), best->name);
    }
}

void msi_show_size(uint64_t value, msi_text *out)
{
    show(value, size_units, SIZE_UNITS, out);
}

void msi_show_ms(int64_t value, msi_text *out)
{
    if (value < 0) {
        msi_text_add(out, "never");
    } else {
        show((uint64_t) value, ms_units, MS_UNITS, out);
    }
}
