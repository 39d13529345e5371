/* spans.c - see spans.h. The thread of a request, which has to copy its spans anyhow, writes the
 * copies in the form in which they are sent. That takes a tenth more than a copy of which a message
 * is made later (1670 instructions for the two spans of a get, 1480), saves the 7600 that
 * protobuf-c takes to make it, and nothing is allocated for each. What is there once in a request
 * is packed by protobuf-c: see wire.c. */
#include "spans.h"

#include <string.h>

#include "wire.h"

/* Fields by number, as in opentelemetry/proto/trace/v1/trace.proto and common/v1/common.proto. All
 * are below 16, where a tag is one byte. */
enum {
    SCOPE_SPANS_SPAN = 2,
    SPAN_TRACE_ID = 1,
    SPAN_ID = 2,
    SPAN_TRACE_STATE = 3,
    SPAN_PARENT_ID = 4,
    SPAN_NAME = 5,
    SPAN_KIND = 6,
    SPAN_START = 7,
    SPAN_END = 8,
    SPAN_ATTRIBUTE = 9,
    SPAN_STATUS = 15,
    STATUS_MESSAGE = 2,
    STATUS_CODE = 3,
    PAIR_KEY = 1,
    PAIR_VALUE = 2,
    VALUE_TEXT = 1,
    VALUE_BOOL = 2,
    VALUE_INTEGER = 3,
};

/* ---- fields of any message */

enum { VARINT = 0, FIXED64 = 1, LENGTH = 2 }; /* the wire types that are used */

static uint8_t *put_tag(uint8_t *at, unsigned field, unsigned type)
{
    *at = (uint8_t) (field << 3 | type);
    return at + 1;
}

static uint8_t *put_varint(uint8_t *at, uint64_t n)
{
    for (; n >= 0x80; n >>= 7) {
        *at++ = (uint8_t) (n | 0x80);
    }
    *at = (uint8_t) n;
    return at + 1;
}

static uint8_t *put_number(uint8_t *at, unsigned field, uint64_t n)
{
    return put_varint(put_tag(at, field, VARINT), n);
}

static uint8_t *put_fixed(uint8_t *at, unsigned field, uint64_t n)
{
    at = put_tag(at, field, FIXED64);
    for (unsigned i = 0; i < sizeof n; i++) {
        at[i] = (uint8_t) (n >> 8 * i);
    }
    return at + sizeof n;
}

/* What comes between the two is a field with a length: a message, or a text. The length is mostly
 * one byte, for which begin() leaves room; before a longer one the field moves up. */
static uint8_t *begin(uint8_t *at, unsigned field)
{
    return put_tag(at, field, LENGTH) + 1;
}

static uint8_t *end(uint8_t *begun, uint8_t *at)
{
    size_t len = (size_t) (at - begun), more = 0;
    for (uint64_t rest = len >> 7; rest; rest >>= 7) {
        more++;
    }
    if (more) {
        memmove(begun + more, begun, len);
    }
    put_varint(begun - 1, len);
    return at + more;
}

static uint8_t *put_bytes(uint8_t *at, unsigned field, const void *data, size_t len)
{
    uint8_t *begun = begin(at, field);
    memcpy(begun, data, len);
    return end(begun, begun + len);
}

static uint8_t *put_text(uint8_t *at, unsigned field, const char *text)
{
    return put_bytes(at, field, text, strlen(text));
}

/* ---- attributes */

