/* secret.c - see secret.h. Who may read the file is not our business: secrets are mounted
 * world-readable into containers that have one user. */
#include "config/secret.h"

#include <string.h>

enum { SECRET_MAX = 64 * 1024 };

/* One line end is an editor's or echo's doing; more, or blanks, may be meant. */
static void trim_line_end(msi_file *f)
{
    if (f->len > 0 && f->data[f->len - 1] == '\n') {
        f->len--;
        f->len -= f->len > 0 && f->data[f->len - 1] == '\r';
        f->data[f->len] = '\0';
    }
}

mst_status msi_secret_read(msi_file *file, const mst_allocator *allocator, const char *path,
                           msi_text *why)
{
    mst_status status = msi_file_read(file, allocator, path, SECRET_MAX, why);
    if (status == MST_ETOOBIG) {
        msi_text_add(why, "it is larger than 64KiB");
        return MST_EIO;
    }
    if (status) {
        return status;
    }
    trim_line_end(file);
    if (file->len == 0) {
        msi_text_add(why, "it is empty");
        return MST_EIO;
    }
    if (memchr(file->data, '\0', file->len)) {
        msi_text_add(why, "it has a NUL byte in it");
        return MST_EIO;
    }
    return MST_OK;
}
