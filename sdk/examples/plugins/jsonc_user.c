/* jsonc_user.c - a program whose values are structs, stored as JSON by serializer_jsonc.c.
 *
 *   jsonc_user CONFIG.ini ID NAME    stores the user
 *   jsonc_user CONFIG.ini ID         prints the user, or that there is none
 */
#include <inttypes.h>
#include <memstache/memstache.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "jsonc.h"

typedef struct user {
    int64_t id;
    const char *name;
    double balance;
    bool active;
} user;

static const jsonc_field fields[] = {
    JSONC(user, id, JSONC_INT64),
    JSONC(user, name, JSONC_STRING),
    JSONC(user, balance, JSONC_DOUBLE),
    JSONC(user, active, JSONC_BOOL),
};
static const jsonc_type user_json = JSONC_TYPE(user, fields);
static const mst_type user_type = {.name = "user", .descriptor = &user_json, .schema_id = 1};
static const mst_options as_user = {.type = &user_type};

static mst_status store(mst_cache *cache, const char *id, const char *name)
{
    const user u = {.id = strtoll(id, NULL, 10), .name = name, .balance = 12.5, .active = true};
    mst_result result;
    mst_input input = {.object = &u};
    mst_status status = mst_set_wait(cache, mst_str(id), &input, &as_user, &result);
    mst_result_release(&result);
    return status;
}

static mst_status print(mst_cache *cache, const char *id)
{
    mst_result result;
    mst_status status = mst_get_wait(cache, mst_str(id), &as_user, &result);
    if (status == MST_OK) {
        const user *u = result.object;
        printf("%" PRId64 " %s %.2f %s\n", u->id, u->name ? u->name : "-", u->balance,
               u->active ? "active" : "not active");
    } else if (status == MST_MISS) {
        puts("there is none");
    }
    mst_result_release(&result);
    return status;
}

int main(int argc, char **argv)
{
    mst_runtime *runtime;
    mst_error error;
    if (argc < 3 || argc > 4) {
        fputs("usage: jsonc_user CONFIG.ini ID [NAME]\n", stderr);
        return 2;
    }
    if (mst_open_file(argv[1], NULL, &runtime, &error) != MST_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    mst_cache *cache = mst_cache_named(runtime, NULL);
    mst_status status = argc == 4 ? store(cache, argv[2], argv[3]) : print(cache, argv[2]);
    mst_close_wait(runtime);
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", argv[2], mst_strerror(status));
    }
    return status < 0;
}
