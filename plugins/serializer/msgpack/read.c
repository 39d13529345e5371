/* read.c - a list of values to a message. Members are told by the name of the field or by its
 * number, whichever the writer used; those that the type does not know are ignored; nil is the same
 * as absent. When a map has a key twice, the last one counts. */
#include <string.h>

#include "mapping.h"

#define TWO_TO_63 9223372036854775808.0
#define TWO_TO_64 18446744073709551616.0

typedef struct reader {
    mst_arena *arena;
    unsigned left; /* levels that may still be opened */
} reader;

static mst_status read_message(reader *, const ProtobufCMessageDescriptor *, const mst_item *,
                               ProtobufCMessage **out);

/* ---- numbers */

/* A real without a fraction is an integer: writers in languages with one kind of number cannot say
 * what they mean. */
static bool whole(double value, mst_item *out)
{
    if (value >= 0 && value < TWO_TO_64) {
        *out = (mst_item){.kind = ITEM_UNSIGNED, .u = (uint64_t) value};
        return (double) out->u == value;
    }
    if (value < 0 && value >= -TWO_TO_63) {
        *out = (mst_item){.kind = ITEM_NEGATIVE, .i = (int64_t) value};
        return (double) out->i == value;
    }
    return false;
}

/* *out is the two's complement when it is negative. */
static mst_status read_integer(const mst_item *item, int64_t min, uint64_t max, uint64_t *out)
{
    mst_item number;
    if (item->kind == ITEM_REAL && whole(item->real, &number)) {
        item = &number;
    }
    if (item->kind == ITEM_UNSIGNED && item->u <= max) {
        *out = item->u;
        return MST_OK;
    }
    if (item->kind == ITEM_NEGATIVE && item->i >= min) {
        *out = (uint64_t) item->i;
        return MST_OK;
    }
    return MST_ECORRUPT;
}

static mst_status read_int32(const mst_item *item, int32_t *out)
{
    uint64_t value;
    mst_status status = read_integer(item, INT32_MIN, INT32_MAX, &value);
    if (status == MST_OK) {
        *out = (int32_t) (int64_t) value;
    }
    return status;
}

static mst_status read_uint32(const mst_item *item, uint32_t *out)
{
    uint64_t value;
    mst_status status = read_integer(item, 0, UINT32_MAX, &value);
    if (status == MST_OK) {
        *out = (uint32_t) value;
    }
    return status;
}

static mst_status read_double(const mst_item *item, double *out)
{
    switch (item->kind) {
    case ITEM_REAL:
        *out = item->real;
        return MST_OK;
    case ITEM_UNSIGNED:
        *out = (double) item->u;
        return MST_OK;
    case ITEM_NEGATIVE:
        *out = (double) item->i;
        return MST_OK;
    default:
        return MST_ECORRUPT;
    }
}

static mst_status read_float(const mst_item *item, float *out)
{
    double value;
    mst_status status = read_double(item, &value);
    return status ? status : mst_message_float(value, out);
}

static mst_status read_bool(const mst_item *item, protobuf_c_boolean *out)
{
    *out = item->kind == ITEM_BOOL && item->u;
    return item->kind == ITEM_BOOL ? MST_OK : MST_ECORRUPT;
}

/* ---- names */

/* As strcmp() would order the text and a name. */
static int order(const mst_item *text, const char *name)
{
    size_t len = strlen(name), common = text->n < len ? text->n : len;
    int differs = memcmp(text->at, name, common);
    return differs ? differs : (text->n > len) - (text->n < len);
}

static mst_status read_enum(const ProtobufCEnumDescriptor *type, const mst_item *item, int32_t *out)
{
    unsigned from = 0,
             to = item->kind == ITEM_TEXT && type->values_by_name ? type->n_value_names : 0;
    while (from < to) {
        unsigned middle = from + (to - from) / 2;
        const ProtobufCEnumValueIndex *value = &type->values_by_name[middle];
        int side = order(item, value->name);
        if (side == 0) {
            *out = type->values[value->index].value;
            return MST_OK;
        }
        if (side < 0) {
            to = middle;
        } else {
            from = middle + 1;
        }
    }
    return item->kind == ITEM_TEXT ? MST_ECORRUPT : read_int32(item, out);
}

