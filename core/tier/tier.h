/* tier.h - one provider in its place: its instances, its eviction policy, its limits.
 *
 *   tier.c  building, starting and stopping
 *   op.c    one operation on a far tier: queue, deadline, completion, exactly once
 *   port.c  a tier as one loop sees it: everything asked in a turn leaves in one submit()
 *   breaker.c  a port whose tier only fails does not ask it for a while
 *
 * A near tier (MST_CAP_INPROC) answers inside msi_tier_call(), on any thread. A far tier has ports.
 * Caches that name the same provider section share the tier.
 */
#ifndef MSI_TIER_H
#define MSI_TIER_H

#include <memstache/memstache.h>

#include "base/error.h"
#include "config/settings.h"
#include "plugin/instance.h"

typedef struct msi_port msi_port;
typedef struct msi_tier msi_tier;

/* What a tier reports to whoever uses it; see msi_events. */
typedef struct msi_tier_events {
    void (*invalidated)(void *arg, msi_tier *, const mst_slice *keys, size_t n); /* [any-thread] */
    void (*flushed)(void *arg, msi_tier *);                                      /* [any-thread] */
    void (*stopped)(void *arg, msi_tier *); /* [loop] one port, or the instance of a near tier */
    void *arg;
} msi_tier_events;

struct msi_tier {
    const mst_allocator *allocator;
    msi_log log;
    const char *name; /* "memory", or the alias */
    const mst_provider_ops *ops;
    msi_tier_settings settings;
    bool near;            /* MST_CAP_INPROC */
    bool blocking;        /* MST_CAP_BLOCKING */
    bool reentrant;       /* a blocking one that needs no mutex */
    msi_instance *policy; /* eviction; NULL */
    mst_evictor evictor;
    msi_instance **instances; /* near and blocking: one; else one per loop */
    unsigned instance_count;
    bool started;    /* near */
    msi_port *ports; /* far: one per loop; NULL when near */
    unsigned port_count;
    msi_tier_events events;
    msi_log_limit failure_limit;
    _Atomic uint64_t errors, timeouts;
    /* Of the breakers of all ports: operations answered without asking, how often one opened, how
     * many are not closed now. */
    _Atomic uint64_t skipped, opened;
    _Atomic uint32_t open;
    msi_log_limit opened_limit, closed_limit;
};

/* What msi_tier_init() is to build. Strings and options live as long as the tier. */
typedef struct msi_tier_plan {
    const char *section, *name;
    const msi_plugin *plugin, *eviction; /* eviction NULL: none */
    const char *eviction_section;
    const void *options, *eviction_options;
    msi_grants grants, eviction_grants;
    msi_tier_settings settings;
    msi_loop *loops;
    unsigned loop_count;
    const mst_allocator *allocator;
    const msi_log *log;
    msi_tier_events events;
} msi_tier_plan;

/* [main] Makes and initialises the instances; nothing runs yet. */
mst_status msi_tier_init(msi_tier *, const msi_tier_plan *, mst_error *error);
/* [main] Lets go of the instances. Safe on a zeroed tier. */
void msi_tier_fini(msi_tier *);

/* Start the instance of one loop: [loop] for asynchronous providers; near and blocking ones have
 * one instance, which the call for loop 0 starts. */
mst_status msi_tier_start(msi_tier *, unsigned loop, mst_error *error);
/* [loop] Stop it; events.stopped follows, once, now or later. */
void msi_tier_stop(msi_tier *, unsigned loop);

/* Does the provider know MST_OP_`code`? */
static inline bool msi_tier_can(const msi_tier *t, unsigned code)
{
    return (t->ops->op_codes & 1u << code) != 0;
}

/* [any-thread] Near tiers only: all ops, of one code, are answered on return. */
static inline void msi_tier_call(msi_tier *t, mst_op *const *ops, size_t n)
{
    if (msi_tier_can(t, ops[0]->code)) {
        t->ops->submit(t->instances[0]->self, ops, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        ops[i]->status = MST_ENOTSUP;
    }
}

/* Count a failed operation and tell the log, at a limited rate. MST_OK: one that was not asked. */
void msi_tier_failed(msi_tier *, mst_status);

#endif
