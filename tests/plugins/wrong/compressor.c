/* compressor.c - run-length coding: pairs of a count and a byte. See fault.h. */
#include <memstache/codec.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"

typedef struct rle {
    const mst_host *host;
    void *table, *second; /* what an instance holds, to have something to lose */
    int64_t level, other;
} rle;

static const mst_option options[] = {
    {"level", MST_OPT_INT, 0, offsetof(rle, level), IS(option_default) ? "4x" : "4", "1", "9", NULL,
     IS(option_without_help) ? "" : "Nothing depends on it."},
    {"other", MST_OPT_INT, 0, offsetof(rle, other) - (IS(option_overlap) ? 8 : 0), "1", NULL, NULL,
     NULL, "Nor on this one."},
};

#ifdef FAULT_exports_more
MST_EXPORT int wrong_helper(void);
int wrong_helper(void)
{
    return 1;
}
#endif
#ifdef FAULT_missing_symbol
int nobody_has_this(void);
#endif
#ifdef FAULT_unnamed_library
unsigned uv_version(void); /* and the plugin is not linked with libuv */
#endif

/* Uses them, so that the linker keeps them. */
static int outside(void)
{
#ifdef FAULT_missing_symbol
    return nobody_has_this();
#endif
#ifdef FAULT_unnamed_library
    return (int) uv_version();
#endif
    return 0;
}

#ifdef FAULT_crashes_on_load
__attribute__((constructor)) static void before_anything(void)
{
    __builtin_trap();
}
#endif

static mst_status init(void *self, const mst_host *host)
{
    rle *r = self;
    r->host = host;
    r->other += outside() == -1;
    r->table = host->alloc(host, 1000);
    r->second = r->table ? host->alloc(host, 100) : NULL;
    if (IS(prints)) {
        printf("hello from a plugin\n");
    }
    if (IS(leaks_malloc)) {
        *(volatile char *) malloc(500) = 1;
    }
    if (IS(instance_overrun)) {
        ((volatile char *) self)[sizeof *r] = 1;
    }
    return r->second ? MST_OK : MST_ENOMEM;
}

static void fini(void *self)
{
    rle *r = self;
    if (IS(crashes_in_fini)) {
        __builtin_trap();
    }
    if (IS(leaks_memory) || (IS(failed_init_leaks) && !r->second)) {
        return;
    }
    r->host->free(r->host, r->table);
    r->host->free(r->host, r->second);
    if (IS(frees_twice)) {
        r->host->free(r->host, r->second);
    }
}

static size_t bound(void *self, size_t len)
{
    return IS(small_bound) ? len / 2 + 16 : len * 2 + 2;
}

static mst_status scratch(rle *r, size_t size, void **out)
{
    *out = r->host->alloc(r->host, size);
    if (IS(unchecked_allocation)) {
        memset(*out, 0, size);
    }
    return *out ? MST_OK : MST_ENOMEM;
}

static mst_status compress(void *self, mst_slice src, void *dst_, size_t cap, size_t *len)
{
    static uint8_t all[4 << 20]; /* the fault of static_buffer */
    const uint8_t *in = src.data;
    uint8_t *dst = dst_, *out = IS(static_buffer) && cap <= sizeof all ? all : dst;
    size_t at = 0;
    void *temporary;
    if (scratch(self, 100, &temporary)) {
        return MST_ENOMEM;
    }
    ((rle *) self)->host->free(((rle *) self)->host, temporary);
    if (IS(calls_timer)) {
        mst_timer *timer;
        ((rle *) self)->host->timer_open(((rle *) self)->host, NULL, NULL, &timer);
    }
    for (size_t i = 0, n; i < src.len; i += n) {
        for (n = 1; n < 255 && i + n < src.len && in[i + n] == in[i]; n++) {
        }
        if (at + 2 > cap && !IS(ignores_cap)) {
            return MST_ETOOBIG;
        }
        out[at++] = (uint8_t) n;
        out[at++] = in[i];
    }
    if (IS(loses_last_byte) && src.len > 1000) {
        out[at - 1] ^= 1;
    }
    if (IS(writes_to_input) && src.len > 3) {
        ((uint8_t *) (uintptr_t) in)[1] = 7;
    }
    if (out != dst) {
        memcpy(dst, out, at < cap ? at : cap);
    }
    *len = at;
    return MST_OK;
}

static mst_status damaged(void)
{
    if (IS(exits_on_nonsense)) {
        exit(3);
    }
    return IS(wrong_status) ? MST_EIO : MST_ECORRUPT;
}

static mst_status decompress(void *self, mst_slice src, void *dst, size_t len)
{
    rle *r = self;
    const uint8_t *in = src.data;
    uint8_t *out = dst;
    size_t at = 0;
    void *room = NULL;
    if (IS(allocates_for_bomb)) {
        room = r->host->alloc(r->host, 80 << 20);
        r->host->free(r->host, room);
    }
    for (size_t i = 0; i < src.len; i += 2) {
        while (IS(hangs_on_truncated) && i + 1 == src.len) {
            pause(); /* an empty loop without end may be left out by a compiler */
        }
        if (i + 1 >= src.len && !IS(reads_beyond_input)) {
            return damaged();
        }
        size_t n = in[i];
        if (n == 0 || (n > len - at && !IS(writes_beyond_output))) {
            return damaged();
        }
        memset(out + at, in[i + 1], n);
        at += n;
    }
    return at == len || (IS(any_length) && at < len) ? MST_OK : damaged();
}

static const mst_compressor_ops ops = {
    .struct_size = sizeof ops,
    .wire_id = IS(taken_wire_id) ? 3 : 200,
    .bound = bound,
    .compress = compress,
    .decompress = IS(no_decompress) ? NULL : decompress,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_COMPRESSOR,
    .kind_version = MST_COMPRESSOR_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .instance_size = sizeof(rle),
    .name = NAME,
    .version = "1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = IS(no_summary) ? "" : "Runs, for tests",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .option_size = sizeof options[0],
    .init = init,
    .fini = fini,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
