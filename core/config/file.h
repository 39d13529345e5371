/* file.h - a whole small file in memory. */
#ifndef MSI_FILE_H
#define MSI_FILE_H

#include "base/alloc.h"
#include "base/text.h"

typedef struct msi_file {
    const mst_allocator *allocator;
    char *data; /* `len` bytes and a NUL */
    size_t len, cap;
} msi_file;

/* Read all of `path`, which may also be a pipe. MST_OK; MST_ENOMEM; MST_ETOOBIG when it has more
 * than `max` bytes; MST_EIO with the system's reason in `why`. Free it in any case. */
mst_status msi_file_read(msi_file *, const mst_allocator *, const char *path, size_t max,
                         msi_text *why);
/* Wipes what it frees: it may have been a secret. */
void msi_file_free(msi_file *);

#endif
