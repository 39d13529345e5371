/* zstd.c - the compressor over libzstd. A payload is one Zstandard frame (RFC 8878) that says how
 * long its content is, as the zstd tool reads and writes it.
 *
 * A value is compressed and inflated in one call, from buffer to buffer. So the encoder makes its
 * tables for the length of the value, and the decoder needs no window: what a frame claims about
 * itself cannot make it take memory, and a bomb ends where the value should have.
 *
 * The functions that take an allocator belong to the part of libzstd that is declared for static
 * linking only. The shared library exports them all the same, their types have not changed since
 * 1.0, and without them the memory would not be the host's.
 *
 * A build of libzstd may read the formats from before 1.0 as well, with decoders that nobody looks
 * after any more, and it skips frames without content. Neither is a value: see is_one_frame().
 */
#define ZSTD_STATIC_LINKING_ONLY
#include <memstache/codec.h>

#include <stdbool.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "../context/spares.h"

/* An encoder for 100 kB at level 3 takes 0.8 MB, one for 300 kB at level 19 takes 9.7 (measured,
 * zstd 1.5.4). What is larger than this is not kept between calls. */
enum { KEPT_MAX = 4 << 20 };

typedef struct zstd {
    const mst_host *host;
    int64_t level;
    bool checksum;
    mst_spares encoders, decoders;
} zstd;

static const mst_option options[] = {
    {"level", MST_OPT_INT, 0, offsetof(zstd, level), "3", "1", "19", NULL,
     "1 is fastest, 19 smallest; above 9 writing is many times slower, reading is not"},
    {"checksum", MST_OPT_BOOL, 0, offsetof(zstd, checksum), "no", NULL, NULL, NULL,
     "whether a frame ends in a checksum of its content; the envelope has one already"},
};

static mst_status zstd_init(void *self, const mst_host *host)
{
    ((zstd *) self)->host = host;
    return MST_OK;
}

static void zstd_fini(void *self)
{
    zstd *z = self;
    void *context;
    while ((context = mst_spares_take(&z->encoders))) {
        ZSTD_freeCCtx(context);
    }
    while ((context = mst_spares_take(&z->decoders))) {
        ZSTD_freeDCtx(context);
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

static ZSTD_customMem memory_of(const zstd *z)
{
    return (ZSTD_customMem){take, give_back, (void *) z->host};
}

static mst_status status_of(size_t result, mst_status otherwise)
{
    return ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation ? MST_ENOMEM : otherwise;
}

/* ---- compressing */

static size_t zstd_bound(void *self, size_t len)
{
    size_t bound = ZSTD_compressBound(len);
    return ZSTD_isError(bound) ? 0 : bound;
}

static ZSTD_CCtx *encoder_of(zstd *z)
{
    ZSTD_CCtx *encoder = mst_spares_take(&z->encoders);
    if (!encoder && (encoder = ZSTD_createCCtx_advanced(memory_of(z)))) {
        ZSTD_CCtx_setParameter(encoder, ZSTD_c_compressionLevel, (int) z->level);
        ZSTD_CCtx_setParameter(encoder, ZSTD_c_checksumFlag, z->checksum);
    }
    return encoder;
}

static mst_status zstd_compress(void *self, mst_slice src, void *dst, size_t cap, size_t *len)
{
    zstd *z = self;
    ZSTD_CCtx *encoder = encoder_of(z);
    if (!encoder) {
        return MST_ENOMEM;
    }
    size_t result = ZSTD_compress2(encoder, dst, cap, src.data, src.len);
    bool failed = ZSTD_isError(result);
    if (failed || ZSTD_sizeof_CCtx(encoder) > KEPT_MAX || mst_spares_keep(&z->encoders, encoder)) {
        ZSTD_freeCCtx(encoder);
    }
    if (failed) {
        return status_of(result, MST_ETOOBIG);
    }
    *len = result;
    return MST_OK;
}

/* ---- inflating */

static bool is_one_frame(mst_slice src)
{
    static const unsigned char magic[] = {0x28, 0xB5, 0x2F, 0xFD};
    return src.len > sizeof magic && memcmp(src.data, magic, sizeof magic) == 0 &&
           ZSTD_findFrameCompressedSize(src.data, src.len) == src.len;
}

static mst_status zstd_decompress(void *self, mst_slice src, void *dst, size_t len)
{
    zstd *z = self;
    if (!is_one_frame(src)) {
        return MST_ECORRUPT;
    }
    ZSTD_DCtx *decoder = mst_spares_take(&z->decoders);
    if (!decoder && !(decoder = ZSTD_createDCtx_advanced(memory_of(z)))) {
        return MST_ENOMEM;
    }
    size_t result = ZSTD_decompressDCtx(decoder, dst, len, src.data, src.len);
    if (ZSTD_isError(result) || mst_spares_keep(&z->decoders, decoder)) {
        ZSTD_freeDCtx(decoder);
    }
    return result == len ? MST_OK : status_of(result, MST_ECORRUPT);
}

static const mst_compressor_ops ops = {
    .struct_size = sizeof ops,
    .wire_id = 2,
    .bound = zstd_bound,
    .compress = zstd_compress,
    .decompress = zstd_decompress,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_COMPRESSOR,
    .kind_version = MST_COMPRESSOR_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .instance_size = sizeof(zstd),
    .name = "zstd",
    .version = "1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "Zstandard (RFC 8878): good ratios at high speed, fast to read",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .option_size = sizeof options[0],
    .init = zstd_init,
    .fini = zstd_fini,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
