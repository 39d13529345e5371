/* spans.c - spans of all shapes that exporters may be given, in memory that can be taken away. */
#include <stdio.h>
#include <string.h>

#include "check.h"

enum { BARE, USUAL, LONG, MANY_ATTRIBUTES, MANY_SPANS };
enum { ATTRIBUTES_MAX = 300, TEXT_MAX = 100 << 10, ROOM = 2 << 20 };

const char *check_spans_name(unsigned shape)
{
    static const char *const names[CHECK_SPAN_SHAPES] = {
        "a span without attributes", "a span", "a span with long texts",
        "a span with many attributes", "many spans"};
    return names[shape % CHECK_SPAN_SHAPES];
}

void check_spans_open(kit *k, check_spans *s)
{
    *s = (check_spans){.count = 0};
    check_guard_open(k, &s->guard, ROOM, "the spans");
}

/* UTF-8, in characters of several bytes as well. */
static void write_text(check_random *random, char *text, size_t len)
{
    static const char euro[] = "\xe2\x82\xac";
    size_t at = 0;
    while (at < len) {
        if (at + 3 <= len && check_draw(random, 8) == 0) {
            memcpy(text + at, euro, 3);
            at += 3;
        } else {
            text[at++] = (char) (' ' + check_draw(random, 95));
        }
    }
}

/* Without a NUL: it is a slice. */
static mst_slice lay_slice(check_spans *s, check_random *random, size_t len)
{
    char text[1024];
    void *at = NULL;
    if (len == 0) {
        return (mst_slice){NULL, 0};
    }
    for (size_t left = len; left; left -= left < sizeof text ? left : sizeof text) {
        size_t part = left < sizeof text ? left : sizeof text;
        write_text(random, text, part);
        at = check_guard_lay(&s->guard, text, part, 1);
    }
    return (mst_slice){at, len};
}

static const char *lay_string(check_spans *s, check_random *random, size_t len)
{
    const char *end = check_guard_lay(&s->guard, "", 1, 1);
    return len ? lay_slice(s, random, len).data : end;
}

static const mst_attribute *lay_attributes(check_spans *s, check_random *random, unsigned shape,
                                           size_t n)
{
    mst_attribute list[ATTRIBUTES_MAX];
    for (size_t i = 0; i < n; i++) {
        size_t most = shape == LONG ? TEXT_MAX : 20;
        list[i] = (mst_attribute){.type = MST_ATTRIBUTE_TEXT + (i % 3 ? check_draw(random, 3) : 0)};
        if (list[i].type == MST_ATTRIBUTE_TEXT) {
            list[i].text = lay_slice(s, random, i % 5 == 4 ? 0 : 1 + check_draw(random, most));
        } else if (list[i].type == MST_ATTRIBUTE_INTEGER) {
            list[i].integer = i % 2 ? INT64_MIN : (int64_t) check_draw(random, UINT64_MAX);
        } else {
            list[i].integer = (int64_t) check_draw(random, 2);
        }
        list[i].name = lay_string(s, random, 1 + check_draw(random, shape == LONG ? 2000 : 30));
    }
    return check_guard_lay(&s->guard, list, n * sizeof *list, _Alignof(mst_attribute));
}

static const mst_span *lay_span(check_spans *s, check_random *random, unsigned shape)
{
    mst_span span = {.struct_size = sizeof span, .kind = MST_SPAN_INTERNAL};
    size_t attributes = shape == MANY_ATTRIBUTES ? ATTRIBUTES_MAX : shape == BARE ? 0 : 5;
    check_fill(random, 1, span.trace_id, sizeof span.trace_id);
    check_fill(random, 1, span.span_id, sizeof span.span_id);
    if (attributes) {
        span.attributes = lay_attributes(s, random, shape, attributes);
        span.attribute_count = attributes;
    }
    if (shape != BARE && check_draw(random, 2)) {
        span.kind = MST_SPAN_CLIENT;
        span.status = (uint16_t) (MST_SPAN_OK + check_draw(random, 2));
        check_fill(random, 1, span.parent_id, sizeof span.parent_id);
        span.status_text = lay_string(s, random, shape == LONG ? 20000 : 20);
        span.trace_state = lay_string(s, random, shape == LONG ? 512 : 12);
    }
    span.name = lay_string(s, random, shape == LONG ? 20000 : check_draw(random, 20));
    span.start_ns = UINT64_C(1700000000000000000) + check_draw(random, UINT64_C(1) << 50);
    span.end_ns = span.start_ns + check_draw(random, UINT64_C(1) << (1 + check_draw(random, 40)));
    return check_guard_lay(&s->guard, &span, sizeof span, _Alignof(mst_span));
}

void check_spans_lay(check_spans *s, check_random *random, unsigned shape)
{
    const mst_span *list[CHECK_SPANS_MAX];
    shape %= CHECK_SPAN_SHAPES;
    check_guard_protect(&s->guard, CHECK_OPEN);
    check_guard_empty(&s->guard);
    s->count = shape == MANY_SPANS ? CHECK_SPANS_MAX : 1;
    for (size_t i = 0; i < s->count; i++) {
        list[i] =
            lay_span(s, random, shape == MANY_SPANS ? (unsigned) check_draw(random, 2) : shape);
    }
    s->list = check_guard_lay(&s->guard, list, s->count * sizeof *list, _Alignof(mst_span *));
    check_guard_protect(&s->guard, CHECK_READ_ONLY);
}