/* NULL: the type does not know it. */
static const ProtobufCFieldDescriptor *field_of(const ProtobufCMessageDescriptor *type,
                                                const mst_item *key)
{
    if (key->kind == ITEM_UNSIGNED && key->u <= UINT32_MAX) {
        return protobuf_c_message_descriptor_get_field(type, (unsigned) key->u);
    }
    unsigned from = 0,
             to = key->kind == ITEM_TEXT && type->fields_sorted_by_name ? type->n_fields : 0;
    while (from < to) {
        unsigned middle = from + (to - from) / 2;
        const ProtobufCFieldDescriptor *field = &type->fields[type->fields_sorted_by_name[middle]];
        int side = order(key, field->name);
        if (side == 0) {
            return field;
        }
        if (side < 0) {
            to = middle;
        } else {
            from = middle + 1;
        }
    }
    return NULL;
}

/* ---- values */

/* Text for bytes is what writers of the old format send, which had one kind of string. */
static mst_status read_bytes(reader *r, const mst_item *item, ProtobufCBinaryData *out)
{
    *out = (ProtobufCBinaryData){0, NULL};
    if (item->kind != ITEM_BYTES && item->kind != ITEM_TEXT) {
        return MST_ECORRUPT;
    }
    if (item->n == 0) {
        return MST_OK;
    }
    void *data = mst_arena_alloc(r->arena, item->n);
    if (!data) {
        return mst_arena_status(r->arena);
    }
    memcpy(data, item->at, item->n);
    *out = (ProtobufCBinaryData){item->n, data};
    return MST_OK;
}

static mst_status read_value(reader *r, const ProtobufCFieldDescriptor *field, const mst_item *item,
                             void *at)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return read_int32(item, at);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return read_integer(item, INT64_MIN, INT64_MAX, at);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return read_uint32(item, at);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return read_integer(item, 0, UINT64_MAX, at);
    case PROTOBUF_C_TYPE_FLOAT:
        return read_float(item, at);
    case PROTOBUF_C_TYPE_DOUBLE:
        return read_double(item, at);
    case PROTOBUF_C_TYPE_BOOL:
        return read_bool(item, at);
    case PROTOBUF_C_TYPE_ENUM:
        return read_enum(field->descriptor, item, at);
    case PROTOBUF_C_TYPE_STRING:
        return item->kind == ITEM_TEXT ? mst_message_string(r->arena, item->at, item->n, at)
                                       : MST_ECORRUPT;
    case PROTOBUF_C_TYPE_BYTES:
        return read_bytes(r, item, at);
    case PROTOBUF_C_TYPE_MESSAGE:
        return read_message(r, field->descriptor, item, at);
    }
    return MST_ECORRUPT;
}

static mst_status read_single(reader *r, ProtobufCMessage *message,
                              const ProtobufCFieldDescriptor *field, const mst_item *item)
{
    mst_status status = mst_message_mark(message, field);
    return status ? status : read_value(r, field, item, (char *) message + field->offset);
}

static mst_status read_array(reader *r, ProtobufCMessage *message,
                             const ProtobufCFieldDescriptor *field, const mst_item *item)
{
    size_t n = item->n, size = mst_field_size(field->type);
    void *values = NULL;
    if (item->kind != ITEM_ARRAY) {
        return MST_ECORRUPT;
    }
    mst_status status = n ? mst_message_list(r->arena, message, field, n, &values) : MST_OK;
    item++;
    for (size_t i = 0; i < n && status == MST_OK; i++, item = mst_item_next(item)) {
        status = read_value(r, field, item, (char *) values + i * size);
    }
    return status;
}

