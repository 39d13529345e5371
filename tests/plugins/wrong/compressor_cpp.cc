// compressor_cpp.cc - a right plugin in C++: bytes as they are, behind their sum. Its templates of
// the standard library leave weak symbols in the file, which are nobody's fault.
#include <memstache/codec.h>

#include <cstring>
#include <numeric>
#include <vector>

namespace
{

size_t bound(void *, size_t len)
{
    return len + 1;
}

mst_status compress(void *, mst_slice src, void *dst, size_t cap, size_t *len)
{
    const uint8_t *in = static_cast<const uint8_t *>(src.data);
    std::vector<uint8_t> out;
    out.push_back(std::accumulate(in, in + src.len, uint8_t{0}));
    out.insert(out.end(), in, in + src.len);
    if (out.size() > cap) {
        return MST_ETOOBIG;
    }
    std::memcpy(dst, out.data(), out.size());
    *len = out.size();
    return MST_OK;
}

mst_status decompress(void *, mst_slice src, void *dst, size_t len)
{
    const uint8_t *in = static_cast<const uint8_t *>(src.data);
    if (src.len != len + 1 || in[0] != std::accumulate(in + 1, in + src.len, uint8_t{0})) {
        return MST_ECORRUPT;
    }
    std::memcpy(dst, in + 1, len);
    return MST_OK;
}

mst_compressor_ops make_ops()
{
    mst_compressor_ops ops = {};
    ops.struct_size = sizeof ops;
    ops.wire_id = 201;
    ops.bound = bound;
    ops.compress = compress;
    ops.decompress = decompress;
    return ops;
}
const mst_compressor_ops ops = make_ops();

mst_plugin make_plugin()
{
    mst_plugin plugin = {};
    plugin.struct_size = sizeof plugin;
    plugin.kind = MST_KIND_COMPRESSOR;
    plugin.kind_version = MST_COMPRESSOR_VERSION;
    plugin.flags = MST_PLUGIN_REENTRANT;
    plugin.name = "cpp";
    plugin.version = "1.0";
    plugin.author = "memstache";
    plugin.license = "MIT";
    plugin.summary = "Bytes and their sum, in C++, for tests";
    plugin.ops = &ops;
    return plugin;
}
const mst_plugin plugin = make_plugin();

} // namespace

MST_PLUGIN_MODULE(&plugin);