/* A text that is cut must not end within a character of UTF-8. */
static size_t length_of(mst_slice text)
{
    enum { TEXT_MAX = 256 };
    const unsigned char *p = text.data;
    size_t len = text.len;
    if (len > TEXT_MAX) {
        len = TEXT_MAX;
        while (len > 0 && (p[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    return len;
}

static uint8_t *put_value(uint8_t *at, const mst_attribute *a)
{
    switch (a->type) {
    case MST_ATTRIBUTE_INTEGER:
        return put_number(at, VALUE_INTEGER, (uint64_t) a->integer);
    case MST_ATTRIBUTE_BOOL:
        return put_number(at, VALUE_BOOL, a->integer != 0);
    default:
        return put_bytes(at, VALUE_TEXT, a->text.len ? a->text.data : "", length_of(a->text));
    }
}

static uint8_t *put_attribute(uint8_t *at, const mst_attribute *a)
{
    uint8_t *pair = begin(at, SPAN_ATTRIBUTE);
    uint8_t *value = begin(put_text(pair, PAIR_KEY, a->name), PAIR_VALUE);
    return end(pair, end(value, put_value(value, a)));
}

/* ---- spans */

static uint64_t kind_of(const mst_span *s)
{
    enum { INTERNAL = 1, CLIENT = 3 }; /* of the protocol */
    return s->kind == MST_SPAN_CLIENT ? CLIENT : INTERNAL;
}

static bool has_parent(const mst_span *s)
{
    static const uint8_t none[sizeof s->parent_id];
    return memcmp(s->parent_id, none, sizeof none) != 0;
}

static uint8_t *put_status(uint8_t *at, const mst_span *s)
{
    uint8_t *status = begin(at, SPAN_STATUS);
    at = s->status_text ? put_text(status, STATUS_MESSAGE, s->status_text) : status;
    at = put_number(at, STATUS_CODE, s->status); /* the numbers are those of the protocol */
    return end(status, at);
}

static size_t length(const char *text)
{
    return text ? strlen(text) : 0;
}

/* Each field has a tag, and a length or a number, of at most 11 bytes. */
size_t otlp_span_room(const mst_span *s)
{
    enum { FIELDS = 160, ATTRIBUTE = 40 };
    size_t room = FIELDS + length(s->name) + length(s->status_text) + length(s->trace_state);
    for (size_t i = 0; i < s->attribute_count; i++) {
        room += ATTRIBUTE + length(s->attributes[i].name) + length_of(s->attributes[i].text);
    }
    return room;
}

void otlp_batch_add(otlp_batch *b, const mst_span *s)
{
    uint8_t *span = begin(b->message + b->len, SCOPE_SPANS_SPAN), *at = span;
    at = put_bytes(at, SPAN_TRACE_ID, s->trace_id, sizeof s->trace_id);
    at = put_bytes(at, SPAN_ID, s->span_id, sizeof s->span_id);
    if (s->trace_state) {
        at = put_text(at, SPAN_TRACE_STATE, s->trace_state);
    }
    if (has_parent(s)) {
        at = put_bytes(at, SPAN_PARENT_ID, s->parent_id, sizeof s->parent_id);
    }
    at = put_text(at, SPAN_NAME, s->name);
    at = put_number(at, SPAN_KIND, kind_of(s));
    at = put_fixed(at, SPAN_START, s->start_ns);
    at = put_fixed(at, SPAN_END, s->end_ns);
    for (size_t i = 0; i < s->attribute_count; i++) {
        at = put_attribute(at, &s->attributes[i]);
    }
    if (s->status != MST_SPAN_UNSET) {
        at = put_status(at, s);
    }
    b->len = (size_t) (end(span, at) - b->message);
    b->count++;
}

otlp_batch *otlp_batch_new(const mst_host *host, size_t room)
{
    Otlp__Scope scope = OTLP__SCOPE__INIT;
    Otlp__ScopeSpans begin = OTLP__SCOPE_SPANS__INIT; /* spans follow it */
    scope.name = (char *) OTLP_SCOPE;
    begin.scope = &scope;
    room += protobuf_c_message_get_packed_size(&begin.base);
    otlp_batch *b = host->alloc(host, sizeof *b + room);
    if (b) {
        *b = (otlp_batch){.room = room, .len = protobuf_c_message_pack(&begin.base, b->message)};
    }
    return b;
}
