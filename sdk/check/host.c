/* host.c - the host that the plugin gets: memory, clocks, messages, secrets, references.
 *
 * Blocks carry their sizes and a magic number in front and a pattern behind, so that a block that
 * is given back twice, to the wrong instance or with an overrun is noticed in every build. Freed
 * memory is overwritten, so that lent bytes which go too early change.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "check.h"

enum { FRESH = 0xa5, FREED = 0x5a, PATTERN = 0xc7 };
enum { OVERWRITTEN = 64 << 10, KEPT = 32, KEPT_SIZE = 4096 };
static const uint64_t live = 0x6d656d7374616368u, dead = 0x6465616464656164u;

typedef struct header {
    uint64_t magic;
    const check_host *owner;
    size_t size;
    size_t behind; /* bytes of pattern */
} header;

/* A block in a mapping of its own. */
struct check_block {
    struct check_block *next;
    check_guard guard;
    bool used;
};

static check_host *host_of(const mst_host *host)
{
    return (check_host *) (uintptr_t) host;
}

void check_host_called(check_host *h, const char *service)
{
    const char *who = atomic_load(&h->silence);
    if (who) {
        check_fail(h->k, "%s calls the host: %s()", who, service);
    }
}

bool check_host_fails(check_host *h)
{
    atomic_fetch_add(&h->calls, 1);
    return atomic_load(&h->fail_in) >= 0 && atomic_fetch_sub(&h->fail_in, 1) == 0;
}

void check_host_on_loop(check_host *h, const char *service)
{
    check_host_called(h, service);
    if (!h->loop) {
        check_fail(h->k, "called %s(), but its kind of plugin has no loop", service);
    }
    if (atomic_load(&h->wrong_threads) && !check_loop_is_here(h->loop)) {
        check_fail(h->k, "called %s() on another thread than the loop's", service);
    }
}

/* ---- memory */

static void count(check_host *h, int blocks, int64_t size)
{
    atomic_fetch_add(&h->blocks, blocks);
    int64_t bytes = atomic_fetch_add(&h->bytes, size) + size;
    if (bytes > atomic_load(&h->peak)) {
        atomic_store(&h->peak, bytes);
    }
}

static void *map_block(check_host *h, size_t size)
{
    struct check_block *b = check_memory(h->k, sizeof *b);
    check_guard_open(h->k, &b->guard, size, "memory that the host gave it");
    b->next = h->blocks_mapped;
    b->used = true;
    h->blocks_mapped = b;
    return check_guard_take(&b->guard, size, 16);
}

void check_host_protect(check_host *h, int how)
{
    for (struct check_block *b = h->blocks_mapped; b; b = b->next) {
        if (b->used) {
            check_guard_protect(&b->guard, how);
        }
    }
}

static bool is_mapped(check_host *h, const void *p)
{
    for (struct check_block *b = h->blocks_mapped; b; b = b->next) {
        if (b->used && (const uint8_t *) p >= b->guard.map && (const uint8_t *) p < b->guard.end) {
            b->used = false;
            check_guard_close(&b->guard);
            return true;
        }
    }
    return false;
}

static void *host_alloc(const mst_host *host, size_t size)
{
    check_host *h = host_of(host);
    check_host_called(h, "alloc");
    if (check_host_fails(h) || size > PTRDIFF_MAX / 2) {
        return NULL;
    }
    size_t behind = atomic_load(&h->behind);
    size_t whole = sizeof(header) + size + behind;
    header *b = h->mapped ? map_block(h, whole) : malloc(whole);
    if (!b) {
        return NULL;
    }
    *b = (header){live, h, size, behind};
    memset(b + 1, FRESH, size < OVERWRITTEN ? size : OVERWRITTEN);
    memset((uint8_t *) (b + 1) + size, PATTERN, behind);
    count(h, 1, (int64_t) size);
    return b + 1;
}

static bool is_intact(const header *b)
{
    const uint8_t *behind = (const uint8_t *) (b + 1) + b->size;
    return behind[0] == PATTERN && memcmp(behind, behind + 1, b->behind - 1) == 0;
}

static void verify(check_host *h, const header *b)
{
    if (b->magic == dead) {
        check_fail(h->k, "gave the same memory back twice");
    }
    if (b->magic != live) {
        check_fail(h->k, "gave memory back that is not the host's, or wrote before its beginning");
    }
    if (b->owner != h) {
        check_fail(h->k, "gave memory back to another instance's host");
    }
    if (!is_intact(b)) {
        check_fail(h->k, "wrote beyond the end of a block of %zu bytes", b->size);
    }
}

/* Small ones rest for a while, so that a second free() finds out. */
static void let_go(header *b)
{
    static _Atomic(header *) kept[KEPT];
    static _Atomic unsigned next;
    if (b->size <= KEPT_SIZE) {
        b = atomic_exchange(&kept[atomic_fetch_add(&next, 1) % KEPT], b);
    }
    free(b);
}

static void host_free(const mst_host *host, void *p)
{
    check_host *h = host_of(host);
    check_host_called(h, "free");
    if (p) {
        header *b = (header *) p - 1;
        verify(h, b);
        count(h, -1, -(int64_t) b->size);
        memset(p, FREED, b->size < OVERWRITTEN ? b->size : OVERWRITTEN);
        b->magic = dead;
        if (!is_mapped(h, b)) {
            let_go(b);
        }
    }
}

static void *host_realloc(const mst_host *host, void *p, size_t size)
{
    void *grown = host_alloc(host, size);
    if (grown && p) {
        const header *b = (header *) p - 1;
        memcpy(grown, p, b->size < size ? b->size : size);
        host_free(host, p);
    }
    return grown;
}

