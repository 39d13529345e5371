/* out.c - commands are written by hand and not by hiredis, because its formatter allocates a string
 * for each command and copies the value into it. Here a turn's commands share one block, and values
 * above RED_REFERENCE_FROM are not copied at all. */
#include "out.h"

#include <stdio.h>
#include <string.h>

enum { BLOCK = 16 * 1024, HEADER_MAX = 32 };

struct red_piece {
    red_piece *next;
    const uint8_t *data;
    size_t len, cap; /* cap 0: somebody else's bytes */
    uint8_t bytes[];
};

void red_out_init(red_out *o, const mst_host *host)
{
    *o = (red_out){.host = host};
}

static void discard(red_out *o, red_piece *p)
{
    if (p->cap == BLOCK && !o->spare) {
        o->spare = p;
    } else {
        o->host->free(o->host, p);
    }
}

void red_out_clear(red_out *o)
{
    while (o->first) {
        red_piece *p = o->first;
        o->first = p->next;
        discard(o, p);
    }
    o->last = NULL;
    o->sent = 0;
    o->queued = o->left = 0;
    o->failed = false;
}

void red_out_fini(red_out *o)
{
    red_out_clear(o);
    if (o->spare) {
        o->host->free(o->host, o->spare);
        o->spare = NULL;
    }
}

static red_piece *add_piece(red_out *o, size_t cap)
{
    red_piece *p = cap == BLOCK ? o->spare : NULL;
    if (p) {
        o->spare = NULL;
    } else {
        p = o->host->alloc(o->host, sizeof *p + cap);
    }
    if (!p) {
        o->failed = true;
        return NULL;
    }
    *p = (red_piece){.data = p->bytes, .cap = cap};
    if (o->last) {
        o->last->next = p;
    } else {
        o->first = p;
    }
    o->last = p;
    return p;
}

static void append(red_out *o, const void *data, size_t len)
{
    const uint8_t *from = data;
    while (len && !o->failed) {
        red_piece *p = o->last;
        if ((!p || p->len >= p->cap) && !(p = add_piece(o, BLOCK))) {
            return;
        }
        size_t n = p->cap - p->len < len ? p->cap - p->len : len;
        memcpy(p->bytes + p->len, from, n);
        p->len += n;
        o->queued += n;
        from += n;
        len -= n;
    }
}

static void refer(red_out *o, const void *data, size_t len)
{
    red_piece *last = o->last;
    if (last && last->cap) {
        last->cap = last->len; /* what follows the reference goes into a block of its own */
    }
    red_piece *p = o->failed ? NULL : add_piece(o, 0);
    if (p) {
        p->data = data;
        p->len = len;
        o->queued += len;
    }
}

static void header(red_out *o, char kind, size_t n)
{
    char text[HEADER_MAX];
    size_t at = sizeof text;
    text[--at] = '\n';
    text[--at] = '\r';
    do {
        text[--at] = (char) ('0' + n % 10);
        n /= 10;
    } while (n);
    text[--at] = kind;
    append(o, text + at, sizeof text - at);
}

void red_out_count(red_out *o, size_t arguments)
{
    header(o, '*', arguments);
}

void red_out_arg(red_out *o, const void *data, size_t len)
{
    header(o, '$', len);
    append(o, data, len);
    append(o, "\r\n", 2);
}

void red_out_text(red_out *o, const char *text)
{
    red_out_arg(o, text, strlen(text));
}

void red_out_number(red_out *o, uint64_t value)
{
    char text[HEADER_MAX];
    snprintf(text, sizeof text, "%llu", (unsigned long long) value);
    red_out_text(o, text);
}

void red_out_words(red_out *o, const char *first, const char *second, const char *third)
{
    red_out_count(o, 1 + (second ? 1u : 0u) + (third ? 1u : 0u));
    red_out_text(o, first);
    if (second) {
        red_out_text(o, second);
    }
    if (third) {
        red_out_text(o, third);
    }
}

void red_out_key(red_out *o, mst_slice prefix, mst_slice key)
{
    header(o, '$', prefix.len + key.len);
    append(o, prefix.data, prefix.len);
    append(o, key.data, key.len);
    append(o, "\r\n", 2);
}

void red_out_value(red_out *o, const mst_slice *parts, size_t n)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++) {
        total += parts[i].len;
    }
    header(o, '$', total);
    for (size_t i = 0; i < n; i++) {
        if (parts[i].len >= RED_REFERENCE_FROM) {
            refer(o, parts[i].data, parts[i].len);
        } else {
            append(o, parts[i].data, parts[i].len);
        }
    }
    append(o, "\r\n", 2);
}

bool red_out_empty(const red_out *o)
{
    return !o->first;
}

size_t red_out_vectors(const red_out *o, struct iovec *v, size_t max)
{
    size_t n = 0;
    size_t skip = o->sent;
    for (const red_piece *p = o->first; p && n < max; p = p->next) {
        v[n].iov_base = (void *) (p->data + skip);
        v[n].iov_len = p->len - skip;
        n++;
        skip = 0;
    }
    return n;
}

void red_out_wrote(red_out *o, size_t bytes)
{
    o->sent += bytes;
    o->left += bytes;
    while (o->first && o->sent >= o->first->len) {
        red_piece *p = o->first;
        o->sent -= p->len;
        o->first = p->next;
        if (!o->first) {
            o->last = NULL;
        }
        discard(o, p);
    }
}
