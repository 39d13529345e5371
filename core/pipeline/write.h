/* write.h - set, remove and touch.
 *
 * With in-process tiers only, a write is made on the caller's thread, under the stripe of the key;
 * with one of them, and nothing claimed, without: the tier puts its operations in an order.
 * Otherwise it is announced there (its key leaves the leading near tiers, and nothing that is being
 * fetched may come back), and made on the loop of the key, in the order of arrival. */
#ifndef MSI_WRITE_H
#define MSI_WRITE_H

#include "pipeline/request.h"

/* [any-thread] Make the write now. MST_PENDING, and nothing has happened, when it has to go through
 * the loop; else the status, also in *result. A set uses up its input unless MST_PENDING. */
mst_status msi_write_now(mst_cache *, msi_request_kind, const msi_key_ref *, const mst_input *,
                         const mst_options *, mst_result *);
/* [any-thread] Announce a new request, which is to be posted then: MST_OK, or why not (the request
 * is gone then). The input of a set is used up. */
mst_status msi_write_announce(mst_request *, const mst_input *);

void msi_write_begin(mst_request *); /* [loop] */
/* [any-thread] It will not be made: withdraw what was announced. */
void msi_write_forget(mst_request *);

#endif
