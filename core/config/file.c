/* file.c - see file.h. Reads to the end instead of asking for the size: a file may grow meanwhile,
 * and a pipe (`--config <(...)`) has no size. */
#include "config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

enum { FIRST_CAP = 4096 };

static void wipe_and_free(const mst_allocator *a, char *data, size_t len)
{
    if (data) {
        explicit_bzero(data, len);
        msi_free(a, data);
    }
}

void msi_file_free(msi_file *f)
{
    wipe_and_free(f->allocator, f->data, f->cap);
    f->data = NULL;
    f->len = f->cap = 0;
}

/* Not by realloc(), which would leave a copy of a secret behind. */
static mst_status grow(msi_file *f, size_t max)
{
    size_t cap = f->cap ? 2 * f->cap : FIRST_CAP;
    if (cap > max + 2) {
        cap = max + 2; /* a byte more than allowed, to notice it, and the NUL */
    }
    char *data = msi_alloc(f->allocator, cap);
    if (!data) {
        return MST_ENOMEM;
    }
    if (f->data) {
        memcpy(data, f->data, f->len);
        wipe_and_free(f->allocator, f->data, f->cap);
    }
    f->data = data;
    f->cap = cap;
    return MST_OK;
}

/* errno in words. libuv's are the same everywhere, and safe among threads. */
static void add_reason(msi_text *why)
{
    char reason[128];
    int code = uv_translate_sys_error(errno);
    msi_text_add(why, "%s", uv_strerror_r(code, reason, sizeof reason));
}

static mst_status read_all(msi_file *f, int fd, size_t max)
{
    for (;;) {
        if (f->len + 1 >= f->cap && grow(f, max) != MST_OK) {
            return MST_ENOMEM;
        }
        ssize_t n = read(fd, f->data + f->len, f->cap - f->len - 1);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return MST_EIO;
        }
        f->len += (size_t) n;
        f->data[f->len] = '\0';
        if (f->len > max) {
            return MST_ETOOBIG;
        }
        if (n == 0) {
            return MST_OK;
        }
    }
}

mst_status msi_file_read(msi_file *f, const mst_allocator *allocator, const char *path, size_t max,
                         msi_text *why)
{
    memset(f, 0, sizeof *f);
    f->allocator = allocator;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        add_reason(why);
        return MST_EIO;
    }
    mst_status status = read_all(f, fd, max);
    if (status == MST_EIO) {
        add_reason(why);
    }
    close(fd);
    return status;
}
