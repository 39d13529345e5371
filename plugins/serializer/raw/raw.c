/* raw.c - the serializer that does nothing: an object is a `const mst_slice *`, its payload is
 * those bytes as they are. The descriptor of the type means nothing to it. */
#include <memstache/codec.h>

#include <stdint.h>
#include <string.h>

typedef struct raw {
    const mst_host *host;
} raw;

static mst_status raw_init(void *self, const mst_host *host)
{
    ((raw *) self)->host = host;
    return MST_OK;
}

static mst_status raw_encode(void *self, const void *type, const void *object, mst_sink *sink)
{
    const mst_slice *bytes = object;
    return sink->write(sink, bytes->data, bytes->len);
}

/* The slice and its bytes are one block. */
static mst_status raw_decode(void *self, const void *type, mst_slice src, void **object,
                             size_t *bytes)
{
    const mst_host *host = ((raw *) self)->host;
    if (src.len > SIZE_MAX - sizeof(mst_slice)) {
        return MST_ETOOBIG;
    }
    size_t size = sizeof(mst_slice) + src.len;
    mst_slice *copy = host->alloc(host, size);
    if (!copy) {
        return MST_ENOMEM;
    }
    copy->data = copy + 1;
    copy->len = src.len;
    if (src.len) {
        memcpy(copy + 1, src.data, src.len);
    }
    *object = copy;
    *bytes = size;
    return MST_OK;
}

static void raw_destroy(void *self, const void *type, void *object)
{
    const mst_host *host = ((raw *) self)->host;
    host->free(host, object);
}

static const mst_serializer_ops ops = {
    .struct_size = sizeof ops,
    .wire_id = 1,
    .encode = raw_encode,
    .decode = raw_decode,
    .destroy = raw_destroy,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_SERIALIZER,
    .kind_version = MST_SERIALIZER_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .instance_size = sizeof(raw),
    .name = "raw",
    .version = "1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "bytes as they are",
    .init = raw_init,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
