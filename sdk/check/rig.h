/* rig.h - a provider that runs, and operations on it, the way its kind of provider is called:
 * in the call (INPROC), on a worker (BLOCKING), or on the loop, with the answer later. */
#ifndef MEMSTACHE_CHECK_RIG_H
#define MEMSTACHE_CHECK_RIG_H

#include "check.h"

enum { RIG_SPACES = 2 };

typedef struct rig {
    kit *k;
    check_loop *loop;
    check_instance *instance;
    void *self;
    const mst_provider_ops *ops;
    bool inproc, blocking;
    mst_space spaces[RIG_SPACES];
    mst_asker askers[RIG_SPACES]; /* in those; of the thread that runs the case */
    char prefixes[RIG_SPACES][48];
    struct rig_op *made; /* all, until the end: late completions are noticed */
} rig;

typedef struct rig_op {
    struct rig_op *next;
    rig *r;
    _Atomic int completions; /* by op_done() */
    _Atomic bool done;
    bool submitted;
    mst_status result; /* once done */
    uint8_t *key;
    uint8_t *value;
    mst_slice parts[3];
    mst_op op;
} rig_op;

/* A new instance, started. Skips when the case cannot be had here: a back end that does not answer.
 */
void rig_open(kit *, rig *);
/* With an eviction policy; and with calls of [loop] services on other threads being faults. */
void rig_open_with(kit *, rig *, const mst_evictor *, bool wrong_threads);
/* The same on an instance of the caller's; what start() returns. Writes nothing. */
mst_status rig_start(kit *, rig *, check_instance *, check_loop *, const mst_evictor *);
/* stop(), until the provider has stopped; all ops must be complete by then. */
void rig_stop(rig *);
/* Clears the spaces, stops, ends the instance that rig_open() made. */
void rig_close(rig *);
/* Skips a provider outside the process that was not told where it may write. */
void rig_allowed(kit *);

bool rig_has(const rig *, int code);
rig_op *rig_new(rig *, int code, int space, const char *key);
/* The bytes of a SET, in up to three parts; copied. */
void rig_value(rig_op *, const void *data, size_t len);
void rig_submit(rig *, rig_op *const *, size_t n);
/* Turns the loop until they are done. */
void rig_wait(rig *, rig_op *const *, size_t n);
/* Both, for one. */
mst_status rig_run(rig *, rig_op *);
void rig_release(rig_op *); /* of what a GET lent */
const char *rig_verb(const rig_op *);
/* A status that the op may not have ends the case. */
void rig_expect(const rig_op *, mst_status expected, const char *why);
/* GET: the result must be these bytes. Releases them. */
void rig_expect_value(rig_op *, const void *data, size_t len);

#endif
