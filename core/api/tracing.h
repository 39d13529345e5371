/* tracing.h - what a runtime wants to know of its requests; and how exporters get spans. */
#ifndef MSI_TRACING_H
#define MSI_TRACING_H

#include "api/runtime.h"

/* [main] When the exporters are built, and before the caches are: rt->watch. */
mst_status msi_tracing_build(mst_runtime *, mst_error *);
void msi_tracing_free(mst_runtime *); /* safe on a half-built runtime */
/* What is to be noted for a cache with these settings; NULL: nothing. */
msi_watch *msi_tracing_of(const mst_runtime *, const msi_cache_settings *);

#endif