static mst_status read_entry(reader *r, const ProtobufCMessageDescriptor *type, const mst_item *key,
                             ProtobufCMessage **out)
{
    mst_status status = mst_message_new(r->arena, type, out);
    if (status == MST_OK) {
        status = read_single(r, *out, &type->fields[0], key);
    }
    return status ? status : read_single(r, *out, &type->fields[1], mst_item_next(key));
}

static mst_status read_map(reader *r, ProtobufCMessage *message,
                           const ProtobufCFieldDescriptor *field, const mst_item *item)
{
    size_t n = item->n;
    void *values = NULL;
    if (item->kind != ITEM_MAP) {
        return MST_ECORRUPT;
    }
    mst_status status = n ? mst_message_list(r->arena, message, field, n, &values) : MST_OK;
    item++;
    for (size_t i = 0; i < n && status == MST_OK; i++) {
        status = read_entry(r, field->descriptor, item, (ProtobufCMessage **) values + i);
        item = mst_item_next(mst_item_next(item));
    }
    return status;
}

static mst_status read_field(reader *r, ProtobufCMessage *message,
                             const ProtobufCFieldDescriptor *field, const mst_item *item)
{
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        return read_single(r, message, field, item);
    }
    return mst_field_is_map(message->descriptor, field) ? read_map(r, message, field, item)
                                                        : read_array(r, message, field, item);
}

/* ---- messages */

/* A bit for each field, where one of them must be there; NULL elsewhere. */
static mst_status list_of_seen(reader *r, const ProtobufCMessageDescriptor *type, uint8_t **out)
{
    size_t size = (type->n_fields + 7) / 8;
    *out = NULL;
    for (unsigned i = 0; i < type->n_fields && !*out; i++) {
        if (type->fields[i].label == PROTOBUF_C_LABEL_REQUIRED) {
            *out = mst_arena_alloc(r->arena, size);
            if (!*out) {
                return mst_arena_status(r->arena);
            }
            memset(*out, 0, size);
        }
    }
    return MST_OK;
}

static bool all_required(const ProtobufCMessageDescriptor *type, const uint8_t *seen)
{
    for (unsigned i = 0; i < type->n_fields; i++) {
        if (type->fields[i].label == PROTOBUF_C_LABEL_REQUIRED && !(seen[i / 8] >> i % 8 & 1)) {
            return false;
        }
    }
    return true;
}

static mst_status read_fields(reader *r, ProtobufCMessage *message, const mst_item *map)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;
    const mst_item *key = map + 1;
    uint8_t *seen;
    mst_status status = list_of_seen(r, type, &seen);
    for (uint32_t n = 0; n < map->n && status == MST_OK; n++) {
        const mst_item *value = mst_item_next(key);
        const ProtobufCFieldDescriptor *field =
            value->kind == ITEM_NIL ? NULL : field_of(type, key);
        if (field) {
            status = read_field(r, message, field, value);
        }
        if (field && seen) {
            size_t i = (size_t) (field - type->fields);
            seen[i / 8] |= (uint8_t) (1u << i % 8);
        }
        key = mst_item_next(value);
    }
    if (status == MST_OK && seen && !all_required(type, seen)) {
        return MST_ECORRUPT;
    }
    return status;
}

static mst_status read_message(reader *r, const ProtobufCMessageDescriptor *type,
                               const mst_item *item, ProtobufCMessage **out)
{
    if (item->kind != ITEM_MAP || r->left == 0) {
        return MST_ECORRUPT;
    }
    mst_status status = mst_message_new(r->arena, type, out);
    if (status) {
        return status;
    }
    r->left--;
    status = read_fields(r, *out, item);
    r->left++;
    return status;
}

mst_status mst_msgpack_read(const ProtobufCMessageDescriptor *type, const mst_item *item,
                            unsigned max_depth, mst_arena *arena, ProtobufCMessage **out)
{
    reader r = {arena, max_depth + 1};
    return read_message(&r, type, item, out);
}
