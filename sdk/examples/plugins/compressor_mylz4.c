/* compressor_mylz4.c - LZ4 in its simplest form: one block, without a header, because the envelope
 * of a value already says how long it was. The compressor `lz4` that comes with memstache writes
 * LZ4 frames instead, which the lz4 tool can read.
 */
#include <lz4.h>
#include <memstache/codec.h>

static size_t bound(void *self, size_t len)
{
    return len <= LZ4_MAX_INPUT_SIZE ? (size_t) LZ4_compressBound((int) len) : 0;
}

/* bound() was asked before, so `src.len` and `cap` fit into an int. */
static mst_status compress(void *self, mst_slice src, void *dst, size_t cap, size_t *len)
{
    int n = LZ4_compress_default(src.data, dst, (int) src.len, (int) cap);
    *len = n > 0 ? (size_t) n : 0;
    return n > 0 ? MST_OK : MST_ETOOBIG;
}

/* The bytes may come from another machine: only a block of exactly this length is believed. */
static mst_status decompress(void *self, mst_slice src, void *dst, size_t len)
{
    if (src.len > INT32_MAX || len > INT32_MAX) {
        return MST_ECORRUPT;
    }
    int n = LZ4_decompress_safe(src.data, dst, (int) src.len, (int) len);
    return n >= 0 && (size_t) n == len ? MST_OK : MST_ECORRUPT;
}

static const mst_compressor_ops ops = {
    .struct_size = sizeof ops,
    .wire_id = 1003, /* 128 to 32767 are free for all; it stays with the stored values */
    .bound = bound,
    .compress = compress,
    .decompress = decompress,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_COMPRESSOR,
    .kind_version = MST_COMPRESSOR_VERSION,
    .flags = MST_PLUGIN_REENTRANT, /* no state: any number of threads */
    .name = "mylz4",
    .version = "1.0.0",
    .author = "you",
    .license = "MIT",
    .summary = "Bare LZ4 blocks",
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
