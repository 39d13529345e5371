/* loading.c - see loading.h. */
#include "loading.h"

#include <stdlib.h>

static void give_back(void *owner)
{
    t_loader *l = owner;
    atomic_fetch_add(&l->given_back, 1);
}

static void end(t_loader *l, mst_load *load)
{
    if (l->prepare) {
        l->prepare(mst_load_entry(load));
    }
    mst_input input = {.data = l->value, .len = l->value ? strlen(l->value) : 0};
    switch (l->how) {
    case T_LOAD_ABSENT:
        mst_load_absent(load);
        break;
    case T_LOAD_FAIL:
        mst_load_fail(load, l->why);
        break;
    case T_LOAD_RELEASE:
        input.release = give_back;
        input.owner = l;
        mst_load_bytes(load, &input);
        break;
    default:
        mst_load_bytes(load, &input);
        break;
    }
    atomic_fetch_add(&l->ended, 1);
}

static void load(void *arg, mst_load *load)
{
    t_loader *l = arg;
    mst_slice key = mst_load_key(load);
    CHECK(mst_load_entry(load) != NULL);
    pthread_mutex_lock(&l->mutex);
    int call = atomic_fetch_add(&l->calls, 1);
    l->last_thread = pthread_self();
    if (call < T_LOADS) {
        snprintf(l->keys[call], sizeof l->keys[call], "%.*s", (int) key.len,
                 (const char *) key.data);
    }
    bool hold = l->hold && l->waiting_count < T_LOADS;
    if (hold) {
        l->waiting[l->waiting_count++] = load;
        pthread_cond_signal(&l->cond);
    }
    pthread_mutex_unlock(&l->mutex);
    if (!hold) {
        end(l, load);
    }
}

void t_loader_init(t_loader *l, t_load_how how, const char *value)
{
    memset((void *) l, 0, sizeof *l);
    l->loader = (mst_loader){.load = load, .arg = l};
    l->how = how;
    l->hold = how == T_LOAD_HOLD;
    l->value = value;
    l->why = MST_EIO;
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->cond, NULL);
}

int t_loader_waiting(t_loader *l)
{
    pthread_mutex_lock(&l->mutex);
    int n = l->waiting_count;
    pthread_mutex_unlock(&l->mutex);
    return n;
}

void t_loader_end_here(t_loader *l)
{
    pthread_mutex_lock(&l->mutex);
    while (l->waiting_count) {
        mst_load *one = l->waiting[--l->waiting_count];
        pthread_mutex_unlock(&l->mutex);
        end(l, one);
        pthread_mutex_lock(&l->mutex);
    }
    pthread_mutex_unlock(&l->mutex);
}

static void *end_thread(void *arg)
{
    t_loader *l = arg;
    pthread_mutex_lock(&l->mutex);
    while (!l->quit) {
        if (l->waiting_count) {
            pthread_mutex_unlock(&l->mutex);
            t_loader_end_here(l);
            pthread_mutex_lock(&l->mutex);
        } else {
            pthread_cond_wait(&l->cond, &l->mutex);
        }
    }
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

void t_loader_let_go(t_loader *l)
{
    l->thread_started = !pthread_create(&l->thread, NULL, end_thread, l);
    REQUIRE(l->thread_started);
}

void t_loader_fini(t_loader *l)
{
    CHECK_INT(t_loader_waiting(l), 0);
    if (l->thread_started) {
        pthread_mutex_lock(&l->mutex);
        l->quit = true;
        pthread_cond_signal(&l->cond);
        pthread_mutex_unlock(&l->mutex);
        pthread_join(l->thread, NULL);
    }
    CHECK_INT(atomic_load(&l->calls), atomic_load(&l->ended));
    CHECK_INT(atomic_load(&l->given_back), l->how == T_LOAD_RELEASE ? atomic_load(&l->ended) : 0);
    pthread_mutex_destroy(&l->mutex);
    pthread_cond_destroy(&l->cond);
}
