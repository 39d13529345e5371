/* user_cache.c - see user_cache.h. The type lives as long as the program, as the library wants it.
 */
#include "user_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = 32 };

static const mst_type user_type = {"User", &user__descriptor, 1};

static mst_slice key_of(char room[KEY_MAX], int64_t id)
{
    return (mst_slice){room, (size_t) snprintf(room, KEY_MAX, "user:%lld", (long long) id)};
}

static int64_t id_of(mst_slice key)
{
    char text[KEY_MAX];
    snprintf(text, sizeof text, "%.*s", (int) key.len, (const char *) key.data);
    return strtoll(text + strlen("user:"), NULL, 10);
}

User *user_copy(int64_t id, const char *name)
{
    User *u = malloc(sizeof *u);
    if (u) {
        user__init(u);
        u->id = id;
        u->name = strdup(name);
    }
    return u;
}

static void drop(void *owner)
{
    user__free_unpacked(owner, NULL);
}

static void load(void *arg, mst_load *what)
{
    const user_factory *f = arg;
    User *u = f->make(f->arg, id_of(mst_load_key(what)));
    if (u) {
        mst_input in = {.object = u, .release = drop, .owner = u}; /* this very object is shared */
        mst_load_object(what, &in);
    } else {
        mst_load_absent(what);
    }
}

static mst_options options_of(const user_cache *c)
{
    return (mst_options){.type = &user_type, .entry.expire_ms = c->expire_ms};
}

/* The status of an answer, whose loan goes to the caller. */
static mst_status lend(cached_user *out)
{
    out->user = out->result.status == MST_OK ? out->result.object : NULL;
    return out->result.status;
}

mst_status user_cache_get_or_set(user_cache *c, int64_t id, const user_factory *f, cached_user *out)
{
    char room[KEY_MAX];
    mst_options o = options_of(c);
    mst_loader loader = {.load = load, .arg = (void *) f, .flags = MST_LOAD_BLOCKING};
    mst_get_or_load_wait(c->cache, key_of(room, id), &loader, &o, &out->result);
    return lend(out);
}

mst_status user_cache_get(user_cache *c, int64_t id, cached_user *out)
{
    char room[KEY_MAX];
    mst_options o = options_of(c);
    mst_get_wait(c->cache, key_of(room, id), &o, &out->result);
    return lend(out);
}

mst_status user_cache_set(user_cache *c, const User *u)
{
    char room[KEY_MAX];
    mst_options o = options_of(c);
    mst_input in = {.object = u};
    mst_result r;
    mst_status status = mst_set_wait(c->cache, key_of(room, u->id), &in, &o, &r);
    mst_result_release(&r);
    return status;
}

void user_release(cached_user *out)
{
    mst_result_release(&out->result);
    out->user = NULL;
}
