/* json.c - the objects of the protobuf serializer, stored as JSON by the proto3 mapping, so that
 * programs in other languages can read the cache without the .proto file. See mapping.h.
 *
 * Not mapped: the well-known types (Timestamp, Any, ... are written as the messages that they are),
 * the json_name option (protobuf-c does not keep it), extensions, unknown fields, strings with a
 * zero byte inside (protobuf-c cuts them), and unquoted integers of 2^63 and more.
 *
 * Numbers are written and read in the "C" locale, set for the thread during the call: printf()
 * would write the decimal point of the host's locale, and jansson 2.14 ends the process where that
 * point is more than one byte long (fa_IR).
 */
#include <locale.h>

#include "mapping.h"

typedef struct json {
    const mst_host *host;
    int64_t max_depth;
    uint64_t max_memory;
    locale_t plain; /* "C" */
} json;

static const mst_option options[] = {
    {"max_depth", MST_OPT_INT, 0, offsetof(json, max_depth), "100", "1", "400", NULL,
     "how deep messages may nest; deeper ones are refused on writing and a miss on reading"},
    {"max_memory", MST_OPT_SIZE, 0, offsetof(json, max_memory), "256MiB", "1KiB", NULL, NULL,
     "the most memory that parsing and one decoded value may take; a larger one is a miss"},
};

static mst_status init(void *self, const mst_host *host)
{
    json *j = self;
    j->host = host;
    j->plain = newlocale(LC_ALL_MASK, "C", (locale_t) 0);
    return j->plain ? MST_OK : MST_ENOMEM;
}

static void fini(void *self)
{
    json *j = self;
    if (j->plain) {
        freelocale(j->plain);
    }
}

static int is_type(const ProtobufCMessageDescriptor *type)
{
    return type->magic == PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC;
}

static mst_status encode(void *self, const void *type, const void *object, mst_sink *sink)
{
    const json *j = self;
    const ProtobufCMessage *message = object;
    if (!message || message->descriptor != type || !is_type(type)) {
        return MST_EINVAL;
    }
    locale_t before = uselocale(j->plain);
    mst_status status = mst_json_write(message, (unsigned) j->max_depth, sink);
    uselocale(before);
    return status;
}

/* jansson's lexer does not look whether its buffer grew (2.14, and still in 2026): when there is no
 * memory for a long string, it goes on with a part of it, or beyond its end. So the memory for the
 * longest token is asked for first. */
static bool can_grow(size_t longest_token)
{
    json_malloc_t take;
    json_free_t give_back;
    json_get_alloc_funcs(&take, &give_back);
    void *p = take(4 * longest_token + 64);
    if (p) {
        give_back(p);
    }
    return p != NULL;
}

/* The message of `root`. */
static mst_status build(const json *j, const void *type, const json_t *root, size_t hint,
                        void **object, size_t *bytes)
{
    mst_arena *arena = mst_arena_new(j->host, type, hint, j->max_memory);
    if (!arena) {
        return MST_ENOMEM;
    }
    ProtobufCMessage *message = NULL;
    mst_status status = mst_json_read(type, root, (unsigned) j->max_depth, arena, &message);
    if (status) {
        mst_arena_free(arena);
        return status;
    }
    *object = message;
    *bytes = mst_arena_bytes(arena);
    return MST_OK;
}

static mst_status parse(const json *j, const void *type, mst_slice src, void **object,
                        size_t *bytes)
{
    json_error_t error;
    json_t *root = json_loadb(src.data, src.len, JSON_ALLOW_NUL, &error);
    if (!root) {
        return mst_json_refusal(&error);
    }
    mst_status status = build(j, type, root, src.len, object, bytes);
    json_decref(root);
    return status;
}

static mst_status decode(void *self, const void *type, mst_slice src, void **object, size_t *bytes)
{
    const json *j = self;
    size_t longest_token;
    if (!is_type(type)) {
        return MST_EINVAL;
    }
    if (src.len == 0) {
        return MST_ECORRUPT;
    }
    mst_status status = mst_json_scan(src, (unsigned) j->max_depth, j->max_memory, &longest_token);
    if (status) {
        return status;
    }
    if (!can_grow(longest_token)) {
        return MST_ENOMEM;
    }
    locale_t before = uselocale(j->plain);
    status = parse(j, type, src, object, bytes);
    uselocale(before);
    return status;
}

static void destroy(void *self, const void *type, void *object)
{
    mst_arena_free(mst_arena_of(object));
}

static const mst_serializer_ops ops = {
    .struct_size = sizeof ops,
    .wire_id = 3,
    .encode = encode,
    .decode = decode,
    .destroy = destroy,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_SERIALIZER,
    .kind_version = MST_SERIALIZER_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .instance_size = sizeof(json),
    .name = "json",
    .version = "1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "the same messages as JSON, for readers in other languages",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .option_size = sizeof options[0],
    .init = init,
    .fini = fini,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
