/* sentinel_test - a master with replicas, and sentinels who replace it when it dies. */
#include "load.h"
#include "trio.h"

#define PASSWORD "watch"

static trio at;
static t_env env;

static void open_trio(const char *more)
{
    char url[96], settings[512];
    snprintf(url, sizeof url, "redis://127.0.0.1:1,127.0.0.1:%d,127.0.0.1:%d", at.sentinel[0].port,
             at.sentinel[1].port);
    snprintf(settings, sizeof settings,
             "provider.redis mode = sentinel\nprovider.redis master = " TRIO_NAME "\n"
             "provider.redis sentinel_password = " PASSWORD "\n%s",
             more ? more : "");
    use_open(&env, url, settings);
}

static void finds_the_master(void)
{
    open_trio(NULL);
    T_UNTIL(use_set(&env, "a", "1") == MST_OK); /* the first one named is down */
    CHECK(use_get_is(&env, "a", "1"));
    CHECK(server_says(&at.server[trio_master(&at)], "1", "GET t:a"));
    t_close(&env);
}

/* The sentinels want one, the servers do not. What it is stays unsaid. */
static void wrong_password(void)
{
    open_trio("provider.redis sentinel_password = not-telling\n");
    IS_STATUS(t_set(&env, "a", "2"), MST_EIO);
    T_UNTIL(t_log_has(&env, "(sentinel): the server refused user or password: WRONGPASS"));
    CHECK(!t_log_has(&env, "not-telling"));
    t_close(&env);
}

static void one_sentinel_is_enough(void)
{
    server_kill(&at.sentinel[0]);
    open_trio(NULL);
    T_UNTIL(use_set(&env, "a", "1") == MST_OK);
    t_close(&env);
    server_restart(&at.sentinel[0]);
}

static void unknown_name(void)
{
    open_trio("provider.redis master = nobody\n");
    IS_STATUS(t_set(&env, "a", "2"), MST_EIO);
    T_UNTIL(t_log_has(&env, "no master of that name"));
    t_close(&env);
}

/* The master dies under load, and the next one takes over without a restart. */
static void failover(void)
{
    load l;
    open_trio(NULL);
    T_UNTIL(use_set(&env, "a", "3") == MST_OK);
    load_start(&l, &env, NULL);
    load_until(&l, 0, 500);
    CHECK_INT(load_failed(&l), 0);
    int old = trio_master(&at);
    server_kill(&at.server[old]);
    int new = trio_wait_failover(&at, old);
    uint64_t begin = t_ms();
    load_until(&l, 0, 500);
    fprintf(stderr,
            "  served again %" PRIu64 " ms after the sentinels agreed, %" PRIu64 " failed\n",
            t_ms() - begin, load_failed(&l));
    load_stop(&l);
    IS_STATUS(t_set(&env, "a", "4"), MST_OK);
    CHECK(server_says(&at.server[new], "4", "GET t:a"));
    t_close(&env);
}

/* The master was replaced while it was reachable: it then refuses writes. */
static void demoted(void)
{
    open_trio(NULL);
    T_UNTIL(use_set(&env, "b", "1") == MST_OK);
    int old = trio_master(&at);
    bool begun = false; /* refused while the last one is not over */
    T_UNTIL(begun || (begun = server_says(&at.sentinel[0], "OK", "SENTINEL FAILOVER " TRIO_NAME)));
    int new = trio_wait_failover(&at, old);
    T_UNTIL(use_set(&env, "b", "2") == MST_OK && server_says(&at.server[new], "2", "GET t:b"));
    t_close(&env);
}

int main(int argc, char **argv)
{
    static const t_test tests[] = {
        T_TEST(finds_the_master),
        T_TEST(wrong_password),
        T_TEST(one_sentinel_is_enough),
        T_TEST(unknown_name),
        T_TEST(demoted),
        T_TEST(failover), /* the last: one server is gone after it */
    };
    server_require();
    trio_start(&at, PASSWORD);
    int failed = t_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
    trio_end(&at);
    return failed;
}
