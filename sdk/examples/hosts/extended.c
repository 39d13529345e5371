/* extended.c - example: a typed cache of one's own (user_cache.h) over a database.
 *
 *   extended DATABASE [SERIALIZER]
 *
 * The users are messages; SERIALIZER (protobuf, or json, msgpack) is what other programs find in a
 * tier that they share. Prints who is asked for, where the answer came from, and what was decoded.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "user_cache.h"
#include "users.h"

static User *from_database(void *arg, int64_t id)
{
    user u;
    return users_get(arg, id, &u) == MST_OK ? user_copy(u.id, u.name) : NULL;
}

static void show(mst_status status, const cached_user *u)
{
    printf("%s (%s)\n", u->user ? u->user->name : mst_strerror(status),
           mst_why_name(u->result.why));
}

static void run(user_cache *c, users *db)
{
    static const int64_t ids[] = {7, 7, 1000};
    user_factory factory = {.make = from_database, .arg = db};
    cached_user u;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        show(user_cache_get_or_set(c, ids[i], &factory, &u), &u);
        user_release(&u);
    }
    User ada = USER__INIT;
    ada.id = 8;
    ada.name = "Ada";
    user_cache_set(c, &ada);
    show(user_cache_get(c, 8, &u), &u);
    user_release(&u);
    mst_stats stats;
    mst_cache_stats(c->cache, &stats);
    printf("%" PRIu64 " queries, %" PRIu64 " loads, %" PRIu64 " decoded\n", users_queries(db),
           stats.loads, stats.decodes);
}

int main(int argc, char **argv)
{
    mst_runtime *runtime = NULL;
    mst_error error = {0};
    mst_config *config = mst_config_new(NULL);
    int code = 2;
    users *db = NULL;
    if (argc < 2 || argc > 3 || !config) {
        fputs("usage: extended DATABASE [SERIALIZER]\n", stderr);
    } else if (mst_config_set(config, "cache", "serializer", argc == 3 ? argv[2] : "protobuf") ||
               mst_open(config, NULL, &runtime, &error)) {
        fprintf(stderr, "%s\n", error.text);
    } else if ((db = users_new(argv[1], 100)) != NULL) {
        user_cache cache = {mst_cache_named(runtime, NULL), 30 * 60 * 1000};
        run(&cache, db);
        code = 0;
    }
    mst_config_free(config);
    if (runtime) {
        mst_close_wait(runtime); /* and only now what its loaders use */
    }
    users_free(db);
    return code;
}
