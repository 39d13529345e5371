/* serializer.c - bytes (mst_slice) behind their length in four bytes. See fault.h. */
#include <memstache/codec.h>

#include <sched.h>
#include <string.h>

#include "fault.h"

enum { HEAD = 4 };

typedef struct bytes {
    const mst_host *host;
} bytes;

static mst_status init(void *self, const mst_host *host)
{
    ((bytes *) self)->host = host;
    return MST_OK;
}

static mst_status encode(void *self, const void *type, const void *object, mst_sink *sink)
{
    static volatile uint32_t last; /* the fault of shared_scratch */
    const mst_slice *s = object;
    uint32_t len = (uint32_t) s->len;
    if (IS(shared_scratch)) {
        last = len;
        for (int i = 0; i < 5; i++) {
            sched_yield();
        }
        len = last;
    }
    mst_status status = sink->write(sink, &len, HEAD);
    if (status && !IS(ignores_sink)) {
        return status;
    }
    uint8_t *out = s->len ? sink->reserve(sink, s->len) : NULL;
    if (s->len && !out) {
        return IS(ignores_sink) ? MST_OK : sink->write(sink, NULL, 0);
    }
    if (s->len) {
        memcpy(out, s->data, s->len);
    }
    if (IS(out_of_reserve) && s->len > 20) {
        out[s->len] = 0;
    }
    return MST_OK;
}

static mst_status decode(void *self, const void *type, mst_slice src, void **object, size_t *size)
{
    const mst_host *host = ((bytes *) self)->host;
    uint32_t len;
    if (src.len < HEAD) {
        return MST_ECORRUPT;
    }
    memcpy(&len, src.data, HEAD);
    if (len != src.len - HEAD && !IS(believes_length)) {
        return MST_ECORRUPT;
    }
    mst_slice *s = host->alloc(host, sizeof *s + len);
    if (!s) {
        return MST_ENOMEM;
    }
    *s =
        (mst_slice){IS(keeps_input) ? (const uint8_t *) src.data + HEAD : (uint8_t *) (s + 1), len};
    memcpy(s + 1, (const uint8_t *) src.data + HEAD, len);
    *object = s;
    *size = sizeof *s + len;
    return MST_OK;
}

static void destroy(void *self, const void *type, void *object)
{
    const mst_host *host = ((bytes *) self)->host;
    host->free(host, object);
}

static const mst_serializer_ops ops = {
    .struct_size = sizeof ops,
    .wire_id = 200,
    .encode = encode,
    .decode = decode,
    .destroy = destroy,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_SERIALIZER,
    .kind_version = MST_SERIALIZER_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .instance_size = sizeof(bytes),
    .name = NAME,
    .version = "1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "Bytes, for tests",
    .init = init,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
