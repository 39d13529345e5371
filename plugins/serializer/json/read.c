/* read.c - a JSON value to a message. Fields are looked up by both of their names; members that the
 * type does not know are ignored; null is the same as absent. */
#include <float.h>
#include <string.h>

#include "mapping.h"

/* Halfway from the largest float to the next power of two: what rounds down to FLT_MAX. */
#define FLOAT_LIMIT 0x1.ffffffp127

typedef struct reader {
    mst_arena *arena;
    unsigned left; /* levels that may still be opened */
} reader;

static mst_status read_message(reader *, const ProtobufCMessageDescriptor *, const json_t *,
                               ProtobufCMessage **out);
static mst_status read_field(reader *, ProtobufCMessage *, const ProtobufCFieldDescriptor *,
                             const json_t *);

static mst_status take(reader *r, size_t size, void **out)
{
    *out = mst_arena_alloc(r->arena, size);
    return *out ? MST_OK : mst_arena_status(r->arena);
}

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
    double value, magnitude;
    mst_status status = mst_json_double(json, &value);
    if (status) {
        return status;
    }
    magnitude = value < 0 ? -value : value;
    if (magnitude > (double) FLT_MAX && magnitude <= DBL_MAX) {
        if (magnitude >= FLOAT_LIMIT) {
            return MST_ECORRUPT;
        }
        value = value < 0 ? -(double) FLT_MAX : (double) FLT_MAX;
    }
    *out = (float) value;
    return MST_OK;
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

/* Strings of protobuf-c end at the first zero byte: one that has it inside cannot be held. */
static mst_status copy_string(reader *r, const char *text, size_t len, char **out)
{
    void *copy;
    if (memchr(text, 0, len)) {
        return MST_ECORRUPT;
    }
    mst_status status = take(r, len + 1, &copy);
    if (status == MST_OK) {
        memcpy(copy, text, len + 1);
        *out = copy;
    }
    return status;
}

static mst_status read_bytes(reader *r, const json_t *json, ProtobufCBinaryData *out)
{
    size_t len = json_string_length(json);
    void *data = NULL;
    *out = (ProtobufCBinaryData){0, NULL};
    if (len == 0) {
        return json_is_string(json) ? MST_OK : MST_ECORRUPT;
    }
    mst_status status = take(r, len / 4 * 3 + 3, &data);
    if (status) {
        return status;
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
        return json_is_string(json)
                   ? copy_string(r, json_string_value(json), json_string_length(json), at)
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
        return copy_string(r, text, strlen(text), at);
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

/* An array of `n` values, zeroed, counted in the struct as far as it is filled. */
static mst_status new_array(reader *r, ProtobufCMessage *message,
                            const ProtobufCFieldDescriptor *field, size_t n, void **values)
{
    size_t size = n * mst_json_value_size(field->type);
    mst_status status = take(r, size, values);
    if (status == MST_OK) {
        memset(*values, 0, size);
        *(void **) ((char *) message + field->offset) = *values;
        *(size_t *) ((char *) message + field->quantifier_offset) = n;
    }
    return status;
}

static mst_status read_array(reader *r, ProtobufCMessage *message,
                             const ProtobufCFieldDescriptor *field, const json_t *json)
{
    size_t n = json_array_size(json), size = mst_json_value_size(field->type);
    void *values = NULL;
    if (!json_is_array(json)) {
        return MST_ECORRUPT;
    }
    mst_status status = n ? new_array(r, message, field, n, &values) : MST_OK;
    for (size_t i = 0; i < n && status == MST_OK; i++) {
        status = read_value(r, field, json_array_get(json, i), (char *) values + i * size);
    }
    return status;
}

static mst_status new_message(reader *r, const ProtobufCMessageDescriptor *type,
                              ProtobufCMessage **out)
{
    void *memory;
    if (!type->message_init) {
        return MST_EINVAL; /* not from protoc-c */
    }
    mst_status status = take(r, type->sizeof_message, &memory);
    if (status == MST_OK) {
        *out = memory;
        type->message_init(*out);
    }
    return status;
}

/* Sets what says that the field is there. A oneof with two members set is refused. */
static mst_status mark_present(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    char *quantifier = (char *) message + field->quantifier_offset;
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        if (*(uint32_t *) quantifier != 0) {
            return MST_ECORRUPT;
        }
        *(uint32_t *) quantifier = field->id;
    } else if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->quantifier_offset) {
        *(protobuf_c_boolean *) quantifier = 1;
    }
    return MST_OK;
}

static mst_status read_entry(reader *r, const ProtobufCMessageDescriptor *type, const char *key,
                             const json_t *value, ProtobufCMessage **out)
{
    const ProtobufCFieldDescriptor *key_field = &type->fields[0], *value_field = &type->fields[1];
    mst_status status = json_is_null(value) ? MST_ECORRUPT : new_message(r, type, out);
    if (status == MST_OK) {
        status = mark_present(*out, key_field);
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
    mst_status status = n ? new_array(r, message, field, n, &values) : MST_OK;
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
        return mst_json_is_map(message->descriptor, field)
                   ? read_map(r, message, field, (json_t *) json)
                   : read_array(r, message, field, json);
    }
    mst_status status = mark_present(message, field);
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
    mst_status status = new_message(r, type, out);
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
