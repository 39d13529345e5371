/* instance.c - the life of one instance: its memory and options, init(), fini(), and the question
 * whether everything came back.
 *
 * An instance may outlive the runtime that made it: a result that is still held keeps a provider's
 * memory or a serializer's destroy() alive. So it owns whatever it needs until fini(): a copy of
 * the ops, the bound strings, the allocator and the log.
 *
 * fini() also follows a failed init(), so that a plugin cleans up in one place. What it leaves is
 * reported under its name instead of being left to a leak checker that nobody runs in production.
 */
#include "plugin/instance.h"

#include <string.h>

#include <memstache/memstache.h>

#include "base/error.h"
#include "config/option.h"

static mst_status refuse(const msi_instance *i, mst_status status, mst_error *error)
{
    const char *file = i->plugin->file;
    char own[96];
    msi_text t;
    msi_text_init(&t, own, sizeof own);
    msi_text_add(&t, "init() failed without a reason: %s (%d)", mst_strerror(status), (int) status);
    return msi_error(error, status == MST_ENOMEM ? MST_ENOMEM : MST_EPLUGIN,
                     "%s%s%s \"%s\" [%s]: %s", file ? file : "", file ? ": " : "",
                     msi_kind_name(i->plugin->plugin->kind), i->plugin->plugin->name, i->name,
                     i->why[0] ? i->why : own);
}

/* ---- texts: what the options point to, and the name of the file */

static const char **string_option(const msi_instance *i, uint32_t index)
{
    const mst_plugin *p = i->plugin->plugin;
    const msi_option_set set = {p->options, p->option_count, p->option_size, i->self};
    const mst_option *option = msi_option_at(&set, index);
    return option->type == MST_OPT_STR
               ? (const char **) (void *) ((char *) i->self + option->offset)
               : NULL;
}

static char *keep(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *kept = *at;
    memcpy(kept, text, size);
    *at += size;
    return kept;
}

static mst_status copy_texts(msi_instance *i)
{
    uint32_t count = i->plugin->plugin->option_count;
    const char **text;
    size_t len = i->described.file ? strlen(i->described.file) + 1 : 0;
    for (uint32_t n = 0; n < count; n++) {
        text = string_option(i, n);
        len += text && *text ? strlen(*text) + 1 : 0;
    }
    i->texts = msi_alloc(&i->allocator, len);
    if (!i->texts) {
        return MST_ENOMEM;
    }
    i->texts_len = len;
    char *at = i->texts;
    if (i->described.file) {
        i->described.file = keep(&at, i->described.file);
    }
    for (uint32_t n = 0; n < count; n++) {
        text = string_option(i, n);
        if (text && *text) {
            *text = keep(&at, *text);
        }
    }
    return MST_OK;
}

/* ---- life */

static mst_status fill(msi_instance *i, const char *name, const void *options)
{
    size_t size = i->plugin->plugin->instance_size;
    i->name = msi_strdup(&i->allocator, name);
    i->self = msi_zalloc_aligned(&i->allocator, size);
    bool codec = i->plugin->plugin->kind == MST_KIND_SERIALIZER ||
                 i->plugin->plugin->kind == MST_KIND_COMPRESSOR;
    i->work = codec ? msi_zalloc(&i->allocator, MSI_WORKS * sizeof *i->work) : NULL;
    if (!i->name || !i->self || (codec && !i->work)) {
        return MST_ENOMEM;
    }
    i->log.category = i->name;
    if (options) {
        memcpy(i->self, options, size);
    }
    return copy_texts(i);
}

static mst_status init(msi_instance *i, mst_error *error)
{
    const mst_plugin *plugin = i->plugin->plugin;
    msi_host_init(i);
    i->initialised = true; /* fini() is due from here on */
    mst_status status = plugin->init ? plugin->init(i->self, &i->host) : MST_OK;
    return status < 0 ? refuse(i, status, error) : MST_OK;
}

mst_status msi_instance_new(msi_instance **out, const msi_plugin *plugin, const char *name,
                            const void *options, msi_loop *loop, const mst_allocator *allocator,
                            const msi_log *log, mst_error *error)
{
    static const msi_grants none;
    return msi_instance_new_with(out, plugin, name, options, &none, loop, allocator, log, error);
}

mst_status msi_instance_new_with(msi_instance **out, const msi_plugin *plugin, const char *name,
                                 const void *options, const msi_grants *grants, msi_loop *loop,
                                 const mst_allocator *allocator, const msi_log *log,
                                 mst_error *error)
{
    *out = NULL;
    msi_instance *i = msi_zalloc(allocator, sizeof *i);
    if (!i) {
        return msi_error(error, MST_ENOMEM, "out of memory");
    }
    i->described = *plugin;
    i->plugin = &i->described;
    i->loop = loop;
    i->allocator = *allocator;
    msi_log_init(&i->log, log, NULL);
    i->secrets = grants->secrets;
    i->metrics = msi_metrics_retain(grants->metrics);
    msi_list_init(&i->open);
    atomic_init(&i->refs, 1);
    pthread_mutex_init(&i->mutex, NULL);
    pthread_mutex_init(&i->open_mutex, NULL);
    mst_status status = fill(i, name, options);
    if (status) {
        msi_error(error, status, "out of memory");
    } else {
        status = init(i, error);
    }
    if (status) {
        msi_instance_release(i);
        return status;
    }
    *out = i;
    return MST_OK;
}

static void end(msi_instance *i)
{
    const mst_plugin *p = i->plugin->plugin;
    if (i->initialised && p->fini) {
        p->fini(i->self);
    }
    msi_instance_leave_loop(i);
    msi_instance_release(i->policy);
    int64_t blocks = atomic_load(&i->blocks) + i->home_blocks;
    int64_t bytes = atomic_load(&i->bytes) + i->home_bytes;
    if (blocks || bytes) {
        msi_log_write(&i->log, MST_LOG_ERROR,
                      "%s \"%s\" did not give back %lld blocks of memory, %lld bytes",
                      msi_kind_name(p->kind), p->name, (long long) blocks, (long long) bytes);
    }
    msi_metrics_release(i->metrics);
    msi_spares_fini(&i->spares);
    msi_free_aligned(&i->allocator, i->self);
    if (i->texts) {
        explicit_bzero(i->texts, i->texts_len); /* secrets may be among them */
    }
    msi_free(&i->allocator, i->texts);
    msi_free(&i->allocator, i->work);
    msi_free(&i->allocator, i->name);
    pthread_mutex_destroy(&i->open_mutex);
    pthread_mutex_destroy(&i->mutex);
    mst_allocator allocator = i->allocator;
    msi_free(&allocator, i);
}

void msi_instance_retain(msi_instance *i)
{
    atomic_fetch_add_explicit(&i->refs, 1, memory_order_relaxed);
}

void msi_instance_abandon(msi_instance *i)
{
    if (i && atomic_load(&i->refs) > 1) {
        i->log.write = NULL; /* the host program's log may be gone by then */
        i->events = (msi_events){.arg = NULL};
        i->secrets = (msi_secrets){.count = 0};
    }
    msi_instance_release(i);
}

void msi_instance_release(msi_instance *i)
{
    if (i && atomic_fetch_sub_explicit(&i->refs, 1, memory_order_acq_rel) == 1) {
        end(i);
    }
}
