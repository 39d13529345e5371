/* support.c - see support.h. */
#define _GNU_SOURCE /* nftw */
#include "support.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void ts_format(char *out, size_t cap, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(out, cap, format, args);
    va_end(args);
}

/* ---- directories */

bool ts_make_dir(char out[TS_PATH])
{
    ts_format(out, TS_PATH, "/tmp/memstache-test-XXXXXX");
    return mkdtemp(out) != NULL;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void) st;
    (void) type;
    (void) ftw;
    return remove(path);
}

void ts_remove_dir(const char *dir)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void ts_join(char out[TS_PATH], const char *dir, const char *name)
{
    ts_format(out, TS_PATH, "%s/%s", dir, name);
}

bool ts_write(const char *dir, const char *name, const char *text, unsigned mode)
{
    char path[TS_PATH];
    ts_join(path, dir, name);
    FILE *f = fopen(path, "w");
    if (!f) {
        return false;
    }
    fputs(text, f);
    return fclose(f) == 0 && chmod(path, mode) == 0;
}

bool ts_copy(const char *from, const char *dir, const char *name)
{
    char path[TS_PATH], buffer[65536];
    ts_join(path, dir, name);
    FILE *in = fopen(from, "rb"), *out = fopen(path, "wb");
    size_t n = 0;
    bool ok = in && out;
    while (ok && (n = fread(buffer, 1, sizeof buffer, in)) > 0) {
        ok = fwrite(buffer, 1, n, out) == n;
    }
    if (in) {
        fclose(in);
    }
    if (out) {
        ok = fclose(out) == 0 && ok;
    }
    return ok && chmod(path, 0644) == 0;
}

/* ---- memory */

static bool may(ts_memory *m)
{
    long call = atomic_fetch_add(&m->calls, 1) + 1;
    return m->fail_at == 0 || call < m->fail_at;
}

static void *memory_alloc(void *ctx, size_t size)
{
    ts_memory *m = ctx;
    void *p = may(m) ? malloc(size ? size : 1) : NULL;
    m->live += p != NULL;
    return p;
}

static void *memory_realloc(void *ctx, void *p, size_t size)
{
    ts_memory *m = ctx;
    void *grown = may(m) ? realloc(p, size ? size : 1) : NULL;
    m->live += grown && !p;
    return grown;
}

static void memory_free(void *ctx, void *p)
{
    ts_memory *m = ctx;
    m->live -= p != NULL;
    free(p);
}

void ts_memory_init(ts_memory *m)
{
    memset(m, 0, sizeof *m);
    m->allocator = (mst_allocator){memory_alloc, memory_realloc, memory_free, m};
}

/* ---- log */

static void log_line(void *arg, int level, const char *text)
{
    ts_lines *lines = arg;
    size_t len = strlen(lines->text);
    ts_format(lines->text + len, sizeof lines->text - len, "%d %s\n", level, text);
    lines->count++;
}

msi_log ts_log(ts_lines *lines)
{
    memset(lines, 0, sizeof *lines);
    return (msi_log){.write = log_line, .arg = lines};
}

/* ---- plugins; their ops are never called */

static void submit(void *self, mst_op *const *ops, size_t n)
{
    (void) self;
    (void) ops;
    (void) n;
}

static mst_status encode(void *self, const void *type, const void *object, mst_sink *sink)
{
    (void) self;
    (void) type;
    (void) object;
    (void) sink;
    return MST_ENOTSUP;
}

static mst_status decode(void *self, const void *type, mst_slice src, void **object, size_t *bytes)
{
    (void) self;
    (void) type;
    (void) src;
    (void) object;
    (void) bytes;
    return MST_ENOTSUP;
}

static void destroy(void *self, const void *type, void *object)
{
    (void) self;
    (void) type;
    (void) object;
}

static size_t bound(void *self, size_t len)
{
    (void) self;
    return len;
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

static void on_insert(void *shard, mst_node *node, const mst_entry_info *info)
{
    (void) shard;
    (void) node;
    (void) info;
}

static void on_remove(void *shard, mst_node *node, int why)
{
    (void) shard;
    (void) node;
    (void) why;
}

static mst_node *evict(void *shard)
{
    (void) shard;
    return NULL;
}

enum { CODES = 1u << MST_OP_GET | 1u << MST_OP_SET | 1u << MST_OP_DEL };

static const mst_provider_ops memory_ops = {.struct_size = sizeof memory_ops,
                                            .caps = MST_CAP_INPROC | MST_CAP_EVICTION,
                                            .op_codes = CODES,
                                            .submit = submit};
static const mst_provider_ops far_ops = {
    .struct_size = sizeof far_ops, .op_codes = CODES, .submit = submit};
static const mst_serializer_ops raw_ops = {sizeof raw_ops, 1, encode, decode, destroy};
static const mst_compressor_ops pack_ops = {sizeof pack_ops, 200, bound, compress, decompress};
static const mst_eviction_ops adaptive_ops = {.struct_size = sizeof adaptive_ops,
                                              .node_size = 16,
                                              .node_align = 8,
                                              .hit_mode = MST_HIT_NONE,
                                              .on_insert = on_insert,
                                              .on_remove = on_remove,
                                              .evict = evict};

static const mst_option memory_table[] = {
    {"max_bytes", MST_OPT_SIZE, 0, offsetof(ts_memory_options, max_bytes), "64MiB", "1KiB", NULL,
     NULL, "All that it may hold."},
    {"label", MST_OPT_STR, 0, offsetof(ts_memory_options, label), "none", NULL, NULL, NULL,
     "A text."},
    {"password", MST_OPT_STR, MST_OPTF_SECRET, offsetof(ts_memory_options, password), NULL, NULL,
     NULL, NULL, "A secret."},
};

#define COMMON(kind_id, its_version, its_name)                                                     \
    .struct_size = sizeof(mst_plugin), .kind = kind_id, .kind_version = its_version,               \
    .name = its_name, .version = "1.0", .author = "memstache", .license = "MIT",                   \
    .summary = "for tests"

static const mst_plugin memory = {COMMON(MST_KIND_PROVIDER, MST_PROVIDER_VERSION, "memory"),
                                  .flags = MST_PLUGIN_REENTRANT,
                                  .instance_size = sizeof(ts_memory_options),
                                  .options = memory_table,
                                  .option_count = 3,
                                  .option_size = sizeof(mst_option),
                                  .ops = &memory_ops};
static const mst_plugin far = {COMMON(MST_KIND_PROVIDER, MST_PROVIDER_VERSION, "far"),
                               .ops = &far_ops};
static const mst_plugin raw = {COMMON(MST_KIND_SERIALIZER, MST_SERIALIZER_VERSION, "raw"),
                               .ops = &raw_ops};
static const mst_plugin pack = {COMMON(MST_KIND_COMPRESSOR, MST_COMPRESSOR_VERSION, "pack"),
                                .ops = &pack_ops};
static const mst_plugin same = {COMMON(MST_KIND_COMPRESSOR, MST_COMPRESSOR_VERSION, "same"),
                                .ops = &pack_ops};
static const mst_plugin adaptive = {COMMON(MST_KIND_EVICTION, MST_EVICTION_VERSION, "adaptive"),
                                    .ops = &adaptive_ops};

static const mst_plugin *const list[] = {&memory, &far, &raw, &pack, &same, &adaptive};
const mst_module ts_module = {MST_MODULE_MAGIC,
                              sizeof ts_module,
                              MST_ABI_MAJOR,
                              MST_ABI_MINOR,
                              0,
                              sizeof list / sizeof *list,
                              list};
