/* fields.c - see fields.h. */
#include "fields.h"

#include <float.h>
#include <string.h>

/* Halfway from the largest float to the next power of two: what rounds down to FLT_MAX. */
#define FLOAT_LIMIT 0x1.ffffffp127

enum { MAP_NAME_MAX = 256 };

/* ---- names */

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char) (c - 'a' + 'A') : c;
}

size_t mst_field_camel_case(const char *name, bool first, char *out, size_t cap)
{
    size_t len = 0;
    bool capital = first;
    for (; *name; name++) {
        if (*name == '_') {
            capital = true;
            continue;
        }
        if (len + 1 >= cap) {
            return 0;
        }
        out[len++] = capital ? upper(*name) : *name;
        capital = false;
    }
    out[len] = 0;
    return len;
}

/* ---- what fields are */

static bool can_be_key(const ProtobufCFieldDescriptor *key)
{
    switch (key->type) {
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
    case PROTOBUF_C_TYPE_ENUM:
        return false;
    default:
        return key->label != PROTOBUF_C_LABEL_REPEATED;
    }
}

/* Without names (optimize_for = CODE_SIZE) nothing is a map. */
static bool has_key_and_value(const ProtobufCMessageDescriptor *entry)
{
    const ProtobufCFieldDescriptor *key = entry->fields, *value = entry->fields + 1;
    return entry->name && entry->n_fields == 2 && key->id == 1 && value->id == 2 && key->name &&
           value->name && strcmp(key->name, "key") == 0 && strcmp(value->name, "value") == 0 &&
           can_be_key(key) && value->label != PROTOBUF_C_LABEL_REPEATED;
}

bool mst_field_is_map(const ProtobufCMessageDescriptor *parent,
                      const ProtobufCFieldDescriptor *field)
{
    const ProtobufCMessageDescriptor *entry = field->descriptor;
    if (field->label != PROTOBUF_C_LABEL_REPEATED || field->type != PROTOBUF_C_TYPE_MESSAGE ||
        !field->name || !parent->name || !has_key_and_value(entry)) {
        return false;
    }
    char name[MAP_NAME_MAX];
    size_t len = mst_field_camel_case(field->name, true, name, sizeof name);
    size_t scope = strlen(parent->name);
    return len && strncmp(entry->name, parent->name, scope) == 0 && entry->name[scope] == '.' &&
           strncmp(entry->name + scope + 1, name, len) == 0 &&
           strcmp(entry->name + scope + 1 + len, "Entry") == 0;
}

size_t mst_field_size(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return 4;
    }
}

static bool is_zero(const ProtobufCFieldDescriptor *field, const void *at)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        return !*(const char *const *) at || !**(const char *const *) at;
    case PROTOBUF_C_TYPE_BYTES:
        return ((const ProtobufCBinaryData *) at)->len == 0;
    case PROTOBUF_C_TYPE_MESSAGE:
        return !*(const void *const *) at;
    default: {
        static const char zero[8];
        return memcmp(at, zero, mst_field_size(field->type)) == 0;
    }
    }
}

bool mst_field_is_present(const ProtobufCFieldDescriptor *field, const ProtobufCMessage *message)
{
    const char *at = (const char *) message + field->offset;
    const char *quantifier = (const char *) message + field->quantifier_offset;
    bool pointer = field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE;
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        return *(const uint32_t *) quantifier == field->id &&
               !(pointer && !*(const void *const *) at);
    }
    switch (field->label) {
    case PROTOBUF_C_LABEL_REQUIRED:
        return true;
    case PROTOBUF_C_LABEL_REPEATED:
        return *(const size_t *) quantifier > 0;
    case PROTOBUF_C_LABEL_OPTIONAL:
        if (pointer) {
            const void *value = *(const void *const *) at;
            return value && value != field->default_value;
        }
        return *(const protobuf_c_boolean *) quantifier;
    default:
        return !is_zero(field, at);
    }
}

/* ---- filling a message */

static mst_status take(mst_arena *arena, size_t size, void **out)
{
    *out = mst_arena_alloc(arena, size);
    return *out ? MST_OK : mst_arena_status(arena);
}

mst_status mst_message_new(mst_arena *arena, const ProtobufCMessageDescriptor *type,
                           ProtobufCMessage **out)
{
    void *memory;
    if (!type->message_init) {
        return MST_EINVAL;
    }
    mst_status status = take(arena, type->sizeof_message, &memory);
    if (status == MST_OK) {
        *out = memory;
        type->message_init(*out);
    }
    return status;
}

mst_status mst_message_list(mst_arena *arena, ProtobufCMessage *message,
                            const ProtobufCFieldDescriptor *field, size_t n, void **values)
{
    size_t size = n * mst_field_size(field->type);
    mst_status status = take(arena, size, values);
    if (status == MST_OK) {
        memset(*values, 0, size);
        *(void **) ((char *) message + field->offset) = *values;
        *(size_t *) ((char *) message + field->quantifier_offset) = n;
    }
    return status;
}

mst_status mst_message_mark(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
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

mst_status mst_message_string(mst_arena *arena, const char *text, size_t len, char **out)
{
    void *copy;
    if (memchr(text, 0, len)) {
        return MST_ECORRUPT;
    }
    mst_status status = take(arena, len + 1, &copy);
    if (status == MST_OK) {
        memcpy(copy, text, len);
        *out = copy;
        (*out)[len] = 0;
    }
    return status;
}

mst_status mst_message_float(double value, float *out)
{
    double magnitude = value < 0 ? -value : value;
    if (magnitude > (double) FLT_MAX && magnitude <= DBL_MAX) {
        if (magnitude >= FLOAT_LIMIT) {
            return MST_ECORRUPT;
        }
        value = value < 0 ? -(double) FLT_MAX : (double) FLT_MAX;
    }
    *out = (float) value;
    return MST_OK;
}
