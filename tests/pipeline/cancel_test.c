/* cancel_test.c - mst_cancel() before, while and after a request completes, from any thread. */
#include <stdlib.h>

#include "env.h"
#include "loading.h"

static void before_it_completes(void)
{
    for (int mode = 0; mode < T_MODES; mode++) {
        t_env env;
        mst_request *handles[5] = {NULL};
        t_reply *r[5];
        mst_options options[5];
        t_about("%s", t_mode_names[mode]);
        t_fresh();
        t_open(&env, (t_mode) mode, "cache tiers = memory, slow\n");
        atomic_store(&fx_slow.hold_requests, FX_ALL_CODES);
        for (int i = 0; i < 5; i++) {
            options[i] = (mst_options){.request = &handles[i]};
        }
        r[0] = t_begin_get(&env, "k", &options[0]);
        r[1] = t_begin_set(&env, "s", "v", &options[1]);
        r[2] = t_begin_remove(&env, "k", &options[2]);
        r[3] = t_begin_exists(&env, "k", &options[3]);
        r[4] = t_begin_touch(&env, "k", &options[4]);
        for (int i = 0; i < 5; i++) {
            CHECK(handles[i] != NULL);
            mst_cancel(handles[i]);
        }
        for (int i = 0; i < 5; i++) {
            t_about("%s, request %d", t_mode_names[mode], i);
            t_wait(r[i]);
            IS_STATUS(r[i], MST_ECANCELED);
            IS_WHY(r[i], MST_WHY_CANCELED);
            mst_cancel(handles[i]); /* again, after it is over */
            mst_request_release(handles[i]);
        }
        CHECK_INT(t_stats(&env).cancels, 5);
        CHECK_INT(t_stats(&env).pending, 0);
        atomic_store(&fx_slow.hold_requests, 0);
        IS_STATUS(t_set(&env, "k", "v"), MST_OK);
        IS_VALUE(t_get(&env, "k"), "v");
        t_close(&env);
    }
}

/* A batch is one request: what was not answered yet is cancelled with it. */
static void a_batch(void)
{
    t_env env;
    mst_request *handle = NULL;
    mst_options options = {.request = &handle};
    mst_slice keys[] = {mst_str("near"), mst_str("m1"), mst_str("m2")};
    t_fresh();
    t_open(&env, T_THREE, "cache tiers = memory, slow\n");
    IS_STATUS(t_set(&env, "near", "v"), MST_OK);
    atomic_store(&fx_slow.hold_requests, FX_ALL_CODES);
    t_reply *r = t_begin_get_many(&env, keys, 3, &options);
    REQUIRE(handle != NULL);
    mst_cancel(handle);
    t_wait(r);
    CHECK(t_has_value(&r->many[0], "v") || r->many[0].status == MST_ECANCELED);
    for (int i = 1; i < 3; i++) {
        CHECK_INT(r->many[i].status, MST_ECANCELED);
        CHECK_INT(r->many[i].why, MST_WHY_CANCELED);
    }
    mst_request_release(handle);
    atomic_store(&fx_slow.hold_requests, 0);
    t_close(&env);
}

static void after_it_completed(void)
{
    t_env env;
    mst_request *handle = NULL;
    mst_options options = {.request = &handle};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, slow\n");
    t_reply *r = t_wait(t_begin_set(&env, "k", "v", &options));
    IS_STATUS(r, MST_OK);
    mst_cancel(handle);
    mst_request_release(handle);
    CHECK_INT(t_stats(&env).cancels, 0);
    IS_VALUE(t_get(&env, "k"), "v");
    CHECK_INT(atomic_load(&r->count), 1);
    t_close(&env);
}

/* Giving the handle back is not cancelling. */
static void released_before_it_completes(void)
{
    t_env env;
    mst_request *handle = NULL;
    mst_options options = {.request = &handle};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = slow\n");
    atomic_store(&fx_slow.hold_replies, FX_ALL_CODES);
    t_reply *r = t_begin_set(&env, "k", "v", &options);
    REQUIRE(handle);
    mst_request_release(handle);
    atomic_store(&fx_slow.hold_replies, 0);
    IS_STATUS(t_wait(r), MST_OK);
    t_close(&env);
}

