/* runtime.h - loops, tiers and caches that were opened together.
 *
 *   open.c    building it from an assembly
 *   close.c   draining it and taking it apart
 *   calls.c   single keys; many.c batches; wait.c the blocking forms
 *   stats.c   counters; names.c texts and results; trace.c what is asked for
 *   metrics.c all figures, in one walk; exporters.c who carries them out
 *   admin.c   the admin socket; report.c what it answers
 */
#ifndef MSI_RUNTIME_H
#define MSI_RUNTIME_H

#include "pipeline/cache.h"
#include "plugin/assembly.h"
#include "tier/tier.h"

struct mst_runtime {
    mst_allocator allocator;
    msi_log log;
    msi_secret_callback secret; /* of the host program */
    uint64_t seed;
    msi_ticker ticker;      /* not of a lent loop: it starts no thread */
    msi_assembly *assembly; /* names, options and settings live here */
    msi_loop *loops;
    unsigned loop_count; /* initialised ones */
    unsigned loops_started;
    msi_tier *tiers; /* one per provider in use */
    unsigned tier_count;
    msi_instance **codecs; /* serializers and compressors in use */
    unsigned codec_count;
    mst_cache *caches;
    unsigned cache_count;
    msi_metrics *metrics;
    msi_instance **exporters; /* in the order of the configuration */
    unsigned exporter_count, exporters_started;
    unsigned exporters_stopping; /* [loop 0] those that have not stopped, and one */
    void (*exporters_stopped)(void *arg);
    void *exporters_arg;
    struct msi_closing *closing;
    msi_watch *watch;        /* NULL: neither traces nor slow requests are wanted */
    struct msi_admin *admin; /* NULL: no admin socket */
};

/* Everything that has no thread: tiers, codecs, caches, loops. Safe on a half-built runtime. */
void msi_runtime_free(mst_runtime *);

/* What the instances of a component may have. */
msi_grants msi_runtime_grants(const mst_runtime *, const msi_component *);
/* [any-thread] msi_metrics.walk; arg is the runtime. */
mst_status msi_runtime_walk(void *arg, mst_metric_visit visit, void *visit_arg);

/* Reports of all tiers; arg is the runtime. */
void msi_runtime_invalidated(void *arg, msi_tier *, const mst_slice *keys, size_t n);
void msi_runtime_flushed(void *arg, msi_tier *);
void msi_runtime_stopped(void *arg, msi_tier *);

/* Is the calling thread one of the runtime's loop threads? */
bool msi_runtime_on_loop(const mst_runtime *);

#endif
