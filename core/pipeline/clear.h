/* clear.h - removing every key of a cache, on all loops and in all tiers; and dropping what the
 * near tiers hold when a far one says that it has changed. */
#ifndef MSI_CLEAR_H
#define MSI_CLEAR_H

#include "pipeline/request.h"

void msi_clear_begin(mst_request *); /* [loop] */

/* [any-thread] Somebody else changed `keys` (full keys) of tier `t`; or any of them. No effect on a
 * cache that does not use the tier. */
void msi_cache_invalidated(mst_cache *, const msi_tier *t, const mst_slice *keys, size_t n);
void msi_cache_flushed(mst_cache *, const msi_tier *t);

#endif
