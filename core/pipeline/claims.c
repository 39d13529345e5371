/* claims.c - see claims.h. The low bits of the hash choose the stripe, the next ones the chain
 * within it.
 *
 * Most of the time a stripe holds a claim or two, and the chains in the stripe itself are enough.
 * When a far tier stands still there are as many as `max_pending` admits, and every call looks for
 * its key among them: so the chains become more with the claims, and fewer again. After a change
 * the claims are far from the next one either way, so that none is made to and fro. Claims of a key
 * are in one chain, in the order in which they were added: other chains take over what is in each
 * from its beginning. */
#include "pipeline/claims.h"

#include <string.h>

/* With more than CROWDED claims to a chain there will be STEP times as many chains; with less than
 * one to LONELY chains, that much fewer. */
enum { CROWDED = 2, LONELY = 8, STEP = 4 };

static void init_chains(msi_list *chains, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        msi_list_init(&chains[i]);
    }
}

mst_status msi_claims_init(msi_claims *c, const mst_allocator *allocator)
{
    c->allocator = allocator;
    c->stripes = msi_zalloc(allocator, MSI_STRIPES * sizeof *c->stripes);
    if (!c->stripes) {
        return MST_ENOMEM;
    }
    for (unsigned i = 0; i < MSI_STRIPES; i++) {
        msi_stripe *s = &c->stripes[i];
        pthread_mutex_init(&s->mutex, NULL);
        s->allocator = allocator;
        s->chains = s->few;
        s->chain_count = MSI_CHAINS_FEW;
        init_chains(s->few, MSI_CHAINS_FEW);
    }
    return MST_OK;
}

static void drop_chains(msi_stripe *s)
{
    if (s->chains != s->few) {
        msi_free(s->allocator, s->chains);
    }
}

void msi_claims_fini(msi_claims *c)
{
    for (unsigned i = 0; c->stripes && i < MSI_STRIPES; i++) {
        pthread_mutex_destroy(&c->stripes[i].mutex);
        drop_chains(&c->stripes[i]);
    }
    if (c->allocator) {
        msi_free(c->allocator, c->stripes);
    }
    memset(c, 0, sizeof *c);
}

msi_stripe *msi_claims_lock(msi_claims *c, uint64_t hash)
{
    msi_stripe *s = &c->stripes[hash % MSI_STRIPES];
    pthread_mutex_lock(&s->mutex);
    return s;
}

void msi_claims_unlock(msi_stripe *s)
{
    pthread_mutex_unlock(&s->mutex);
}

static msi_claim *of_link(msi_list *link)
{
    return MSI_CONTAINER(link, msi_claim, link);
}

static msi_list *chain_of(const msi_stripe *s, uint64_t hash)
{
    return &s->chains[hash / MSI_STRIPES & (s->chain_count - 1)];
}

/* Without memory the chains stay as they are: longer than they should be, or more. */
static void resize(msi_stripe *s, uint64_t n)
{
    msi_list *old = s->chains;
    uint64_t old_count = s->chain_count;
    msi_list *chains = n == MSI_CHAINS_FEW ? s->few : msi_alloc(s->allocator, n * sizeof *chains);
    if (!chains) {
        return;
    }
    init_chains(chains, n);
    s->chains = chains;
    s->chain_count = n;
    for (uint64_t i = 0; i < old_count; i++) {
        for (msi_list *at; (at = msi_list_take(&old[i]));) {
            msi_list_append(chain_of(s, of_link(at)->hash), at);
        }
    }
    if (old != s->few) {
        msi_free(s->allocator, old);
    }
}

/* So many more; how many there are. */
static uint64_t count_claims(msi_stripe *s, int more)
{
    uint64_t count = atomic_load_explicit(&s->claim_count, memory_order_relaxed) + (uint64_t) more;
    atomic_store_explicit(&s->claim_count, count, memory_order_release);
    return count;
}

void msi_claim_add(msi_stripe *s, msi_claim *c, msi_claim_kind kind, uint64_t hash, mst_slice key)
{
    c->kind = kind;
    c->superseded = c->loading = false;
    c->hash = hash;
    c->key = key;
    msi_list_init(&c->followers);
    msi_list_append(chain_of(s, hash), &c->link);
    uint64_t count = count_claims(s, 1);
    atomic_thread_fence(memory_order_seq_cst); /* see msi_claims_idle() */
    if (count / CROWDED > s->chain_count && s->chain_count < MSI_CHAINS_MAX) {
        resize(s, s->chain_count * STEP);
    }
}

void msi_claim_drop(msi_stripe *s, msi_claim *c)
{
    if (!c->kind) {
        return;
    }
    msi_list_remove(&c->link);
    c->kind = 0;
    uint64_t count = count_claims(s, -1);
    if (s->chain_count > MSI_CHAINS_FEW && count < s->chain_count / LONELY) {
        resize(s, s->chain_count / STEP);
    }
}

static bool on_key(const msi_claim *c, uint64_t hash, mst_slice key)
{
    return c->hash == hash && c->key.len == key.len && memcmp(c->key.data, key.data, key.len) == 0;
}

msi_claim *msi_claim_find(msi_stripe *s, msi_claim_kind kind, uint64_t hash, mst_slice key,
                          const msi_claim *except)
{
    msi_list *chain = chain_of(s, hash);
    for (msi_list *at = chain->next; at != chain; at = at->next) {
        msi_claim *c = of_link(at);
        if (c->kind == kind && c != except && !c->superseded && on_key(c, hash, key)) {
            return c;
        }
    }
    return NULL;
}

msi_claimed msi_claim_look(msi_stripe *s, uint64_t hash, mst_slice key)
{
    msi_claimed found = {0};
    msi_list *chain = chain_of(s, hash);
    for (msi_list *at = chain->next; at != chain; at = at->next) {
        msi_claim *c = of_link(at);
        if (c->superseded || !on_key(c, hash, key)) {
            continue;
        }
        if (c->kind == MSI_CLAIM_FLIGHT && !found.flight) {
            found.flight = c;
        } else if (c->kind == MSI_CLAIM_ANNOUNCED && !found.announced) {
            found.announced = c;
        } else if (c->kind == MSI_CLAIM_BUSY && !found.busy) {
            found.busy = c;
        }
    }
    return found;
}

void msi_claim_supersede(msi_stripe *s, uint64_t hash, mst_slice key, bool touch)
{
    msi_list *chain = chain_of(s, hash);
    for (msi_list *at = chain->next; at != chain; at = at->next) {
        msi_claim *c = of_link(at);
        if (c->kind == MSI_CLAIM_FLIGHT && on_key(c, hash, key) && !(touch && c->loading)) {
            c->superseded = true;
        }
    }
}

static void supersede_chain(msi_list *chain)
{
    for (msi_list *at = chain->next; at != chain; at = at->next) {
        msi_claim *c = of_link(at);
        c->superseded = c->superseded || c->kind == MSI_CLAIM_FLIGHT;
    }
}

void msi_claims_supersede_all(msi_claims *claims)
{
    for (unsigned i = 0; i < MSI_STRIPES; i++) {
        msi_stripe *s = msi_claims_lock(claims, i);
        for (uint64_t chain = 0; chain < s->chain_count; chain++) {
            supersede_chain(&s->chains[chain]);
        }
        msi_claims_unlock(s);
    }
}