/* A near hit has nothing to cancel; what programs do then is harmless. */
static void nothing_to_cancel(void)
{
    t_env env;
    mst_request *handle = NULL;
    mst_options options = {.request = &handle};
    mst_result now = {0};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory\n");
    IS_STATUS(t_set(&env, "k", "v"), MST_OK);
    CHECK_INT(mst_get(env.cache, mst_str("k"), &options, &now, NULL, NULL), MST_OK);
    CHECK(!handle);
    mst_cancel(handle);
    mst_request_release(handle);
    CHECK(t_has_value(&now, "v"));
    mst_result_release(&now);
    t_close(&env);
}

/* Waiters of one flight are cancelled alone. */
static void one_of_many_waiters(void)
{
    t_env env;
    mst_request *handle = NULL;
    mst_options options = {.request = &handle};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, slow\ncache envelope = none\n");
    t_far_put(fx_server_at(0), "k", "v");
    atomic_store(&fx_slow.hold_replies, FX_ALL_CODES);
    t_reply *first = t_begin_get(&env, "k", &options);
    t_reply *second = t_begin_get(&env, "k", NULL);
    T_PUMP_UNTIL(&env, atomic_load(&fx_slow.executed[MST_OP_GET]) == 1);
    mst_cancel(handle); /* the one that started the fetch */
    IS_STATUS(t_wait(first), MST_ECANCELED);
    CHECK(!t_done(second));
    atomic_store(&fx_slow.hold_replies, 0);
    IS_VALUE(t_wait(second), "v");
    mst_request_release(handle);
    t_close(&env);
}

/* From inside done(): of itself, and of another request that has not been answered yet. */
typedef struct inside {
    mst_request *own, *other;
    _Atomic int ran;
} inside;

static void cancel_inside(void *arg, mst_result *result)
{
    inside *in = arg;
    (void) result;
    mst_cancel(in->own);
    mst_cancel(in->other);
    mst_request_release(in->own);
    atomic_fetch_add(&in->ran, 1);
}

static void inside_done(void)
{
    t_env env;
    inside in = {0};
    mst_options own = {.request = &in.own}, other = {.request = &in.other};
    t_fresh();
    t_open(&env, T_LENT, "cache tiers = slow\n");
    atomic_store(&fx_slow.hold_replies, FX_BIT(MST_OP_EXISTS));
    t_reply *victim = t_begin_exists(&env, "k", &other);
    CHECK_INT(mst_get(env.cache, mst_str("k"), &own, NULL, cancel_inside, &in), MST_PENDING);
    T_PUMP_UNTIL(&env, atomic_load(&in.ran) == 1);
    IS_STATUS(t_wait(victim), MST_ECANCELED);
    mst_request_release(in.other);
    atomic_store(&fx_slow.hold_replies, 0);
    t_close(&env);
}

/* ---- at random, under load, from other threads, with a check of every value */

enum { ASKERS = 4, SLOTS = 64, ROUNDS = 3000 / T_SLOWNESS };

typedef struct slot {
    pthread_mutex_t mutex;
    mst_request *handle;
} slot;

typedef struct chaos {
    t_env *env;
    slot slots[SLOTS];
    _Atomic int answered, canceled, wrong, begun;
    _Atomic bool stop;
} chaos;

typedef struct ask {
    chaos *chaos;
    char key[12];
} ask;

static void on_answer(void *arg, mst_result *result)
{
    ask *a = arg;
    chaos *c = a->chaos;
    bool value = result->data != NULL;
    atomic_fetch_add(&c->canceled, result->status == MST_ECANCELED);
    atomic_fetch_add(&c->wrong, value && !t_has_value(result, a->key));
    atomic_fetch_add(&c->wrong, result->status < 0 && result->status != MST_ECANCELED);
    free(a);
    atomic_fetch_add(&c->answered, 1);
}

static void put_handle(chaos *c, unsigned *random, mst_request *handle)
{
    slot *s = &c->slots[rand_r(random) % SLOTS];
    pthread_mutex_lock(&s->mutex);
    mst_request *before = s->handle;
    s->handle = handle;
    pthread_mutex_unlock(&s->mutex);
    mst_request_release(before);
}

static void load_key(void *arg, mst_load *load)
{
    (void) arg;
    mst_slice key = mst_load_key(load);
    mst_input input = {.data = key.data, .len = key.len};
    mst_load_bytes(load, &input);
}

