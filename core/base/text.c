/* text.c - see text.h. */
#include "base/text.h"

#include <stdio.h>
#include <string.h>

void msi_text_init(msi_text *t, char *memory, size_t cap)
{
    t->data = memory;
    t->len = 0;
    t->cap = cap;
    memory[0] = '\0';
}

void msi_text_addv(msi_text *t, const char *format, va_list args)
{
    size_t room = t->cap - t->len;
    int n = vsnprintf(t->data + t->len, room, format, args);
    if (n < 0) {
        t->data[t->len] = '\0';
        return;
    }
    if ((size_t) n < room) {
        t->len += (size_t) n;
        return;
    }
    t->len = t->cap - 1;
    memcpy(t->data + t->len - 3, "...", 4);
}

void msi_text_add(msi_text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    msi_text_addv(t, format, args);
    va_end(args);
}

enum { WORD_MAX = 40 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment distance; words are short, so three rows on the stack do. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][WORD_MAX + 1];
    for (size_t j = 0; j <= b_len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t *row = rows[i % 3], *above = rows[(i - 1) % 3], *second = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t best = least(above[j], row[j - 1]) + 1;
            best = least(best, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                best = least(best, second[j - 2] + 1);
            }
            row[j] = best;
        }
    }
    return rows[a_len % 3][b_len];
}

const char *msi_nearest(const char *word, const char *const *names)
{
    const char *best = NULL;
    /* Up to a third of the letters may be wrong, and never all of them. */
    size_t len = strlen(word), best_distance = least((len + 2) / 3 + 1, len);
    if (len > WORD_MAX) {
        return NULL;
    }
    for (; *names; names++) {
        size_t name_len = strlen(*names);
        if (name_len > WORD_MAX) {
            continue;
        }
        size_t d = distance(word, len, *names, name_len);
        bool begins = name_len > len && len >= 3 && memcmp(word, *names, len) == 0;
        if (begins) {
            d = least(d, 1);
        }
        if (d < best_distance) {
            best = *names;
            best_distance = d;
        }
    }
    return best;
}
