/* compressor.c - copies bytes, and has at most one thing wrong, which the build chooses by -D.
 *
 * Its constructor leaves a trace in the environment, so that the tests can see whether any code of
 * a refused file has run. */
#include <memstache/codec.h>

#include <stdlib.h>
#include <string.h>

#ifndef NAME
#define NAME "good"
#endif
#ifndef MAGIC
#define MAGIC MST_MODULE_MAGIC
#endif
#ifndef ABI
#define ABI MST_ABI_MAJOR, MST_ABI_MINOR
#endif
#ifndef MODULE_SIZE
#define MODULE_SIZE sizeof(mst_module)
#endif
#ifndef PLUGIN_SIZE
#define PLUGIN_SIZE sizeof(mst_plugin)
#endif
#ifndef OPS_SIZE
#define OPS_SIZE sizeof(mst_compressor_ops)
#endif
#ifndef KIND_VERSION
#define KIND_VERSION MST_COMPRESSOR_VERSION
#endif
#ifndef WIRE_ID
#define WIRE_ID 201
#endif
#ifndef DECOMPRESS
#define DECOMPRESS decompress
#endif
#ifndef LEVEL
#define LEVEL "4"
#endif
#ifndef OPTION
#define OPTION "level"
#endif

typedef struct self {
    int64_t level;
} self;

__attribute__((constructor)) static void leave_trace(void)
{
    setenv("MEMSTACHE_TEST_CONSTRUCTED_" NAME, "yes", 1);
}

static mst_status init(void *instance, const mst_host *host)
{
    (void) instance;
#ifdef INIT_FAILS
    host->set_error(host, "the dictionary is missing");
    return MST_EIO;
#else
    (void) host;
    return MST_OK;
#endif
}

static size_t bound(void *instance, size_t len)
{
    (void) instance;
    return len;
}

static mst_status compress(void *instance, mst_slice src, void *dst, size_t cap, size_t *len)
{
    (void) instance;
    if (src.len > cap) {
        return MST_ETOOBIG;
    }
    memcpy(dst, src.data, src.len);
    *len = src.len;
    return MST_OK;
}

__attribute__((unused)) static mst_status decompress(void *instance, mst_slice src, void *dst,
                                                     size_t len)
{
    (void) instance;
    if (src.len != len) {
        return MST_ECORRUPT;
    }
    memcpy(dst, src.data, len);
    return MST_OK;
}

static const mst_option options[] = {
    {OPTION, MST_OPT_INT, 0, offsetof(self, level), LEVEL, "0", "9", NULL, "How hard to try."},
};

static const mst_compressor_ops ops = {OPS_SIZE, WIRE_ID, bound, compress, DECOMPRESS};

static const mst_plugin plugin = {
    .struct_size = PLUGIN_SIZE,
    .kind = MST_KIND_COMPRESSOR,
    .kind_version = KIND_VERSION,
    .instance_size = sizeof(self),
    .name = NAME,
    .version = "1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "copies bytes",
    .options = options,
    .option_count = 1,
    .option_size = sizeof(mst_option),
    .init = init,
    .ops = &ops,
};

static const mst_plugin *const list[] = {&plugin};
MST_EXPORT const mst_module memstache_module;
const mst_module memstache_module = {MAGIC, MODULE_SIZE, ABI, 0, 1, list};
