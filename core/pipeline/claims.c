/* claims.c - see claims.h. Stripes are chosen by the low bits of the hash. */
#include "pipeline/claims.h"

#include <string.h>

mst_status msi_claims_init(msi_claims *c, const mst_allocator *allocator)
{
    c->allocator = allocator;
    c->stripes = msi_zalloc(allocator, MSI_STRIPES * sizeof *c->stripes);
    if (!c->stripes) {
        return MST_ENOMEM;
    }
    for (unsigned i = 0; i < MSI_STRIPES; i++) {
        pthread_mutex_init(&c->stripes[i].mutex, NULL);
        msi_list_init(&c->stripes[i].claims);
    }
    return MST_OK;
}

void msi_claims_fini(msi_claims *c)
{
    for (unsigned i = 0; c->stripes && i < MSI_STRIPES; i++) {
        pthread_mutex_destroy(&c->stripes[i].mutex);
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

void msi_claim_add(msi_stripe *s, msi_claim *c, msi_claim_kind kind, uint64_t hash, mst_slice key)
{
    c->kind = kind;
    c->superseded = c->loading = false;
    c->hash = hash;
    c->key = key;
    msi_list_init(&c->followers);
    msi_list_append(&s->claims, &c->link);
}

void msi_claim_drop(msi_claim *c)
{
    if (c->kind) {
        msi_list_remove(&c->link);
        c->kind = 0;
    }
}

static msi_claim *of_link(msi_list *link)
{
    return MSI_CONTAINER(link, msi_claim, link);
}

static bool on_key(const msi_claim *c, uint64_t hash, mst_slice key)
{
    return c->hash == hash && c->key.len == key.len && memcmp(c->key.data, key.data, key.len) == 0;
}

msi_claim *msi_claim_find(msi_stripe *s, msi_claim_kind kind, uint64_t hash, mst_slice key,
                          const msi_claim *except)
{
    for (msi_list *at = s->claims.next; at != &s->claims; at = at->next) {
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
    for (msi_list *at = s->claims.next; at != &s->claims; at = at->next) {
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
    for (msi_list *at = s->claims.next; at != &s->claims; at = at->next) {
        msi_claim *c = of_link(at);
        if (c->kind == MSI_CLAIM_FLIGHT && on_key(c, hash, key) && !(touch && c->loading)) {
            c->superseded = true;
        }
    }
}

void msi_claims_supersede_all(msi_claims *claims)
{
    for (unsigned i = 0; i < MSI_STRIPES; i++) {
        msi_stripe *s = msi_claims_lock(claims, i);
        for (msi_list *at = s->claims.next; at != &s->claims; at = at->next) {
            msi_claim *c = of_link(at);
            c->superseded = c->superseded || c->kind == MSI_CLAIM_FLIGHT;
        }
        msi_claims_unlock(s);
    }
}
