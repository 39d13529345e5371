/* batch.c - example: many users at once, with one round trip to the cache and one to the database.
 *
 *   batch DATABASE
 *
 * get_users() asks the cache for all of them, the database for those that are missing in one
 * SELECT ... IN, and gives these to the cache in one call. Prints what came from where.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "users.h"

enum { BATCH_MAX = 64, HALF_AN_HOUR_MS = 30 * 60 * 1000 };

typedef struct shop {
    users *users;
    mst_cache *cache;
} shop;

typedef struct batch {
    size_t n;
    int64_t ids[BATCH_MAX];
    user users[BATCH_MAX]; /* id 0: there is no such user */
    size_t cached, loaded;
} batch;

/* What the cache has; the numbers of the others go to `missing`. */
static size_t ask_cache(shop *s, batch *b, size_t *missing)
{
    char rooms[BATCH_MAX][USER_KEY_MAX];
    mst_slice keys[BATCH_MAX];
    mst_result results[BATCH_MAX];
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        keys[i] = user_key(rooms[i], b->ids[i]);
    }
    mst_get_many_wait(s->cache, keys, b->n, NULL, results);
    for (size_t i = 0; i < b->n; i++) {
        b->users[i] = (user){0};
        if (user_take(&results[i], &b->users[i])) {
            b->cached++;
        } else {
            missing[n++] = i;
        }
    }
    return n;
}

/* Only where there is nothing: who has changed a user since our query has put it there. */
static void fill_cache(shop *s, const user *found, size_t n)
{
    char rooms[BATCH_MAX][USER_KEY_MAX];
    mst_slice keys[BATCH_MAX];
    mst_input inputs[BATCH_MAX];
    mst_result results[BATCH_MAX];
    mst_options o = {.entry.expire_ms = HALF_AN_HOUR_MS, .flags = MST_F_IF_ABSENT};
    for (size_t i = 0; i < n; i++) {
        keys[i] = user_key(rooms[i], found[i].id);
        inputs[i] = user_input(&found[i]);
    }
    if (n) {
        mst_set_many_wait(s->cache, keys, inputs, n, &o, results);
    }
    for (size_t i = 0; i < n; i++) {
        mst_result_release(&results[i]);
    }
}

static mst_status get_users(shop *s, batch *b)
{
    size_t missing[BATCH_MAX], n = ask_cache(s, b, missing), count = 0;
    int64_t ids[BATCH_MAX];
    user found[BATCH_MAX];
    for (size_t i = 0; i < n; i++) {
        ids[i] = b->ids[missing[i]];
    }
    mst_status status = n ? users_get_many(s->users, ids, n, found, &count) : MST_OK;
    if (status) {
        return status;
    }
    fill_cache(s, found, count);
    b->loaded += count;
    for (size_t i = 0; i < n; i++) { /* the database answers in no order */
        for (size_t k = 0; k < count; k++) {
            if (found[k].id == ids[i]) {
                b->users[missing[i]] = found[k];
            }
        }
    }
    return MST_OK;
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
    bool ok = s.users && show(&s, "some", some, 5) && show(&s, "more", more, 8) &&
              show(&s, "again", more, 7);
    mst_close_wait(runtime);
    users_free(s.users);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
