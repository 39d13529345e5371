/* gather.h - one loader call for all keys of a batch that nobody has.
 *
 * Each request of the batch brings a loader of ours, which only notes the load. A request is
 * decided when its load is noted, when it has joined the load of somebody else, or when it is
 * answered. When all are decided, the loader of the batch is called with what was noted. Nobody
 * waits for another batch before that, so two batches that share keys cannot wait for each other.
 */
#ifndef MSI_GATHER_H
#define MSI_GATHER_H

#include "pipeline/request.h"

/* For up to n requests, and one more, which stands for whoever posts them and is decided by
 * msi_gather_skip(). NULL: out of memory. */
msi_gather *msi_gather_new(mst_cache *, const mst_loader_many *, size_t n);
void msi_gather_free(msi_gather *); /* before a request has it */
/* One of its requests, before it is posted. */
void msi_gather_add(msi_gather *, mst_request *);
/* [any-thread] A place that no request takes, or not any more. */
void msi_gather_skip(msi_gather *);

/* [loop] The request needs no load of its own. No effect on one that is decided, or of no batch. */
void msi_gather_decided(mst_request *);
/* [loop] It is answered, and has nothing to do with the batch's loader any more. */
void msi_gather_leave(mst_request *);

#endif
