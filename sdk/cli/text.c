/* text.c - durations, keys for messages, and the nearest name.
 *
 * Durations are read and shown in the way of the INI file, so that what one command prints can be
 * given to the next.
 */
#include <string.h>

#include "cli.h"

static const struct {
    const char *name;
    int64_t ms;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
enum { UNITS = sizeof units / sizeof units[0] };

bool text_read_ms(const char *text, bool bare, int64_t *ms)
{
    int64_t n = 0;
    const char *p = text;
    if (strcmp(text, "never") == 0) {
        *ms = MST_NEVER;
        return true;
    }
    for (; *p >= '0' && *p <= '9'; p++) {
        if (n > (INT64_MAX - 9) / 10) {
            return false;
        }
        n = n * 10 + (*p - '0');
    }
    if (p == text) {
        return false;
    }
    if (*p == '\0' && (bare || n == 0)) {
        *ms = n;
        return true;
    }
    for (size_t i = 0; i < UNITS; i++) {
        if (strcmp(p, units[i].name) == 0 && n <= INT64_MAX / units[i].ms) {
            *ms = n * units[i].ms;
            return true;
        }
    }
    return false;
}

const char *text_show_ms(int64_t ms, char buffer[TEXT_MS_MAX])
{
    if (ms < 0) {
        return "never";
    }
    for (size_t i = 0; i < UNITS; i++) {
        if (ms % units[i].ms == 0 && (ms > 0 || units[i].ms == 1)) {
            snprintf(buffer, TEXT_MS_MAX, "%lld%s", (long long) (ms / units[i].ms), units[i].name);
            break;
        }
    }
    return buffer;
}

const char *text_show_key(mst_slice key, char buffer[TEXT_KEY_MAX])
{
    const unsigned char *p = key.data;
    size_t at = 0;
    buffer[at++] = '"';
    for (size_t i = 0; i < key.len; i++) {
        if (at + 9 > TEXT_KEY_MAX) { /* an escape, "...", a quote and the end must fit */
            memcpy(buffer + at, "...", 3);
            at += 3;
            break;
        }
        if (p[i] < 0x20 || p[i] == 0x7f || p[i] == '"' || p[i] == '\\') {
            at += (size_t) snprintf(buffer + at, 5, "\\x%02x", p[i]);
        } else {
            buffer[at++] = (char) p[i];
        }
    }
    buffer[at++] = '"';
    buffer[at] = '\0';
    return buffer;
}

/* Edit distance; a swap of neighbours counts as one. Words longer than the rows are far apart. */
static size_t distance(const char *a, const char *b)
{
    enum { WORD = 40 };
    size_t n = strlen(a), m = strlen(b), rows[3][WORD + 1];
    if (n > WORD || m > WORD) {
        return WORD;
    }
    for (size_t j = 0; j <= m; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= n; i++) {
        size_t *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
            best = best < last[j] + 1 ? best : last[j] + 1;
            best = best < now[j - 1] + 1 ? best : now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                best = best < before[j - 2] + 1 ? best : before[j - 2] + 1;
            }
            now[j] = best;
        }
    }
    return rows[n % 3][m];
}

void text_nearest_try(text_nearest *nearest, const char *candidate)
{
    size_t d = distance(nearest->word, candidate), limit = strlen(nearest->word) / 3 + 1;
    if (d <= limit && (!nearest->best || d < nearest->distance)) {
        nearest->best = candidate;
        nearest->distance = d;
    }
}
