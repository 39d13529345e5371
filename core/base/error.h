/* error.h - filling an mst_error. `error` may be NULL in all of them. */
#ifndef MSI_ERROR_H
#define MSI_ERROR_H

#include <memstache/config.h>

#include "base/text.h"

/* Sets *error and returns status. */
mst_status msi_error(mst_error *error, mst_status status, const char *format, ...) MSI_PRINTF(3, 4);

#endif
