/* seal.c - payloads to stored values and back: compression that keeps only what it gains, and
 * inflation that allocates only what a verified header claims, within the limit. See codec.h. */
#include <string.h>

#include "codec/call.h"

/* What a compressed payload costs beside its bytes: the compressor's id and the raw length. */
static size_t compressed_header(uint32_t wire_id)
{
    return (wire_id < 0x80 ? 1 : 2) + 4;
}

static bool worth_trying(const msi_codec *codec, mst_slice payload, int compress)
{
    if (!codec->compressor || compress == MST_NO || payload.len == 0 || payload.len > UINT32_MAX) {
        return false;
    }
    return compress == MST_YES || payload.len >= codec->settings.min_bytes;
}

static bool gained(const msi_codec *codec, size_t raw, size_t compressed)
{
    size_t stored =
        compressed + compressed_header(codec->compressor->plugin->ops.compressor.wire_id);
    return stored < raw && (double) (raw - stored) >= codec->settings.min_gain * (double) raw;
}

/* MST_OK with *owned NULL: not worth it, or the compressor could not: the payload stays raw. Only
 * the lack of memory is an error. */
static mst_status try_compress(msi_codec *codec, mst_slice payload, uint8_t **owned, size_t *len)
{
    msi_instance *c = codec->compressor;
    const mst_compressor_ops *ops = &c->plugin->ops.compressor;
    *owned = NULL;
    msi_call_begin(c);
    size_t bound = ops->bound(c->self, payload.len);
    msi_call_end(c);
    if (bound == 0) {
        return MST_OK;
    }
    uint8_t *memory = msi_alloc(codec->allocator, bound);
    if (!memory) {
        return MST_ENOMEM;
    }
    *len = 0;
    uint64_t began = msi_work_begin(c);
    mst_status status = ops->compress(c->self, payload, memory, bound, len);
    msi_work_end(c, MSI_WORK_PACK, began, status == MST_OK, payload.len, *len);
    if (status == MST_OK && *len > 0 && *len <= bound && gained(codec, payload.len, *len)) {
        *owned = memory;
        return MST_OK;
    }
    msi_free(codec->allocator, memory);
    return status == MST_ENOMEM ? MST_ENOMEM : MST_OK;
}

mst_status msi_codec_seal(msi_codec *codec, mst_slice payload, const msi_meta *meta, int compress,
                          msi_sealed *out)
{
    memset(out, 0, sizeof *out);
    out->payload = payload;
    if (payload.len > codec->max_value_bytes) {
        return MST_ETOOBIG;
    }
    if (!codec->envelope) {
        return MST_OK;
    }
    mst_envelope e = {
        .serializer_id = meta->serializer_id ? meta->serializer_id : MSI_WIRE_RAW,
        .schema_id = meta->schema_id,
        .created_ms = meta->created_ms,
        .expires_ms = meta->expires_ms,
        .sliding_ms = meta->sliding_ms,
        .raw_len = payload.len,
    };
    if (worth_trying(codec, payload, compress)) {
        size_t len = 0;
        mst_status status = try_compress(codec, payload, &out->owned, &len);
        if (status) {
            return status;
        }
        if (out->owned) {
            e.compressor_id = codec->compressor->plugin->ops.compressor.wire_id;
            out->payload = (mst_slice){out->owned, len};
            atomic_fetch_add_explicit(&codec->compressed, 1, memory_order_relaxed);
            atomic_fetch_add_explicit(&codec->compressed_from, payload.len, memory_order_relaxed);
            atomic_fetch_add_explicit(&codec->compressed_to, len, memory_order_relaxed);
        }
    }
    out->header_len = msi_envelope_write(out->header, &e, out->payload);
    return MST_OK;
}

void msi_sealed_fini(msi_codec *codec, msi_sealed *sealed)
{
    msi_free(codec->allocator, sealed->owned);
    memset(sealed, 0, sizeof *sealed);
}

static mst_status inflate(msi_codec *codec, const mst_envelope *e, mst_slice stored,
                          mst_slice *payload, uint8_t **inflated)
{
    msi_instance *c =
        msi_codec_reader(codec, MST_KIND_COMPRESSOR, e->compressor_id, codec->compressor);
    if (!c) {
        return msi_codec_fault(codec, MSI_ENVELOPE_CODEC_UNKNOWN, e->compressor_id);
    }
    uint8_t *memory = msi_alloc(codec->allocator, e->raw_len);
    if (!memory) {
        return MST_ENOMEM;
    }
    uint64_t began = msi_work_begin(c);
    mst_status status = c->plugin->ops.compressor.decompress(c->self, stored, memory, e->raw_len);
    msi_work_end(c, MSI_WORK_UNPACK, began, status == MST_OK, stored.len, e->raw_len);
    if (status == MST_OK) {
        *payload = (mst_slice){memory, e->raw_len};
        *inflated = memory;
        return MST_OK;
    }
    msi_free(codec->allocator, memory);
    return status == MST_ENOMEM ? MST_ENOMEM
                                : msi_codec_fault(codec, MSI_ENVELOPE_FAULTS, e->compressor_id);
}

mst_status msi_codec_open(msi_codec *codec, mst_slice bytes, msi_meta *meta, mst_slice *payload,
                          uint8_t **inflated)
{
    memset(meta, 0, sizeof *meta);
    *payload = bytes;
    *inflated = NULL;
    if (!codec->envelope) {
        return bytes.len > codec->max_value_bytes ? msi_codec_fault(codec, MSI_ENVELOPE_TOO_BIG, 0)
                                                  : MST_OK;
    }
    mst_envelope e;
    msi_envelope_fault fault = msi_envelope_parse(bytes, codec->max_value_bytes, &e);
    if (fault) {
        return msi_codec_fault(codec, fault, 0);
    }
    *meta = (msi_meta){e.serializer_id, e.schema_id, e.created_ms, e.expires_ms, e.sliding_ms};
    *payload = (mst_slice){(const uint8_t *) bytes.data + e.header_len, e.payload_len};
    return e.compressor_id ? inflate(codec, &e, *payload, payload, inflated) : MST_OK;
}

size_t msi_codec_open_cost(const msi_codec *codec, mst_slice bytes)
{
    uint64_t raw = codec->envelope ? msi_envelope_inflates(bytes) : 0;
    return raw <= codec->max_value_bytes ? (size_t) raw : 0;
}
