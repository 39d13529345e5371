/* names.c - names that protoc derives from field names. */
#include <string.h>

#include "mapping.h"

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char) (c - 'a' + 'A') : c;
}

/* Underscores go, and the letter behind each becomes a capital; with `first`, the first one does as
 * well. 0 when it does not fit. */
static size_t camel(const char *name, bool first, char *out, size_t cap)
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

const char *mst_json_name(const ProtobufCFieldDescriptor *field, char memory[JSON_NAME_MAX])
{
    return camel(field->name, false, memory, JSON_NAME_MAX) ? memory : field->name;
}

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

bool mst_json_is_map(const ProtobufCMessageDescriptor *parent,
                     const ProtobufCFieldDescriptor *field)
{
    const ProtobufCMessageDescriptor *entry = field->descriptor;
    if (field->label != PROTOBUF_C_LABEL_REPEATED || field->type != PROTOBUF_C_TYPE_MESSAGE ||
        entry->n_fields != 2 || entry->fields[0].id != 1 || entry->fields[1].id != 2 ||
        strcmp(entry->fields[0].name, "key") != 0 || strcmp(entry->fields[1].name, "value") != 0 ||
        !can_be_key(&entry->fields[0]) || entry->fields[1].label == PROTOBUF_C_LABEL_REPEATED) {
        return false;
    }
    char name[JSON_NAME_MAX];
    size_t len = camel(field->name, true, name, sizeof name), scope = strlen(parent->name);
    return len && strncmp(entry->name, parent->name, scope) == 0 && entry->name[scope] == '.' &&
           strncmp(entry->name + scope + 1, name, len) == 0 &&
           strcmp(entry->name + scope + 1 + len, "Entry") == 0;
}

size_t mst_json_value_size(ProtobufCType type)
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