void check_host_settled(check_host *h, const char *when)
{
    int64_t blocks = atomic_load(&h->blocks);
    if (blocks) {
        check_fail(h->k, "%lld blocks of memory, %lld bytes, were not given back %s",
                   (long long) blocks, (long long) atomic_load(&h->bytes), when);
    }
    while (h->blocks_mapped) {
        struct check_block *b = h->blocks_mapped;
        h->blocks_mapped = b->next;
        free(b);
    }
    check_meters_free(h);
}

/* ---- clocks: real ones, which a case can set ahead */

static uint64_t ahead(const mst_host *host)
{
    return atomic_load(&host_of(host)->ahead_ms);
}

static uint64_t host_now_ms(const mst_host *host)
{
    check_host_called(host_of(host), "now_ms");
    return check_clock_ms() + ahead(host);
}

static uint64_t host_now_ns(const mst_host *host)
{
    struct timespec now;
    check_host_called(host_of(host), "now_ns");
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec + ahead(host) * 1000000;
}

static uint64_t host_wall_ms(const mst_host *host)
{
    struct timespec now;
    check_host_called(host_of(host), "wall_ms");
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000 + ahead(host);
}

/* ---- messages, events, references */

static void host_log(const mst_host *host, int level, const char *text)
{
    check_host *h = host_of(host);
    check_host_called(h, "log");
    if (level < MST_LOG_ERROR || level > MST_LOG_DEBUG || !text) {
        check_fail(h->k, "called log() with level %d and %s", level, text ? "a text" : "no text");
    }
}

static void host_set_error(const mst_host *host, const char *text)
{
    check_host *h = host_of(host);
    if (!h->may_set_error) {
        check_fail(h->k, "called set_error() outside of init() and start()");
    }
    snprintf(h->error, sizeof h->error, "%s", text);
}

static void host_invalidated(const mst_host *host, const mst_slice *keys, size_t n)
{
    check_host *h = host_of(host);
    check_host_called(h, "invalidated");
    for (size_t i = 0; i < n; i++) {
        if (keys[i].len && !keys[i].data) {
            check_fail(h->k, "called invalidated() with a key that has a length but no bytes");
        }
    }
}

static void host_flushed(const mst_host *host)
{
    check_host_called(host_of(host), "flushed");
}

static void host_stopped(const mst_host *host)
{
    check_host *h = host_of(host);
    check_host_on_loop(h, "stopped");
    if (atomic_exchange(&h->stopped, true)) {
        check_fail(h->k, "called stopped() twice");
    }
}

static void host_retain(const mst_host *host)
{
    check_host_called(host_of(host), "retain");
    atomic_fetch_add(&host_of(host)->retained, 1);
}

static void host_release(const mst_host *host)
{
    check_host *h = host_of(host);
    check_host_called(h, "release");
    if (atomic_fetch_sub(&h->retained, 1) == 0) {
        check_fail(h->k, "called release() more often than retain()");
    }
}

static const void *host_extension(const mst_host *host, const char *id)
{
    check_host_called(host_of(host), "extension");
    return strcmp(id, MST_METRICS_ID) == 0 ? check_metrics() : NULL;
}

/* ---- secrets: as they were given */

static mst_status secret_text(kit *k, const char *name, const char **text)
{
    for (uint32_t i = 0; i < k->plugin->option_count; i++) {
        const mst_option *o = check_option_at(k->plugin, i);
        if ((o->flags & MST_OPTF_SECRET) && strcmp(o->name, name) == 0) {
            *text = *(const char *const *) (const void *) ((const char *) k->bound + o->offset);
            return *text && check_option_given(k->setup, name) ? MST_OK : MST_MISS;
        }
    }
    return MST_ENOTFOUND;
}

static mst_status host_secret(const mst_host *host, const char *name, char *buffer, size_t size)
{
    check_host *h = host_of(host);
    const char *text = NULL;
    check_host_called(h, "secret");
    mst_status status = check_host_fails(h) ? MST_ENOMEM : secret_text(h->k, name, &text);
    if (status == MST_OK && strlen(text) >= size) {
        status = MST_ETOOBIG;
    }
    if (size) {
        memset(buffer, 0, size);
    }
    if (status == MST_OK) {
        memcpy(buffer, text, strlen(text));
    }
    return status;
}

/* ---- ops: nothing was submitted until rig.c says otherwise */

static void no_op(mst_op *op, mst_status status)
{
}

void check_host_set_ops(check_host *h, void (*done)(mst_op *, mst_status),
                        void (*done_mt)(mst_op *, mst_status))
{
    h->host.op_done = done;
    h->host.op_done_mt = done_mt;
}

void check_host_init(kit *k, check_host *h, check_loop *loop)
{
    memset(h, 0, sizeof *h);
    h->k = k;
    h->loop = loop;
    h->behind = 16;
    h->host = (mst_host){
        .struct_size = sizeof h->host,
        .abi_major = MST_ABI_MAJOR,
        .abi_minor = MST_ABI_MINOR,
        .instance = "check",
        .alloc = host_alloc,
        .realloc = host_realloc,
        .free = host_free,
        .log = host_log,
        .set_error = host_set_error,
        .now_ms = host_now_ms,
        .now_ns = host_now_ns,
        .wall_ms = host_wall_ms,
        .op_done = no_op,
        .op_done_mt = no_op,
        .invalidated = host_invalidated,
        .flushed = host_flushed,
        .stopped = host_stopped,
        .retain = host_retain,
        .release = host_release,
        .extension = host_extension,
        .secret = host_secret,
    };
    check_loop_services(&h->host);
    atomic_init(&h->fail_in, -1);
}
