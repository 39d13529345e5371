/* stress_test.c - all operations from eight threads at once. Every value begins with its key and
 * says who wrote it; every answer is counted; the counters are looked at all the time. */
#include <stdlib.h>

#include "env.h"

enum { THREADS = 8, OPS = 6000 / T_SLOWNESS, KEYS = 64, BATCH = 5, IN_FLIGHT = 200 };

typedef struct stress {
    t_env *env;
    _Atomic int begun, answered, wrong, hits;
    _Atomic bool stop;
} stress;

typedef struct ask {
    stress *stress;
    char keys[BATCH][8];
} ask;

typedef struct client {
    stress *stress;
    unsigned random;
} client;

static bool value_is_of(const mst_result *r, const char *key)
{
    size_t len = strlen(key);
    return r->len > len && !memcmp(r->data, key, len) && ((const char *) r->data)[len] == '=';
}

static void look(stress *s, const mst_result *r, const char *key)
{
    bool has_value = r->status == MST_OK && r->data;
    atomic_fetch_add(&s->hits, has_value);
    bool bad = (has_value && !value_is_of(r, key)) || r->status < 0;
    if (bad && atomic_fetch_add(&s->wrong, 1) < 5) {
        fprintf(stderr, "key %s: status %s why %s, %.*s\n", key, mst_status_name(r->status),
                mst_why_name(r->why), (int) r->len, r->data ? (const char *) r->data : "");
    }
}

static void on_one(void *arg, mst_result *result)
{
    ask *a = arg;
    stress *s = a->stress;
    look(s, result, a->keys[0]);
    free(a);
    atomic_fetch_add(&s->answered, 1);
}

static void on_many(void *arg, mst_result *results, size_t n)
{
    ask *a = arg;
    stress *s = a->stress;
    for (size_t i = 0; i < n; i++) {
        look(s, &results[i], a->keys[i]);
    }
    free(a);
    atomic_fetch_add(&s->answered, 1);
}

static void load(void *arg, mst_load *one)
{
    char value[64];
    mst_slice key = mst_load_key(one);
    (void) arg;
    snprintf(value, sizeof value, "%.*s=loaded", (int) key.len, (const char *) key.data);
    mst_input input = {.data = value, .len = strlen(value)};
    mst_load_bytes(one, &input);
}

static const mst_loader on_the_loop = {.load = load};
static const mst_loader on_a_worker = {.load = load, .flags = MST_LOAD_BLOCKING};

static mst_status ask_many(mst_cache *cache, ask *a, int what, const char *value)
{
    mst_slice keys[BATCH];
    mst_input inputs[BATCH] = {{0}};
    char values[BATCH][80];
    for (int i = 0; i < BATCH; i++) {
        keys[i] = mst_str(a->keys[i]);
        snprintf(values[i], sizeof values[i], "%s=%s", a->keys[i], value);
        inputs[i].data = values[i];
        inputs[i].len = strlen(values[i]);
    }
    return what == 0   ? mst_get_many(cache, keys, BATCH, NULL, NULL, on_many, a)
           : what == 1 ? mst_set_many(cache, keys, inputs, BATCH, NULL, NULL, on_many, a)
                       : mst_remove_many(cache, keys, BATCH, NULL, NULL, on_many, a);
}

static mst_status ask_one(mst_cache *cache, ask *a, int what, unsigned *random, mst_result *now)
{
    mst_slice key = mst_str(a->keys[0]);
    char value[300];
    int len = snprintf(value, sizeof value, "%s=%0*d", a->keys[0], (int) (rand_r(random) % 200), 7);
    mst_input input = {.data = value, .len = (size_t) len};
    mst_options far = {.flags = MST_F_FAR}, brief = {.entry = {.expire_ms = 20}};
    switch (what) {
    case 0:
    case 1:
        return mst_set(cache, key, &input, what ? &brief : NULL, now, on_one, a);
    case 2:
        return mst_remove(cache, key, NULL, now, on_one, a);
    case 3:
        return mst_exists(cache, key, NULL, now, on_one, a);
    case 4:
        return mst_touch(cache, key, NULL, now, on_one, a);
    case 5:
        return mst_get(cache, key, &far, now, on_one, a);
    case 6:
    case 7:
        return mst_get_or_load(cache, key, what == 6 ? &on_the_loop : &on_a_worker, NULL, now,
                               on_one, a);
    default:
        return mst_get(cache, key, NULL, now, on_one, a);
    }
}

static void ask_something(client *c)
{
    stress *s = c->stress;
    mst_cache *cache = s->env->cache;
    ask *a = calloc(1, sizeof *a);
    REQUIRE(a);
    a->stress = s;
    for (int i = 0; i < BATCH; i++) {
        snprintf(a->keys[i], sizeof a->keys[i], "k%d", rand_r(&c->random) % KEYS);
    }
    int what = rand_r(&c->random) % 16;
    bool use_now = rand_r(&c->random) % 2;
    mst_result now = {0};
    mst_status status = what < 12 ? ask_one(cache, a, what, &c->random, use_now ? &now : NULL)
                                  : ask_many(cache, a, what % 3, "batch");
    atomic_fetch_add(&s->begun, 1);
    if (status != MST_PENDING) {
        CHECK(use_now && status >= 0);
        on_one(a, &now);
        mst_result_release(&now);
    }
}

