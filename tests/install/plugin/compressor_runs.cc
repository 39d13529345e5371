// Run-length coding as a plugin in C++: pairs of a count and a byte.
#include <memstache/codec.h>

#include <cstring>

namespace
{

size_t bound(void *, size_t len)
{
    return 2 * len;
}

mst_status compress(void *, mst_slice src, void *dst, size_t cap, size_t *len)
{
    const auto *in = static_cast<const unsigned char *>(src.data);
    auto *out = static_cast<unsigned char *>(dst);
    size_t used = 0;
    for (size_t i = 0; i < src.len;) {
        size_t run = 1;
        while (i + run < src.len && run < 255 && in[i + run] == in[i]) {
            run++;
        }
        if (cap - used < 2) {
            return MST_ETOOBIG;
        }
        out[used++] = static_cast<unsigned char>(run);
        out[used++] = in[i];
        i += run;
    }
    *len = used;
    return MST_OK;
}

mst_status decompress(void *, mst_slice src, void *dst, size_t len)
{
    const auto *in = static_cast<const unsigned char *>(src.data);
    auto *out = static_cast<unsigned char *>(dst);
    size_t made = 0;
    for (size_t i = 0; i + 1 < src.len; i += 2) {
        if (in[i] > len - made) {
            return MST_ECORRUPT;
        }
        std::memset(out + made, in[i + 1], in[i]);
        made += in[i];
    }
    return src.len % 2 == 0 && made == len ? MST_OK : MST_ECORRUPT;
}

const mst_compressor_ops ops = {sizeof ops, 200, bound, compress, decompress};

const mst_plugin runs = {
    sizeof runs,
    MST_KIND_COMPRESSOR,
    MST_COMPRESSOR_VERSION,
    MST_PLUGIN_REENTRANT,
    0,
    "runs",
    "1.0.0",
    "The memstache authors",
    "MIT",
    "Run-length coding",
    nullptr,
    0,
    0,
    nullptr,
    nullptr,
    &ops,
};

} // namespace

MST_PLUGIN_MODULE(&runs);
