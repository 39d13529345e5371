/* gzip.c - the compressor over zlib. A payload is one gzip member (RFC 1952), with the checksum and
 * the length of its content, as gzip and gunzip write and read it: for back ends that are shared
 * with programs that know nothing else.
 *
 * A value is inflated in one call into its own buffer, so that zlib needs no window beside it, but
 * for the 32 kB that it takes when a member turns out to be cut.
 */
#define ZLIB_CONST
#include <memstache/codec.h>

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <zlib.h>

#include "../context/spares.h"

/* A window of 32 kB, which 16 marks as one with a gzip header; the memory level is zlib's own. */
enum { WINDOW_BITS = 15, GZIP = 16, MEM_LEVEL = 8 };

/* What the header and the trailer of gzip have more than those of zlib, which compressBound()
 * knows. */
enum { WRAPPER = 12 };

typedef struct gzip {
    const mst_host *host;
    int64_t level;
    mst_spares deflaters, inflaters;
} gzip;

static const mst_option options[] = {
    {"level", MST_OPT_INT, 0, offsetof(gzip, level), "6", "1", "9", NULL,
     "1 is fastest, 9 smallest"},
};

static mst_status gzip_init(void *self, const mst_host *host)
{
    ((gzip *) self)->host = host;
    return MST_OK;
}

/* ---- streams: a z_stream from the host, ready for the next value */

static void *take(void *host, uInt items, uInt size)
{
    const mst_host *h = host;
    return size == 0 || items <= SIZE_MAX / size ? h->alloc(h, (size_t) items * size) : NULL;
}

static void give_back(void *host, void *p)
{
    ((const mst_host *) host)->free(host, p);
}

static z_stream *stream_new(const gzip *g, bool inflates)
{
    z_stream *s = g->host->alloc(g->host, sizeof *s);
    if (!s) {
        return NULL;
    }
    *s = (z_stream){.zalloc = take, .zfree = give_back, .opaque = (void *) g->host};
    int result = inflates ? inflateInit2(s, WINDOW_BITS + GZIP)
                          : deflateInit2(s, (int) g->level, Z_DEFLATED, WINDOW_BITS + GZIP,
                                         MEM_LEVEL, Z_DEFAULT_STRATEGY);
    if (result != Z_OK) {
        g->host->free(g->host, s);
        return NULL;
    }
    return s;
}

static void stream_free(const gzip *g, z_stream *s, bool inflates)
{
    if (inflates) {
        inflateEnd(s);
    } else {
        deflateEnd(s);
    }
    g->host->free(g->host, s);
}

static void gzip_fini(void *self)
{
    gzip *g = self;
    z_stream *s;
    while ((s = mst_spares_take(&g->deflaters))) {
        stream_free(g, s, false);
    }
    while ((s = mst_spares_take(&g->inflaters))) {
        stream_free(g, s, true);
    }
}

/* zlib counts in unsigned int. */
static void stream_aim(z_stream *s, mst_slice src, void *dst, size_t len)
{
    s->next_in = src.data;
    s->avail_in = (uInt) src.len;
    s->next_out = dst;
    s->avail_out = len < UINT_MAX ? (uInt) len : UINT_MAX;
}

/* ---- compressing */

static size_t gzip_bound(void *self, size_t len)
{
    return len < UINT_MAX - UINT_MAX / 16 ? compressBound(len) + WRAPPER : 0;
}

static mst_status gzip_compress(void *self, mst_slice src, void *dst, size_t cap, size_t *len)
{
    gzip *g = self;
    if (src.len > UINT_MAX) {
        return MST_ETOOBIG;
    }
    z_stream *s = mst_spares_take(&g->deflaters);
    if (!s && !(s = stream_new(g, false))) {
        return MST_ENOMEM;
    }
    stream_aim(s, src, dst, cap);
    bool whole = deflate(s, Z_FINISH) == Z_STREAM_END;
    *len = s->total_out;
    if (deflateReset(s) != Z_OK || mst_spares_keep(&g->deflaters, s)) {
        stream_free(g, s, false);
    }
    return whole ? MST_OK : MST_ETOOBIG;
}

/* ---- inflating */

static mst_status gzip_decompress(void *self, mst_slice src, void *dst, size_t len)
{
    gzip *g = self;
    if (src.len > UINT_MAX || len > UINT_MAX) {
        return MST_ECORRUPT;
    }
    z_stream *s = mst_spares_take(&g->inflaters);
    if (!s && !(s = stream_new(g, true))) {
        return MST_ENOMEM;
    }
    stream_aim(s, src, dst, len);
    int result = inflate(s, Z_FINISH);
    bool whole = result == Z_STREAM_END && s->avail_in == 0 && s->avail_out == 0;
    if (inflateReset(s) != Z_OK || mst_spares_keep(&g->inflaters, s)) {
        stream_free(g, s, true);
    }
    if (whole) {
        return MST_OK;
    }
    return result == Z_MEM_ERROR ? MST_ENOMEM : MST_ECORRUPT;
}

static const mst_compressor_ops ops = {
    .struct_size = sizeof ops,
    .wire_id = 4,
    .bound = gzip_bound,
    .compress = gzip_compress,
    .decompress = gzip_decompress,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_COMPRESSOR,
    .kind_version = MST_COMPRESSOR_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .instance_size = sizeof(gzip),
    .name = "gzip",
    .version = "1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "gzip (RFC 1952): what every other program can read",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .option_size = sizeof options[0],
    .init = gzip_init,
    .fini = gzip_fini,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
