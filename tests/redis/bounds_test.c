/* bounds_test - what waits for the server is bounded in number and bytes; beyond that an answer
 * comes at once, and memory does not grow. */
#include <stdlib.h>

#include "fake.h"
#include "use.h"

static t_env env;

typedef struct tally {
    atomic_int ok, failed, twice;
    _Atomic(uint8_t) *seen; /* for each call */
} tally;
typedef struct call {
    tally *to;
    uint32_t index;
} call;

static void on_done(void *arg, mst_result *result)
{
    call *c = arg;
    atomic_fetch_add(result->status == MST_OK ? &c->to->ok : &c->to->failed, 1);
    atomic_fetch_add(&c->to->twice, atomic_fetch_add(&c->to->seen[c->index], 1) > 0);
}

static void tally_init(tally *t, call **calls, uint32_t n)
{
    *t = (tally){.seen = calloc(n, 1)};
    *calls = calloc(n, sizeof **calls);
    REQUIRE(t->seen && *calls);
    for (uint32_t i = 0; i < n; i++) {
        (*calls)[i] = (call){t, i};
    }
}

static int answers(tally *t)
{
    return atomic_load(&t->ok) + atomic_load(&t->failed);
}

/* Starts sets of `len` bytes; those that are refused in the call are answers as well. */
static void throw_sets(call *calls, uint32_t from, uint32_t to, const char *value, size_t len)
{
    char key[24];
    const mst_input in = {.data = value, .len = len};
    for (uint32_t i = from; i < to; i++) {
        snprintf(key, sizeof key, "k%u", i);
        mst_status s = mst_set(env.cache, mst_str(key), &in, NULL, NULL, on_done, &calls[i]);
        if (s != MST_PENDING) {
            mst_result refused = {.status = s};
            on_done(&calls[i], &refused);
        }
    }
}

/* The server stands still for a moment: what the bound admits waits and succeeds, the rest fails
 * while it stands. */
static void check_bound(const char *settings, uint32_t n, size_t len, int least, int most)
{
    static const fake_rule stall = {.action = FAKE_STALL, .ms = 600, .times = 1};
    tally t;
    call *calls;
    char *value = calloc(1, len);
    REQUIRE(value);
    fake *f = fake_start();
    use_open(&env, fake_url(f), settings);
    use_until_it_works(&env);
    fake_rules(f, &stall, 1);
    tally_init(&t, &calls, n);
    uint64_t begin = t_ms();
    throw_sets(calls, 0, n, value, len);
    T_UNTIL(atomic_load(&t.failed) >= (int) n - most);
    CHECK(t_ms() - begin < 500 * T_SLOWNESS);
    T_UNTIL(answers(&t) == (int) n);
    int ok = atomic_load(&t.ok);
    CHECK(ok >= least && ok <= most);
    CHECK_INT(atomic_load(&t.twice), 0);
    CHECK(use_figure(&env, "inflight") == 0);
    use_until_it_works(&env);
    CHECK_INT(fake_count(f, "ACCEPT"), 1);
    t_close(&env);
    fake_end(f);
    free(t.seen);
    free(calls);
    free(value);
}

static void in_number(void)
{
    check_bound("provider.redis max_inflight = 50\nprovider.redis hedge_after = never\n", 400, 10,
                50, 50);
}

static void in_bytes(void)
{
    check_bound("provider.redis max_inflight_bytes = 1MiB\nprovider.redis hedge_after = never\n",
                400, 20000, 40, 52);
}

/* Refused with the reason, at once, and nothing else suffers. */
static void too_large(void)
{
    enum { LEN = 2 * 1000 * 1000 };
    char *value = calloc(1, LEN);
    REQUIRE(value);
    fake *f = fake_start();
    use_open(&env, fake_url(f), "provider.redis max_inflight_bytes = 1MiB\n");
    use_until_it_works(&env);
    CHECK(use_set_bytes(&env, mst_str("large"), (mst_slice){value, LEN}, NULL) < 0);
    CHECK_INT(fake_peek(f, "t:large", NULL, 0), -1);
    CHECK_INT(fake_count(f, "ACCEPT"), 1);
    use_until_it_works(&env);
    t_close(&env);
    fake_end(f);
    free(value);
}

