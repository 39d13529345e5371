/* brotli.c - the compressor over libbrotli, through its streaming interface, because only that one
 * takes an allocator: all memory is the host's, counted, and bounded where the input is untrusted.
 *
 * Compressing: the window is made no larger than the value needs. The ratio stays the same, and an
 * encoder for 100 kB at quality 4 takes 1.9 MB instead of 9.8; at quality 9, values of 1 kB take
 * 40 us instead of 5 ms, because the tables are no longer made for 4 MB (measured, brotli 1.0.9).
 *
 * The encoder ends the process when its allocator returns NULL: that is how it is built by default
 * (BROTLI_ENCODER_EXIT_ON_OOM), and by Debian. So the allocator does not return then. It jumps out
 * of the encoder, which holds nothing but memory, and that memory is known (memory.c).
 *
 * Inflating: a stream names its own window and its own number of code tables, before it has proved
 * anything. The decoder never gets more than what a value of the announced length can need: a
 * ring buffer (the next power of two, and a second one while it grows) and all tables of the format
 * at their largest, TABLES_MAX.
 */
#include <brotli/decode.h>
#include <brotli/encode.h>
#include <stdint.h>

#include "memory.h"

enum { MODE_GENERIC, MODE_TEXT };

/* 256 trees each of literals, commands and distances, of at most 632, 1,080 and 896 entries of
 * 4 bytes, are 2.7 MB; the decoder's state, context maps and block types are a few ten kB. */
enum { TABLES_MAX = 4 << 20, RING_MIN = 1024 };

typedef struct brotli {
    const mst_host *host;
    int64_t quality, window;
    int32_t mode;
    mst_brotli_pool pool;
} brotli;

static const mst_option options[] = {
    {"quality", MST_OPT_INT, 0, offsetof(brotli, quality), "4", "0", "11", NULL,
     "0 is fastest, 11 smallest; above 9 writing is many times slower, reading is not"},
    {"window", MST_OPT_INT, 0, offsetof(brotli, window), "22", "10", "24", NULL,
     "how far back matches may reach, as a power of two; smaller values use a smaller window"},
    {"mode", MST_OPT_ENUM, 0, offsetof(brotli, mode), "generic", NULL, NULL, "generic|text",
     "what to expect of the values: anything, or UTF-8 text"},
};

static mst_status brotli_init(void *self, const mst_host *host)
{
    ((brotli *) self)->host = host;
    return MST_OK;
}

static void brotli_fini(void *self)
{
    brotli *b = self;
    if (b->host) {
        mst_brotli_pool_fini(&b->pool, b->host);
    }
}

/* ---- compressing */

static size_t brotli_bound(void *self, size_t len)
{
    return BrotliEncoderMaxCompressedSize(len);
}

/* The least window whose reach (16 bytes less than its size) covers the value. */
static uint32_t window_for(size_t len, int64_t max)
{
    uint32_t bits = BROTLI_MIN_WINDOW_BITS;
    while (bits < max && ((size_t) 1 << bits) - 16 < len) {
        bits++;
    }
    return bits;
}

static mst_status encode(const brotli *b, mst_brotli_memory *m, mst_slice src, void *dst,
                         size_t cap, size_t *len)
{
    BrotliEncoderState *e = BrotliEncoderCreateInstance(mst_brotli_take, mst_brotli_give_back, m);
    if (!e) {
        return MST_ENOMEM;
    }
    BrotliEncoderSetParameter(e, BROTLI_PARAM_QUALITY, (uint32_t) b->quality);
    BrotliEncoderSetParameter(e, BROTLI_PARAM_LGWIN, window_for(src.len, b->window));
    BrotliEncoderSetParameter(e, BROTLI_PARAM_MODE,
                              b->mode == MODE_TEXT ? BROTLI_MODE_TEXT : BROTLI_MODE_GENERIC);
    BrotliEncoderSetParameter(e, BROTLI_PARAM_SIZE_HINT,
                              src.len < UINT32_MAX ? (uint32_t) src.len : UINT32_MAX);
    const uint8_t *in = src.data;
    uint8_t *out = dst;
    size_t in_left = src.len, out_left = cap;
    BROTLI_BOOL ok = BrotliEncoderCompressStream(e, BROTLI_OPERATION_FINISH, &in_left, &in,
                                                 &out_left, &out, NULL);
    BROTLI_BOOL finished = BrotliEncoderIsFinished(e);
    BrotliEncoderDestroyInstance(e);
    if (!ok) {
        return m->failed ? MST_ENOMEM : MST_EIO;
    }
    *len = cap - out_left;
    return finished ? MST_OK : MST_ETOOBIG;
}

/* A function of its own, because what is local to the one that calls setjmp() may be lost. */
static mst_status encode_or_bail(const brotli *b, mst_brotli_memory *m, mst_slice src, void *dst,
                                 size_t cap, size_t *len)
{
    jmp_buf bail;
    m->bail = &bail;
    return setjmp(bail) ? MST_ENOMEM : encode(b, m, src, dst, cap, len);
}

static mst_status brotli_compress(void *self, mst_slice src, void *dst, size_t cap, size_t *len)
{
    brotli *b = self;
    mst_brotli_memory m;
    mst_brotli_memory_init(&m, b->host, SIZE_MAX, &b->pool);
    mst_status status = encode_or_bail(b, &m, src, dst, cap, len);
    mst_brotli_memory_fini(&m);
    return status;
}

/* ---- inflating */

/* For output of `len` bytes: see the top. */
static size_t decoder_budget(size_t len)
{
    size_t ring = RING_MIN;
    while (ring < len && ring < (size_t) 1 << BROTLI_MAX_WINDOW_BITS) {
        ring *= 2;
    }
    return 2 * ring + TABLES_MAX;
}

static mst_status brotli_decompress(void *self, mst_slice src, void *dst, size_t len)
{
    const brotli *b = self;
    mst_brotli_memory m;
    mst_brotli_memory_init(&m, b->host, decoder_budget(len), NULL);
    BrotliDecoderState *d = BrotliDecoderCreateInstance(mst_brotli_take, mst_brotli_give_back, &m);
    if (!d) {
        return MST_ENOMEM;
    }
    const uint8_t *in = src.data;
    uint8_t *out = dst;
    size_t in_left = src.len, out_left = len;
    BrotliDecoderResult result =
        BrotliDecoderDecompressStream(d, &in_left, &in, &out_left, &out, NULL);
    BrotliDecoderDestroyInstance(d);
    if (result == BROTLI_DECODER_RESULT_SUCCESS && in_left == 0 && out_left == 0) {
        return MST_OK;
    }
    return m.failed && !m.refused ? MST_ENOMEM : MST_ECORRUPT;
}

static const mst_compressor_ops ops = {
    .struct_size = sizeof ops,
    .wire_id = 1,
    .bound = brotli_bound,
    .compress = brotli_compress,
    .decompress = brotli_decompress,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_COMPRESSOR,
    .kind_version = MST_COMPRESSOR_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .instance_size = sizeof(brotli),
    .name = "brotli",
    .version = "1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "Brotli (RFC 7932): high ratios, fast to read",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .option_size = sizeof options[0],
    .init = brotli_init,
    .fini = brotli_fini,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
