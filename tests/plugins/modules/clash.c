/* clash.c - built twice, with two values: both define the same global function, as two plugins that
 * carry different copies of a library do. Each must go on calling its own.
 *
 * bound() also leaves a thread-specific value with a destructor in this file, which runs when the
 * thread ends: after an unloading it would be gone. */
#include <memstache/codec.h>

#include <pthread.h>
#include <stdlib.h>

MST_EXPORT size_t memstache_test_helper(void);

size_t memstache_test_helper(void)
{
    return VALUE;
}

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void destroy_value(void *value)
{
    free(value);
}

static void make_key(void)
{
    pthread_key_create(&key, destroy_value);
}

static size_t bound(void *self, size_t len)
{
    (void) self;
    (void) len;
    pthread_once(&once, make_key);
    if (!pthread_getspecific(key)) {
        pthread_setspecific(key, malloc(16));
    }
    return memstache_test_helper();
}

static mst_status compress(void *self, mst_slice src, void *dst, size_t cap, size_t *len)
{
    (void) self;
    (void) src;
    (void) dst;
    (void) cap;
    (void) len;
    return MST_ENOTSUP;
}

static mst_status decompress(void *self, mst_slice src, void *dst, size_t len)
{
    (void) self;
    (void) src;
    (void) dst;
    (void) len;
    return MST_ENOTSUP;
}

static const mst_compressor_ops ops = {sizeof ops, 300 + VALUE, bound, compress, decompress};

static const mst_plugin plugin = {.struct_size = sizeof plugin,
                                  .kind = MST_KIND_COMPRESSOR,
                                  .kind_version = MST_COMPRESSOR_VERSION,
                                  .name = NAME,
                                  .version = "1.0",
                                  .author = "memstache",
                                  .license = "MIT",
                                  .summary = "shares a symbol",
                                  .ops = &ops};

MST_PLUGIN_MODULE(&plugin);
