/* batch.c - example: many users at once, with one round trip to the cache and one to the database.
 *
 *   batch DATABASE
 *
 * mst_get_many_or_load() asks the cache for all of them, and calls the loader once, with all that
 * nobody has: one SELECT ... IN. Prints what came from where.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "users.h"

enum { BATCH_MAX = 64, HALF_AN_HOUR_MS = 30 * 60 * 1000 };

typedef struct shop {
    users *users;
    mst_cache *cache;
    mst_loader_many loader;
} shop;

typedef struct batch {
    size_t n;
    int64_t ids[BATCH_MAX];
    user users[BATCH_MAX]; /* id 0: there is no such user */
    size_t cached, loaded;
} batch;

/* The database answers in no order, and not for those it does not know. */
static void end_load(mst_load *load, int64_t id, const user *found, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (found[i].id == id) {
            mst_input in = user_input(&found[i]);
            mst_load_entry(load)->expire_ms = HALF_AN_HOUR_MS;
            mst_load_bytes(load, &in);
            return;
        }
    }
    mst_load_absent(load);
}

/* [worker] All that is missing of a batch, so never more than BATCH_MAX. */
static void load_users(void *arg, mst_load *const *loads, size_t n)
{
    shop *s = arg;
    int64_t ids[BATCH_MAX] = {0};
    user found[BATCH_MAX];
    size_t count;
    for (size_t i = 0; i < n; i++) {
        ids[i] = user_id(mst_load_key(loads[i]));
    }
    mst_status status = users_get_many(s->users, ids, n, found, &count);
    for (size_t i = 0; i < n; i++) {
        if (status) {
            mst_load_fail(loads[i], status);
        } else {
            end_load(loads[i], ids[i], found, count);
        }
    }
}

static mst_status get_users(shop *s, batch *b)
{
    char rooms[BATCH_MAX][USER_KEY_MAX];
    mst_slice keys[BATCH_MAX];
    mst_result results[BATCH_MAX];
    for (size_t i = 0; i < b->n; i++) {
        keys[i] = user_key(rooms[i], b->ids[i]);
    }
    mst_status status = mst_get_many_or_load_wait(s->cache, keys, b->n, &s->loader, NULL, results);
    for (size_t i = 0; i < b->n; i++) {
        status = results[i].status < 0 ? results[i].status : status;
        b->cached += results[i].why == MST_WHY_HIT;
        b->loaded += results[i].why == MST_WHY_LOADED;
        if (!user_take(&results[i], &b->users[i])) {
            b->users[i] = (user){0};
        }
    }
    return status;
}

static bool show(shop *s, const char *what, const int64_t *ids, size_t n)
{
    batch b = {.n = n};
    uint64_t before = users_queries(s->users);
    size_t there = 0;
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        b.ids[i] = ids[i];
    }
    ok = get_users(s, &b) == MST_OK;
    for (size_t i = 0; i < n; i++) {
        there += b.users[i].id != 0;
        ok = ok && (b.users[i].id == ids[i] || (b.users[i].id == 0 && ids[i] > 100));
    }
    printf("%s: %zu of %zu, %zu from the cache, %zu by %" PRIu64 " query\n", what, there, n,
           b.cached, b.loaded, users_queries(s->users) - before);
    return ok;
}

int main(int argc, char **argv)
{
    static const int64_t some[] = {3, 1, 4, 15, 9}, more[] = {1, 2, 3, 4, 5, 6, 7, 1001};
    mst_runtime *runtime;
    mst_error error;
    if (argc != 2) {
        fputs("usage: batch DATABASE\n", stderr);
        return 2;
    }
    if (mst_open(NULL, NULL, &runtime, &error) != MST_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 2;
    }
    shop s = {.users = users_new(argv[1], 100), .cache = mst_cache_named(runtime, NULL)};
    s.loader = (mst_loader_many){.load = load_users, .arg = &s, .flags = MST_LOAD_BLOCKING};
    bool ok = s.users && show(&s, "some", some, 5) && show(&s, "more", more, 8) &&
              show(&s, "again", more, 7);
    mst_close_wait(runtime);
    users_free(s.users);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
