/* codec.h - object -> serialize -> compress -> seal -> bytes, and back.
 *
 * One per cache. It writes with the configured serializer and compressor, and reads whatever of the
 * runtime's components the envelope names. Everything is [any-thread]: instances that are not
 * reentrant are called under their mutex. Nothing here waits or does I/O; callers move large work
 * to the worker pool.
 */
#ifndef MSI_CODEC_H
#define MSI_CODEC_H

#include <stdatomic.h>

#include "base/bytes.h"
#include "codec/envelope.h"
#include "config/settings.h"
#include "plugin/instance.h"

/* A decoded value with its type: shared, immutable, reference-counted. */
typedef struct msi_object {
    mst_object base; /* retain, release, bytes */
    _Atomic uint32_t refs;
    const mst_allocator *allocator; /* outlives it: a copy stands below */
    mst_allocator memory;
    const mst_type *type;
    void *object;
    msi_instance *serializer; /* destroys it; NULL: release(owner) does */
    void (*release)(void *owner);
    void *owner;
} msi_object;

typedef struct msi_codec {
    const mst_allocator *allocator;
    msi_log *log;                          /* never NULL */
    msi_instance *serializer, *compressor; /* compressor NULL: none */
    msi_instance *const *readers;          /* all serializers and compressors of the runtime */
    size_t reader_count;
    msi_compressor_settings settings; /* min_bytes, min_gain */
    uint64_t max_value_bytes;
    bool envelope; /* false: values of other programs, as they are */
    _Atomic uint64_t encodes, decodes, compressed;
    _Atomic uint64_t compressed_from, compressed_to;  /* bytes of those values, before and after */
    _Atomic uint64_t faults[MSI_ENVELOPE_FAULTS + 1]; /* last: payload undecodable */
    msi_log_limit fault_limit;
} msi_codec;

/* Wire ids that the core knows by itself; the others stand in sdk/docs/wire-ids.md. */
enum { MSI_WIRE_RAW = 1 };

/* What a value written by this codec says about its serializer: MSI_WIRE_RAW for plain bytes (type
 * NULL), whatever is configured. */
uint32_t msi_codec_serializer_id(const msi_codec *, const mst_type *);

/* Serialize an object. The payload goes to *out (initialised by the caller with its limit, empty).
 * MST_ENOMEM, MST_ETOOBIG, or what the serializer says: MST_EINVAL for an object that is none. */
mst_status msi_codec_encode(msi_codec *, const mst_type *, const void *object, msi_bytes *out);

/* Deserialize a payload that serializer `id` wrote. 0 (no envelope) and MSI_WIRE_RAW mean the
 * configured serializer: bytes that were stored as bytes may well be such an object. Another one is
 * used when it is loaded; it must understand the same descriptor, as protobuf, json and msgpack do.
 * MST_ECORRUPT or MST_ETOOBIG (counted and logged: a miss), MST_ENOMEM. */
mst_status msi_codec_decode(msi_codec *, uint32_t serializer_id, const mst_type *,
                            mst_slice payload, msi_object **out);

/* What is known of a value beside its bytes. Wall clock. */
typedef struct msi_meta {
    uint32_t serializer_id, schema_id; /* serializer 0: MSI_WIRE_RAW on sealing */
    uint64_t created_ms, expires_ms, sliding_ms;
} msi_meta;

/* A sealed value: header and payload, ready for mst_op.value. */
typedef struct msi_sealed {
    uint8_t header[MSI_ENVELOPE_MAX];
    size_t header_len; /* 0 without envelope */
    mst_slice payload; /* the caller's bytes, or `owned` */
    uint8_t *owned;    /* compressed payload; NULL */
} msi_sealed;

/* Compress when asked (MST_DEFAULT: as configured) and worthwhile, then seal. `payload` must live
 * as long as *out. MST_ENOMEM, MST_ETOOBIG. */
mst_status msi_codec_seal(msi_codec *, mst_slice payload, const msi_meta *, int compress,
                          msi_sealed *out);
void msi_sealed_fini(msi_codec *, msi_sealed *);

/* Open a stored value. Without compression *payload points into `bytes`; otherwise *inflated is set
 * as well, memory from the codec's allocator, to be freed by the caller. Without envelope the bytes
 * are the payload. MST_ECORRUPT or MST_ETOOBIG (both counted and logged at a limited rate: a miss),
 * MST_ENOMEM. */
mst_status msi_codec_open(msi_codec *, mst_slice bytes, msi_meta *, mst_slice *payload,
                          uint8_t **inflated);
/* How much opening would inflate: 0 when it only looks. Decides about the worker pool. */
size_t msi_codec_open_cost(const msi_codec *, mst_slice bytes);

/* An object that an application made (release may be NULL). `bytes`: what to charge. With
 * MST_ENOMEM nothing was taken over. The first reference is the caller's. */
mst_status msi_object_new(const mst_allocator *, const mst_type *, void *object, size_t bytes,
                          void (*release)(void *), void *owner, msi_object **out);
void msi_object_retain(msi_object *);
void msi_object_release(msi_object *);

#endif
