/* large_test - values of 10 MB beside small ones: what a small get waits for, the order of requests
 * across the lanes, and the largest value there may be. */
#include <stdlib.h>

#include "use.h"

enum { LARGE = 10 * 1000 * 1000, SMALL = 100, FILES = 4, GETS = 400, GETS_MS = 3000 };

static t_env env;
static server s;
static char *large;
static const char *const names[FILES] = {"large0", "large1", "large2", "large3"};

/* ---- small gets, with and without large ones */

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;
    return (x > y) - (x < y);
}

typedef struct times {
    uint64_t ns[GETS], median, most_but_few, most;
    int n;
} times;

static void get_small(times *t, const char *value)
{
    uint64_t end_ms = t_ms() + GETS_MS;
    for (t->n = 0; t->n < GETS && t_ms() < end_ms; t->n++) {
        uint64_t begin_ns = use_ns();
        CHECK(use_get_is(&env, "small", value));
        t->ns[t->n] = use_ns() - begin_ns;
    }
    qsort(t->ns, (size_t) t->n, sizeof t->ns[0], compare);
    t->median = t->ns[t->n / 2];
    t->most_but_few = t->ns[t->n * 9 / 10];
    t->most = t->ns[t->n - 1];
}

typedef struct mover {
    pthread_t thread;
    atomic_bool stop;
    atomic_int sets, gets, failed;
    uint64_t longest_ns; /* of those below together */
} mover;

/* Two sets and two gets at a time, over and over. */
static void *move_large(void *arg)
{
    mover *m = arg;
    const mst_slice value = {large, LARGE};
    while (!atomic_load(&m->stop)) {
        t_reply *r[FILES];
        uint64_t begin_ns = use_ns();
        for (int i = 0; i < FILES; i++) {
            r[i] = i % 2 ? t_begin_get(&env, names[i - 1], NULL)
                         : t_begin_set_bytes(&env, mst_str(names[i]), value, NULL);
        }
        for (int i = 0; i < FILES; i++) {
            t_wait(r[i]);
            bool ok = r[i]->result.status == MST_OK && (i % 2 == 0 || r[i]->result.len == LARGE);
            atomic_fetch_add(!ok ? &m->failed : i % 2 ? &m->gets : &m->sets, 1);
            t_release(r[i]);
        }
        uint64_t took = use_ns() - begin_ns;
        m->longest_ns = took > m->longest_ns ? took : m->longest_ns;
    }
    return NULL;
}

/* One server and one loop do both, so some of the time is that of a large value; but never that of
 * a queue of them. */
static void small_beside_large(void)
{
    static times alone, beside;
    static char value[SMALL + 1];
    mover m = {.failed = 0};
    memset(value, 'v', SMALL);
    use_open_server(&env, &s, NULL);
    use_until_it_works(&env);
    IS_STATUS(t_set(&env, "small", value), MST_OK);
    get_small(&alone, value);
    REQUIRE(!pthread_create(&m.thread, NULL, move_large, &m));
    T_UNTIL(atomic_load(&m.gets) > 0);
    get_small(&beside, value);
    atomic_store(&m.stop, true);
    pthread_join(m.thread, NULL);
    fprintf(stderr, "  a small get: %.2f ms, 90%% within %.2f, all within %.2f\n",
            (double) alone.median / 1e6, (double) alone.most_but_few / 1e6,
            (double) alone.most / 1e6);
    fprintf(stderr, "  beside %d sets and %d gets of 10 MB: %.2f ms, %.2f, %.2f\n",
            atomic_load(&m.sets), atomic_load(&m.gets), (double) beside.median / 1e6,
            (double) beside.most_but_few / 1e6, (double) beside.most / 1e6);
    CHECK_INT(atomic_load(&m.failed), 0);
    CHECK(beside.most_but_few < alone.most_but_few + 100u * 1000000 * T_SLOWNESS);
    CHECK(beside.most < alone.most + m.longest_ns);
    t_close(&env);
}

/* ---- order */

/* Of one key, large and small in turn: each get sees the set before it. */
static void order_of_a_key(void)
{
    enum { ROUNDS = 20 };
    t_reply *gets[ROUNDS];
    use_open_server(&env, &s, "provider.redis connections = 2\n");
    use_until_it_works(&env);
    for (size_t i = 0; i < ROUNDS; i++) {
        const size_t len = i % 3 ? SMALL + i : LARGE / 4 + i;
        t_begin_set_bytes(&env, mst_str("same"), (mst_slice){large, len}, NULL);
        gets[i] = t_begin_get(&env, "same", NULL);
    }
    for (size_t i = 0; i < ROUNDS; i++) {
        t_about("round %zu", i);
        IS_STATUS(t_wait(gets[i]), MST_OK);
        CHECK_INT(gets[i]->result.len, i % 3 ? SMALL + i : LARGE / 4 + i);
        CHECK(!memcmp(gets[i]->result.data, large, gets[i]->result.len));
    }
    t_reply *set = t_begin_set_bytes(&env, mst_str("same"), (mst_slice){large, LARGE}, NULL);
    t_reply *removed = t_begin_remove(&env, "same", NULL);
    IS_MISS(t_get(&env, "same"));
    IS_STATUS(t_wait(set), MST_OK);
    IS_STATUS(t_wait(removed), MST_OK);
    t_close(&env);
}

/* ---- the largest */

/* Too large for the provider, not for the cache: refused, counted, and nothing of it is sent; what
 * is too large at the server is a failure, and does not fill the memory. */
static void above_the_bound(void)
{
    use_open_server(&env, &s, "provider.redis max_value_bytes = 1MiB\n");
    use_until_it_works(&env);
    long long sets = server_calls(&s, "set");
    CHECK_INT(use_set_bytes(&env, mst_str("wide"), (mst_slice){large, (1 << 20) + 1}, NULL),
              MST_ETOOBIG);
    CHECK_INT(use_set_bytes(&env, mst_str("wide"), (mst_slice){large, LARGE}, NULL), MST_ETOOBIG);
    CHECK_INT(use_figure(&env, "too_big"), 2);
    CHECK_INT(server_calls(&s, "set"), sets);
    const mst_slice fits = {large, (1 << 20) - 1000};
    CHECK_INT(use_set_bytes(&env, mst_str("wide"), fits, NULL), MST_OK);
    CHECK(use_bytes_are(&env, mst_str("wide"), fits));
    CHECK_INT(use_figure(&env, "too_big"), 2);
    CHECK(server_says(&s, "OK", "SET t:foreign %b", large, (size_t) LARGE));
    uint64_t before = use_memory();
    t_reply *r = t_get(&env, "foreign");
    IS_STATUS(r, MST_MISS);
    IS_WHY(r, MST_WHY_TIER_FAILED);
    CHECK(t_log_has(&env, "a value above max_value_bytes"));
    CHECK(T_SLOWNESS > 1 || use_memory() < before + (16u << 20));
    use_until_it_works(&env);
    t_close(&env);
}

int main(int argc, char **argv)
{
    static const t_test tests[] = {
        T_TEST(small_beside_large),
        T_TEST(order_of_a_key),
        T_TEST(above_the_bound),
    };
    server_require();
    large = malloc(LARGE);
    REQUIRE(large);
    for (int i = 0; i < LARGE; i++) {
        large[i] = (char) (i * 31 >> 3);
    }
    server_start(&s, NULL);
    int failed = t_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
    server_end(&s);
    free(large);
    return failed;
}
