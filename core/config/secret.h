/* secret.h - a secret that stands in a file of its own (`<key>_file`), at open and whenever a
 * plugin asks for it again. */
#ifndef MSI_SECRET_H
#define MSI_SECRET_H

#include "config/file.h"

/* Read it and take one line end off. MST_OK: file->data is the secret, a text. MST_ENOMEM. MST_EIO:
 * it cannot be used, and `why` says so without quoting it. Free the file in any case. */
mst_status msi_secret_read(msi_file *file, const mst_allocator *, const char *path, msi_text *why);

#endif
