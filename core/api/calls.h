/* calls.h - what all calls of the public interface begin with. */
#ifndef MSI_CALLS_H
#define MSI_CALLS_H

#include "api/runtime.h"

extern const mst_options msi_no_options; /* what NULL means */

static inline bool msi_key_ok(mst_slice key)
{
    return key.data && key.len && key.len <= MSI_KEY_MAX;
}
mst_status msi_check_key(const mst_cache *, mst_slice key); /* also: is the cache open? */
mst_status msi_check_options(const mst_options *);          /* sets *options->request to NULL */
mst_status msi_check_input(const mst_input *, const mst_type *);
/* The call ends with `status`, also in *now (may be NULL). */
mst_status msi_refuse(mst_status status, mst_result *now);

#endif
