/* spans.c - a span as a message. Attributes beyond ATTRIBUTES_MAX are left out. */
#include <string.h>

#include "wire.h"

enum { ATTRIBUTES_MAX = 16 };

typedef struct attribute {
    Otlp__KeyValue pair;
    Otlp__AnyValue value;
} attribute;

static void fill(attribute *a, const mst_attribute *from)
{
    otlp__key_value__init(&a->pair);
    otlp__any_value__init(&a->value);
    a->pair.key = (char *) from->name;
    a->pair.value = &a->value;
    if (from->type == MST_ATTRIBUTE_INTEGER) {
        a->value.value_case = OTLP__ANY_VALUE__VALUE_INT_VALUE;
        a->value.int_value = from->integer;
    } else if (from->type == MST_ATTRIBUTE_BOOL) {
        a->value.value_case = OTLP__ANY_VALUE__VALUE_BOOL_VALUE;
        a->value.bool_value = from->integer != 0;
    } else {
        a->value.value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
        a->value.string_value = (char *) from->text.data;
    }
}

static int32_t kind_of(const mst_span *s)
{
    enum { INTERNAL = 1, CLIENT = 3 }; /* of the protocol */
    return s->kind == MST_SPAN_CLIENT ? CLIENT : INTERNAL;
}

static size_t length(const char *text)
{
    return text ? strlen(text) : 0;
}

static bool has_parent(const mst_span *s)
{
    static const uint8_t none[sizeof s->parent_id];
    return memcmp(s->parent_id, none, sizeof none) != 0;
}

/* No less than what the message takes: each field has a tag, and a length or a number, of at most
 * 15 bytes. To find its size costs as much as to pack it. */
static size_t room_for(const mst_span *s)
{
    enum { FIELDS = 200, ATTRIBUTE = 60 };
    size_t room = FIELDS + length(s->name) + length(s->status_text) + length(s->trace_state);
    for (size_t i = 0; i < s->attribute_count && i < ATTRIBUTES_MAX; i++) {
        room += ATTRIBUTE + length(s->attributes[i].name) + s->attributes[i].text.len;
    }
    return room;
}

ProtobufCBinaryData otlp_pack_span(const mst_host *host, const mst_span *s)
{
    attribute attributes[ATTRIBUTES_MAX];
    Otlp__KeyValue *pairs[ATTRIBUTES_MAX];
    Otlp__Status status = OTLP__STATUS__INIT;
    Otlp__Span span = OTLP__SPAN__INIT;
    for (size_t i = 0; i < s->attribute_count && i < ATTRIBUTES_MAX; i++) {
        fill(&attributes[i], &s->attributes[i]);
        pairs[span.n_attributes++] = &attributes[i].pair;
    }
    span.attributes = pairs;
    span.trace_id = (ProtobufCBinaryData){sizeof s->trace_id, (uint8_t *) s->trace_id};
    span.span_id = (ProtobufCBinaryData){sizeof s->span_id, (uint8_t *) s->span_id};
    if (has_parent(s)) {
        span.parent_span_id = (ProtobufCBinaryData){sizeof s->parent_id, (uint8_t *) s->parent_id};
    }
    span.trace_state = s->trace_state ? (char *) s->trace_state : span.trace_state;
    span.name = (char *) s->name;
    span.kind = kind_of(s);
    span.start_time_unix_nano = s->start_ns;
    span.end_time_unix_nano = s->end_ns;
    if (s->status != MST_SPAN_UNSET) {
        status.code = s->status; /* the numbers are those of the protocol */
        status.message = s->status_text ? (char *) s->status_text : status.message;
        span.status = &status;
    }
    return otlp_pack_within(host, &span.base, room_for(s));
}
