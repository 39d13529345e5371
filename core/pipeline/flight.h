/* flight.h - one fetch of a key for all who ask for it, and the load when nobody has it. [loop]
 *
 *   asking   tier by tier, nearest first
 *   loading  no tier had it and a waiter brought a loader
 *   storing  the waiters have their answer, the tiers get the value
 *
 * Requests for the key join the flight while it is the key's claim; a write supersedes it: it then
 * answers those who wait and keeps nothing. */
#ifndef MSI_FLIGHT_H
#define MSI_FLIGHT_H

#include "pipeline/request.h"
#include "pipeline/store.h"

typedef struct msi_flight msi_flight;

struct mst_load {
    msi_flight *flight;
    _Atomic bool ended; /* by the loader; a second end is ignored and logged */
    mst_entry entry;
    mst_status status;
    msi_value *value;
    msi_task task;
    uint64_t began_ns;
};

typedef enum msi_flight_state { MSI_ASKING = 1, MSI_LOADING, MSI_STORING } msi_flight_state;

struct msi_flight {
    msi_claim claim;
    mst_cache *cache;
    msi_lane *lane;
    msi_flight_state state;
    unsigned refs; /* the flight itself, a worker's job, a loader that runs */
    unsigned tier; /* the one that is asked */
    bool keep;     /* promote what is found: not for peeks only */
    bool tier_failed, undecodable, closed;
    msi_list waiters; /* requests */
    msi_value *value; /* found or loaded */
    msi_store *store;
    mst_load load;
    mst_loader loader;
    const mst_request *loading_for; /* whose loader runs; only compared */
    const mst_type *type;           /* of that one */
    uv_work_t *work;                /* NULL until a worker has something to do */
    mst_value lent;                 /* not opened yet */
    uint64_t lent_expires_ms;
    msi_trail trail;
    bool carried; /* the GET carried a window, to renew the entry */
    mst_status status;
    msi_key_ref k; /* bytes behind the struct */
};

/* A get or get_or_load: joins a flight, starts one, or waits behind a busy write. */
void msi_flight_begin(mst_request *);

/* load.c */
void msi_flight_load(msi_flight *);
/* flight.c, for load.c: the loader has ended. */
void msi_flight_loaded(msi_flight *);
void msi_flight_release(msi_flight *);
/* Have a worker do it, with the flight as data; after() ends with a release. False: it cannot. */
bool msi_flight_queue(msi_flight *, uv_work_cb work, uv_after_work_cb after);

#endif
