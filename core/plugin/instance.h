/* instance.h - one instance of a plugin: its options bound, its memory counted, its services. */
#ifndef MSI_INSTANCE_H
#define MSI_INSTANCE_H

#include <stdatomic.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/spares.h"
#include "plugin/metrics.h"
#include "plugin/registry.h"
#include "plugin/secrets.h"
#include "plugin/work.h"

typedef struct msi_instance msi_instance;

/* What providers tell the core about other people's writes; called on any thread. */
typedef struct msi_events {
    void (*invalidated)(void *arg, const mst_slice *keys, size_t n);
    void (*flushed)(void *arg);
    void (*stopped)(void *arg); /* [loop] */
    void *arg;
} msi_events;

/* What a runtime lets its instances have beside memory and a log. All zero: nothing. */
typedef struct msi_grants {
    msi_secrets secrets;
    msi_metrics *metrics;
} msi_grants;

struct msi_instance {
    mst_host host;            /* first: services find the instance by it */
    const msi_plugin *plugin; /* = &described */
    msi_plugin described;     /* a copy: the registry may be gone before a late release */
    void *self;
    char *name;  /* the section, "provider.memory" */
    char *texts; /* the file's name and the bound strings; wiped at the end */
    size_t texts_len;
    msi_loop *loop;          /* of its timers and polls; NULL for codecs and evictions */
    mst_allocator allocator; /* copies: it may outlive the runtime */
    msi_log log;
    msi_events events;
    _Atomic int64_t blocks, bytes; /* taken by host->alloc() and not given back */
    bool at_home; /* of a far provider: what its loop's thread takes and gives ... */
    pthread_t home;
    msi_spares spares;               /* ... is kept here when it is small, */
    int64_t home_blocks, home_bytes; /* and counted without atomics */
    _Atomic int64_t handles;         /* open polls, timers, posts, works, resolves */
    _Atomic uint32_t refs;           /* 1 for the owner, and what was retained */
    pthread_mutex_t open_mutex;
    msi_list open;         /* all of those (handle.h); under open_mutex, as is setting `loop` */
    msi_instance *policy;  /* the eviction policy that a provider works with, one reference of it:
                              released after fini(), set by the tier floor; NULL */
    pthread_mutex_t mutex; /* serialises codecs that are not reentrant */
    char why[512];         /* host->set_error() */
    msi_secrets secrets;   /* for host->secret(); zeroed when the runtime is gone */
    msi_log_limit secret_limit;
    msi_metrics *metrics; /* a reference; NULL: none */
    msi_work *work;       /* of a codec, MSI_WORKS of them; else NULL */
    bool initialised;
};

/* [main] Allocates, copies the bound options (`options`, instance_size bytes, with the strings that
 * they point to) and calls init(). *error: "<file>: compressor "x" [section]: <why>". */
mst_status msi_instance_new(msi_instance **, const msi_plugin *, const char *name,
                            const void *options, msi_loop *, const mst_allocator *, const msi_log *,
                            mst_error *error);
/* The same for one that has more; the grants are copied. */
mst_status msi_instance_new_with(msi_instance **, const msi_plugin *, const char *name,
                                 const void *options, const msi_grants *, msi_loop *,
                                 const mst_allocator *, const msi_log *, mst_error *error);

/* [any-thread] References: one for the owner, one per host->retain(), one per decoded object of a
 * serializer. The last release runs fini() and frees the instance, with a log line at level error
 * when memory or handles were not given back. NULL is fine. */
void msi_instance_retain(msi_instance *);
void msi_instance_release(msi_instance *);
/* [main] The release of the owner, the runtime, when it closes. What outlives it logs nothing, and
 * has nobody to tell its events to. */
void msi_instance_abandon(msi_instance *);

/* [loop] Before the loop is closed, when the plugin has stopped: closes what it has left open on
 * the loop and forgets its works, resolves and posts, so that none of its callbacks runs any more;
 * the services of the loop answer MST_ENOTSUP from then on. Logs at level error, and returns, how
 * many there were; their memory goes in later turns of the loop and does not need the instance
 * then. */
size_t msi_instance_leave_loop(msi_instance *);

/* [loop] Before it starts: from now on small blocks are kept for the thread that this runs on. */
void msi_instance_keep_spares(msi_instance *);

/* Fills the table: memory, log, clocks and events in host.c; what needs a loop, see handle.h. */
void msi_host_init(msi_instance *);

/* ---- ops: the core's side of host->op_done(), implemented by the tier floor and set once. */
typedef struct msi_op_hooks {
    void (*done)(mst_op *, mst_status);
    void (*done_mt)(mst_op *, mst_status);
} msi_op_hooks;
void msi_host_set_op_hooks(msi_instance *, const msi_op_hooks *);

#endif
