/* write.c - a message to JSON text, straight into the sink: no tree of it is built. jansson escapes
 * and checks the strings that need it. Floats are written with 6 digits, doubles with 15, or with
 * as many more as it takes to read back the same number. */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping.h"

enum { NUMBER_MAX = 40, BASE64_STEP = 300 };

typedef struct writer {
    mst_sink *sink;
    unsigned left;     /* levels that may still be opened */
    mst_status status; /* of the first failure; nothing is written after it */
    size_t used;
    char buffer[512];
} writer;

static void fail(writer *w, mst_status status)
{
    if (w->status == MST_OK) {
        w->status = status;
    }
}

static void flush(writer *w)
{
    if (w->status == MST_OK && w->used) {
        fail(w, w->sink->write(w->sink, w->buffer, w->used));
    }
    w->used = 0;
}

static void put(writer *w, const char *text, size_t len)
{
    if (len > sizeof w->buffer - w->used) {
        flush(w);
    }
    if (len <= sizeof w->buffer) {
        memcpy(w->buffer + w->used, text, len);
        w->used += len;
    } else if (w->status == MST_OK) {
        fail(w, w->sink->write(w->sink, text, len));
    }
}

static void put_text(writer *w, const char *text)
{
    put(w, text, strlen(text));
}

static void put_char(writer *w, char c)
{
    put(w, &c, 1);
}

/* ---- strings */

static bool is_plain(const char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~' || *text == '"' || *text == '\\') {
            return false;
        }
    }
    return true;
}

static int dumped(const char *text, size_t len, void *arg)
{
    put(arg, text, len);
    return 0;
}

static void put_string(writer *w, const char *text)
{
    if (is_plain(text)) {
        put_char(w, '"');
        put_text(w, text);
        put_char(w, '"');
        return;
    }
    json_t *string = json_string(text);
    if (!string) { /* no memory, or no UTF-8: without that check it is the memory */
        string = json_string_nocheck(text);
        fail(w, string ? MST_EINVAL : MST_ENOMEM);
    } else if (json_dump_callback(string, dumped, w, JSON_ENCODE_ANY)) {
        fail(w, MST_ENOMEM);
    }
    json_decref(string);
}

static void put_bytes(writer *w, const ProtobufCBinaryData *bytes)
{
    char text[BASE64_STEP / 3 * 4];
    put_char(w, '"');
    for (size_t i = 0; i < bytes->len; i += BASE64_STEP) {
        size_t step = bytes->len - i < BASE64_STEP ? bytes->len - i : BASE64_STEP;
        put(w, text, mst_base64_write(bytes->data + i, step, text));
    }
    put_char(w, '"');
}

/* ---- numbers */

static void put_signed(writer *w, int64_t value, bool quoted)
{
    char text[NUMBER_MAX];
    int len = snprintf(text, sizeof text, quoted ? "\"%" PRId64 "\"" : "%" PRId64, value);
    put(w, text, (size_t) len);
}

static void put_unsigned(writer *w, uint64_t value, bool quoted)
{
    char text[NUMBER_MAX];
    int len = snprintf(text, sizeof text, quoted ? "\"%" PRIu64 "\"" : "%" PRIu64, value);
    put(w, text, (size_t) len);
}

/* Other readers convert to double first, and refuse what is then beyond the largest float. */
static bool is_same_float(double back, double value)
{
    return back <= (double) FLT_MAX && back >= -(double) FLT_MAX && (float) back == (float) value;
}

static void put_real(writer *w, double value, bool is_float)
{
    char text[NUMBER_MAX];
    if (value != value) {
        put_text(w, "\"NaN\"");
        return;
    }
    if (value - value != 0) {
        put_text(w, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        return;
    }
    if (value == 0) { /* -0 would be read as an integer */
        put_text(w, signbit(value) ? "-0.0" : "0");
        return;
    }
    for (int digits = is_float ? 6 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        double back = strtod(text, NULL);
        if (is_float ? is_same_float(back, value) : back == value) {
            break;
        }
    }
    put_text(w, text);
}

static void put_enum(writer *w, const ProtobufCEnumDescriptor *type, int32_t number)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(type, number);
    if (value && value->name) {
        put_string(w, value->name);
    } else {
        put_signed(w, number, false);
    }
}

