/* user_cache.h - a cache of one's own: an mst_cache that knows its type, its keys and how long they
 * live, with a get_or_set that takes a function which makes users.
 *
 * Extending in C is wrapping: the functions that fit are called, the ones that do not are not
 * shown.
 */
#ifndef USER_CACHE_H
#define USER_CACHE_H

#include <stdint.h>

#include <memstache/memstache.h>

#include "user.pb-c.h"

typedef struct user_cache {
    mst_cache *cache;
    int64_t expire_ms;
} user_cache;

/* A user on loan, until user_release(): shared with other readers, not to be changed. */
typedef struct cached_user {
    const User *user; /* NULL: there is none */
    mst_result result;
} cached_user;

/* [worker] A new user, made by user_copy() or malloc'd as protobuf-c does; NULL: there is no such
 * user. Has to outlive the runtime, as an mst_loader's arg does. */
typedef struct user_factory {
    User *(*make)(void *arg, int64_t id);
    void *arg;
} user_factory;

User *user_copy(int64_t id, const char *name);

/* The user; made by the factory, once for all who ask meanwhile, when no tier has it. */
mst_status user_cache_get_or_set(user_cache *, int64_t id, const user_factory *, cached_user *);
mst_status user_cache_get(user_cache *, int64_t id, cached_user *);
mst_status user_cache_set(user_cache *, const User *);
void user_release(cached_user *);

#endif
