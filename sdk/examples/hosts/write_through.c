/* write_through.c - example: a change goes to the database and then into the cache, and nobody
 * reads what is older than a change that has returned, also when the database fails.
 *
 *   write_through DATABASE [--updates N] [--faults PERCENT] [--seed N] [--naive]
 *
 * Two threads change users at random, a share of the changes fails, and two threads read meanwhile
 * and check. --naive does what one often sees, a set after each success and nothing after a
 * failure, in order to show that the check finds it. Ends with 1 when somebody read a stale value.
 */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "users.h"

enum { USERS = 64, WRITERS = 2, READERS = 2, STRIPES = 16 };

typedef struct shop {
    users *users;
    mst_cache *cache;
    mst_loader loader;
    pthread_mutex_t stripes[STRIPES]; /* one change of a user at a time */
    bool naive;
} shop;

/* ---- the pattern */

/* Three things make it right. The cache gets only what the database is known to have. After a
 * failure nobody knows what it has, so the cache is to have nothing. And the changes of a user
 * reach both in the same order, which a lock sees to; where several programs write, a removal in
 * place of the set does. That a reader loads the old row just now is no problem: what is set or
 * removed meanwhile supersedes his load. */
static mst_status change_user(shop *s, user *u)
{
    pthread_mutex_t *stripe = &s->stripes[u->id % STRIPES];
    char room[USER_KEY_MAX];
    mst_slice key = user_key(room, u->id);
    mst_result r;
    pthread_mutex_lock(stripe);
    mst_status status = users_update(s->users, u), cached = MST_MISS;
    if (status == MST_OK) {
        mst_input in = user_input(u);
        cached = mst_set_wait(s->cache, key, &in, NULL, &r);
        mst_result_release(&r);
    }
    if (cached != MST_OK) {
        mst_remove_wait(s->cache, key, NULL, &r);
        mst_result_release(&r);
    }
    pthread_mutex_unlock(stripe);
    return status;
}

static mst_status change_user_naively(shop *s, user *u)
{
    char room[USER_KEY_MAX];
    mst_result r;
    mst_status status = users_update(s->users, u);
    if (status == MST_OK) {
        mst_input in = user_input(u);
        mst_set_wait(s->cache, user_key(room, u->id), &in, NULL, &r);
        mst_result_release(&r);
    }
    return status;
}

/* [worker] */
static void load(void *arg, mst_load *what)
{
    shop *s = arg;
    user u;
    mst_status status = users_get(s->users, user_id(mst_load_key(what)), &u);
    sched_yield(); /* somebody may change it now */
    if (status == MST_OK) {
        mst_input in = user_input(&u);
        mst_load_bytes(what, &in);
    } else {
        mst_load_fail(what, status);
    }
}

static bool read_user(shop *s, int64_t id, user *u)
{
    char room[USER_KEY_MAX];
    mst_result r;
    mst_get_or_load_wait(s->cache, user_key(room, id), &s->loader, NULL, &r);
    return user_take(&r, u);
}

/* ---- the check */

typedef struct check {
    shop *shop;
    int updates;                      /* of each writer */
    _Atomic int64_t known[USERS + 1]; /* versions in the database whose change has returned */
    _Atomic uint64_t reads, stale, failed_reads, changed, failed;
    _Atomic int writing;
    _Atomic uint32_t seeds;
} check;

static uint32_t draw(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    *x ^= *x << 5;
    return *x;
}

/* A change has returned, whatever it says: readers who come now must not see less. */
static void note(check *c, const user *u)
{
    int64_t known = atomic_load(&c->known[u->id]);
    while (known < u->version &&
           !atomic_compare_exchange_weak(&c->known[u->id], &known, u->version)) {
    }
}

static void *write_users(void *arg)
{
    check *c = arg;
    uint32_t random = atomic_fetch_add(&c->seeds, 7919);
    for (int i = 0; i < c->updates; i++) {
        user u = {.id = draw(&random) % USERS + 1};
        snprintf(u.name, sizeof u.name, "change %d of %08x", i, random);
        mst_status status =
            c->shop->naive ? change_user_naively(c->shop, &u) : change_user(c->shop, &u);
        atomic_fetch_add(status == MST_OK ? &c->changed : &c->failed, 1);
        note(c, &u);
    }
    atomic_fetch_sub(&c->writing, 1);
    return NULL;
}

