/* users.h - a table of users in SQLite: the database behind the examples of caching patterns.
 *
 * [any-thread] One connection, which SQLite locks. Every function says MST_OK, MST_MISS when there
 * is no such user, or MST_EIO.
 */
#ifndef USERS_H
#define USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <memstache/memstache.h>

typedef struct user {
    int64_t id;
    int64_t version; /* one more with each update */
    char name[48];
} user;

enum { USER_KEY_MAX = 32 };

/* The key of a user in a cache. `room` has to stay until the call with it has returned. */
mst_slice user_key(char room[USER_KEY_MAX], int64_t id);
int64_t user_id(mst_slice key); /* the way back */

/* A user as this process keeps it in memory: the bytes of the struct. What other programs read as
 * well is better a message: see user_cache.h. */
mst_input user_input(const user *);
/* Copies what an answer lends and releases it. False: there is no user in it. */
bool user_take(mst_result *, user *);

typedef struct users users;

/* A new database in `path`, with users 1 to n. NULL: it cannot be made. */
users *users_new(const char *path, int64_t n);
void users_free(users *);

mst_status users_get(users *, int64_t id, user *found);
/* All that there are of n users, in one query: found[0] to found[*count - 1], in no order. */
mst_status users_get_many(users *, const int64_t *ids, size_t n, user *found, size_t *count);
/* A new name. `u->version` becomes what it is in the database now. After MST_EIO nobody knows
 * whether the database has the old name or the new one, as with any database behind a connection.
 */
mst_status users_update(users *, user *u);

/* SELECTs so far. */
uint64_t users_queries(users *);
/* From now on such a share of the updates fails, at random: one half of them before SQLite has
 * committed, the other half after it. */
void users_fail(users *, double share, uint32_t seed);

#endif
