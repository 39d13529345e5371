/* lane.h - a cache as one loop sees it: requests come in, are begun, and their answers are handed
 * out, each step once a turn. */
#ifndef MSI_LANE_H
#define MSI_LANE_H

#include "base/histogram.h"
#include "base/spares.h"
#include "pipeline/cache.h"
#include "pipeline/slides.h"

struct msi_lane {
    mst_cache *cache;
    msi_loop *loop;
    unsigned index;
    msi_port *ports[MSI_NEAR_TIERS_MAX]; /* of far tiers; NULL for in-process ones */
    msi_hook begin;                      /* runs before the ports of the loop ... */
    msi_hook answer;                     /* ... and after them */
    msi_list finished;                   /* requests to be answered in this turn */
    msi_slides slides;                   /* keys that are renewed by reading */
    _Atomic unsigned visitors;           /* tasks of other threads on their way here */
    uint64_t endless;                    /* pending requests without a deadline */
    unsigned busy;                       /* flights, stores and jobs under way */
    msi_spares requests, flights;        /* with short keys */
    msi_spares values, trails, mores;
    uint64_t lot;        /* state of the draw for traces */
    msi_histogram *took; /* of requests, by msi_request_kind: nanoseconds from call to answer */
    msi_histogram *load_took; /* of loaders */
    /* The ledger. Under the mutex: started = completed + pending, at every moment. */
    pthread_mutex_t mutex;
    msi_list intake; /* requests of any thread, in order of arrival */
    uint64_t started, completed;
    uint64_t pending; /* counted by its own steps, not derived */
    _Atomic bool any; /* is there an intake? */
};

/* MST_ENOMEM; to be finished in any case. */
mst_status msi_lane_init(msi_lane *, mst_cache *, msi_loop *, unsigned index);
void msi_lane_fini(msi_lane *);
/* [loop] Hooks are added around those of the ports. */
void msi_lane_open(msi_lane *);   /* before the ports start */
void msi_lane_opened(msi_lane *); /* after them */

/* [any-thread] Enter a request into the ledger and the intake. MST_ECLOSED, MST_EBUSY. */
mst_status msi_lane_post(msi_lane *, mst_request *);
/* [any-thread] The same for requests that have their places in the ledger; empties the list. */
void msi_lane_post_reserved(msi_lane *, msi_list *requests);
/* [any-thread] Places in the ledger for n requests of a batch: all or none; and giving them back.
 */
mst_status msi_lane_reserve(msi_lane *, uint64_t n);
void msi_lane_unreserve(msi_lane *, uint64_t n);

/* [loop] mst_result_release() of what has been told, with the memory kept for the next. */
void msi_lane_drop_result(msi_lane *, mst_result *);

/* [loop] Something goes on that closing has to wait for. */
void msi_lane_enter(msi_lane *);
void msi_lane_leave(msi_lane *);
/* [loop] Every request that has a deadline is answered. */
bool msi_lane_answered(msi_lane *);
/* [loop] Every request is answered, and nothing is under way without anybody waiting. */
bool msi_lane_idle(msi_lane *);

#endif
