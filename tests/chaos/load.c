/* load.c - see load.h. Each thread starts a round of requests without waiting, then waits for all
 * of them. A value says its key and version, and its padding follows from both, so that a mixture
 * of two values is seen as well. */
#include "load.h"

#include <stdlib.h>

enum { ROUND = 32, BATCH = 16, VALUE_MAX = 6000 };

typedef struct asked {
    load *of;
    int key[BATCH];
    bool reads;
    atomic_int answers;
} asked;

static size_t make_value(char *text, int key, uint32_t version)
{
    int n = snprintf(text, VALUE_MAX, "k%d v%u ", key, version);
    size_t more = version * 37u % (version % 50 == 0 ? 5000u : 300u);
    memset(text + n, 'a' + (int) ((version + (uint32_t) key) % 26), more);
    return (size_t) n + more;
}

static bool is_right(const load *l, int key, const mst_result *result)
{
    char text[VALUE_MAX], want[VALUE_MAX];
    int key_said = -1;
    unsigned version = 0;
    size_t head = result->len < 60 ? result->len : 60;
    memcpy(text, result->data, head);
    text[head] = '\0';
    if (sscanf(text, "k%d v%u ", &key_said, &version) != 2 || key_said != key ||
        version > atomic_load(&l->version[key])) {
        return false;
    }
    return make_value(want, key, version) == result->len &&
           !memcmp(want, result->data, result->len);
}

static void judge(load *l, bool reads, int key, const mst_result *result)
{
    _Atomic(uint64_t) *figure = result->status < 0 ? &l->failed : &l->good;
    if (reads && result->status == MST_OK && !is_right(l, key, result)) {
        figure = &l->wrong;
        fprintf(stderr, "%s: key %d has %zu bytes \"%.*s\"\n", l->name, key, result->len,
                (int) (result->len < 40 ? result->len : 40), (const char *) result->data);
    } else if (reads && result->status == MST_MISS) {
        figure = result->why == MST_WHY_TIER_FAILED ? &l->failed : &l->missing;
    }
    atomic_fetch_add(figure, 1);
}

static void on_many(void *arg, mst_result *results, size_t n)
{
    asked *a = arg;
    for (size_t i = 0; i < n; i++) {
        judge(a->of, a->reads, a->key[i], &results[i]);
    }
    atomic_fetch_add(&a->answers, 1);
}

static void on_done(void *arg, mst_result *result)
{
    on_many(arg, result, 1);
}

static void begin_many(asked *a, uint64_t *state)
{
    char names[BATCH][16];
    mst_slice keys[BATCH];
    for (int i = 0; i < BATCH; i++) {
        a->key[i] = (int) use_draw(state, LOAD_KEYS);
        snprintf(names[i], sizeof names[i], "k%d", a->key[i]);
        keys[i] = mst_str(names[i]);
    }
    a->reads = true;
    atomic_fetch_add(&a->of->asked, BATCH);
    CHECK_INT(mst_get_many(a->of->env->cache, keys, BATCH, NULL, NULL, on_many, a), MST_PENDING);
}

static void begin(asked *a, uint64_t *state)
{
    char name[16], value[VALUE_MAX];
    mst_cache *cache = a->of->env->cache;
    uint64_t kind = use_draw(state, 16);
    if (kind == 0) {
        begin_many(a, state);
        return;
    }
    int key = a->key[0] = (int) use_draw(state, LOAD_KEYS);
    snprintf(name, sizeof name, "k%d", key);
    a->reads = kind >= 6;
    atomic_fetch_add(&a->of->asked, 1);
    if (a->reads) {
        CHECK_INT(mst_get(cache, mst_str(name), NULL, NULL, on_done, a), MST_PENDING);
    } else if (kind == 1) {
        CHECK_INT(mst_remove(cache, mst_str(name), NULL, NULL, on_done, a), MST_PENDING);
    } else {
        uint32_t version = atomic_fetch_add(&a->of->version[key], 1) + 1;
        const mst_input in = {.data = value, .len = make_value(value, key, version)};
        CHECK_INT(mst_set(cache, mst_str(name), &in, NULL, NULL, on_done, a), MST_PENDING);
    }
}

static void *ask(void *arg)
{
    load *l = arg;
    uint64_t state = use_ns();
    asked *round = calloc(ROUND, sizeof *round);
    REQUIRE(round);
    while (!atomic_load(&l->stop)) {
        for (int i = 0; i < ROUND; i++) {
            round[i].of = l;
            atomic_store(&round[i].answers, 0);
            begin(&round[i], &state);
        }
        for (int i = 0; i < ROUND; i++) {
            T_UNTIL(atomic_load(&round[i].answers) > 0);
        }
        t_sleep_until(t_ms() + 1);
        for (int i = 0; i < ROUND; i++) {
            atomic_fetch_add(&l->twice, atomic_load(&round[i].answers) != 1);
        }
    }
    free(round);
    return NULL;
}

static void *sample(void *arg)
{
    load *l = arg;
    while (!atomic_load(&l->stop)) {
        const mst_stats s = t_stats(l->env);
        atomic_fetch_add(&l->samples, 1);
        atomic_fetch_add(&l->odd_samples, s.started != s.completed + s.pending);
        t_sleep_until(t_ms() + 1);
    }
    return NULL;
}

void load_start(load *l, t_env *env, const char *name)
{
    memset(l, 0, sizeof *l);
    l->env = env;
    l->name = name;
    for (int i = 0; i < LOAD_THREADS; i++) {
        REQUIRE(!pthread_create(&l->thread[i], NULL, ask, l));
    }
    REQUIRE(!pthread_create(&l->sampler, NULL, sample, l));
}

void load_stop(load *l)
{
    atomic_store(&l->stop, true);
    for (int i = 0; i < LOAD_THREADS; i++) {
        pthread_join(l->thread[i], NULL);
    }
    pthread_join(l->sampler, NULL);
    T_UNTIL(t_stats(l->env).pending == 0);
    t_about("%s", l->name);
    const mst_stats s = t_stats(l->env);
    CHECK_INT(s.started, s.completed);
    CHECK_INT(atomic_load(&l->odd_samples), 0);
    CHECK_INT(atomic_load(&l->wrong), 0);
    CHECK_INT(atomic_load(&l->twice), 0);
    CHECK_INT(atomic_load(&l->asked), atomic_load(&l->good) + atomic_load(&l->missing) +
                                          atomic_load(&l->failed) + atomic_load(&l->wrong));
    CHECK(atomic_load(&l->good) > 1000);
    CHECK(atomic_load(&l->samples) > 100);
    t_about("%s", "");
}

void load_print(const load *l)
{
    fprintf(
        stderr, "%-10s %9llu %9llu %9llu %9llu %6llu %9llu\n", l->name,
        (unsigned long long) atomic_load(&l->asked), (unsigned long long) atomic_load(&l->good),
        (unsigned long long) atomic_load(&l->missing), (unsigned long long) atomic_load(&l->failed),
        (unsigned long long) atomic_load(&l->wrong), (unsigned long long) atomic_load(&l->samples));
}