static void read_one(check *c, int64_t id)
{
    int64_t least = atomic_load(&c->known[id]);
    user u = {0};
    bool ok = read_user(c->shop, id, &u);
    atomic_fetch_add(&c->reads, 1);
    atomic_fetch_add(&c->failed_reads, !ok || u.id != id);
    atomic_fetch_add(&c->stale, ok && u.version < least);
}

/* Now and then the cache loses a user, so that there are always loads that a change may meet. */
static void *read_users(void *arg)
{
    check *c = arg;
    uint32_t random = atomic_fetch_add(&c->seeds, 7919);
    while (atomic_load(&c->writing) > 0) {
        int64_t id = draw(&random) % USERS + 1;
        if (random >> 28 == 0 && !c->shop->naive) {
            char room[USER_KEY_MAX];
            mst_result r;
            mst_remove_wait(c->shop->cache, user_key(room, id), NULL, &r);
            mst_result_release(&r);
        }
        read_one(c, id);
    }
    return NULL;
}

/* In the end, all is quiet: the cache says what the database says. */
static void compare_all(check *c)
{
    for (int64_t id = 1; id <= USERS; id++) {
        user cached, stored;
        read_one(c, id);
        if (read_user(c->shop, id, &cached) && users_get(c->shop->users, id, &stored) == MST_OK) {
            atomic_fetch_add(&c->stale, cached.version != stored.version ||
                                            strcmp(cached.name, stored.name) != 0);
        }
    }
}

static bool run(check *c)
{
    pthread_t threads[WRITERS + READERS];
    for (int i = 0; i < WRITERS + READERS; i++) {
        if (pthread_create(&threads[i], NULL, i < WRITERS ? write_users : read_users, c) != 0) {
            fputs("write_through: no threads\n", stderr);
            exit(2);
        }
    }
    for (int i = 0; i < WRITERS + READERS; i++) {
        pthread_join(threads[i], NULL);
    }
    compare_all(c);
    mst_stats stats;
    mst_cache_stats(c->shop->cache, &stats);
    printf("%" PRIu64 " changes, %" PRIu64 " failed; %" PRIu64 " reads, %" PRIu64 " loads, %" PRIu64
           " superseded; %" PRIu64 " stale\n",
           c->changed + c->failed, c->failed, c->reads, stats.loads, stats.superseded, c->stale);
    return c->stale == 0 && c->failed_reads == 0;
}

/* --name N; false: it is another option, or no number. */
static bool number(char **argv, const char *name, long *value)
{
    char *end = NULL;
    if (strcmp(argv[0], name) != 0 || !argv[1]) {
        return false;
    }
    *value = strtol(argv[1], &end, 10);
    return end != argv[1] && *end == '\0' && *value >= 0;
}

int main(int argc, char **argv)
{
    long updates = 20000, faults = 20, seed = 1;
    bool naive = false, usage = argc < 2;
    mst_runtime *runtime;
    mst_error error;
    for (int i = 2; i < argc && !usage; i++) {
        if (strcmp(argv[i], "--naive") == 0) {
            naive = true;
        } else {
            usage = !number(argv + i, "--updates", &updates) &&
                    !number(argv + i, "--faults", &faults) && !number(argv + i, "--seed", &seed);
            i++;
        }
    }
    if (usage) {
        fputs("usage: write_through DATABASE [--updates N] [--faults PERCENT] [--seed N] "
              "[--naive]\n",
              stderr);
        return 2;
    }
    if (mst_open(NULL, NULL, &runtime, &error) != MST_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 2;
    }
    shop s = {.users = users_new(argv[1], USERS), .naive = naive};
    s.cache = mst_cache_named(runtime, NULL);
    s.loader = (mst_loader){.load = load, .arg = &s, .flags = MST_LOAD_BLOCKING};
    check c = {.shop = &s, .updates = (int) (updates / WRITERS), .writing = WRITERS};
    c.seeds = (uint32_t) seed * 2 + 1;
    for (int i = 0; i < STRIPES; i++) {
        pthread_mutex_init(&s.stripes[i], NULL);
    }
    bool ok = s.users != NULL;
    if (ok) {
        users_fail(s.users, (double) faults / 100, (uint32_t) seed);
        ok = run(&c);
    }
    mst_close_wait(runtime);
    users_free(s.users);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
