/* port.h - a far tier as one loop sees it, and the operations that go through it. All [loop]. */
#ifndef MSI_PORT_H
#define MSI_PORT_H

#include "base/histogram.h"
#include "base/spares.h"
#include "tier/breaker.h"
#include "tier/tier.h"

typedef struct msi_op msi_op;

struct msi_port {
    msi_tier *tier;
    msi_instance *instance;
    msi_loop *loop;
    msi_hook hook;
    msi_list queued;  /* leave in this turn */
    msi_list done;    /* answered, to be told in this turn */
    msi_list out;     /* with the provider */
    uint64_t pending; /* in any of the three lists, or on their way through a task */
    uint64_t lost;    /* of these: told as timed out already */
    msi_breaker breaker;
    msi_spares spares; /* ops with short keys */
    /* [any-thread] reads these two. Of operations that the tier was asked for, by MST_OP_*:
     * nanoseconds until they were answered, or given up; and `pending` as it was last. */
    msi_histogram *took;
    _Atomic uint64_t in_flight;
    /* blocking providers: the batch that a worker has */
    bool working;
    uv_work_t work;
    mst_op **batch;
    size_t batch_count, batch_cap;
    bool started;
    bool stopping;         /* no op goes out any more */
    bool provider_stopped; /* host->stopped() was called */
    bool stopped;          /* told to tier->events */
};

/* One operation. The sender fills `op` (key, hash and space are set), sends it, and gets
 * done(op, status) exactly once, in a later step of a turn; it then calls msi_op_free().
 * MST_ETIMEDOUT may mean that the provider still has the op (`lost`): nothing of it may be touched
 * then, and it frees itself when the provider is done with it. */
struct msi_op {
    msi_task task; /* completion from another thread */
    msi_list link;
    msi_deadline deadline;
    msi_port *port;
    void (*done)(msi_op *, mst_status);
    void *owner;
    /* What the op borrows (the value of a SET) is held until the provider is done with it. */
    void (*drop)(void *held);
    void *held;
    mst_slice parts[2];
    uint64_t sent_ns;             /* msi_loop_now_ns() */
    _Atomic uint32_t completions; /* by the provider: more than one is its fault */
    uint32_t admitted;            /* the breaker's generation; 0: it was not asked */
    bool refused;                 /* by the breaker */
    bool out;                     /* with the provider */
    bool lost;                    /* told as timed out while the provider had it */
    bool spare;                   /* its memory is of the port's spares */
    mst_op op;                    /* then the provider's private bytes, then the key */
};

mst_status msi_port_init(msi_port *, msi_tier *, msi_instance *, msi_loop *);
void msi_port_fini(msi_port *);
/* Everything sent has been told. */
bool msi_port_idle(const msi_port *);
void msi_port_stop(msi_port *); /* answers through tier->events.stopped */

/* Each operation has its own histogram: by MST_OP_*. */
enum { MSI_OP_CODES = MST_OP_CLEAR + 1 };

/* NULL: out of memory. The key is copied. */
msi_op *msi_op_new(msi_port *, uint16_t code, const mst_space *, mst_slice key, uint64_t hash);
void msi_op_init_spares(msi_port *); /* they are as large as an op, with the provider's bytes */
void msi_op_send(msi_op *, void (*done)(msi_op *, mst_status), void *owner);
/* Gives back what the op lends and holds. No effect on a lost one. */
void msi_op_free(msi_op *);
/* The provider has answered: into port->done, to be told in the turn. */
void msi_op_answered(msi_op *);
/* Tell the answers that have come. */
void msi_port_tell(msi_port *);
/* host->stopped() of the port's instance. */
void msi_port_provider_stopped(msi_port *);

extern const msi_op_hooks msi_op_completion;

#endif
