/* secrets.c - a secret as it is now, not as it was when the runtime was opened: passwords are
 * rotated, and what connects again next month has to come with the new one.
 *
 * Only the caller's buffer ever holds it for longer than this call. Nothing of it is logged; the
 * path of a file is. */
#include "plugin/secrets.h"

#include <string.h>

#include <memstache/memstache.h>

#include "config/secret.h"

typedef struct question {
    const mst_allocator *allocator;
    msi_log *log;
    msi_log_limit *limit;
    const char *section, *option;
    char *buffer;
    size_t size;
} question;

static mst_status copy(const question *q, const char *text)
{
    size_t len = strlen(text);
    if (len >= q->size) {
        return MST_ETOOBIG;
    }
    memcpy(q->buffer, text, len + 1);
    return MST_OK;
}

/* What the host program answers is checked like a plugin's answer: its mistake must not become a
 * read beyond the buffer. */
static mst_status from_program(const question *q, const msi_secret_callback *callback)
{
    if (q->size == 0) {
        return MST_ETOOBIG;
    }
    mst_status status = callback->ask(callback->arg, q->section, q->option, q->buffer, q->size);
    bool is_text = status != MST_OK || memchr(q->buffer, '\0', q->size);
    if (is_text &&
        (status == MST_OK || status == MST_MISS || status == MST_ETOOBIG || status == MST_ENOMEM)) {
        return status;
    }
    msi_log_limited(q->log, q->limit, MST_LOG_WARN, "%s: the program cannot give the secret: %s",
                    q->option, is_text ? mst_strerror(status) : "its answer has no end");
    return MST_EIO;
}

static mst_status from_file(const question *q, const char *path)
{
    char reason[128];
    msi_text why;
    msi_file file;
    msi_text_init(&why, reason, sizeof reason);
    mst_status status = msi_secret_read(&file, q->allocator, path, &why);
    if (status == MST_OK) {
        status = copy(q, file.data);
    } else if (status != MST_ENOMEM) {
        msi_log_limited(q->log, q->limit, MST_LOG_WARN,
                        "%s_file: cannot use the secret in \"%s\": %s", q->option, path, why.data);
    }
    msi_file_free(&file);
    return status;
}

/* The row of a secret option; NULL. */
static const msi_bound *row_of(const msi_secrets *s, const char *option)
{
    for (size_t i = 0; i < s->count; i++) {
        const mst_option *o = s->bound[i].option;
        if ((o->flags & MST_OPTF_SECRET) && strcmp(o->name, option) == 0) {
            return &s->bound[i];
        }
    }
    return NULL;
}

/* As it was written; NULL when nobody wrote it. */
static const char *bound_text(const msi_secrets *s, const msi_bound *row)
{
    return strcmp(row->origin, "default") == 0
               ? NULL
               : *(const char *const *) (const void *) ((const char *) s->options +
                                                        row->option->offset);
}

static mst_status answer(const msi_secrets *s, const msi_bound *row, const question *q)
{
    mst_status status = s->callback.ask ? from_program(q, &s->callback) : MST_MISS;
    if (status != MST_MISS) {
        return status;
    }
    if (row->file) {
        return from_file(q, row->file);
    }
    const char *text = bound_text(s, row);
    return text ? copy(q, text) : MST_MISS;
}

mst_status msi_secrets_ask(const msi_secrets *s, const mst_allocator *allocator, msi_log *log,
                           msi_log_limit *limit, const char *section, const char *option,
                           char *buffer, size_t size)
{
    const msi_bound *row = row_of(s, option);
    const question q = {allocator, log, limit, section, option, buffer, size};
    mst_status status = row ? answer(s, row, &q) : MST_ENOTFOUND;
    if (status && size) {
        explicit_bzero(buffer, size); /* half an answer is of no use to anybody */
    }
    return status;
}
