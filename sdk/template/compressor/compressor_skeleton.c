/* compressor_skeleton.c - a compressor for memstache.
 *
 * It begins as run-length coding: pairs of a byte and how often it comes. Put the calls of your
 * library in place of the loops. Values that do not shrink are stored as they are; that, and which
 * values are tried at all, is the host's business (min_size, min_gain).
 */
#include <memstache/codec.h>
#include <string.h>

/* An instance: zeroed, with the options stored, before any function is called. */
typedef struct settings {
    int64_t max_run;
} settings;

/* The most that compress() can need; 0 when `len` is more than it can take. */
static size_t bound(void *self, size_t len)
{
    return len <= SIZE_MAX / 2 ? 2 * len : 0;
}

static mst_status compress(void *self, mst_slice src, void *dst, size_t cap, size_t *len)
{
    const settings *s = self;
    const uint8_t *in = src.data;
    uint8_t *out = dst;
    size_t made = 0;
    for (size_t at = 0, run; at < src.len; at += run) {
        for (run = 1; run < (size_t) s->max_run && at + run < src.len && in[at + run] == in[at];) {
            run++;
        }
        if (cap - made < 2) {
            return MST_ETOOBIG;
        }
        out[made++] = in[at];
        out[made++] = (uint8_t) run;
    }
    *len = made;
    return MST_OK;
}

/* The bytes may come from another machine, so nothing in them is believed: exactly `len` bytes, or
 * MST_ECORRUPT. They may be older than the options of today as well. */
static mst_status decompress(void *self, mst_slice src, void *dst, size_t len)
{
    const uint8_t *in = src.data;
    uint8_t *out = dst;
    size_t made = 0;
    for (size_t at = 0; at + 1 < src.len; at += 2) {
        size_t run = in[at + 1];
        if (run == 0 || run > len - made) {
            return MST_ECORRUPT;
        }
        memset(out + made, in[at], run);
        made += run;
    }
    return src.len % 2 == 0 && made == len ? MST_OK : MST_ECORRUPT;
}

/* Checked and stored by the host; `memstache plugin info` prints them. */
static const mst_option options[] = {
    {.name = "max_run",
     .type = MST_OPT_INT,
     .offset = offsetof(settings, max_run),
     .def = "255",
     .min = "1",
     .max = "255",
     .help = "Longer runs become several pairs."},
};

/* The wire id is stored with each value and says who can read it: it never changes. Those from 128
 * on are free for all; this one was drawn when the file was made. */
static const mst_compressor_ops ops = {
    .struct_size = sizeof ops,
    .wire_id = 32767,
    .bound = bound,
    .compress = compress,
    .decompress = decompress,
};

/* MST_PLUGIN_REENTRANT: the functions may run on several threads at once. */
static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_COMPRESSOR,
    .kind_version = MST_COMPRESSOR_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .instance_size = sizeof(settings),
    .name = "skeleton",
    .version = "0.1.0",
    .author = "you",
    .license = "MIT",
    .summary = "Run-length coding",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .option_size = sizeof options[0],
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
