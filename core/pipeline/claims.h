/* claims.h - who fetches, loads or writes which key at this moment. Any thread, under the stripe of
 * the key; a stripe is never held while anything waits or a far tier is called. */
#ifndef MSI_CLAIMS_H
#define MSI_CLAIMS_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/list.h"

enum { MSI_STRIPES = 256 };
/* Chains of a stripe, powers of two: those that it has without allocating, and the most. */
enum { MSI_CHAINS_FEW = 4, MSI_CHAINS_MAX = 1 << 20 };

typedef enum msi_claim_kind {
    MSI_CLAIM_FLIGHT = 1, /* fetches or loads; requests for the key join it */
    MSI_CLAIM_ANNOUNCED,  /* a write was asked for and has not begun: nothing fetched is kept */
    MSI_CLAIM_BUSY        /* a write prepares its value: requests for the key wait behind it */
} msi_claim_kind;

typedef struct msi_claim {
    msi_list link;
    msi_claim_kind kind;
    bool superseded; /* a flight: do not keep the result */
    bool loading;    /* a flight: no tier had the key, a loader makes it */
    uint64_t hash;
    mst_slice key;
    msi_list followers; /* busy: requests to begin afterwards, in order */
} msi_claim;

typedef struct msi_stripe {
    pthread_mutex_t mutex;
    const mst_allocator *allocator;
    _Atomic uint64_t claim_count; /* changed under the mutex, read without */
    uint64_t chain_count;
    msi_list *chains; /* of claims, by hash: `few`, or allocated while there are many */
    msi_list few[MSI_CHAINS_FEW];
} msi_stripe;

typedef struct msi_claims {
    const mst_allocator *allocator;
    msi_stripe *stripes;
} msi_claims;

mst_status msi_claims_init(msi_claims *, const mst_allocator *);
void msi_claims_fini(msi_claims *);

/* Nothing is claimed: what would look for claims can be left out. */
static inline bool msi_stripe_idle(const msi_stripe *s)
{
    return atomic_load_explicit(&s->claim_count, memory_order_acquire) == 0;
}

/* [any-thread] The same of the stripe of a hash, without its lock: all claims of before are
 * dropped, and who claims something after that sees what the caller has done until now. */
static inline bool msi_claims_idle(const msi_claims *c, uint64_t hash)
{
    atomic_thread_fence(memory_order_seq_cst); /* the other one is in msi_claim_add() */
    return msi_stripe_idle(&c->stripes[hash % MSI_STRIPES]);
}

msi_stripe *msi_claims_lock(msi_claims *, uint64_t hash);
void msi_claims_unlock(msi_stripe *);

/* The rest under the lock of the stripe. What asks for a key takes the same time however many are
 * claimed, unless memory is short. */
void msi_claim_add(msi_stripe *, msi_claim *, msi_claim_kind, uint64_t hash, mst_slice key);
void msi_claim_drop(msi_stripe *, msi_claim *); /* safe when not added */
/* The first claim of the kind on the key, other than `except`; NULL. Superseded flights are not
 * found: nobody joins them any more. */
msi_claim *msi_claim_find(msi_stripe *, msi_claim_kind, uint64_t hash, mst_slice key,
                          const msi_claim *except);
/* The first claim of each kind on the key, in one walk; as above. */
typedef struct msi_claimed {
    msi_claim *flight, *announced, *busy;
} msi_claimed;
msi_claimed msi_claim_look(msi_stripe *, uint64_t hash, mst_slice key);
/* A write of the key: the flights on it keep nothing. A touch only concerns what tiers have, not
 * what is being loaded. */
void msi_claim_supersede(msi_stripe *, uint64_t hash, mst_slice key, bool touch);
/* All keys (clear, flushed); takes the locks itself. */
void msi_claims_supersede_all(msi_claims *);

#endif
