/* names_test - names of servers: looked up away from the loop, and again at each connect. The name
 * server is this program: its getaddrinfo() is the one that libuv calls. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <time.h>

#include "fake.h"
#include "use.h"

enum { SLOW_MS = 2000, GAP_MS = 5, TRIES = 6 };

static t_env env;

/* ---- names */

static atomic_int slow_lookups, lookups;
static atomic_int moving_port; /* where "moving.test" is by now, whatever port was asked for */

static int pass_on(const char *name, const char *port, const struct addrinfo *hints,
                   struct addrinfo **list)
{
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **) &next = dlsym(RTLD_NEXT, "getaddrinfo");
    return next(name, port, hints, list);
}

int getaddrinfo(const char *name, const char *port, const struct addrinfo *hints,
                struct addrinfo **list)
{
    char other[16];
    atomic_fetch_add(&lookups, 1);
    if (name && !strcmp(name, "slow.test")) {
        const struct timespec pause = {SLOW_MS / 1000, SLOW_MS % 1000 * 1000000};
        atomic_fetch_add(&slow_lookups, 1);
        nanosleep(&pause, NULL);
        return pass_on("127.0.0.1", port, hints, list);
    }
    if (name && !strcmp(name, "moving.test")) {
        snprintf(other, sizeof other, "%d", atomic_load(&moving_port));
        return pass_on("127.0.0.1", other, hints, list);
    }
    return name && !strcmp(name, "nowhere.test") ? EAI_NONAME : pass_on(name, port, hints, list);
}

/* ---- a slow name server */

/* The longest time between two turns of the loop that has a timer of a millisecond. */
typedef struct turns {
    uv_timer_t timer;
    uint64_t last_ns, longest_ns;
} turns;

static void on_turn(uv_timer_t *timer)
{
    turns *t = timer->data;
    uint64_t now = use_ns();
    t->longest_ns = now - t->last_ns > t->longest_ns ? now - t->last_ns : t->longest_ns;
    t->last_ns = now;
}

static uint64_t longest_gap(turns *t, uint64_t ms)
{
    uint64_t end_ns = use_ns() + ms * 1000000;
    t->last_ns = use_ns();
    t->longest_ns = 0;
    while (use_ns() < end_ns) {
        uv_run(&env.loop, UV_RUN_ONCE);
    }
    return t->longest_ns;
}

static void ask_in_vain(int i)
{
    const mst_options soon = {.timeout_ms = 100};
    char key[16];
    snprintf(key, sizeof key, "k%d", i);
    uint64_t begin_ms = t_ms();
    t_reply *get = t_begin_get(&env, key, &soon), *set = t_begin_set(&env, key, "1", &soon);
    IS_STATUS(t_wait(get), MST_ETIMEDOUT);
    IS_STATUS(t_wait(set), MST_ETIMEDOUT);
    CHECK(t_ms() - begin_ms >= 90 && t_ms() - begin_ms < 200 * T_SLOWNESS);
}

/* True when the loop went on as before. */
static bool resolve_slowly(void)
{
    enum { WITNESS_MS = 1000, IDLE_MS = 700 };
    char url[64];
    turns t = {.longest_ns = 0};
    fake *f = fake_start();
    snprintf(url, sizeof url, "redis://slow.test:%d", fake_port(f));
    int before = atomic_load(&slow_lookups);
    use_open_mode(&env, T_LENT, url,
                  "provider.redis connect_timeout = 10s\nprovider.redis breaker_failures = 0\n");
    uv_timer_init(&env.loop, &t.timer);
    t.timer.data = &t;
    uv_timer_start(&t.timer, on_turn, 1, 1);
    uint64_t begin_ms = t_ms();
    T_PUMP_UNTIL(&env, atomic_load(&slow_lookups) > before);
    uint64_t gap = longest_gap(&t, IDLE_MS);
    t.longest_ns = 0;
    t.last_ns = use_ns();
    for (int i = 0; i < 3; i++) {
        ask_in_vain(i);
    }
    gap = t.longest_ns > gap ? t.longest_ns : gap;
    CHECK(t_ms() - begin_ms < SLOW_MS || T_SLOWNESS > 1);
    CHECK_INT(fake_count(f, "ACCEPT"), 0);
    IS_STATUS(t_set(&env, "a", "1"), MST_OK);
    IS_VALUE(t_get(&env, "a"), "1");
    CHECK(t_ms() - begin_ms >= SLOW_MS - 10);
    uint64_t witness = longest_gap(&t, WITNESS_MS);
    fprintf(stderr, "  the longest gap was %.2f ms, without lookups %.2f ms\n", (double) gap / 1e6,
            (double) witness / 1e6);
    CHECK_INT(atomic_load(&slow_lookups) - before, 1);
    uv_close((uv_handle_t *) &t.timer, NULL);
    t_close(&env);
    fake_end(f);
    return gap <= witness + GAP_MS * 1000000u * T_SLOWNESS;
}

