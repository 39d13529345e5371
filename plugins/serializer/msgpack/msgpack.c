/* msgpack.c - the objects of the protobuf serializer, stored as MessagePack: smaller than JSON and
 * quicker to read, and still for programs in other languages that have no .proto file. See
 * mapping.h.
 *
 * The library is msgpack-c, the reference implementation: of those in Debian the one that is looked
 * after. Only its headers are used (see tape.c), so the module depends on nothing at run time.
 *
 * Not mapped: the well-known types (Timestamp, Any, ... are written as the messages that they are),
 * extension types of MessagePack, extensions of proto2, unknown fields, and strings with a zero
 * byte inside (protobuf-c cuts them). Text is not checked for UTF-8.
 */
#include "mapping.h"

typedef struct msgpack {
    const mst_host *host;
    bool names;
    int64_t max_depth;
    uint64_t max_memory;
} msgpack;

static const mst_option options[] = {
    {"names", MST_OPT_BOOL, 0, offsetof(msgpack, names), "yes", NULL, NULL, NULL,
     "write fields and enums by name; no: by number, which is smaller; both are read"},
    {"max_depth", MST_OPT_INT, 0, offsetof(msgpack, max_depth), "100", "1", "400", NULL,
     "how deep messages may nest; deeper ones are refused on writing and a miss on reading"},
    {"max_memory", MST_OPT_SIZE, 0, offsetof(msgpack, max_memory), "256MiB", "1KiB", NULL, NULL,
     "the most memory that parsing, and that one decoded value, may take; a larger one is a miss"},
};

static mst_status init(void *self, const mst_host *host)
{
    ((msgpack *) self)->host = host;
    return MST_OK;
}

static int is_type(const ProtobufCMessageDescriptor *type)
{
    return type->magic == PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC;
}

static mst_status encode(void *self, const void *type, const void *object, mst_sink *sink)
{
    const msgpack *m = self;
    const ProtobufCMessage *message = object;
    if (!message || message->descriptor != type || !is_type(type)) {
        return MST_EINVAL;
    }
    return mst_msgpack_write(message, m->names, (unsigned) m->max_depth, sink);
}

/* The message of a list of values. */
static mst_status build(const msgpack *m, const void *type, const mst_item *root, size_t hint,
                        void **object, size_t *bytes)
{
    mst_arena *arena = mst_arena_new(m->host, type, hint, m->max_memory);
    if (!arena) {
        return MST_ENOMEM;
    }
    ProtobufCMessage *message = NULL;
    mst_status status = mst_msgpack_read(type, root, (unsigned) m->max_depth, arena, &message);
    if (status) {
        mst_arena_free(arena);
        return status;
    }
    *object = message;
    *bytes = mst_arena_bytes(arena);
    return MST_OK;
}

static mst_status decode(void *self, const void *type, mst_slice src, void **object, size_t *bytes)
{
    const msgpack *m = self;
    mst_tape tape;
    if (!is_type(type)) {
        return MST_EINVAL;
    }
    mst_status status = mst_tape_read(m->host, src, m->max_memory, &tape);
    if (status) {
        return status;
    }
    status = build(m, type, tape.items, src.len, object, bytes);
    mst_tape_free(&tape);
    return status;
}

static void destroy(void *self, const void *type, void *object)
{
    mst_arena_free(mst_arena_of(object));
}

static const mst_serializer_ops ops = {
    .struct_size = sizeof ops,
    .wire_id = 4,
    .encode = encode,
    .decode = decode,
    .destroy = destroy,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_SERIALIZER,
    .kind_version = MST_SERIALIZER_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .instance_size = sizeof(msgpack),
    .name = "msgpack",
    .version = "1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "the same messages as MessagePack, for readers in other languages",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .option_size = sizeof options[0],
    .init = init,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
