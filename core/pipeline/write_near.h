/* write_near.h - changes of all in-process tiers of a cache. Under the stripe of the key,
 * or where msi_write_now() needs none. */
#ifndef MSI_WRITE_NEAR_H
#define MSI_WRITE_NEAR_H

#include "pipeline/near.h"
#include "pipeline/store.h"

/* MST_OPF_IF_* of a call's options. */
uint16_t msi_conditions(const mst_options *);

mst_result msi_set_near(msi_store *, msi_key_ref, uint16_t conditions);
mst_result msi_remove_near(mst_cache *, msi_key_ref);
mst_result msi_touch_near(mst_cache *, msi_key_ref, const msi_life *);

#endif
