/* Claims: found by key, in order, however many there are. */
#include "pipeline/claims.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/hash.h"

enum { MANY = 20000 };

static int64_t balance;
static bool out_of_memory;

static void *take(void *ctx, size_t size)
{
    (void) ctx;
    balance += !out_of_memory;
    return out_of_memory ? NULL : malloc(size);
}

static void *retake(void *ctx, void *p, size_t size)
{
    (void) ctx;
    balance += !p;
    return realloc(p, size);
}

static void give(void *ctx, void *p)
{
    (void) ctx;
    balance -= p != NULL;
    free(p);
}

static const mst_allocator allocator = {take, retake, give, NULL};
static msi_claims claims;
static msi_claim many[MANY];
static uint32_t names[MANY];

static void setup(void)
{
    cr_assert_eq(msi_claims_init(&claims, &allocator), MST_OK);
}

static void teardown(void)
{
    msi_claims_fini(&claims);
    msi_claims_fini(&claims);
    cr_assert_eq(balance, 0);
}

TestSuite(claims, .init = setup, .fini = teardown);

/* All keys of these tests are of one stripe. */
static uint64_t hash_of(uint32_t i)
{
    return msi_mix(i + 1) / MSI_STRIPES * MSI_STRIPES + 7;
}

static mst_slice key_of(uint32_t i)
{
    names[i] = i;
    return (mst_slice){&names[i], sizeof names[i]};
}

static void add(msi_stripe *s, uint32_t i, msi_claim_kind kind)
{
    msi_claim_add(s, &many[i], kind, hash_of(i), key_of(i));
}

static msi_claim *find(msi_stripe *s, uint32_t i)
{
    return msi_claim_find(s, many[i].kind, hash_of(i), key_of(i), NULL);
}

/* What a search for a claim walks over, on average. */
static double mean_walk(const msi_stripe *s)
{
    double steps = 0;
    for (uint64_t i = 0; i < s->chain_count; i++) {
        double length = 0;
        for (msi_list *at = s->chains[i].next; at != &s->chains[i]; at = at->next) {
            steps += ++length;
        }
    }
    return steps / (double) s->claim_count;
}

Test(claims, few_need_no_memory)
{
    msi_stripe *s = msi_claims_lock(&claims, hash_of(0));
    int64_t before = balance;
    for (uint32_t i = 0; i < MSI_CHAINS_FEW; i++) {
        add(s, i, MSI_CLAIM_FLIGHT);
    }
    for (uint32_t i = 0; i < MSI_CHAINS_FEW; i++) {
        cr_assert_eq(find(s, i), &many[i]);
        msi_claim_drop(s, &many[i]);
        msi_claim_drop(s, &many[i]);
        cr_assert_null(msi_claim_find(s, MSI_CLAIM_FLIGHT, hash_of(i), key_of(i), NULL));
    }
    cr_assert_eq(s->claim_count, 0);
    cr_assert_eq(balance, before);
    msi_claims_unlock(s);
}

Test(claims, many_are_found_at_once)
{
    msi_stripe *s = msi_claims_lock(&claims, hash_of(0));
    int64_t before = balance;
    for (uint32_t i = 0; i < MANY; i++) {
        add(s, i, MSI_CLAIM_ANNOUNCED);
    }
    cr_assert_lt(mean_walk(s), 3);
    for (uint32_t i = 0; i < MANY; i++) {
        cr_assert_eq(find(s, i), &many[i]);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        msi_claim_drop(s, &many[i]);
        cr_assert(i + 1 == MANY || find(s, i + 1) == &many[i + 1]);
        cr_assert_leq(s->chain_count, MSI_CHAINS_FEW + 16 * (MANY - i), "too many chains left");
    }
    cr_assert_eq(s->chain_count, MSI_CHAINS_FEW);
    cr_assert_eq(balance, before, "the memory is given back");
    msi_claims_unlock(s);
}

Test(claims, idle_without_the_lock)
{
    cr_assert(msi_claims_idle(&claims, hash_of(0)));
    msi_stripe *s = msi_claims_lock(&claims, hash_of(0));
    add(s, 0, MSI_CLAIM_FLIGHT);
    add(s, 1, MSI_CLAIM_BUSY);
    cr_assert_not(msi_claims_idle(&claims, hash_of(2)), "it is the stripe that is asked");
    cr_assert(msi_claims_idle(&claims, hash_of(2) + 1));
    msi_claim_drop(s, &many[0]);
    cr_assert_not(msi_claims_idle(&claims, hash_of(1)));
    msi_claim_drop(s, &many[1]);
    cr_assert(msi_claims_idle(&claims, hash_of(1)));
    msi_claims_unlock(s);
}

/* A claim that comes and goes beside a steady number does not change the chains each time. */
Test(claims, not_to_and_fro)
{
    msi_stripe *s = msi_claims_lock(&claims, hash_of(0));
    for (uint32_t steady = 0; steady < 3000; steady++) {
        add(s, steady, MSI_CLAIM_FLIGHT);
        add(s, MANY - 1, MSI_CLAIM_FLIGHT);
        msi_claim_drop(s, &many[MANY - 1]);
        uint64_t chains = s->chain_count;
        for (int i = 0; i < 3; i++) {
            add(s, MANY - 1, MSI_CLAIM_FLIGHT);
            cr_assert_eq(s->chain_count, chains);
            msi_claim_drop(s, &many[MANY - 1]);
            cr_assert_eq(s->chain_count, chains);
        }
    }
    msi_claims_unlock(s);
}

