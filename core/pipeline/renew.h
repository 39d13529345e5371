/* renew.h - far entries that slide get their window again when they are read. [loop] */
#ifndef MSI_RENEW_H
#define MSI_RENEW_H

#include "pipeline/lane.h"
#include "pipeline/near.h"
#include "pipeline/value.h"

/* The window that a GET of far tier `index` is to carry, so that reading renews in the same round
 * trip; 0: none is due, or none is known. */
uint64_t msi_renew_due(const msi_lane *, unsigned index, uint64_t hash);

/* The GET has found `v`, which ends at `end_ms` as far as the tier could say; `carried`: it carried
 * a window. Sends a TOUCH where that has not been enough, or was wrong. False: do not believe
 * `end_ms`, it is about to change. */
bool msi_renew_found(msi_lane *, unsigned index, msi_key_ref, const msi_value *v, uint64_t end_ms,
                     bool carried);

#endif