/* ---- messages */

static void put_message(writer *w, const ProtobufCMessage *);

/* A NULL string or message, which protobuf-c allows where one must be, is an empty one. */
static void put_value(writer *w, const ProtobufCFieldDescriptor *field, const void *at)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        put_signed(w, *(const int32_t *) at, false);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        put_signed(w, *(const int64_t *) at, true);
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        put_unsigned(w, *(const uint32_t *) at, false);
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        put_unsigned(w, *(const uint64_t *) at, true);
        break;
    case PROTOBUF_C_TYPE_FLOAT:
        put_real(w, (double) *(const float *) at, true);
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
        put_real(w, *(const double *) at, false);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        put_text(w, *(const protobuf_c_boolean *) at ? "true" : "false");
        break;
    case PROTOBUF_C_TYPE_ENUM:
        put_enum(w, field->descriptor, *(const int32_t *) at);
        break;
    case PROTOBUF_C_TYPE_STRING:
        put_string(w, *(const char *const *) at ? *(const char *const *) at : "");
        break;
    case PROTOBUF_C_TYPE_BYTES:
        put_bytes(w, at);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        if (*(const ProtobufCMessage *const *) at) {
            put_message(w, *(const ProtobufCMessage *const *) at);
        } else {
            put_text(w, "{}");
        }
        break;
    }
}

/* A key of a map is a string in any case. */
static void put_key(writer *w, const ProtobufCFieldDescriptor *key, const void *at)
{
    switch (key->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        put_value(w, key, at);
        break;
    default:
        put_char(w, '"');
        put_value(w, key, at);
        put_char(w, '"');
        break;
    }
}

static void put_repeated(writer *w, const ProtobufCFieldDescriptor *field, size_t n,
                         const char *values)
{
    size_t size = mst_field_size(field->type);
    put_char(w, '[');
    for (size_t i = 0; i < n && w->status == MST_OK; i++) {
        if (i > 0) {
            put_char(w, ',');
        }
        put_value(w, field, values + i * size);
    }
    put_char(w, ']');
}

static void put_map(writer *w, const ProtobufCMessageDescriptor *entry, size_t n,
                    const char *const *entries)
{
    const ProtobufCFieldDescriptor *key = &entry->fields[0], *value = &entry->fields[1];
    put_char(w, '{');
    for (size_t i = 0; i < n && w->status == MST_OK; i++) {
        if (i > 0) {
            put_char(w, ',');
        }
        put_key(w, key, entries[i] + key->offset);
        put_char(w, ':');
        put_value(w, value, entries[i] + value->offset);
    }
    put_char(w, '}');
}

static void put_field(writer *w, const ProtobufCMessage *message,
                      const ProtobufCFieldDescriptor *field)
{
    char memory[JSON_NAME_MAX];
    const char *start = (const char *) message, *at = start + field->offset;
    put_string(w, mst_json_name(field, memory));
    put_char(w, ':');
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        put_value(w, field, at);
        return;
    }
    size_t n = *(const size_t *) (start + field->quantifier_offset);
    const char *values = *(const char *const *) at;
    if (mst_field_is_map(message->descriptor, field)) {
        put_map(w, field->descriptor, n, (const char *const *) values);
    } else {
        put_repeated(w, field, n, values);
    }
}

static void put_message(writer *w, const ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;
    bool first = true;
    if (w->left == 0) {
        fail(w, MST_EINVAL);
        return;
    }
    w->left--;
    put_char(w, '{');
    for (unsigned i = 0; i < type->n_fields && w->status == MST_OK; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (!field->name) { /* optimize_for = CODE_SIZE drops the names */
            fail(w, MST_EINVAL);
        } else if (mst_field_is_present(field, message)) {
            if (!first) {
                put_char(w, ',');
            }
            first = false;
            put_field(w, message, field);
        }
    }
    put_char(w, '}');
    w->left++;
}

mst_status mst_json_write(const ProtobufCMessage *message, unsigned max_depth, mst_sink *sink)
{
    writer w = {.sink = sink, .left = max_depth + 1};
    put_message(&w, message);
    flush(&w);
    return w.status;
}
