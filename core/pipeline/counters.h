/* counters.h - what a cache counts. [any-thread]
 *
 * Every thread that counts has a tally of its own in the cache, and adds with a load and a store:
 * an atomic addition would be `lock`-prefixed on x86, and make the memory accesses of the lookup
 * after a hit wait for those of the hit. Whoever reads sums over the tallies. */
#ifndef MSI_COUNTERS_H
#define MSI_COUNTERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include <memstache/provider.h>

#include "base/alloc.h"
#include "base/ticker.h"

/* Every answered request counts in exactly one of the first two maps. Rows with a second number are
 * so many counters, one behind the other: of each tier, or of each msi_request_kind. */
enum { MSI_COUNTED_TIERS = 8, MSI_COUNTED_KINDS = 7 };

/* Answered on the caller's thread: each of these counts as started and completed. */
#define MSI_NOW_MAP(XX)                                                                            \
    XX(now_hits, MSI_COUNTED_TIERS)                                                                \
    XX(now_misses, 1) XX(now_answers, MSI_COUNTED_KINDS) XX(now_errors, MSI_COUNTED_KINDS)
/* Answered by a lane; which of started and completed they belong to stands in the lane's ledger. */
#define MSI_LATER_MAP(XX)                                                                          \
    XX(hits, MSI_COUNTED_TIERS)                                                                    \
    XX(loaded, 1)                                                                                  \
    XX(coalesced, 1)                                                                               \
    XX(absent, 1)                                                                                  \
    XX(misses, 1)                                                                                  \
    XX(undecodable, 1)                                                                             \
    XX(tier_failed, 1)                                                                             \
    XX(answers, MSI_COUNTED_KINDS)                                                                 \
    XX(errors, MSI_COUNTED_KINDS) XX(timeouts, MSI_COUNTED_KINDS) XX(cancels, MSI_COUNTED_KINDS)
/* What is not an answer. */
#define MSI_EVENT_MAP(XX)                                                                          \
    XX(loads, 1) XX(load_failures, 1) XX(rejected, 1) XX(superseded, 1) XX(invalidations, 1)

typedef enum msi_counter {
#define MSI_COUNTER_ID(name, n) MSI_COUNT_##name, MSI_LAST_##name = MSI_COUNT_##name + (n) -1,
    MSI_NOW_MAP(MSI_COUNTER_ID) MSI_LATER_MAP(MSI_COUNTER_ID) MSI_EVENT_MAP(MSI_COUNTER_ID)
#undef MSI_COUNTER_ID
        MSI_COUNTERS
} msi_counter;

/* The figures of one thread, and before it of threads that are gone; only ever added to. */
typedef struct msi_tally {
    _Alignas(64) mst_asker asker;     /* the owner, for the nearest tier */
    _Atomic uint64_t n[MSI_COUNTERS]; /* written by the owner alone */
    msi_pace pace;                    /* of its hits */
    struct msi_tally *next;           /* never changes */
    long owner; /* under the mutex: number of the thread for the kernel; 0: nobody */
} msi_tally;

enum { MSI_SERIAL_STEP = 16 };

typedef struct msi_counters {
    const mst_allocator *allocator;
    const mst_space *space; /* of the askers */
    uint64_t serial;        /* drawn, in steps: no two caches have the same, nor had */
    pthread_key_t key;      /* of the thread's tally */
    bool has_key;
    pthread_mutex_t mutex;
    _Atomic(msi_tally *) tallies; /* the newest one first; none goes before the cache does */
    msi_tally *probe;             /* under the mutex: which may be taken over, asked next */
    msi_tally shared;             /* of all who can have none, added to atomically */
} msi_counters;

/* On zeroes; cannot fail. The space may be NULL where nobody asks. */
void msi_counters_init(msi_counters *, const mst_allocator *, const mst_space *);
/* Nobody counts any more. Safe on zeroes. Threads may end meanwhile, and later. */
void msi_counters_fini(msi_counters *);

/* For a thread that has no tally: gives it one, where that is possible. */
void msi_count_first(msi_counters *, msi_counter which, uint64_t n);

static inline void msi_tally_add(msi_tally *t, msi_counter which, uint64_t n)
{
#ifndef MSI_WITHOUT_COUNTERS
    uint64_t before = atomic_load_explicit(&t->n[which], memory_order_relaxed);
    atomic_store_explicit(&t->n[which], before + n, memory_order_relaxed);
#endif
}

/* The tally that this thread has used last, and the serial of the counters that it is of. It only
 * saves the search for what the system keeps by thread, which is a twentieth of a near hit; so it
 * belongs to no cache and need not be told when one ends. */
typedef struct msi_tally_hint {
    uint64_t serial;
    msi_tally *tally;
} msi_tally_hint;
#ifdef __GLIBC__ /* has room for it in threads that run already */
#define MSI_TLS __attribute__((tls_model("initial-exec")))
#else
#define MSI_TLS
#endif
extern _Thread_local msi_tally_hint msi_last_tally MSI_TLS;

msi_tally *msi_tally_search(const msi_counters *);

/* This thread's; NULL: it has none yet, or there can be none. */
static inline msi_tally *msi_tally_mine(const msi_counters *c)
{
    return msi_last_tally.serial == c->serial ? msi_last_tally.tally : msi_tally_search(c);
}

static inline void msi_count_in(msi_counters *c, msi_tally *own, msi_counter which, uint64_t n)
{
    if (own) {
        msi_tally_add(own, which, n);
    } else {
        msi_count_first(c, which, n);
    }
}

static inline void msi_count(msi_counters *c, msi_counter which, uint64_t n)
{
    msi_count_in(c, msi_tally_mine(c), which, n);
}

uint64_t msi_counted(const msi_counters *, msi_counter which);
/* All figures at one go: `into` has MSI_COUNTERS places. */
void msi_counted_all(const msi_counters *, uint64_t *into);

#endif
