/* cancel_test - requests are cancelled at random moments under load: each is answered once, the
 * others are untouched, and no key ever shows the value of another. */
#include <stdlib.h>

#include "fake.h"
#include "use.h"

enum { KEYS = 200, WINDOW = 64, TOTAL = 20000 / T_SLOWNESS, ASKERS = 2 };

static t_env env;
static server at;

typedef struct asked {
    mst_request *request;
    int key;
    bool reads;
    atomic_bool cancelled;
    atomic_int answers, *wrong, *good;
} asked;

static void on_done(void *arg, mst_result *result)
{
    asked *a = arg;
    char want[24];
    int n = snprintf(want, sizeof want, "value of %d.", a->key);
    if (a->reads && result->status == MST_OK) {
        bool ours = result->len >= (size_t) n && !memcmp(result->data, want, (size_t) n);
        atomic_fetch_add(ours ? a->good : a->wrong, 1);
    }
    if (!atomic_load(&a->cancelled) && result->status == MST_ECANCELED) {
        atomic_fetch_add(a->wrong, 1);
    }
    atomic_fetch_add(&a->answers, 1);
}

static void ask(asked *a, uint64_t *state, int version)
{
    char key[16], value[40];
    snprintf(key, sizeof key, "k%d", a->key);
    snprintf(value, sizeof value, "value of %d. %d", a->key, version);
    const mst_input in = {.data = value, .len = strlen(value)};
    const mst_options o = {.request = &a->request};
    uint64_t kind = use_draw(state, 8);
    a->reads = kind >= 3;
    mst_status s = a->reads    ? mst_get(env.cache, mst_str(key), &o, NULL, on_done, a)
                   : kind == 2 ? mst_remove(env.cache, mst_str(key), &o, NULL, on_done, a)
                               : mst_set(env.cache, mst_str(key), &in, &o, NULL, on_done, a);
    CHECK_INT(s, MST_PENDING);
}

static void finish(asked *a, uint64_t *state)
{
    if (use_draw(state, 3) == 0) {
        atomic_store(&a->cancelled, true);
        mst_cancel(a->request);
    }
    T_UNTIL(atomic_load(&a->answers) > 0);
    CHECK_INT(atomic_load(&a->answers), 1);
    mst_request_release(a->request);
    free(a);
}

static atomic_int good, wrong;

/* Keeps a window of requests open; the one that leaves it is cancelled or waited for. */
static void *ask_and_cancel(void *arg)
{
    asked *window[WINDOW] = {NULL};
    uint64_t state = 1 + (uint64_t) (uintptr_t) arg;
    for (int i = 0; i < TOTAL; i++) {
        asked **place = &window[use_draw(&state, WINDOW)];
        if (*place) {
            finish(*place, &state);
        }
        asked *a = *place = calloc(1, sizeof *a);
        REQUIRE(a);
        a->key = (int) use_draw(&state, KEYS);
        a->good = &good;
        a->wrong = &wrong;
        ask(a, &state, i);
    }
    for (int i = 0; i < WINDOW; i++) {
        if (window[i]) {
            finish(window[i], &state);
        }
    }
    return NULL;
}

static void load_and_cancel(void)
{
    pthread_t thread[ASKERS];
    atomic_store(&good, 0);
    atomic_store(&wrong, 0);
    for (uintptr_t i = 0; i < ASKERS; i++) {
        REQUIRE(!pthread_create(&thread[i], NULL, ask_and_cancel, (void *) i));
    }
    for (int i = 0; i < ASKERS; i++) {
        pthread_join(thread[i], NULL);
    }
    const mst_stats stats = t_stats(&env);
    fprintf(stderr, "  %d right values, %llu cancelled\n", atomic_load(&good),
            (unsigned long long) stats.cancels);
    CHECK_INT(atomic_load(&wrong), 0);
    CHECK(atomic_load(&good) > 100);
    CHECK(stats.cancels > 10);
    T_UNTIL(use_figure(&env, "inflight") == 0);
}

static void on_a_real_server(void)
{
    server_start(&at, NULL);
    use_open_mode(&env, T_THREE, use_url(&at), NULL);
    load_and_cancel();
    t_close(&env);
    server_end(&at);
}

static void on_a_slow_one(void)
{
    static const fake_rule slow = {.action = FAKE_DELAY, .every = 50, .ms = 3};
    fake *f = fake_start();
    use_open_mode(&env, T_THREE, fake_url(f), NULL);
    fake_rules(f, &slow, 1);
    load_and_cancel();
    t_close(&env);
    fake_end(f);
}

/* Connections that break meanwhile: what is cancelled and what fails are each answered once. */
static void on_one_that_breaks(void)
{
    static const fake_rule breaks[] = {{.action = FAKE_RESET, .every = 397, .bytes = 3},
                                       {.action = FAKE_CLOSE, .every = 501, .bytes = 7},
                                       {.action = FAKE_DELAY, .every = 40, .ms = 2}};
    fake *f = fake_start();
    use_open_mode(&env, T_THREE, fake_url(f), "provider.redis backoff_max = 10ms\n");
    fake_rules(f, breaks, 3);
    load_and_cancel();
    CHECK(fake_count(f, "ACCEPT") > 3);
    t_close(&env);
    fake_end(f);
}

int main(int argc, char **argv)
{
    static const t_test tests[] = {
        T_TEST(on_a_real_server),
        T_TEST(on_a_slow_one),
        T_TEST(on_one_that_breaks),
    };
    server_require();
    return t_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
