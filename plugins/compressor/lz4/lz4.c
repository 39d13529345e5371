/* lz4.c - the compressor over liblz4. A payload is one LZ4 frame that says how long its content is,
 * as the lz4 tool reads and writes it, and not a bare block, which nothing else could read.
 *
 * Blocks are of 64 kB and refer to each other. That packs as well as the largest ones, and a reader
 * has to hold one of them only: 256 kB instead of 8 MB. Frames of other writers may have larger
 * blocks; the memory for one is taken when its frame is read, and given back after it.
 *
 * The functions that take an allocator belong to the part of liblz4 that is declared for static
 * linking only; without them the memory would not be the host's. The build looks whether the
 * shared library exports them.
 */
#define LZ4F_STATIC_LINKING_ONLY
#include <memstache/codec.h>

#include <lz4frame.h>
#include <stdbool.h>

#include "../context/spares.h"

enum { BLOCK = 64 << 10 };

typedef struct lz4 {
    const mst_host *host;
    int64_t level;
    bool checksum;
    mst_spares encoders, decoders;
} lz4;

static const mst_option options[] = {
    {"level", MST_OPT_INT, 0, offsetof(lz4, level), "1", "1", "12", NULL,
     "1 is fastest, 12 smallest; from 3 on writing is many times slower, reading is not"},
    {"checksum", MST_OPT_BOOL, 0, offsetof(lz4, checksum), "no", NULL, NULL, NULL,
     "whether a frame ends in a checksum of its content; the envelope has one already"},
};

static mst_status lz4_init(void *self, const mst_host *host)
{
    ((lz4 *) self)->host = host;
    return MST_OK;
}

static void lz4_fini(void *self)
{
    lz4 *l = self;
    void *context;
    while ((context = mst_spares_take(&l->encoders))) {
        LZ4F_freeCompressionContext(context);
    }
    while ((context = mst_spares_take(&l->decoders))) {
        LZ4F_freeDecompressionContext(context);
    }
}

static void *take(void *host, size_t size)
{
    return ((const mst_host *) host)->alloc(host, size);
}

static void give_back(void *host, void *p)
{
    if (p) {
        ((const mst_host *) host)->free(host, p);
    }
}

static LZ4F_CustomMem memory_of(const lz4 *l)
{
    return (LZ4F_CustomMem){take, NULL, give_back, (void *) l->host};
}

static mst_status status_of(size_t result, mst_status otherwise)
{
    return LZ4F_getErrorCode(result) == LZ4F_ERROR_allocation_failed ? MST_ENOMEM : otherwise;
}

/* ---- compressing */

static LZ4F_preferences_t frame_of(const lz4 *l, size_t len)
{
    return (LZ4F_preferences_t){
        .frameInfo = {.blockSizeID = LZ4F_max64KB,
                      .blockMode = len <= BLOCK ? LZ4F_blockIndependent : LZ4F_blockLinked,
                      .contentChecksumFlag =
                          l->checksum ? LZ4F_contentChecksumEnabled : LZ4F_noContentChecksum,
                      .contentSize = len},
        .compressionLevel = (int) l->level,
        .autoFlush = 1, /* nothing waits in the context for more */
    };
}

static size_t lz4_bound(void *self, size_t len)
{
    LZ4F_preferences_t frame = frame_of(self, len);
    size_t bound = LZ4F_compressFrameBound(len, &frame);
    return bound > len ? bound : 0;
}

/* Header, blocks and end of a frame; its length, or an error of liblz4. */
static size_t encode(LZ4F_cctx *encoder, const LZ4F_preferences_t *frame, mst_slice src, char *dst,
                     size_t cap)
{
    static const LZ4F_compressOptions_t whole = {.stableSrc = 1};
    size_t at = LZ4F_compressBegin(encoder, dst, cap, frame);
    if (LZ4F_isError(at)) {
        return at;
    }
    size_t step = LZ4F_compressUpdate(encoder, dst + at, cap - at, src.data, src.len, &whole);
    if (LZ4F_isError(step)) {
        return step;
    }
    at += step;
    step = LZ4F_compressEnd(encoder, dst + at, cap - at, &whole);
    return LZ4F_isError(step) ? step : at + step;
}

