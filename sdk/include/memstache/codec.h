/* codec.h - serializers and compressors: functions over bytes, without I/O.
 *
 * Both are called on loop and worker threads and on callers' threads. Without
 * MST_PLUGIN_REENTRANT the host never runs two calls of one instance at once.
 * Input of decode() and decompress() is untrusted: it may come from another machine.
 */
#ifndef MEMSTACHE_CODEC_H
#define MEMSTACHE_CODEC_H

#include "plugin.h"

/* wire_id goes into the stored envelope, so that values outlive a change of config and several
 * codecs can be read at once. 1..127 are assigned in sdk/docs/wire-ids.md, 128..32767 are yours. */
#define MST_WIRE_ID_MAX 0x7fffu

/* Where encode() writes; bounded by the host's largest value. */
typedef struct mst_sink mst_sink;
struct mst_sink {
    uint32_t struct_size;
    /* Append a copy. MST_ETOOBIG and MST_ENOMEM are final: return them from encode(). */
    mst_status (*write)(mst_sink *, const void *data, size_t len);
    /* Append `len` bytes for the caller to fill before the next call; NULL when it cannot, and
     * then write(sink, NULL, 0) returns why. */
    void *(*reserve)(mst_sink *, size_t len);
};

/* Objects: `type` is the `descriptor` of the application's mst_type (memstache.h); only the
 * serializer understands it (protobuf-c: a ProtobufCMessageDescriptor). It is never NULL. */
typedef struct mst_serializer_ops {
    uint32_t struct_size, wire_id;
    mst_status (*encode)(void *self, const void *type, const void *object, mst_sink *sink);
    /* MST_ECORRUPT when the bytes are not such an object. *bytes: the memory it occupies. */
    mst_status (*decode)(void *self, const void *type, mst_slice src, void **object, size_t *bytes);
    /* Frees what decode() made. */
    void (*destroy)(void *self, const void *type, void *object);
} mst_serializer_ops;

typedef struct mst_compressor_ops {
    uint32_t struct_size, wire_id;
    /* The most that compress() can need for `len` bytes; 0: too long for this compressor. */
    size_t (*bound)(void *self, size_t len);
    mst_status (*compress)(void *self, mst_slice src, void *dst, size_t cap, size_t *len);
    /* `len` is the exact original length (from the envelope, already checked against the host's
     * limit); output of any other length is MST_ECORRUPT. Writes nothing beyond dst + len. */
    mst_status (*decompress)(void *self, mst_slice src, void *dst, size_t len);
} mst_compressor_ops;

#endif
