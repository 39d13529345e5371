/* serializer_jsonc.c - structs as JSON, by json-c. The program describes its structs in a table
 * (jsonc.h), and that table is the `descriptor` of its mst_type.
 *
 * A decoded object is one block, the struct with its strings behind it: one allocation, and
 * destroy() has nothing to walk through. A member that is not in the JSON is zero, and what the
 * table does not know is ignored, so that fields can be added while old values are in the cache.
 */
#include <json-c/json.h>
#include <limits.h>
#include <math.h>
#include <memstache/codec.h>
#include <stdbool.h>
#include <string.h>

#include "jsonc.h"

typedef struct jsonc {
    const mst_host *host;
} jsonc;

static mst_status init(void *self, const mst_host *host)
{
    ((jsonc *) self)->host = host;
    return MST_OK;
}

/* The cache may be set up for another serializer than the program thinks. */
static bool is_type(const jsonc_type *type)
{
    return type->magic == JSONC_MAGIC;
}

/* ---- to JSON */

/* NULL: out of memory; *status: or cannot be written. */
static json_object *to_json(const jsonc_field *field, const void *at, mst_status *status)
{
    *status = MST_ENOMEM;
    switch (field->type) {
    case JSONC_BOOL:
        return json_object_new_boolean(*(const bool *) at);
    case JSONC_INT64:
        return json_object_new_int64(*(const int64_t *) at);
    case JSONC_DOUBLE:
        if (isfinite(*(const double *) at)) {
            return json_object_new_double(*(const double *) at);
        }
        break;
    case JSONC_STRING:
        return json_object_new_string(*(const char *const *) at);
    }
    *status = MST_EINVAL;
    return NULL;
}

static bool is_null(const jsonc_field *field, const void *at)
{
    return field->type == JSONC_STRING && !*(const char *const *) at;
}

static mst_status fill(json_object *root, const jsonc_type *type, const char *object)
{
    for (size_t i = 0; i < type->count; i++) {
        const jsonc_field *field = &type->fields[i];
        const void *at = object + field->offset;
        json_object *value = NULL; /* json-c's word for null */
        mst_status status = MST_OK;
        if (!is_null(field, at) && !(value = to_json(field, at, &status))) {
            return status;
        }
        if (json_object_object_add(root, field->name, value) < 0) {
            json_object_put(value);
            return MST_ENOMEM;
        }
    }
    return MST_OK;
}

static mst_status encode(void *self, const void *type, const void *object, mst_sink *sink)
{
    json_object *root = is_type(type) ? json_object_new_object() : NULL;
    if (!root) {
        return is_type(type) ? MST_ENOMEM : MST_EINVAL;
    }
    mst_status status = fill(root, type, object);
    if (status == MST_OK) {
        size_t len;
        const char *text = json_object_to_json_string_length(root, JSON_C_TO_STRING_PLAIN, &len);
        status = text ? sink->write(sink, text, len) : MST_ENOMEM;
    }
    json_object_put(root);
    return status;
}

/* ---- from JSON */

/* What comes in may be from another machine, so it may be anything. NULL: it is no JSON object. */
static json_object *parse(mst_slice src, mst_status *status)
{
    *status = MST_ECORRUPT;
    if (src.len > INT_MAX) {
        return NULL;
    }
    json_tokener *tokener = json_tokener_new();
    if (!tokener) {
        *status = MST_ENOMEM;
        return NULL;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    json_object *root = json_tokener_parse_ex(tokener, src.data, (int) src.len);
    bool whole = json_tokener_get_error(tokener) == json_tokener_success &&
                 json_tokener_get_parse_end(tokener) == src.len;
    json_tokener_free(tokener);
    if (whole && json_object_is_type(root, json_type_object)) {
        *status = MST_OK;
        return root;
    }
    json_object_put(root);
    return NULL;
}

/* What strings take behind the struct. */
static size_t strings_of(const jsonc_type *type, json_object *root)
{
    size_t bytes = 0;
    for (size_t i = 0; i < type->count; i++) {
        json_object *value = json_object_object_get(root, type->fields[i].name);
        if (type->fields[i].type == JSONC_STRING && json_object_is_type(value, json_type_string)) {
            bytes += (size_t) json_object_get_string_len(value) + 1;
        }
    }
    return bytes;
}

/* *strings is where the next string goes. */
static mst_status from_json(const jsonc_field *field, json_object *value, void *at, char **strings)
{
    json_type is = json_object_get_type(value);
    switch (field->type) {
    case JSONC_BOOL:
        *(bool *) at = json_object_get_boolean(value);
        return is == json_type_boolean ? MST_OK : MST_ECORRUPT;
    case JSONC_INT64:
        *(int64_t *) at = json_object_get_int64(value);
        return is == json_type_int ? MST_OK : MST_ECORRUPT;
    case JSONC_DOUBLE:
        *(double *) at = json_object_get_double(value);
        return is == json_type_double || is == json_type_int ? MST_OK : MST_ECORRUPT;
    case JSONC_STRING:
        if (is == json_type_string) {
            size_t len = (size_t) json_object_get_string_len(value);
            memcpy(*strings, json_object_get_string(value), len + 1);
            *(const char **) at = *strings;
            *strings += len + 1;
            return strlen(*(const char **) at) == len ? MST_OK : MST_ECORRUPT;
        }
    }
    return MST_ECORRUPT;
}

static mst_status build(const mst_host *host, const jsonc_type *type, json_object *root,
                        void **object, size_t *bytes)
{
    *bytes = type->size + strings_of(type, root);
    char *block = host->alloc(host, *bytes), *strings = block + type->size;
    if (!block) {
        return MST_ENOMEM;
    }
    memset(block, 0, type->size);
    mst_status status = MST_OK;
    for (size_t i = 0; i < type->count && status == MST_OK; i++) {
        const jsonc_field *field = &type->fields[i];
        json_object *value = json_object_object_get(root, field->name);
        if (value) { /* neither absent nor null */
            status = from_json(field, value, block + field->offset, &strings);
        }
    }
    if (status) {
        host->free(host, block);
        return status;
    }
    *object = block;
    return MST_OK;
}

static mst_status decode(void *self, const void *type, mst_slice src, void **object, size_t *bytes)
{
    mst_status status = MST_EINVAL;
    json_object *root = is_type(type) ? parse(src, &status) : NULL;
    if (root) {
        status = build(((jsonc *) self)->host, type, root, object, bytes);
        json_object_put(root);
    }
    return status;
}

static void destroy(void *self, const void *type, void *object)
{
    const mst_host *host = ((jsonc *) self)->host;
    host->free(host, object);
}

static const mst_serializer_ops ops = {
    .struct_size = sizeof ops,
    .wire_id = 1001, /* 128 to 32767 are free for all; it stays with the stored values */
    .encode = encode,
    .decode = decode,
    .destroy = destroy,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_SERIALIZER,
    .kind_version = MST_SERIALIZER_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .instance_size = sizeof(jsonc),
    .name = "jsonc",
    .version = "1.0.0",
    .author = "you",
    .license = "MIT",
    .summary = "Structs as JSON, by json-c",
    .init = init,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
