/* connection_test - ways to a server, and what happens when it is not there: users, databases,
 * names, unix sockets, IPv6; absent, killed, paused, and back. */
#include <stdlib.h>

#include "fake.h"
#include "use.h"

static server at;
static t_env env;

/* Attempts and pauses that are short enough to see many of them. */
static const char hasty[] = "provider.redis connect_timeout = 300ms\n"
                            "provider.redis stall_timeout = 300ms\n";

static bool is_listed(const char *text)
{
    return server_mentions(&at, text, "CLIENT LIST TYPE normal");
}

static void unix_socket(void)
{
    char url[SERVER_PATH_MAX + 20];
    snprintf(url, sizeof url, "unix://%s?db=3", at.socket);
    use_open(&env, url, "provider.redis client_name = by-socket\n");
    IS_STATUS(t_set(&env, "unix", "1"), MST_OK);
    IS_VALUE(t_get(&env, "unix"), "1");
    CHECK(is_listed("name=by-socket"));
    CHECK_INT(server_integer(&at, "EXISTS t:unix"), 0);
    CHECK(server_says(&at, "OK", "SELECT 3"));
    CHECK(server_says(&at, "1", "GET t:unix"));
    CHECK(server_says(&at, "OK", "SELECT 0"));
    t_close(&env);
    T_UNTIL(!is_listed("name=by-socket"));
}

static void database_and_name(void)
{
    char url[64];
    snprintf(url, sizeof url, "redis://127.0.0.1:%d/5", at.port);
    use_open(&env, url, "provider.redis client_name = a-test\n");
    IS_STATUS(t_set(&env, "five", "1"), MST_OK);
    CHECK(is_listed("name=a-test") && is_listed("db=5"));
    t_close(&env);
    use_open(&env, url, "provider.redis database = 6\nprovider.redis client_name = \n");
    CHECK_INT(use_get(&env, "five"), MST_MISS);
    CHECK(is_listed("db=6"));
    t_close(&env);
    use_open(&env, url, "provider.redis database = 99\n");
    CHECK_INT(use_get(&env, "five"), MST_MISS);
    T_UNTIL(t_log_has(&env, "refused the database"));
    t_close(&env);
}

static void users(void)
{
    static const char alice[] = "provider.redis username = alice\n"
                                "provider.redis password = w:o@n/d%er\n";
    char url[96];
    server s;
    server_start(
        &s, &(server_options){.password = "secret",
                              .users = "user alice on >w:o@n/d%er ~t:* +@all\n"
                                       "user reader on >r ~t:* -@all +get +mget +auth +client\n"});
    use_open_server(&env, &s, alice);
    IS_STATUS(t_set(&env, "a", "1"), MST_OK);
    IS_VALUE(t_get(&env, "a"), "1");
    t_close(&env);
    snprintf(url, sizeof url, "redis://alice:w%%3Ao%%40n%%2Fd%%25er@127.0.0.1:%d", s.port);
    use_open(&env, url, NULL);
    IS_VALUE(t_get(&env, "a"), "1");
    t_close(&env);
    use_open_server(&env, &s, "provider.redis password = secret\n");
    IS_VALUE(t_get(&env, "a"), "1");
    t_close(&env);
    use_open_server(&env, &s, "provider.redis username = reader\nprovider.redis password = r\n");
    IS_VALUE(t_get(&env, "a"), "1");
    t_reply *r = t_set(&env, "a", "2");
    CHECK(r->result.status < 0);
    CHECK(t_log_has(&env, "NOPERM"));
    IS_VALUE(t_get(&env, "a"), "1");
    t_close(&env);
    server_end(&s);
}

