/* units.h - the ways a user writes values. All return MST_OK, or MST_EINVAL and a reason in `why`
 * (may be NULL). Surrounding blanks are accepted; anything left over is not. */
#ifndef MSI_UNITS_H
#define MSI_UNITS_H

#include <stdint.h>

#include <memstache/abi.h>

#include "base/text.h"

mst_status msi_read_bool(const char *text, bool *out, msi_text *why);
mst_status msi_read_int(const char *text, int64_t *out, msi_text *why);
/* A unit is required, but for 0: B, KB MB GB TB (1000), KiB MiB GiB TiB (1024); a fraction is
 * allowed ("1.5GiB"), a result that is not a whole number of bytes is rounded down. */
mst_status msi_read_size(const char *text, uint64_t *out, msi_text *why);
/* Milliseconds. A unit is required, but for 0: ms s m h d; "never" is -1. */
mst_status msi_read_ms(const char *text, int64_t *out, msi_text *why);
/* "12.5%" is 0.125. The sign is required, but for 0. */
mst_status msi_read_percent(const char *text, double *out, msi_text *why);

/* How such values are shown: the largest unit that keeps them exact ("256MiB", "1500ms"). */
void msi_show_size(uint64_t, msi_text *out);
void msi_show_ms(int64_t, msi_text *out);

#endif