static void *client_thread(void *arg)
{
    client *c = arg;
    stress *s = c->stress;
    for (int i = 0; i < OPS; i++) {
        ask_something(c);
        if (i % 500 == 0) {
            mst_result r = {0};
            char key[8];
            snprintf(key, sizeof key, "k%d", i % KEYS);
            mst_get_wait(s->env->cache, mst_str(key), NULL, &r);
            look(s, &r, key);
            mst_result_release(&r);
        }
        if (i % 1000 == 999 && c->random % 2) {
            CHECK(mst_clear(s->env->cache, NULL, NULL, NULL) == MST_PENDING);
        }
        while (atomic_load(&s->begun) - atomic_load(&s->answered) > IN_FLIGHT) {
            t_nap();
        }
    }
    return NULL;
}

static void *watch_thread(void *arg)
{
    stress *s = arg;
    uint64_t samples = 0;
    mst_slice keys[] = {mst_str("t:k1"), mst_str("t:k2")};
    while (!atomic_load(&s->stop)) {
        mst_stats stats = t_stats(s->env);
        CHECK_INT(stats.started, stats.completed + stats.pending);
        if (++samples % 50 == 0) {
            fx_slow_invalidate(keys, 2);
        }
        if (samples % 400 == 0) {
            fx_slow_flush();
        }
        t_nap();
    }
    return NULL;
}

static void run(t_mode mode, const char *settings)
{
    t_env env;
    pthread_t threads[THREADS], watcher;
    client clients[THREADS];
    fprintf(stderr, "  %s %s", t_mode_names[mode], settings);
    t_fresh();
    atomic_store(&fx_slow.jitter_ms, 3);
    atomic_store(&fx_slow.mt_percent, 40);
    t_open(&env, mode, settings);
    stress s = {.env = &env};
    REQUIRE(!pthread_create(&watcher, NULL, watch_thread, &s));
    for (int i = 0; i < THREADS; i++) {
        clients[i] = (client){&s, (unsigned) i + 1};
        REQUIRE(!pthread_create(&threads[i], NULL, client_thread, &clients[i]));
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    T_UNTIL(atomic_load(&s.answered) == THREADS * OPS);
    T_UNTIL(t_stats(&env).pending == 0);
    atomic_store(&s.stop, true);
    pthread_join(watcher, NULL);
    CHECK_INT(atomic_load(&s.wrong), 0);
    CHECK(atomic_load(&s.hits) > OPS / 10);
    mst_stats stats = t_stats(&env);
    CHECK_INT(stats.started, stats.completed);
    CHECK_INT(stats.decode_misses, 0);
    CHECK_INT(stats.tier_errors + stats.tier_timeouts + stats.timeouts + stats.rejected, 0);
    t_close(&env);
}

static void memory_and_slow(void)
{
    run(T_THREE, "cache tiers = memory, slow\n");
}

static void near_and_slow(void)
{
    run(T_THREE, "cache tiers = near, slow\n");
}

static void memory_alone(void)
{
    run(T_ONE, "cache tiers = memory\n");
}

/* Every request is recorded. */
static void traced(void)
{
    run(T_THREE,
        "cache tiers = memory, slow\nruntime exporters = keep\nruntime trace_ratio = 100%\n");
}

static void three_tiers(void)
{
    run(T_THREE, "cache tiers = memory, block, slow\n");
}

/* Eight threads ask, this one lends the loop. */
typedef struct lent {
    t_env env;
    stress s;
    client clients[THREADS];
} lent;

static void on_a_lent_loop(void)
{
    static lent l;
    pthread_t threads[THREADS];
    t_fresh();
    atomic_store(&fx_slow.jitter_ms, 3);
    atomic_store(&fx_slow.mt_percent, 40);
    t_open(&l.env, T_LENT, "cache tiers = memory, slow\n");
    t_keep_awake(&l.env);
    l.s.env = &l.env;
    for (int i = 0; i < THREADS; i++) {
        l.clients[i] = (client){&l.s, (unsigned) i + 1};
        REQUIRE(!pthread_create(&threads[i], NULL, client_thread, &l.clients[i]));
    }
    uint64_t end = t_ms() + 100000;
    while (atomic_load(&l.s.answered) < THREADS * OPS && t_ms() < end) {
        t_pump(&l.env);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK_INT(atomic_load(&l.s.answered), THREADS * OPS);
    CHECK_INT(atomic_load(&l.s.wrong), 0);
    t_close(&l.env);
}

T_MAIN(T_TEST(memory_and_slow), T_TEST(near_and_slow), T_TEST(memory_alone), T_TEST(traced),
       T_TEST(three_tiers), T_TEST(on_a_lent_loop))