/* A miss, an error in the log with the reason, and nowhere the secret. */
static void wrong_password(void)
{
    static const char *const wrong[] = {("provider.redis username = alice\n"
                                         "provider.redis password = not-telling\n"),
                                        "provider.redis password = not-telling\n", ""};
    server s;
    server_start(&s, &(server_options){.password = "secret"});
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        t_about("%d", (int) i);
        use_open_server(&env, &s, wrong[i]);
        IS_STATUS(t_get(&env, "a"), MST_MISS);
        T_UNTIL(t_log_has(&env, i < 2 ? "refused user or password" : "NOAUTH"));
        CHECK(!t_log_has(&env, "not-telling"));
        t_close(&env);
    }
    server_end(&s);
}

static void ipv6(void)
{
    char url[64];
    redisContext *c = redisConnect("::1", at.port);
    bool there = c && !c->err;
    redisFree(c);
    if (!there) {
        fputs("no IPv6 here\n", stderr);
        return;
    }
    snprintf(url, sizeof url, "redis://[::1]:%d", at.port);
    use_open(&env, url, NULL);
    IS_STATUS(t_set(&env, "six", "1"), MST_OK);
    CHECK(is_listed("addr=[::1]"));
    t_close(&env);
}

static void names(void)
{
    char url[64];
    snprintf(url, sizeof url, "redis://localhost:%d", at.port);
    use_open(&env, url, NULL);
    IS_STATUS(t_set(&env, "name", "1"), MST_OK);
    t_close(&env);
    snprintf(url, sizeof url, "redis://no.such.name.invalid:%d", at.port);
    use_open(&env, url, hasty);
    IS_STATUS(t_get(&env, "a"), MST_MISS);
    IS_WHY(t_get(&env, "a"), MST_WHY_TIER_FAILED);
    t_close(&env);
}

/* ---- not there */

static void appears(void)
{
    server late;
    server_prepare(&late, NULL);
    use_open_server(&env, &late, hasty);
    IS_STATUS(t_get(&env, "a"), MST_MISS);
    CHECK(t_set(&env, "a", "1")->result.status < 0);
    T_UNTIL(t_log_has(&env, "cannot connect"));
    server_launch(&late);
    use_until_it_works(&env);
    t_close(&env);
    server_end(&late);
}

/* An error once, and not for each attempt. */
static void complains_once(void)
{
    unsigned errors = 0;
    server never;
    server_prepare(&never, NULL);
    use_open_server(&env, &never, "provider.redis backoff_max = 10ms\n");
    uint64_t end = t_ms() + 300;
    T_UNTIL(t_ms() >= end);
    IS_STATUS(t_get(&env, "a"), MST_MISS);
    pthread_mutex_lock(&env.mutex);
    for (unsigned i = 0; i < env.log_lines && i < T_LOG_LINES; i++) {
        errors += env.log_levels[i] <= 1;
    }
    pthread_mutex_unlock(&env.mutex);
    CHECK_INT(errors, 1);
    t_close(&env);
    server_end(&never);
}

static void killed_and_restarted(void)
{
    server s;
    server_start(&s, NULL);
    use_open_server(&env, &s, hasty);
    for (int i = 0; i < 3; i++) {
        t_about("round %d", i);
        IS_STATUS(t_set(&env, "a", "1"), MST_OK);
        server_kill(&s);
        T_UNTIL(use_set(&env, "a", "2") < 0);
        IS_STATUS(t_get(&env, "a"), MST_MISS);
        server_launch(&s);
        use_until_it_works(&env);
        CHECK_INT(use_get(&env, "a"), MST_MISS);
    }
    CHECK_INT(use_figure(&env, "reconnects"), 3);
    t_close(&env);
    server_end(&s);
}

/* A server that stands still is given up after stall_timeout, and taken again when it goes on. */
static void paused(void)
{
    server s;
    server_start(&s, NULL);
    use_open_server(&env, &s, hasty);
    IS_STATUS(t_set(&env, "a", "1"), MST_OK);
    server_pause(&s);
    uint64_t begin = t_ms();
    IS_STATUS(t_get(&env, "a"), MST_MISS);
    uint64_t took = t_ms() - begin;
    CHECK(took >= 250 && took < 1500 * T_SLOWNESS);
    T_UNTIL(t_log_has(&env, "stall_timeout"));
    server_resume(&s);
    T_UNTIL(use_get_is(&env, "a", "1"));
    t_close(&env);
    server_end(&s);
}

