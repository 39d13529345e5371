/* exporters.h - the exporters of a runtime: one instance of each, on the first loop. They start
 * last and stop first, so that there is something to show for as long as they run. */
#ifndef MSI_EXPORTERS_H
#define MSI_EXPORTERS_H

#include "api/runtime.h"

/* [main] */
mst_status msi_exporters_build(mst_runtime *, mst_error *error);
void msi_exporters_free(mst_runtime *); /* safe on a half-built runtime */

/* [loop] of the first one, all of it. */
mst_status msi_exporters_start(mst_runtime *, mst_error *error);
/* Calls next(arg) when all of them have stopped, now or later. */
void msi_exporters_stop(mst_runtime *, void (*next)(void *arg), void *arg);
/* What they have left open goes before the loop does. */
void msi_exporters_leave_loop(mst_runtime *);

#endif
