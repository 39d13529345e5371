/* names.c - names that protoc derives from field names. */
#include "mapping.h"

const char *mst_json_name(const ProtobufCFieldDescriptor *field, char memory[JSON_NAME_MAX])
{
    return mst_field_camel_case(field->name, false, memory, JSON_NAME_MAX) ? memory : field->name;
}