static void ask_something(chaos *c, unsigned *random)
{
    static const mst_loader loader = {.load = load_key};
    mst_request *handle = NULL;
    mst_options options = {.request = &handle};
    ask *a = calloc(1, sizeof *a);
    REQUIRE(a);
    a->chaos = c;
    snprintf(a->key, sizeof a->key, "k%d", rand_r(random) % 40);
    mst_input input = {.data = a->key, .len = strlen(a->key)};
    mst_slice key = mst_str(a->key);
    mst_cache *cache = c->env->cache;
    mst_status status;
    switch (rand_r(random) % 5) {
    case 0:
        status = mst_set(cache, key, &input, &options, NULL, on_answer, a);
        break;
    case 1:
        status = mst_remove(cache, key, &options, NULL, on_answer, a);
        break;
    case 2:
        status = mst_get_or_load(cache, key, &loader, &options, NULL, on_answer, a);
        break;
    default:
        status = mst_get(cache, key, &options, NULL, on_answer, a);
        break;
    }
    CHECK_INT(status, MST_PENDING);
    atomic_fetch_add(&c->begun, 1);
    put_handle(c, random, handle);
}

static void *ask_thread(void *arg)
{
    chaos *c = arg;
    unsigned random = (unsigned) (uintptr_t) &random;
    for (int i = 0; i < ROUNDS; i++) {
        ask_something(c, &random);
        while (atomic_load(&c->begun) - atomic_load(&c->answered) > 500) {
            t_nap();
        }
    }
    return NULL;
}

static void *cancel_thread(void *arg)
{
    chaos *c = arg;
    unsigned random = 99;
    while (!atomic_load(&c->stop)) {
        slot *s = &c->slots[rand_r(&random) % SLOTS];
        pthread_mutex_lock(&s->mutex);
        mst_request *handle = s->handle;
        bool keep = rand_r(&random) % 2;
        s->handle = keep ? handle : NULL;
        if (keep) {
            mst_cancel(handle); /* under the mutex: nobody releases it meanwhile */
        }
        pthread_mutex_unlock(&s->mutex);
        if (!keep) {
            mst_cancel(handle);
            mst_request_release(handle);
        }
        if (rand_r(&random) % 4 == 0) {
            t_nap();
        }
    }
    return NULL;
}

static void at_random(void)
{
    t_env env;
    static chaos c;
    pthread_t threads[ASKERS], canceller;
    memset((void *) &c, 0, sizeof c);
    t_fresh();
    atomic_store(&fx_slow.jitter_ms, 4);
    atomic_store(&fx_slow.mt_percent, 30);
    atomic_store(&fx_slow.obey_cancel, 1);
    t_open(&env, T_THREE, "cache tiers = memory, slow\n");
    c.env = &env;
    for (int i = 0; i < SLOTS; i++) {
        pthread_mutex_init(&c.slots[i].mutex, NULL);
    }
    REQUIRE(!pthread_create(&canceller, NULL, cancel_thread, &c));
    for (int i = 0; i < ASKERS; i++) {
        REQUIRE(!pthread_create(&threads[i], NULL, ask_thread, &c));
    }
    for (int i = 0; i < ASKERS; i++) {
        pthread_join(threads[i], NULL);
    }
    T_UNTIL(atomic_load(&c.answered) == ASKERS * ROUNDS);
    atomic_store(&c.stop, true);
    pthread_join(canceller, NULL);
    CHECK_INT(atomic_load(&c.wrong), 0);
    CHECK(atomic_load(&c.canceled) > 0);
    T_UNTIL(t_stats(&env).pending == 0);
    CHECK_INT(t_stats(&env).cancels, atomic_load(&c.canceled));
    for (int i = 0; i < SLOTS; i++) {
        mst_request_release(c.slots[i].handle);
        pthread_mutex_destroy(&c.slots[i].mutex);
    }
    t_close(&env);
}

T_MAIN(T_TEST(before_it_completes), T_TEST(a_batch), T_TEST(after_it_completed),
       T_TEST(released_before_it_completes), T_TEST(nothing_to_cancel), T_TEST(one_of_many_waiters),
       T_TEST(inside_done), T_TEST(at_random))