static mst_status lz4_compress(void *self, mst_slice src, void *dst, size_t cap, size_t *len)
{
    lz4 *l = self;
    LZ4F_preferences_t frame = frame_of(l, src.len);
    LZ4F_cctx *encoder = mst_spares_take(&l->encoders);
    if (!encoder &&
        !(encoder = LZ4F_createCompressionContext_advanced(memory_of(l), LZ4F_VERSION))) {
        return MST_ENOMEM;
    }
    size_t result = encode(encoder, &frame, src, dst, cap);
    bool failed = LZ4F_isError(result);
    if (failed || mst_spares_keep(&l->encoders, encoder)) {
        LZ4F_freeCompressionContext(encoder);
    }
    if (failed) {
        return status_of(result, MST_ETOOBIG);
    }
    *len = result;
    return MST_OK;
}

/* ---- inflating */

/* Whether the content can be the value: not one of another length, nor one that needs a dictionary,
 * nor a frame to skip. */
static bool is_value(const LZ4F_frameInfo_t *frame, size_t len)
{
    return frame->frameType == LZ4F_frame && frame->dictID == 0 &&
           (frame->contentSize == 0 || frame->contentSize == len);
}

/* The frame behind its header. MST_OK: whole, with nothing behind it. */
static mst_status decode(LZ4F_dctx *decoder, mst_slice src, char *dst, size_t len)
{
    static const LZ4F_decompressOptions_t whole = {.stableDst = 1};
    const char *in = src.data;
    size_t in_left = src.len, out_left = len, read, written, wanted;
    do {
        read = in_left;
        written = out_left;
        wanted = LZ4F_decompress(decoder, dst, &written, in, &read, &whole);
        if (LZ4F_isError(wanted)) {
            return status_of(wanted, MST_ECORRUPT);
        }
        in += read;
        in_left -= read;
        dst += written;
        out_left -= written;
    } while (wanted && (read || written));
    return wanted || in_left || out_left ? MST_ECORRUPT : MST_OK;
}

static mst_status lz4_decompress(void *self, mst_slice src, void *dst, size_t len)
{
    lz4 *l = self;
    LZ4F_frameInfo_t frame = {.blockSizeID = LZ4F_max64KB};
    size_t header = src.len;
    LZ4F_dctx *decoder = mst_spares_take(&l->decoders);
    if (!decoder &&
        !(decoder = LZ4F_createDecompressionContext_advanced(memory_of(l), LZ4F_VERSION))) {
        return MST_ENOMEM;
    }
    mst_status status = MST_ECORRUPT;
    size_t wanted = LZ4F_getFrameInfo(decoder, &frame, src.data, &header);
    if (!LZ4F_isError(wanted) && is_value(&frame, len)) {
        mst_slice blocks = {(const char *) src.data + header, src.len - header};
        status = decode(decoder, blocks, dst, len);
    }
    if (status || frame.blockSizeID > LZ4F_max64KB || mst_spares_keep(&l->decoders, decoder)) {
        LZ4F_freeDecompressionContext(decoder);
    }
    return status;
}

static const mst_compressor_ops ops = {
    .struct_size = sizeof ops,
    .wire_id = 3,
    .bound = lz4_bound,
    .compress = lz4_compress,
    .decompress = lz4_decompress,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_COMPRESSOR,
    .kind_version = MST_COMPRESSOR_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .instance_size = sizeof(lz4),
    .name = "lz4",
    .version = "1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "LZ4 frames: low ratios, faster than everything else",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .option_size = sizeof options[0],
    .init = lz4_init,
    .fini = lz4_fini,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
