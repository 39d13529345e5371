/* cache.h - what the pipeline knows of one cache.
 *
 *   value     bytes or object on its way            near     the path on the caller's thread
 *   claims    who fetches or writes which key now   request  one asynchronous question
 *   lane      a cache as one loop sees it           flight   fetch or load of a key, shared
 *   store     putting a value into the tiers        write    set, remove, touch
 *   renew, slides   far entries that live while they are read
 *   batch, look (exists), clear, coherence, counters
 *   context, trail, watch, spans   traces, and the log of slow requests
 *
 * Three rules hold it together:
 *   1. Asynchronous requests of a key run on one loop (by hash), in the order of arrival.
 *   2. Whoever changes a key in the near tiers holds the stripe of the key, but for a single tier
 *      while nothing is claimed (write_near.c). A fetch or load that was begun before a write is
 *      superseded by it: its waiters get the answer, the tiers do not.
 *   3. Far tiers keep the order of operations on a key (provider.h), so that what was sent after a
 *      write sees it.
 */
#ifndef MSI_CACHE_H
#define MSI_CACHE_H

#include "base/hash.h"
#include "base/histogram.h"
#include "codec/codec.h"
#include "pipeline/claims.h"
#include "pipeline/counters.h"
#include "tier/port.h"

enum { MSI_NEAR_TIERS_MAX = 8, MSI_KEY_MAX = 65535 };
/* What has a key behind it and is kept as a spare has room for one as long as this. */
enum { MSI_KEY_ROOM = 64 };

_Static_assert(MSI_NEAR_TIERS_MAX == (int) MSI_COUNTED_TIERS, "each tier has its counters");

typedef struct msi_lane msi_lane;
typedef struct msi_trace msi_trace;
typedef struct msi_watch msi_watch;

struct mst_cache {
    mst_runtime *runtime;
    const mst_allocator *allocator;
    const char *name;
    const char *section; /* "cache", or "cache." and the name */
    char *prefix;        /* of far keys: the escaped namespace and ":" */
    mst_space space;
    uint64_t seed; /* of key hashes: the runtime's, mixed with the space */
    msi_cache_settings settings;
    msi_codec codec;
    msi_tier *tiers[MSI_NEAR_TIERS_MAX];
    bool sealed[MSI_NEAR_TIERS_MAX]; /* holds envelopes; else ready values */
    unsigned tier_count;
    unsigned near_count; /* leading tiers that answer on the caller's thread */
    /* The lookup of the nearest tier, where it has one and holds ready values; else NULL. */
    mst_status (*quick)(void *self, const mst_lookup *, mst_result *);
    void (*quick_many)(void *self, const mst_lookup *, mst_result *,
                       size_t n);              /* its lookup_many, or NULL */
    void (*expect)(void *self, uint64_t hash); /* of the nearest tier, or NULL */
    void *nearest;
    msi_ticker *ticker; /* the runtime's */
    msi_claims claims;
    msi_counters counters;
    msi_histogram *near_took; /* by msi_request_kind: see msi_is_timed() */
    msi_lane *lanes;          /* one per loop */
    unsigned lane_count;
    _Atomic uint64_t state;    /* the serial of the counters, and MSI_CLOSING and the like */
    msi_trace *_Atomic trace;  /* who is told what is asked for: api/trace.h; NULL: nobody */
    msi_trace *_Atomic traces; /* all that were, the newest first */
    _Atomic uint64_t pending;  /* of all lanes; for max_pending */
    _Atomic uint64_t jitter_state;
    msi_log log; /* with the section as category */
    msi_log_limit slow_limit;
    msi_watch *watch; /* NULL: nobody wants to know how requests went */
    _Atomic uint64_t bad_traceparents;
};

/* Of mst_cache.state: no further calls are taken; `trace` may be told of them; `quick` is missing.
 * If there is none of them the way to a hit is short. They stand below the serial, so that one
 * comparison says both that and whose tally a thread has used last. */
enum { MSI_CLOSING = 1, MSI_TRACED = 2, MSI_NOT_QUICK = 4 };
_Static_assert((MSI_CLOSING | MSI_TRACED | MSI_NOT_QUICK) < MSI_SERIAL_STEP, "serials leave room");

static inline bool msi_cache_is_closing(const mst_cache *c)
{
    return atomic_load_explicit(&c->state, memory_order_relaxed) & MSI_CLOSING;
}

static inline bool msi_cache_all_near(const mst_cache *c)
{
    return c->near_count == c->tier_count;
}

/* Did an operation fail because the runtime is closing? A tier may say so of itself, too. */
static inline bool msi_cache_closed(const mst_cache *c, mst_status status)
{
    return status == MST_ECLOSED && msi_cache_is_closing(c);
}

static inline uint64_t msi_cache_hash(const mst_cache *c, mst_slice key)
{
    return msi_hash(key.data, key.len, c->seed);
}

/* Is a request that is answered inside the call one of those that are timed? Reading a clock costs
 * as much as a near hit, and even to choose by key and time together is felt where the memory
 * accesses of several hits overlap; so it is a window: 16 ms of every eight seconds.
 * 0, which stands for no time, is in it. */
static inline bool msi_is_timed(uint64_t now_ms)
{
#ifdef MSI_WITHOUT_COUNTERS
    return now_ms == 0;
#endif
    return (now_ms & 0x1ff0) == 0;
}

/* The lane of a key. The low bits choose stripes, the high ones shards; these are between. */
static inline unsigned msi_cache_lane(const mst_cache *c, uint64_t hash)
{
    return c->lane_count == 1 ? 0 : (unsigned) ((hash >> 20) % c->lane_count);
}

/* The life of an entry after options, configuration and jitter; on msi_now_ms(). Lives, and keys on
 * their way, are handed on by pointer: copies are made in other portions than fields are set, for
 * which a processor waits until they are out of its store buffer. */
typedef struct msi_life {
    uint64_t created_ms, expires_ms, sliding_ms; /* expires 0: never; sliding 0: none */
} msi_life;
void msi_cache_life(mst_cache *, const mst_entry *, uint64_t now, msi_life *);
/* The same life as tier `index` is to hold it: capped by the tier's own limit, with a window that
 * allows for what the tier does not see (life.c). */
void msi_cache_life_in(const mst_cache *, unsigned index, const msi_life *, uint64_t now,
                       msi_life *held);
/* The entry's window, from the one that in-process tier `index` holds. */
uint64_t msi_window_of(unsigned index, uint64_t held);
/* Need the far tier `index`, where the entry ends at `end`, not be renewed by a read? */
bool msi_window_is_fresh(unsigned index, uint64_t window, uint64_t end, uint64_t now);

#endif
