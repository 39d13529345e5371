/* read.c - a JSON value to a message. Fields are looked up by both of their names; members that the
 * type does not know are ignored; null is the same as absent. */
#include <string.h>

#include "mapping.h"

typedef struct reader {
    mst_arena *arena;
    unsigned left; /* levels that may still be opened */
} reader;

static mst_status read_message(reader *, const ProtobufCMessageDescriptor *, const json_t *,
                               ProtobufCMessage **out);
static mst_status read_field(reader *, ProtobufCMessage *, const ProtobufCFieldDescriptor *,
                             const json_t *);

static mst_status read_int32(const json_t *json, int32_t *out)
{
    uint64_t value;
    mst_status status = mst_json_integer(json, INT32_MIN, INT32_MAX, &value);
    if (status == MST_OK) {
        *out = (int32_t) (int64_t) value;
    }
    return status;
}

static mst_status read_uint32(const json_t *json, uint32_t *out)
{
    uint64_t value;
    mst_status status = mst_json_integer(json, 0, UINT32_MAX, &value);
    if (status == MST_OK) {
        *out = (uint32_t) value;
    }
    return status;
}

static mst_status read_float(const json_t *json, float *out)
{
    double value;
    mst_status status = mst_json_double(json, &value);
    return status ? status : mst_message_float(value, out);
}

static mst_status read_bool(const json_t *json, protobuf_c_boolean *out)
{
    *out = json_is_true(json);
    return json_is_boolean(json) ? MST_OK : MST_ECORRUPT;
}

static mst_status read_enum(const ProtobufCEnumDescriptor *type, const json_t *json, int32_t *out)
{
    if (!json_is_string(json)) {
        return json_is_number(json) ? read_int32(json, out) : MST_ECORRUPT;
    }
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value_by_name(type, json_string_value(json));
    if (value) {
        *out = value->value;
    }
    return value ? MST_OK : MST_ECORRUPT;
}

static mst_status read_bytes(reader *r, const json_t *json, ProtobufCBinaryData *out)
{
    size_t len = json_string_length(json);
    *out = (ProtobufCBinaryData){0, NULL};
    if (len == 0) {
        return json_is_string(json) ? MST_OK : MST_ECORRUPT;
    }
    void *data = mst_arena_alloc(r->arena, len / 4 * 3 + 3);
    if (!data) {
        return mst_arena_status(r->arena);
    }
    out->data = data;
    return mst_base64_read(json_string_value(json), len, data, &out->len) ? MST_OK : MST_ECORRUPT;
}

static mst_status read_value(reader *r, const ProtobufCFieldDescriptor *field, const json_t *json,
                             void *at)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return read_int32(json, at);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return mst_json_integer(json, INT64_MIN, INT64_MAX, at);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return read_uint32(json, at);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return mst_json_integer(json, 0, UINT64_MAX, at);
    case PROTOBUF_C_TYPE_FLOAT:
        return read_float(json, at);
    case PROTOBUF_C_TYPE_DOUBLE:
        return mst_json_double(json, at);
    case PROTOBUF_C_TYPE_BOOL:
        return read_bool(json, at);
    case PROTOBUF_C_TYPE_ENUM:
        return read_enum(field->descriptor, json, at);
    case PROTOBUF_C_TYPE_STRING:
        return json_is_string(json) ? mst_message_string(r->arena, json_string_value(json),
                                                         json_string_length(json), at)
                                    : MST_ECORRUPT;
    case PROTOBUF_C_TYPE_BYTES:
        return read_bytes(r, json, at);
    case PROTOBUF_C_TYPE_MESSAGE:
        return read_message(r, field->descriptor, json, at);
    }
    return MST_ECORRUPT;
}

static mst_status read_key(reader *r, const ProtobufCFieldDescriptor *key, const char *text,
                           void *at)
{
    json_t *number;
    if (key->type == PROTOBUF_C_TYPE_STRING) {
        return mst_message_string(r->arena, text, strlen(text), at);
    }
    if (key->type == PROTOBUF_C_TYPE_BOOL) {
        bool is_true = strcmp(text, "true") == 0;
        *(protobuf_c_boolean *) at = is_true;
        return is_true || strcmp(text, "false") == 0 ? MST_OK : MST_ECORRUPT;
    }
    number = json_string(text); /* the integers read strings already */
    if (!number) {
        return MST_ENOMEM;
    }
    mst_status status = read_value(r, key, number, at);
    json_decref(number);
    return status;
}