/* Closing answers what is pending, and waits for a server that says nothing no longer than any
 * request would, in any state. */
static void closes_while_it_waits(void)
{
    static const fake_rule never[] = {{.command = "ACCEPT", .action = FAKE_MUTE},
                                      {.command = "AUTH", .action = FAKE_MUTE},
                                      {.command = "GET", .action = FAKE_MUTE}};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        fake *f = fake_start();
        fake_rules(f, &never[i], 1);
        use_open(&env, fake_url(f),
                 "provider.redis password = p\n"
                 "provider.redis connect_timeout = 300ms\n"
                 "provider.redis stall_timeout = 300ms\n");
        t_reply *r = t_begin_get(&env, "a", NULL);
        T_UNTIL(fake_acted(f) > 0);
        uint64_t begin = t_ms();
        mst_close_wait(env.runtime);
        CHECK(t_ms() - begin < 1500 * T_SLOWNESS);
        CHECK(t_done(t_wait(r)));
        t_end(&env);
        fake_end(f);
    }
}

/* A connection that has nothing to do stays, and works afterwards without a new one. */
static void idle(void)
{
    use_open_server(&env, &at, hasty);
    IS_STATUS(t_set(&env, "idle", "1"), MST_OK);
    t_sleep_until(t_ms() + 700);
    IS_VALUE(t_get(&env, "idle"), "1");
    CHECK_INT(use_figure(&env, "connections"), 1);
    t_close(&env);
}

/* Nobody greets, or the door is slammed: each is an attempt, each is over in time, and so are the
 * pauses between them. */
static void unfriendly_doors(void)
{
    static const fake_rule doors[] = {
        {.command = "ACCEPT", .action = FAKE_MUTE, .times = 3},
        {.command = "ACCEPT", .action = FAKE_DEAF, .times = 3},
        {.command = "ACCEPT", .action = FAKE_CLOSE, .times = 3},
        {.command = "ACCEPT", .action = FAKE_RESET, .times = 3},
        {.command = "ACCEPT", .action = FAKE_SAY, .data = "-ERR max clients\r\n", .times = 3},
        {.command = "PING", .action = FAKE_SAY, .data = "-LOADING dataset\r\n", .times = 3},
        {.command = "PING", .action = FAKE_SAY, .data = "-BUSY script\r\n", .times = 3},
        {.command = "PING", .action = FAKE_CLOSE, .bytes = 3, .times = 3},
        {.command = "PING", .action = FAKE_TRICKLE, .ms = 5, .bytes = 1},
    };
    for (size_t i = 0; i < sizeof doors / sizeof doors[0]; i++) {
        t_about("door %d", (int) i);
        fake *f = fake_start();
        fake_rules(f, &doors[i], 1);
        use_open(&env, fake_url(f), "provider.redis connect_timeout = 100ms\n");
        uint64_t begin = t_ms();
        use_until_it_works(&env);
        CHECK(t_ms() - begin < 2500 * T_SLOWNESS);
        CHECK(fake_acted(f) >= (doors[i].times ? 3 : 1));
        t_close(&env);
        fake_end(f);
    }
}

int main(int argc, char **argv)
{
    static const t_test tests[] = {
        T_TEST(unix_socket),
        T_TEST(database_and_name),
        T_TEST(users),
        T_TEST(wrong_password),
        T_TEST(ipv6),
        T_TEST(names),
        T_TEST(appears),
        T_TEST(complains_once),
        T_TEST(killed_and_restarted),
        T_TEST(paused),
        T_TEST(closes_while_it_waits),
        T_TEST(idle),
        T_TEST(unfriendly_doors),
    };
    server_require();
    server_start(&at, NULL);
    int failed = t_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
    server_end(&at);
    return failed;
}
