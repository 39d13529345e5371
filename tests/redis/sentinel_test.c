/* sentinel_test - mode = sentinel: the master is asked of the sentinels, and found again after a
 * failover. */
#include <stdlib.h>

#include "trio.h"
#include "use.h"

static trio t;
static t_env env;

static void open_sentinel(const char *more)
{
    char url[160], settings[512];
    snprintf(url, sizeof url, "redis://127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d", t.sentinel[0].port,
             t.sentinel[1].port, t.sentinel[2].port);
    snprintf(settings, sizeof settings,
             "provider.redis mode = sentinel\n"
             "provider.redis master = " TRIO_NAME "\n"
             "provider.redis connect_timeout = 300ms\n"
             "provider.redis stall_timeout = 300ms\n%s",
             more);
    use_open(&env, url, settings);
}

#define PASSWORD "provider.redis sentinel_password = watch\n"

static void finds_the_master(void)
{
    open_sentinel(PASSWORD);
    IS_STATUS(t_set(&env, "a", "1"), MST_OK);
    IS_VALUE(t_get(&env, "a"), "1");
    CHECK(server_says(&t.server[trio_master(&t)], "1", "GET t:a"));
    t_close(&env);
}

static void wrong_password(void)
{
    open_sentinel("provider.redis sentinel_password = not-telling\n");
    IS_MISS(t_get(&env, "a"));
    T_UNTIL(t_log_has(&env, "sentinel"));
    CHECK(!t_log_has(&env, "not-telling"));
    t_close(&env);
}

static void unknown_master(void)
{
    open_sentinel(PASSWORD "provider.redis master = nobody\n");
    IS_MISS(t_get(&env, "a"));
    T_UNTIL(t_log_has(&env, "nobody"));
    t_close(&env);
}

static void one_sentinel_is_enough(void)
{
    server_kill(&t.sentinel[0]);
    open_sentinel(PASSWORD);
    IS_STATUS(t_set(&env, "a", "2"), MST_OK);
    t_close(&env);
    server_restart(&t.sentinel[0]);
}

static void reads_from_replicas(void)
{
    open_sentinel(PASSWORD "provider.redis read_from = replica\n");
    IS_STATUS(t_set(&env, "b", "1"), MST_OK);
    T_UNTIL(use_get_is(&env, "b", "1"));
    int master = trio_master(&t);
    long long before = server_calls(&t.server[master], "get");
    CHECK(use_get_is(&env, "b", "1"));
    CHECK_INT(server_calls(&t.server[master], "get"), before);
    t_close(&env);
}

static void failover(void)
{
    open_sentinel(PASSWORD);
    use_until_it_works(&env);
    int old = trio_master(&t);
    server_kill(&t.server[old]);
    int now = trio_wait_failover(&t, old);
    uint64_t begin = t_ms();
    use_until_it_works(&env);
    fprintf(stderr, "  works again %d ms after the failover\n", (int) (t_ms() - begin));
    CHECK(server_says(&t.server[now], "yes", "GET %b", "t:it works", (size_t) 10));
    /* The old one comes back as a master that nobody knows, and is not used. */
    trio_rejoin(&t, old);
    use_until_it_works(&env);
    t_close(&env);
}

/* A master that was made a replica still answers, with READONLY. */
static void demoted(void)
{
    open_sentinel(PASSWORD);
    use_until_it_works(&env);
    int old = trio_master(&t);
    REQUIRE(server_says(&t.sentinel[0], "OK", "SENTINEL FAILOVER " TRIO_NAME));
    trio_wait_failover(&t, old);
    use_until_it_works(&env);
    t_close(&env);
}

int main(int argc, char **argv)
{
    static const t_test tests[] = {
        T_TEST(finds_the_master),
        T_TEST(wrong_password),
        T_TEST(unknown_master),
        T_TEST(one_sentinel_is_enough),
        T_TEST(reads_from_replicas),
        T_TEST(failover),
        T_TEST(demoted),
    };
    server_require();
    trio_start(&t, "watch");
    int failed = t_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
    trio_end(&t);
    return failed;
}
