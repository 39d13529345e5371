/* packed.c - the bytes of the compressors, for the tools of their libraries to read and to write:
 * see packed.py.
 *
 *   codec_packed pack NAME [OPTION VALUE]...   what the compressor makes of the input
 *   codec_packed unpack NAME LENGTH            the value of that length, from such bytes
 *
 * Input and output are stdin and stdout. Exit status 3: the bytes are refused. */
#include <stdio.h>
#include <string.h>

#include "codec_floor.h"

enum { INPUT_MAX = 16 << 20, REFUSED = 3 };

static const struct {
    const char *name;
    const mst_module *module;
} compressors[] = {
    {"zstd", &memstache_module_compressor_zstd},
    {"lz4", &memstache_module_compressor_lz4},
    {"gzip", &memstache_module_compressor_gzip},
};

static const mst_module *module_named(const char *name)
{
    for (size_t i = 0; i < sizeof compressors / sizeof compressors[0]; i++) {
        if (strcmp(name, compressors[i].name) == 0) {
            return compressors[i].module;
        }
    }
    return NULL;
}

static int write_out(const void *data, size_t len)
{
    return fwrite(data, 1, len, stdout) == len && fflush(stdout) == 0 ? 0 : 1;
}

static int pack(msi_instance *i, mst_slice in)
{
    const mst_compressor_ops *ops = &i->plugin->ops.compressor;
    size_t cap = ops->bound(i->self, in.len), len = 0;
    void *out = malloc(cap);
    int failed = !out || ops->compress(i->self, in, out, cap, &len) || write_out(out, len);
    free(out);
    return failed;
}

static int unpack(msi_instance *i, mst_slice in, const char *length)
{
    size_t len = strtoul(length, NULL, 10);
    void *out = malloc(len + 1);
    if (!out) {
        return 1;
    }
    mst_status status = i->plugin->ops.compressor.decompress(i->self, in, out, len);
    int failed = status ? REFUSED : write_out(out, len);
    free(out);
    return failed;
}

int main(int argc, char **argv)
{
    static char input[INPUT_MAX];
    codec_floor floor;
    const mst_module *module = argc > 2 ? module_named(argv[2]) : NULL;
    if (!module) {
        fprintf(stderr, "usage: codec_packed pack|unpack COMPRESSOR ...\n");
        return 2;
    }
    bool packs = strcmp(argv[1], "pack") == 0;
    codec_floor_open(&floor);
    msi_instance *i =
        codec_floor_instance(&floor, module, packs ? (const char *const *) argv + 3 : NULL);
    int failed = 1;
    if (i) {
        mst_slice in = {input, fread(input, 1, sizeof input, stdin)};
        failed = packs ? pack(i, in) : unpack(i, in, argc > 3 ? argv[3] : "0");
        msi_instance_release(i);
    }
    if (codec_floor_close(&floor)) {
        fprintf(stderr, "memory is left over\n");
        failed = 1;
    }
    return failed;
}
