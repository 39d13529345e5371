/* serializer_skeleton.c - a serializer for memstache: objects of the program to bytes, and back.
 *
 * An object is a `const mst_slice *` here, and its stored form a byte that tells the version of the
 * form, and then the bytes. Put your own struct and your own form in their place. `type` is the
 * descriptor that the program gave to its mst_type: when one serializer serves several structs, it
 * says which one this is.
 */
#include <memstache/codec.h>
#include <string.h>

enum { FORM = 1 };

typedef struct instance {
    const mst_host *host;
} instance;

static mst_status init(void *self, const mst_host *host)
{
    ((instance *) self)->host = host;
    return MST_OK;
}

static mst_status encode(void *self, const void *type, const void *object, mst_sink *sink)
{
    const mst_slice *value = object;
    const uint8_t form = FORM;
    mst_status status = sink->write(sink, &form, 1);
    return status ? status : sink->write(sink, value->data, value->len);
}

/* The bytes may come from another machine, or from an older version of the program: what cannot be
 * is MST_ECORRUPT, and a miss for whoever asked. *bytes is what the object takes, for the bounds of
 * the cache. */
static mst_status decode(void *self, const void *type, mst_slice src, void **object, size_t *bytes)
{
    const mst_host *host = ((instance *) self)->host;
    const uint8_t *in = src.data;
    if (src.len < 1 || in[0] != FORM) {
        return MST_ECORRUPT;
    }
    size_t len = src.len - 1;
    mst_slice *value = host->alloc(host, sizeof *value + len); /* one block: freed at once */
    if (!value) {
        return MST_ENOMEM;
    }
    *value = (mst_slice){value + 1, len};
    memcpy(value + 1, in + 1, len);
    *object = value;
    *bytes = sizeof *value + len;
    return MST_OK;
}

static void destroy(void *self, const void *type, void *object)
{
    const mst_host *host = ((instance *) self)->host;
    host->free(host, object);
}

/* The wire id is stored with each value and says who can read it: it never changes. Those from 128
 * on are free for all; this one was drawn when the file was made. */
static const mst_serializer_ops ops = {
    .struct_size = sizeof ops,
    .wire_id = 32767,
    .encode = encode,
    .decode = decode,
    .destroy = destroy,
};

/* MST_PLUGIN_REENTRANT: the functions may run on several threads at once. */
static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_SERIALIZER,
    .kind_version = MST_SERIALIZER_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .instance_size = sizeof(instance),
    .name = "skeleton",
    .version = "0.1.0",
    .author = "you",
    .license = "MIT",
    .summary = "Bytes with a version in front",
    .init = init,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