static msi_claim *first_announced(msi_stripe *s, uint64_t hash, mst_slice key)
{
    msi_claim *first = msi_claim_look(s, hash, key).announced;
    cr_assert_eq(msi_claim_find(s, MSI_CLAIM_ANNOUNCED, hash, key, NULL), first);
    return first;
}

/* The claims of a key keep their order when there come more chains, and when there come fewer. */
Test(claims, order_of_a_key)
{
    enum { OF_KEY = 5 };
    msi_claim ours[OF_KEY];
    msi_stripe *s = msi_claims_lock(&claims, hash_of(MANY - 1));
    uint64_t hash = hash_of(MANY - 1);
    mst_slice key = key_of(MANY - 1);
    for (uint32_t i = 0; i < MANY - 1; i++) {
        add(s, i, MSI_CLAIM_ANNOUNCED);
        if (i % (MANY / OF_KEY) == 0) {
            msi_claim_add(s, &ours[i / (MANY / OF_KEY)], MSI_CLAIM_ANNOUNCED, hash, key);
        }
    }
    cr_assert_eq(first_announced(s, hash, key), &ours[0]);
    cr_assert_eq(msi_claim_find(s, MSI_CLAIM_ANNOUNCED, hash, key, &ours[0]), &ours[1]);
    for (uint32_t i = 0; i < MANY - 1; i++) {
        msi_claim_drop(s, &many[i]);
    }
    cr_assert_eq(s->claim_count, OF_KEY);
    for (int i = 0; i < OF_KEY; i++) {
        cr_assert_eq(first_announced(s, hash, key), &ours[i]);
        msi_claim_drop(s, &ours[i]);
    }
    cr_assert_null(first_announced(s, hash, key));
    msi_claims_unlock(s);
}

/* Keys with the same hash are in one chain, and are told apart. */
Test(claims, same_hash)
{
    msi_stripe *s = msi_claims_lock(&claims, 7);
    for (uint32_t i = 0; i < 1000; i++) {
        msi_claim_add(s, &many[i], MSI_CLAIM_BUSY, 7, key_of(i));
    }
    for (uint32_t i = 0; i < 1000; i++) {
        cr_assert_eq(msi_claim_find(s, MSI_CLAIM_BUSY, 7, key_of(i), NULL), &many[i]);
        cr_assert_eq(msi_claim_look(s, 7, key_of(i)).busy, &many[i]);
    }
    msi_claims_unlock(s);
}

Test(claims, superseded_among_many)
{
    msi_stripe *s = msi_claims_lock(&claims, hash_of(0));
    for (uint32_t i = 0; i < 1000; i++) {
        add(s, i, i % 2 ? MSI_CLAIM_FLIGHT : MSI_CLAIM_ANNOUNCED);
    }
    many[3].loading = true;
    msi_claim_supersede(s, hash_of(3), key_of(3), true);
    cr_assert_eq(find(s, 3), &many[3], "a touch is nothing to what is loaded");
    msi_claim_supersede(s, hash_of(3), key_of(3), false);
    cr_assert_null(find(s, 3));
    cr_assert_eq(find(s, 5), &many[5]);
    msi_claims_unlock(s);
    msi_claims_supersede_all(&claims);
    for (uint32_t i = 0; i < 1000; i++) {
        cr_assert_eq(many[i].superseded, i % 2, "flights, and nothing else");
    }
}

/* Longer chains, and the same answers; with memory again, shorter ones. */
Test(claims, without_memory)
{
    msi_stripe *s = msi_claims_lock(&claims, hash_of(0));
    out_of_memory = true;
    for (uint32_t i = 0; i < 1000; i++) {
        add(s, i, MSI_CLAIM_FLIGHT);
    }
    cr_assert_eq(s->chain_count, MSI_CHAINS_FEW);
    for (uint32_t i = 0; i < 1000; i++) {
        cr_assert_eq(find(s, i), &many[i]);
    }
    out_of_memory = false;
    for (uint32_t i = 1000; i < 1010; i++) {
        add(s, i, MSI_CLAIM_FLIGHT);
    }
    cr_assert_lt(mean_walk(s), 3);
    for (uint32_t i = 0; i < 1010; i++) {
        cr_assert_eq(find(s, i), &many[i]);
    }
    msi_claims_unlock(s);
}

/* What cannot become fewer stays, and is given back at the end. */
Test(claims, without_memory_to_shrink)
{
    msi_stripe *s = msi_claims_lock(&claims, hash_of(0));
    for (uint32_t i = 0; i < MANY; i++) {
        add(s, i, MSI_CLAIM_FLIGHT);
    }
    out_of_memory = true;
    for (uint32_t i = 0; i < MANY - 1; i++) {
        msi_claim_drop(s, &many[i]);
        cr_assert_eq(find(s, i + 1), &many[i + 1]);
    }
    cr_assert_gt(s->chain_count, MANY / 8);
    out_of_memory = false;
    msi_claims_unlock(s);
}
