/* codec.c - objects to payloads and back, and what the halves of the codec share. See codec.h.
 * Sealing and opening are in seal.c, reference counting in object.c. */
#include "codec/codec.h"

#include "codec/call.h"

static uint32_t wire_id_of(const msi_instance *instance)
{
    const msi_plugin *p = instance->plugin;
    return p->plugin->kind == MST_KIND_SERIALIZER ? p->ops.serializer.wire_id
                                                  : p->ops.compressor.wire_id;
}

msi_instance *msi_codec_reader(const msi_codec *codec, int kind, uint32_t wire_id,
                               msi_instance *first)
{
    if (first && wire_id_of(first) == wire_id) {
        return first;
    }
    for (size_t i = 0; i < codec->reader_count; i++) {
        msi_instance *reader = codec->readers[i];
        if (reader->plugin->plugin->kind == kind && wire_id_of(reader) == wire_id) {
            return reader;
        }
    }
    return NULL;
}

mst_status msi_codec_fault(msi_codec *codec, msi_envelope_fault fault, uint32_t wire_id)
{
    const char *what = msi_envelope_fault_text(fault);
    atomic_fetch_add_explicit(&codec->faults[fault], 1, memory_order_relaxed);
    if (wire_id) {
        msi_log_limited(codec->log, &codec->fault_limit, MST_LOG_WARN,
                        "a stored value is ignored: %s (wire id %u)", what, (unsigned) wire_id);
    } else {
        msi_log_limited(codec->log, &codec->fault_limit, MST_LOG_WARN,
                        "a stored value is ignored: %s", what);
    }
    return fault == MSI_ENVELOPE_TOO_BIG ? MST_ETOOBIG : MST_ECORRUPT;
}

uint32_t msi_codec_serializer_id(const msi_codec *codec, const mst_type *type)
{
    return type ? wire_id_of(codec->serializer) : MSI_WIRE_RAW;
}

mst_status msi_codec_encode(msi_codec *codec, const mst_type *type, const void *object,
                            msi_bytes *out)
{
    msi_instance *s = codec->serializer;
    uint64_t began = msi_work_begin(s);
    mst_status status =
        s->plugin->ops.serializer.encode(s->self, type->descriptor, object, &out->sink);
    msi_work_end(s, MSI_WORK_PACK, began, status == MST_OK, 0, out->len);
    if (status == MST_OK) {
        status = out->status; /* a plugin that did not look at what write() returned */
    }
    if (status == MST_OK && out->len > codec->max_value_bytes) {
        status = MST_ETOOBIG;
    }
    if (status == MST_OK) {
        atomic_fetch_add_explicit(&codec->encodes, 1, memory_order_relaxed);
    }
    return status > 0 ? MST_EINVAL : status;
}

/* A remark instead of an error means nothing here, and success without an object is none. */
static mst_status decode_status(msi_codec *codec, mst_status status, const void *object,
                                uint32_t wire_id)
{
    if (status == MST_OK && object) {
        return MST_OK;
    }
    if (status == MST_ENOMEM) {
        return MST_ENOMEM;
    }
    return msi_codec_fault(
        codec, status == MST_ETOOBIG ? MSI_ENVELOPE_TOO_BIG : MSI_ENVELOPE_FAULTS, wire_id);
}

mst_status msi_codec_decode(msi_codec *codec, uint32_t serializer_id, const mst_type *type,
                            mst_slice payload, msi_object **out)
{
    msi_instance *s = codec->serializer;
    *out = NULL;
    if (serializer_id != 0 && serializer_id != MSI_WIRE_RAW) {
        s = msi_codec_reader(codec, MST_KIND_SERIALIZER, serializer_id, s);
        if (!s) {
            return msi_codec_fault(codec, MSI_ENVELOPE_CODEC_UNKNOWN, serializer_id);
        }
    }
    msi_object *made;
    mst_status status = msi_object_new(codec->allocator, type, NULL, 0, NULL, NULL, &made);
    if (status) {
        return status;
    }
    void *object = NULL;
    size_t bytes = 0;
    uint64_t began = msi_work_begin(s);
    status = s->plugin->ops.serializer.decode(s->self, type->descriptor, payload, &object, &bytes);
    msi_work_end(s, MSI_WORK_UNPACK, began, status == MST_OK && object, payload.len, 0);
    status = decode_status(codec, status, object, wire_id_of(s));
    if (status) {
        msi_object_release(made);
        return status;
    }
    made->object = object;
    made->serializer = s;
    msi_instance_retain(s);
    made->base.bytes += bytes;
    atomic_fetch_add_explicit(&codec->decodes, 1, memory_order_relaxed);
    *out = made;
    return MST_OK;
}
