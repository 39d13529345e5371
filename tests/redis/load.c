/* load.c - see load.h. */
#include "load.h"

#include <stdlib.h>

const char *load_key(int i)
{
    static _Thread_local char name[16];
    snprintf(name, sizeof name, "load%d", i);
    return name;
}

static mst_status set(load *l, int i, uint64_t n)
{
    char value[48];
    mst_result result;
    int len = snprintf(value, sizeof value, "%s=%" PRIu64, load_key(i), n);
    const mst_input in = {.data = value, .len = (size_t) len};
    mst_status status = mst_set_wait(l->env->cache, mst_str(load_key(i)), &in, NULL, &result);
    mst_result_release(&result);
    return status;
}

/* A plain miss is a failure, too: every key is there, unless its tier failed. */
static mst_status get(load *l, int i)
{
    char want[24];
    mst_result result;
    int len = snprintf(want, sizeof want, "%s=", load_key(i));
    mst_status status = mst_get_wait(l->env->cache, mst_str(load_key(i)), NULL, &result);
    if (status == MST_OK &&
        (result.len <= (size_t) len || memcmp(result.data, want, (size_t) len) != 0)) {
        atomic_fetch_add(&l->wrong, 1);
    }
    mst_result_release(&result);
    return status;
}

static void *run(void *arg)
{
    load *l = arg;
    uint64_t state = t_ms() ^ (uint64_t) (uintptr_t) &state;
    for (uint64_t n = 1; !atomic_load(&l->stop); n++) {
        int i = (int) use_draw(&state, LOAD_KEYS), class = l->class[i];
        mst_status status = use_draw(&state, 4) == 0 ? set(l, i, n) : get(l, i);
        if (status == MST_OK) {
            atomic_fetch_add(&l->done[class], 1);
        } else {
            int none = MST_OK;
            atomic_compare_exchange_strong(&l->first_failure, &none, status);
            atomic_fetch_add(&l->failed[class], 1);
        }
    }
    return NULL;
}

void load_start(load *l, t_env *env, int (*class_of)(const char *key))
{
    memset(l, 0, sizeof *l);
    l->env = env;
    for (int i = 0; i < LOAD_KEYS; i++) {
        l->class[i] = class_of ? class_of(load_key(i)) : 0;
        CHECK_INT(set(l, i, 0), MST_OK);
    }
    for (int i = 0; i < LOAD_THREADS; i++) {
        REQUIRE(!pthread_create(&l->thread[i], NULL, run, l));
    }
}

void load_stop(load *l)
{
    atomic_store(&l->stop, true);
    for (int i = 0; i < LOAD_THREADS; i++) {
        pthread_join(l->thread[i], NULL);
    }
    CHECK_INT(atomic_load(&l->wrong), 0);
}

void load_until(load *l, int class, uint64_t n)
{
    uint64_t want = atomic_load(&l->done[class]) + n;
    T_UNTIL(atomic_load(&l->done[class]) >= want);
}

uint64_t load_failed(load *l)
{
    uint64_t n = 0;
    for (int i = 0; i < LOAD_CLASSES; i++) {
        n += atomic_load(&l->failed[i]);
    }
    return n;
}
