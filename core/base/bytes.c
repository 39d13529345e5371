/* bytes.c - see bytes.h. */
#include "base/bytes.h"

#include <string.h>

static mst_status sink_write(mst_sink *sink, const void *data, size_t len)
{
    return msi_bytes_append((msi_bytes *) sink, data, len);
}

static void *sink_reserve(mst_sink *sink, size_t len)
{
    return msi_bytes_reserve((msi_bytes *) sink, len);
}

void msi_bytes_init(msi_bytes *b, const mst_allocator *allocator, size_t max)
{
    memset(b, 0, sizeof *b);
    b->sink = (mst_sink){sizeof(mst_sink), sink_write, sink_reserve};
    b->allocator = allocator;
    b->max = max;
}

void msi_bytes_fini(msi_bytes *b)
{
    msi_free(b->allocator, b->data);
    b->data = NULL;
    b->len = b->cap = 0;
}

static mst_status grow(msi_bytes *b, size_t len)
{
    size_t need = b->len + len, cap = b->cap ? b->cap : b->max < 256 ? b->max : 256;
    while (cap < need) {
        cap = cap > b->max / 2 ? b->max : 2 * cap;
    }
    uint8_t *data = msi_realloc(b->allocator, b->data, cap);
    if (!data) {
        return MST_ENOMEM;
    }
    b->data = data;
    b->cap = cap;
    return MST_OK;
}

void *msi_bytes_reserve(msi_bytes *b, size_t len)
{
    if (!b->status && len > b->max - b->len) {
        b->status = MST_ETOOBIG;
    }
    if (!b->status && (len > b->cap - b->len || !b->data)) {
        b->status = grow(b, len);
    }
    if (b->status) {
        return NULL;
    }
    uint8_t *at = b->data + b->len;
    b->len += len;
    return at;
}

mst_status msi_bytes_append(msi_bytes *b, const void *data, size_t len)
{
    if (b->status || len == 0) {
        return b->status;
    }
    void *at = msi_bytes_reserve(b, len);
    if (at) {
        memcpy(at, data, len);
    }
    return b->status;
}

uint8_t *msi_bytes_take(msi_bytes *b, size_t *len)
{
    uint8_t *data = b->data;
    *len = b->len;
    b->data = NULL;
    b->len = b->cap = 0;
    return data;
}