static mst_status read_array(reader *r, ProtobufCMessage *message,
                             const ProtobufCFieldDescriptor *field, const json_t *json)
{
    size_t n = json_array_size(json), size = mst_field_size(field->type);
    void *values = NULL;
    if (!json_is_array(json)) {
        return MST_ECORRUPT;
    }
    mst_status status = n ? mst_message_list(r->arena, message, field, n, &values) : MST_OK;
    for (size_t i = 0; i < n && status == MST_OK; i++) {
        status = read_value(r, field, json_array_get(json, i), (char *) values + i * size);
    }
    return status;
}

static mst_status read_entry(reader *r, const ProtobufCMessageDescriptor *type, const char *key,
                             const json_t *value, ProtobufCMessage **out)
{
    const ProtobufCFieldDescriptor *key_field = &type->fields[0], *value_field = &type->fields[1];
    mst_status status = json_is_null(value) ? MST_ECORRUPT : mst_message_new(r->arena, type, out);
    if (status == MST_OK) {
        status = mst_message_mark(*out, key_field);
    }
    if (status == MST_OK) {
        status = read_key(r, key_field, key, (char *) *out + key_field->offset);
    }
    return status ? status : read_field(r, *out, value_field, value);
}

static mst_status read_map(reader *r, ProtobufCMessage *message,
                           const ProtobufCFieldDescriptor *field, json_t *json)
{
    size_t n = json_object_size(json), i = 0;
    void *values = NULL;
    const char *key;
    json_t *value;
    if (!json_is_object(json)) {
        return MST_ECORRUPT;
    }
    mst_status status = n ? mst_message_list(r->arena, message, field, n, &values) : MST_OK;
    json_object_foreach(json, key, value)
    {
        if (status) {
            break;
        }
        status = read_entry(r, field->descriptor, key, value, (ProtobufCMessage **) values + i++);
    }
    return status;
}

static mst_status read_field(reader *r, ProtobufCMessage *message,
                             const ProtobufCFieldDescriptor *field, const json_t *json)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        return mst_field_is_map(message->descriptor, field)
                   ? read_map(r, message, field, (json_t *) json)
                   : read_array(r, message, field, json);
    }
    mst_status status = mst_message_mark(message, field);
    return status ? status : read_value(r, field, json, (char *) message + field->offset);
}

static mst_status read_fields(reader *r, ProtobufCMessage *message, const json_t *json)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;
    mst_status status = MST_OK;
    for (unsigned i = 0; i < type->n_fields && status == MST_OK; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        char memory[JSON_NAME_MAX];
        if (!field->name) {
            return MST_EINVAL; /* optimize_for = CODE_SIZE drops the names */
        }
        const json_t *value = json_object_get(json, mst_json_name(field, memory));
        if (!value) {
            value = json_object_get(json, field->name);
        }
        if (value && !json_is_null(value)) {
            status = read_field(r, message, field, value);
        } else if (field->label == PROTOBUF_C_LABEL_REQUIRED) {
            status = MST_ECORRUPT;
        }
    }
    return status;
}

static mst_status read_message(reader *r, const ProtobufCMessageDescriptor *type,
                               const json_t *json, ProtobufCMessage **out)
{
    if (!json_is_object(json) || r->left == 0) {
        return MST_ECORRUPT;
    }
    mst_status status = mst_message_new(r->arena, type, out);
    if (status) {
        return status;
    }
    r->left--;
    status = read_fields(r, *out, json);
    r->left++;
    return status;
}

mst_status mst_json_read(const ProtobufCMessageDescriptor *type, const json_t *json,
                         unsigned max_depth, mst_arena *arena, ProtobufCMessage **out)
{
    reader r = {arena, max_depth + 1};
    return read_message(&r, type, json, out);
}
