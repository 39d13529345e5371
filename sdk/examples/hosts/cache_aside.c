/* cache_aside.c - example: ask the cache, then the database, then fill the cache.
 *
 *   cache_aside DATABASE
 *
 * Two ways. get_user() does the three steps by hand, as one does with any cache. load_user() leaves
 * them to mst_get_or_load(), which does them once for all who ask at the same time, and keeps
 * nothing that was written meanwhile. Prints what each of them asks of the database.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "users.h"

enum { THREADS = 8, HALF_AN_HOUR_MS = 30 * 60 * 1000 };

typedef struct shop {
    users *users;
    mst_cache *cache;
} shop;

static mst_status get_user(shop *s, int64_t id, user *u)
{
    char room[USER_KEY_MAX];
    mst_slice key = user_key(room, id);
    mst_result r;
    mst_get_wait(s->cache, key, NULL, &r);
    if (user_take(&r, u)) {
        return MST_OK;
    }
    mst_status status = users_get(s->users, id, u);
    if (status == MST_OK) {
        mst_input in = user_input(u);
        mst_options o = {.entry.expire_ms = HALF_AN_HOUR_MS};
        mst_set_wait(s->cache, key, &in, &o, &r); /* when it fails, the next one asks again */
    }
    return status;
}

/* [worker] The steps after a miss. */
static void load(void *arg, mst_load *what)
{
    shop *s = arg;
    user u;
    mst_status status = users_get(s->users, user_id(mst_load_key(what)), &u);
    if (status == MST_OK) {
        mst_input in = user_input(&u);
        mst_load_entry(what)->expire_ms = HALF_AN_HOUR_MS;
        mst_load_bytes(what, &in);
    } else if (status == MST_MISS) {
        mst_load_absent(what);
    } else {
        mst_load_fail(what, status);
    }
}

static mst_status load_user(shop *s, int64_t id, user *u)
{
    const mst_loader loader = {.load = load, .arg = s, .flags = MST_LOAD_BLOCKING};
    char room[USER_KEY_MAX];
    mst_result r;
    mst_status status = mst_get_or_load_wait(s->cache, user_key(room, id), &loader, NULL, &r);
    return user_take(&r, u) ? MST_OK : status;
}

typedef mst_status (*way)(shop *, int64_t id, user *);

/* One of several who ask for the same user at the same moment. */
typedef struct asker {
    shop *shop;
    way ask;
    int64_t id;
    pthread_barrier_t *together;
    pthread_t thread;
    mst_status status;
} asker;

static void *ask_together(void *arg)
{
    asker *a = arg;
    user u;
    pthread_barrier_wait(a->together);
    a->status = a->ask(a->shop, a->id, &u);
    if (a->status == MST_OK && u.id != a->id) {
        a->status = MST_ECORRUPT;
    }
    return NULL;
}

static bool crowd(shop *s, way ask, int64_t id)
{
    pthread_barrier_t together;
    asker askers[THREADS];
    bool ok = true;
    pthread_barrier_init(&together, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        askers[i] = (asker){.shop = s, .ask = ask, .id = id, .together = &together};
        if (pthread_create(&askers[i].thread, NULL, ask_together, &askers[i]) != 0) {
            fputs("cache_aside: no threads\n", stderr);
            exit(2); /* the others wait for this one */
        }
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(askers[i].thread, NULL);
        ok = ok && askers[i].status == MST_OK;
    }
    pthread_barrier_destroy(&together);
    return ok;
}

/* Three users twice, one who does not exist twice, and another one by eight threads at once. */
static bool show(shop *s, const char *name, way ask)
{
    user u;
    bool ok = true;
    uint64_t before = users_queries(s->users);
    for (int i = 0; i < 6; i++) {
        ok = ok && ask(s, i % 3 + 1, &u) == MST_OK && u.id == i % 3 + 1;
    }
    uint64_t found = users_queries(s->users);
    ok = ok && ask(s, 1000, &u) == MST_MISS && ask(s, 1000, &u) == MST_MISS;
    uint64_t absent = users_queries(s->users);
    ok = ok && crowd(s, ask, 4);
    printf("%s: %" PRIu64 " queries for 3 users asked twice, %" PRIu64
           " for one who is not there, %" PRIu64 " for one asked by %d threads\n",
           name, found - before, absent - found, users_queries(s->users) - absent, THREADS);
    return ok;
}

int main(int argc, char **argv)
{
    mst_runtime *runtime;
    mst_error error;
    mst_result r;
    if (argc != 2) {
        fputs("usage: cache_aside DATABASE\n", stderr);
        return 2;
    }
    if (mst_open(NULL, NULL, &runtime, &error) != MST_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 2;
    }
    shop s = {.users = users_new(argv[1], 100), .cache = mst_cache_named(runtime, NULL)};
    bool ok = s.users && show(&s, "by hand", get_user);
    for (int64_t id = 1; id <= 4; id++) { /* so that the second way begins with nothing, too */
        char room[USER_KEY_MAX];
        mst_remove_wait(s.cache, user_key(room, id), NULL, &r);
    }
    ok = ok && show(&s, "mst_get_or_load", load_user);
    mst_close_wait(runtime);
    users_free(s.users);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