/* A value above the limit is not read: a miss, and the server is still good for others. */
static void too_large_to_read(void)
{
    enum { LEN = 2 * 1000 * 1000 };
    char *value = calloc(1, LEN);
    REQUIRE(value);
    fake *f = fake_start();
    fake_put(f, "t:large", value, LEN);
    use_open(&env, fake_url(f), "provider.redis max_value_bytes = 1MiB\n");
    CHECK_INT(use_get(&env, "large"), MST_MISS);
    use_until_it_works(&env);
    t_close(&env);
    fake_end(f);
    free(value);
}

/* ---- a million */

enum { MILLION = 1000000 / T_SLOWNESS, STEP = MILLION / 50, MIB = 1 << 20 };

/* The bound in the provider counts what there is for an operation. What waits to get there is
 * bounded by the cache, in number: so a small bound in bytes holds together with a small one in
 * number. */
typedef struct bounds {
    const char *what, *settings;
    uint64_t bytes;
} bounds;

static const bounds small = {"small bounds",
                             "provider.redis max_inflight_bytes = 64MiB\n"
                             "provider.redis stall_timeout = 3s\n"
                             "cache timeout = 2s\n"
                             "cache max_pending = 10000\n",
                             64 * MIB};
static const bounds defaults = {"defaults",
                                "provider.redis stall_timeout = 3s\n"
                                "cache timeout = 2s\n",
                                256 * MIB};

static void a_million_sets(const char *what, const bounds *bound, fake *f)
{
    tally t;
    call *calls;
    char value[100] = "";
    tally_init(&t, &calls, MILLION);
    uint64_t before = use_memory(), most = before;
    for (uint32_t i = 0; i < MILLION; i += STEP) {
        throw_sets(calls, i, i + STEP, value, sizeof value);
        uint64_t now = use_memory();
        most = now > most ? now : most;
    }
    T_UNTIL(answers(&t) == MILLION);
    CHECK_INT(atomic_load(&t.twice), 0);
    CHECK_INT(atomic_load(&t.ok), 0);
    fprintf(stderr, "  %s, %s: memory grew by %.1f MiB\n", what, bound->what,
            (double) (most - before) / MIB);
    CHECK(T_SLOWNESS > 1 || most - before < bound->bytes / 10 * 11);
    if (f) {
        fake_end(f);
    }
    t_close(&env);
    free(t.seen);
    free(calls);
}

static void no_server(const bounds *bound)
{
    server never;
    server_prepare(&never, NULL);
    use_open_server(&env, &never, bound->settings);
    a_million_sets("nobody listens", bound, NULL);
    server_end(&never);
}

static void dead_server(const bounds *bound)
{
    static const fake_rule dead = {.action = FAKE_DEAF};
    fake *f = fake_start();
    use_open(&env, fake_url(f), bound->settings);
    use_until_it_works(&env);
    fake_rules(f, &dead, 1);
    a_million_sets("nobody answers", bound, f);
}

static void a_million_sets_and_no_server(void)
{
    no_server(&small);
}

static void a_million_sets_and_a_dead_server(void)
{
    dead_server(&small);
}

static void a_million_sets_and_no_server_by_default(void)
{
    no_server(&defaults);
}

static void a_million_sets_and_a_dead_server_by_default(void)
{
    dead_server(&defaults);
}

int main(int argc, char **argv)
{
    static const t_test tests[] = {
        T_TEST(in_number),
        T_TEST(in_bytes),
        T_TEST(too_large),
        T_TEST(too_large_to_read),
        T_TEST(a_million_sets_and_no_server),
        T_TEST(a_million_sets_and_a_dead_server),
        T_TEST(a_million_sets_and_no_server_by_default),
        T_TEST(a_million_sets_and_a_dead_server_by_default),
    };
    server_require();
    return t_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
