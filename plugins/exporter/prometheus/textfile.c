/* textfile.c - see textfile.h. Workers write, since a disk may take its time. */
#include "textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "format.h"
#include "reason.h"

static bool fail(textfile *t, const char *what, const char *path, const char *why)
{
    snprintf(t->why, sizeof t->why, "cannot %s %.80s: %.60s", what, path, why);
    return false;
}

static bool write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        data += n;
        len -= (size_t) n;
    }
    return true;
}

/* Into the file beside, which then takes the place of the other. */
static bool replace(textfile *t, const page *p)
{
    int fd = open(t->next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    char text[REASON_SIZE];
    if (fd < 0) {
        return fail(t, "write", t->next, reason_of(errno, text));
    }
    bool written = write_all(fd, p->data, p->len);
    int error = errno;
    if (close(fd) && written) {
        written = false;
        error = errno;
    }
    if (!written) {
        unlink(t->next);
        return fail(t, "write", t->next, reason_of(error, text));
    }
    if (rename(t->next, t->path)) {
        error = errno;
        unlink(t->next);
        return fail(t, "replace", t->path, reason_of(error, text));
    }
    return true;
}

/* [worker], or before anything else runs */
static void write_page(void *arg)
{
    textfile *t = arg;
    page p;
    t->why[0] = '\0';
    mst_status status = page_write(&p, t->host, t->metrics, FORMAT_TEXT);
    if (status) {
        fail(t, "write", t->path, status == MST_ENOMEM ? "out of memory" : "closed");
        return;
    }
    replace(t, &p);
    page_free(&p);
}

static void write_again(void *arg);

static void end(textfile *t)
{
    t->host->timer_close(t->timer);
    t->timer = NULL;
    t->stopped(t->arg);
}

/* The log hears of it when it begins to fail, and when that is over. */
static void written(void *arg, mst_status status)
{
    textfile *t = arg;
    t->writing = false;
    if (status) {
        fail(t, "write", t->path, "no worker ran");
    }
    bool failed = t->why[0] != '\0';
    if (failed && !t->failed) {
        t->host->log(t->host, MST_LOG_ERROR, t->why);
    } else if (t->failed && !failed) {
        t->host->log(t->host, MST_LOG_INFO, "the textfile is written again");
    }
    t->failed = failed;
    if (t->stopped) {
        end(t);
    } else {
        t->host->timer_set(t->timer, (uint64_t) t->interval_ms);
    }
}

static void write_again(void *arg)
{
    textfile *t = arg;
    t->writing = true;
    mst_status status = t->host->work(t->host, write_page, written, t);
    if (status) {
        written(t, status);
    }
}

mst_status textfile_start(textfile *t)
{
    static const char after[] = ".next";
    size_t size = strlen(t->path) + sizeof after;
    t->next = t->host->alloc(t->host, size);
    if (!t->next || t->host->timer_open(t->host, write_again, t, &t->timer)) {
        return MST_ENOMEM;
    }
    snprintf(t->next, size, "%s%s", t->path, after);
    write_page(t);
    if (t->why[0]) {
        t->host->set_error(t->host, t->why);
        t->host->timer_close(t->timer);
        t->timer = NULL;
        return MST_EIO;
    }
    t->host->timer_set(t->timer, (uint64_t) t->interval_ms);
    return MST_OK;
}

void textfile_stop(textfile *t, void (*stopped)(void *arg), void *arg)
{
    t->stopped = stopped;
    t->arg = arg;
    if (!t->timer) {
        stopped(arg);
        return;
    }
    t->host->timer_set(t->timer, 0);
    if (!t->writing) {
        write_again(t);
    }
}

void textfile_fini(textfile *t)
{
    if (t->next) {
        t->host->free(t->host, t->next);
    }
}