/* The loop belongs to the program: who waits for a name must not hold it. A machine that is busy
 * with something else is late once in a while. */
static void a_slow_name_server(void)
{
    bool in_time = false;
    for (int tries = 0; !in_time && tries < TRIES; tries++) {
        in_time = resolve_slowly();
    }
    CHECK(in_time);
}

/* The name is not there within connect_timeout: requests fail before they time out, no second
 * lookup is begun beside the first, and once it has come all is well. */
static void slower_than_patience(void)
{
    char url[64];
    fake *f = fake_start();
    snprintf(url, sizeof url, "redis://slow.test:%d", fake_port(f));
    int before = atomic_load(&slow_lookups);
    use_open(&env, url,
             "provider.redis connect_timeout = 100ms\nprovider.redis connect_retry = 0\n");
    uint64_t begin_ms = t_ms();
    IS_STATUS(t_set(&env, "a", "1"), MST_EIO);
    CHECK(t_ms() - begin_ms < 1000 * T_SLOWNESS);
    T_UNTIL(t_log_has(&env, "the name was not resolved within connect_timeout"));
    while (t_ms() < begin_ms + SLOW_MS - 500) {
        use_set(&env, "a", "1");
        CHECK(atomic_load(&slow_lookups) - before == 1);
        t_nap();
    }
    t_close(&env); /* while the lookup is under way */
    fake_end(f);
}

/* ---- names that change */

/* The server goes, and the name points to the next one. */
static void a_name_that_moves(void)
{
    fake *f[2] = {fake_start(), fake_start()};
    atomic_store(&moving_port, fake_port(f[0]));
    use_open(&env, "redis://moving.test:1", NULL);
    use_until_it_works(&env);
    IS_STATUS(t_set(&env, "a", "first"), MST_OK);
    CHECK(fake_peek(f[0], "t:a", NULL, 0) == 5);
    int before = atomic_load(&lookups);
    atomic_store(&moving_port, fake_port(f[1]));
    IS_STATUS(t_set(&env, "b", "still first"), MST_OK);
    CHECK_INT(atomic_load(&lookups), before); /* an open connection needs none */
    CHECK(fake_peek(f[0], "t:b", NULL, 0) > 0);
    fake_listen(f[0], false);
    fake_drop(f[0]);
    T_UNTIL(use_set(&env, "c", "second") == MST_OK && fake_peek(f[1], "t:c", NULL, 0) > 0);
    CHECK(atomic_load(&lookups) > before);
    CHECK_INT(fake_peek(f[0], "t:c", NULL, 0), -1);
    t_close(&env);
    fake_end(f[0]);
    fake_end(f[1]);
}

static void a_name_that_is_not_there(void)
{
    use_open(&env, "redis://nowhere.test:1", "provider.redis connect_retry = 1\n");
    IS_STATUS(t_set(&env, "a", "1"), MST_EIO);
    T_UNTIL(t_log_has(&env, "nowhere.test:1: the name cannot be resolved"));
    t_close(&env);
}

int main(int argc, char **argv)
{
    static const t_test tests[] = {
        T_TEST(a_slow_name_server),
        T_TEST(slower_than_patience),
        T_TEST(a_name_that_moves),
        T_TEST(a_name_that_is_not_there),
    };
    return t_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
