/* load_test.c - get it or load it: one loader call, however many ask, however it ends. */
#include <stdlib.h>
#include <unistd.h>

#include "env.h"
#include "loading.h"

/* ---- 1,000 requests for one key from 8 threads, while another thread looks at the counters */

enum { THREADS = 8, EACH = 125, ALL = THREADS * EACH };

typedef struct crowd {
    t_env *env;
    t_loader *loader;
    _Atomic int answered, right, loaded, coalesced, hits;
    _Atomic bool stop;
} crowd;

static void on_crowd(void *arg, mst_result *result)
{
    crowd *c = arg;
    atomic_fetch_add(&c->right, t_has_value(result, "the value"));
    atomic_fetch_add(&c->loaded, result->why == MST_WHY_LOADED);
    atomic_fetch_add(&c->coalesced, result->why == MST_WHY_COALESCED);
    atomic_fetch_add(&c->hits, result->why == MST_WHY_HIT);
    atomic_fetch_add(&c->answered, 1);
}

static void *crowd_thread(void *arg)
{
    crowd *c = arg;
    for (int i = 0; i < EACH; i++) {
        mst_result now = {0};
        mst_status status = mst_get_or_load(c->env->cache, mst_str("hot"), &c->loader->loader, NULL,
                                            &now, on_crowd, c);
        CHECK_INT(status, MST_PENDING);
    }
    return NULL;
}

static void *watch_thread(void *arg)
{
    crowd *c = arg;
    uint64_t before = 0;
    while (!atomic_load(&c->stop)) {
        mst_stats s = t_stats(c->env);
        CHECK_INT(s.started, s.completed + s.pending);
        CHECK(s.started >= before);
        before = s.started;
        t_nap();
    }
    return NULL;
}

static void crowd_of(t_mode mode, const char *settings, unsigned flags)
{
    t_env env;
    t_loader loader;
    pthread_t threads[THREADS], watcher;
    fprintf(stderr, "  %s %s", t_mode_names[mode], settings);
    t_fresh();
    t_open(&env, mode, settings);
    t_keep_awake(&env);
    t_loader_init(&loader, T_LOAD_HOLD, "the value");
    loader.loader.flags = flags;
    crowd c = {.env = &env, .loader = &loader};
    REQUIRE(!pthread_create(&watcher, NULL, watch_thread, &c));
    for (int i = 0; i < THREADS; i++) {
        REQUIRE(!pthread_create(&threads[i], NULL, crowd_thread, &c));
    }
    T_PUMP_UNTIL(&env, t_stats(&env).pending == ALL && atomic_load(&loader.calls) == 1);
    CHECK_INT(atomic_load(&c.answered), 0);
    t_loader_let_go(&loader);
    T_PUMP_UNTIL(&env, atomic_load(&c.answered) == ALL);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    atomic_store(&c.stop, true);
    pthread_join(watcher, NULL);
    CHECK_INT(atomic_load(&loader.calls), 1);
    CHECK_INT(atomic_load(&c.right), ALL);
    CHECK_INT(atomic_load(&c.loaded), 1);
    /* Those that were accepted, but not yet looked at when the load ended, are hits. */
    CHECK_INT(atomic_load(&c.coalesced) + atomic_load(&c.hits), ALL - 1);
    CHECK(atomic_load(&c.coalesced) > 0);
    mst_stats s = t_stats(&env);
    CHECK_INT(s.started, ALL);
    CHECK_INT(s.completed, ALL);
    CHECK_INT(s.pending, 0);
    CHECK_INT(s.loads, 1);
    CHECK_INT(s.coalesced, atomic_load(&c.coalesced));
    CHECK_INT(s.near_hits + s.far_hits, atomic_load(&c.hits));
    CHECK_INT(s.misses, 0);
    IS_VALUE(t_get(&env, "hot"), "the value");
    t_close(&env);
    t_loader_fini(&loader);
}

static void a_thousand(void)
{
    crowd_of(T_ONE, "cache tiers = memory\n", 0);
    crowd_of(T_THREE, "cache tiers = memory, slow\n", 0);
    crowd_of(T_THREE, "cache tiers = slow\n", 0);
    crowd_of(T_LENT, "cache tiers = memory, slow\n", 0);
}

static void a_thousand_blocking(void)
{
    crowd_of(T_THREE, "cache tiers = memory\n", MST_LOAD_BLOCKING);
    crowd_of(T_THREE, "cache tiers = near, block\n", MST_LOAD_BLOCKING);
}

/* ---- many keys, loaders that answer at once: those who come when a load has just ended must find
 * its value, not load again */

enum { KEYS = 300 };

typedef struct storm {
    t_env *env;
    _Atomic int calls[KEYS];
    mst_loader loader;
    _Atomic int answered, wrong;
} storm;

static void storm_load(void *arg, mst_load *load)
{
    storm *s = arg;
    char text[20];
    mst_slice key = mst_load_key(load);
    snprintf(text, sizeof text, "%.*s", (int) key.len, (const char *) key.data);
    atomic_fetch_add(&s->calls[strtol(text, NULL, 10)], 1);
    mst_input input = {.data = key.data, .len = key.len};
    mst_load_bytes(load, &input);
}

static void on_storm(void *arg, mst_result *result)
{
    storm *s = arg;
    atomic_fetch_add(&s->wrong, result->status != MST_OK);
    atomic_fetch_add(&s->answered, 1);
}

static void *storm_thread(void *arg)
{
    storm *s = arg;
    for (int i = 0; i < KEYS; i++) {
        char key[20];
        snprintf(key, sizeof key, "%d", i);
        mst_result now = {0};
        mst_status status =
            mst_get_or_load(s->env->cache, mst_str(key), &s->loader, NULL, &now, on_storm, s);
        if (status != MST_PENDING) {
            on_storm(s, &now);
            CHECK(t_has_value(&now, key));
            mst_result_release(&now);
        }
    }
    return NULL;
}

static void storm_of(t_mode mode, const char *settings)
{
    t_env env;
    pthread_t threads[THREADS];
    static storm s;
    memset((void *) &s, 0, sizeof s);
    fprintf(stderr, "  %s %s", t_mode_names[mode], settings);
    t_fresh();
    t_open(&env, mode, settings);
    t_keep_awake(&env);
    s.env = &env;
    s.loader = (mst_loader){.load = storm_load, .arg = &s};
    for (int i = 0; i < THREADS; i++) {
        REQUIRE(!pthread_create(&threads[i], NULL, storm_thread, &s));
    }
    T_PUMP_UNTIL(&env, atomic_load(&s.answered) == THREADS * KEYS);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK_INT(atomic_load(&s.wrong), 0);
    for (int i = 0; i < KEYS; i++) {
        t_about("key %d", i);
        CHECK_INT(atomic_load(&s.calls[i]), 1);
    }
    CHECK_INT(t_stats(&env).loads, KEYS);
    t_close(&env);
}

static void nobody_loads_twice(void)
{
    for (int i = 0; i < 3; i++) {
        storm_of(T_ONE, "cache tiers = memory\n");
        storm_of(T_THREE, "cache tiers = memory\n");
        storm_of(T_THREE, "cache tiers = memory, slow\n");
        storm_of(T_THREE, "cache tiers = slow\n");
        storm_of(T_THREE, "cache tiers = near, block\n");
    }
    storm_of(T_LENT, "cache tiers = memory\n");
}

T_MAIN(T_TEST(a_thousand), T_TEST(a_thousand_blocking), T_TEST(nobody_loads_twice))
