/* host.c - the services of an instance that need no loop: counted memory, log, clocks, events,
 * secrets.
 *
 * Each block has a header of 16 bytes with its size, so that the bytes can be counted per instance
 * without asking the allocator, and so that the block stays aligned as the allocator made it.
 * The counters are what finds a leak by name, in every build and without any tool.
 *
 * A far provider makes a small block for each reply and gives it back soon, on the same thread:
 * there such blocks are all of one size, and spares (spares.h).
 */
#include <string.h>

#include "base/clock.h"
#include "plugin/handle.h"

enum { SPARE_BYTES = 256 };

typedef union header {
    struct {
        size_t size;
        bool spare; /* has room for SPARE_BYTES, and may become a spare */
    } of;
    uint8_t bytes[16];
} header;

static bool is_home(const msi_instance *i)
{
    return i->at_home && pthread_equal(pthread_self(), i->home);
}

static void count(msi_instance *i, bool home, int64_t blocks, int64_t bytes)
{
    if (home) {
        i->home_blocks += blocks;
        i->home_bytes += bytes;
    } else {
        atomic_fetch_add_explicit(&i->blocks, blocks, memory_order_relaxed);
        atomic_fetch_add_explicit(&i->bytes, bytes, memory_order_relaxed);
    }
}

static void *host_alloc(const mst_host *host, size_t size)
{
    msi_instance *i = msi_instance_of(host);
    bool home = is_home(i), spare = home && size <= SPARE_BYTES;
    header *h = NULL;
    if (spare) {
        h = msi_spares_take(&i->spares);
    } else if (size <= SIZE_MAX - sizeof *h) {
        h = msi_alloc(&i->allocator, sizeof *h + size);
    }
    if (!h) {
        return NULL;
    }
    h->of.size = size;
    h->of.spare = spare;
    count(i, home, 1, (int64_t) size);
    return h + 1;
}

static void host_free(const mst_host *host, void *p)
{
    msi_instance *i = msi_instance_of(host);
    if (p) {
        header *h = (header *) p - 1;
        bool home = is_home(i);
        count(i, home, -1, -(int64_t) h->of.size);
        if (home && h->of.spare) {
            msi_spares_give(&i->spares, h);
        } else {
            msi_free(&i->allocator, h);
        }
    }
}

static void *host_realloc(const mst_host *host, void *p, size_t size)
{
    msi_instance *i = msi_instance_of(host);
    header *h = p ? (header *) p - 1 : NULL;
    if (!h) {
        return host_alloc(host, size);
    }
    if (size > SIZE_MAX - sizeof *h) {
        return NULL;
    }
    size_t before = h->of.size;
    if (!h->of.spare || size > SPARE_BYTES) {
        h = msi_realloc(&i->allocator, h, sizeof *h + size);
        if (!h) {
            return NULL;
        }
        h->of.spare = false;
    }
    h->of.size = size;
    count(i, is_home(i), 0, (int64_t) size - (int64_t) before);
    return h + 1;
}

void msi_instance_keep_spares(msi_instance *i)
{
    i->home = pthread_self();
    i->at_home = true;
    msi_spares_init(&i->spares, &i->allocator, sizeof(header) + SPARE_BYTES);
}

static void host_log(const mst_host *host, int level, const char *text)
{
    if (level < MST_LOG_ERROR || level > MST_LOG_DEBUG) {
        level = MST_LOG_DEBUG;
    }
    msi_log_write(&msi_instance_of(host)->log, level, "%s", text);
}

static void host_set_error(const mst_host *host, const char *text)
{
    msi_instance *i = msi_instance_of(host);
    msi_text t;
    msi_text_init(&t, i->why, sizeof i->why);
    msi_text_add(&t, "%s", text);
}

static uint64_t host_now_ms(const mst_host *host)
{
    (void) host;
    return msi_now_ms();
}

static uint64_t host_now_ns(const mst_host *host)
{
    (void) host;
    return msi_now_ns();
}

static uint64_t host_wall_ms(const mst_host *host)
{
    (void) host;
    return msi_wall_ms();
}

static void host_invalidated(const mst_host *host, const mst_slice *keys, size_t n)
{
    const msi_events *events = &msi_instance_of(host)->events;
    if (events->invalidated) {
        events->invalidated(events->arg, keys, n);
    }
}

static void host_flushed(const mst_host *host)
{
    const msi_events *events = &msi_instance_of(host)->events;
    if (events->flushed) {
        events->flushed(events->arg);
    }
}

static void host_stopped(const mst_host *host)
{
    const msi_events *events = &msi_instance_of(host)->events;
    if (events->stopped) {
        events->stopped(events->arg);
    }
}

static void host_retain(const mst_host *host)
{
    msi_instance_retain(msi_instance_of(host));
}

static void host_release(const mst_host *host)
{
    msi_instance_release(msi_instance_of(host));
}

static const void *host_extension(const mst_host *host, const char *id)
{
    bool metrics = strcmp(id, MST_METRICS_ID) == 0 && msi_instance_of(host)->metrics;
    return metrics ? &msi_metrics_table : NULL;
}

static mst_status host_secret(const mst_host *host, const char *option, char *buffer, size_t size)
{
    msi_instance *i = msi_instance_of(host);
    return msi_secrets_ask(&i->secrets, &i->allocator, &i->log, &i->secret_limit, host->instance,
                           option, buffer, size);
}

/* Until the tier floor sets its own: no op has been submitted, so there is none to complete. */
static void no_op(mst_op *op, mst_status status)
{
    (void) op;
    (void) status;
}

void msi_host_init(msi_instance *i)
{
    i->host = (mst_host){
        .struct_size = sizeof i->host,
        .abi_major = MST_ABI_MAJOR,
        .abi_minor = MST_ABI_MINOR,
        .instance = i->name,
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
    msi_services_init(&i->host);
    msi_calls_init(&i->host);
}

void msi_host_set_op_hooks(msi_instance *i, const msi_op_hooks *hooks)
{
    i->host.op_done = hooks->done;
    i->host.op_done_mt = hooks->done_mt;
}
