/* request.h - one asynchronous question, from the call to its one answer.
 *
 * References: one of the pipeline, which ends with the answer; one of the intake; one per handle of
 * the caller; one per far operation or job that still works for it. An answer (deadline,
 * cancellation) may come before the work is done: then the work goes on without anybody waiting. */
#ifndef MSI_REQUEST_H
#define MSI_REQUEST_H

#include "pipeline/lane.h"
#include "pipeline/near.h"
#include "pipeline/trail.h"
#include "pipeline/value.h"

typedef enum msi_request_kind {
    MSI_GET = 1, /* with loader: get_or_load */
    MSI_SET,
    MSI_REMOVE,
    MSI_EXISTS,
    MSI_TOUCH,
    MSI_CLEAR,
    MSI_MANY /* the handle of a batch: stands for its requests, is never posted itself */
} msi_request_kind;

enum { MSI_LIVE = 0, MSI_CANCELLING, MSI_DONE };

_Static_assert((int) MSI_MANY == (int) MSI_COUNTED_KINDS,
               "each kind that is posted has its counters");

typedef struct msi_batch msi_batch;
typedef struct msi_gather msi_gather;

struct mst_request {
    _Atomic uint32_t refs;
    msi_request_kind kind;
    mst_cache *cache;
    msi_lane *lane;
    msi_list link;        /* intake, waiters of a flight, or followers of a claim */
    msi_list answer_link; /* lane->finished */
    mst_allocator memory; /* a copy: a handle may outlive the runtime */
    bool cancellable;     /* somebody has a handle */
    bool kept;            /* keeps the loop alive */
    bool begun;           /* out of the intake */
    bool answered;        /* no second answer */
    bool owns_trail;
    _Atomic int state; /* MSI_LIVE, MSI_CANCELLING, MSI_DONE: decides who may still post */
    msi_task cancel;
    bool cancel_ran, cancel_awaited;
    msi_deadline deadline;
    uint64_t deadline_ms; /* 0: none */
    uint64_t began_ns;    /* msi_now_ns() of the call */
    msi_context context;  /* of traces */
    msi_trail *trail;     /* of the fetch that it waits for, or its own; NULL */
    mst_options options;
    mst_loader loader; /* load NULL: none */
    mst_done done;
    void *arg;
    msi_batch *batch; /* NULL: a single request */
    size_t batch_index;
    msi_gather *gather; /* of a batch with a loader: see gather.h */
    bool decided;
    mst_result result;
    /* writes */
    bool writing; /* began to change tiers: goes on whatever happens to the request */
    msi_claim claim;
    msi_value *value; /* of a set */
    struct msi_store *store;
    unsigned outstanding; /* far operations */
    mst_status outcome;   /* MST_OK once any tier agreed; else the last word */
    int16_t outcome_tier;
    unsigned tier; /* of an exists: the one that is asked */
    /* the handle of a batch */
    mst_request **members;
    size_t member_count;
    msi_key_ref k; /* bytes behind the struct */
};

/* Does somebody want to know how it goes? */
static inline bool msi_request_is_watched(const mst_request *r)
{
    return r->cache->watch || r->context.traced;
}

/* NULL: out of memory. The key is copied. To be posted, or discarded. */
mst_request *msi_request_new(mst_cache *, msi_request_kind, msi_key_ref, const mst_options *,
                             mst_done, void *arg);
void msi_request_retain(mst_request *);
void msi_request_release(mst_request *);
void msi_request_discard(mst_request *);
/* Post it to its lane, and hand out the handle that the options ask for. When it fails the request
 * is gone. MST_PENDING, or why not. */
mst_status msi_request_post(mst_request *);

void msi_request_begin(mst_request *); /* [loop] */
/* [loop] The one answer; takes over *result. No effect (the result is released) on an answered one.
 */
void msi_request_finish(mst_request *, mst_result *);
void msi_request_finish_with(mst_request *, mst_status, int why); /* [loop] without a value */
void msi_request_answer(mst_request *);                           /* [loop] lane only */

/* The handle of a batch of up to n requests, and one of them. */
mst_request *msi_request_new_many(mst_cache *, size_t n);
void msi_request_add_member(mst_request *many, mst_request *);

/* A batch: its requests fill `results`; the last one tells. */
struct msi_batch {
    mst_cache *cache;
    _Atomic size_t left;
    msi_task task;
    mst_done_many done;
    void *arg;
    size_t n;
    mst_result results[];
};
msi_batch *msi_batch_new(mst_cache *, size_t n, mst_done_many, void *arg);
/* [loop] One more result is there; the last one calls done() and frees the batch. `lane`: of this
 * loop. */
void msi_batch_count_down(msi_batch *, msi_lane *);
/* [any-thread] All requests have been posted. When they have all been answered meanwhile, or
 * refused, the batch is told on a loop, later. */
void msi_batch_posted(msi_batch *);

#endif
