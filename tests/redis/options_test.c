/* options_test - what the options of the provider change: several connections, a lane for large
 * values, retries, idle connections, secrets in files. */
#include <stdlib.h>

#include "fake.h"
#include "use.h"

static t_env env;

static void several_connections(void)
{
    static const fake_rule slow = {.action = FAKE_DELAY, .ms = 20};
    char key[16];
    fake *f = fake_start();
    use_open(&env, fake_url(f),
             "provider.redis connections = 3\nprovider.redis hedge_after = never\n");
    use_until_it_works(&env);
    fake_rules(f, &slow, 1);
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "k%d", i);
        t_begin_set(&env, key, key, NULL);
        t_reply *r = t_begin_get(&env, key, NULL);
        if (i == 299) {
            IS_VALUE(t_wait(r), key);
        }
    }
    CHECK_INT(fake_connected(f), 3);
    fake_behave(f);
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "k%d", i);
        CHECK(use_get_is(&env, key, key));
    }
    t_close(&env);
    T_UNTIL(fake_connected(f) == 0);
    fake_end(f);
}

/* A large value comes slowly; a small one is not behind it. */
static void a_lane_for_large_values(void)
{
    enum { LEN = 1000 * 1000 };
    static const fake_rule slow = {.key = "t:large", .action = FAKE_DELAY, .ms = 1000};
    char *large = calloc(1, LEN);
    REQUIRE(large);
    fake *f = fake_start();
    use_open(&env, fake_url(f), "provider.redis large_value = 100KiB\n");
    use_until_it_works(&env);
    IS_STATUS(t_set(&env, "small", "1"), MST_OK);
    fake_rules(f, &slow, 1);
    t_reply *set = t_begin_set_bytes(&env, mst_str("large"), (mst_slice){large, LEN}, NULL);
    T_UNTIL(fake_acted(f) > 0);
    uint64_t begin = t_ms();
    IS_VALUE(t_get(&env, "small"), "1");
    CHECK(t_ms() - begin < 500);
    IS_STATUS(t_wait(set), MST_OK);
    fake_behave(f);
    CHECK(use_bytes_are(&env, mst_str("large"), (mst_slice){large, LEN}));
    t_close(&env);
    fake_end(f);
    free(large);
}

/* A set and a get of one key keep their order, whichever lane the value takes. */
static void order_across_lanes(void)
{
    enum { LEN = 300 * 1000, ROUNDS = 50 };
    char *large = calloc(1, LEN);
    t_reply *gets[ROUNDS];
    REQUIRE(large);
    fake *f = fake_start();
    use_open(&env, fake_url(f),
             "provider.redis large_value = 100KiB\n"
             "provider.redis connections = 2\n");
    use_until_it_works(&env);
    for (int i = 0; i < ROUNDS; i++) {
        t_begin_set_bytes(&env, mst_str("same"), (mst_slice){large, i % 2 ? 10 : LEN}, NULL);
        gets[i] = t_begin_get(&env, "same", NULL);
    }
    for (int i = 0; i < ROUNDS; i++) {
        IS_STATUS(t_wait(gets[i]), MST_OK);
        CHECK_INT(gets[i]->result.len, i % 2 ? 10 : LEN);
    }
    t_close(&env);
    fake_end(f);
    free(large);
}

static void too_large(void)
{
    char value[2000] = "";
    fake *f = fake_start();
    use_open(&env, fake_url(f), "provider.redis max_value_bytes = 1KiB\n");
    use_until_it_works(&env);
    CHECK(use_set_bytes(&env, mst_str("a"), (mst_slice){value, sizeof value}, NULL) < 0);
    CHECK_INT(fake_peek(f, "t:a", NULL, 0), -1);
    IS_STATUS(t_set(&env, "a", "small"), MST_OK);
    t_close(&env);
    fake_end(f);
}

/* A get whose connection breaks is asked again on the next, within its deadline. */
static void retries(void)
{
    static const fake_rule breaks = {.command = "GET", .action = FAKE_RESET, .times = 1};
    fake *f = fake_start();
    fake_put(f, "t:a", "1", 1);
    use_open(&env, fake_url(f), NULL);
    use_until_it_works(&env);
    fake_rules(f, &breaks, 1);
    IS_VALUE(t_get(&env, "a"), "1");
    CHECK_INT(fake_acted(f), 1);
    t_close(&env);
    fake_end(f);
}

/* When every attempt fails, the budget is what ends the attempts. */
static void retries_are_bounded(void)
{
    static const fake_rule breaks = {.command = "GET", .action = FAKE_RESET};
    char key[16];
    fake *f = fake_start();
    use_open(&env, fake_url(f), "provider.redis backoff_max = 10ms\n");
    use_until_it_works(&env);
    uint64_t before = fake_count(f, "GET");
    fake_rules(f, &breaks, 1);
    for (int i = 0; i < 50; i++) {
        snprintf(key, sizeof key, "k%d", i);
        IS_STATUS(t_get(&env, key), MST_MISS);
    }
    CHECK(fake_count(f, "GET") - before <= 100);
    fake_behave(f);
    use_until_it_works(&env);
    t_close(&env);
    fake_end(f);
}

static void idle_connections_are_closed(void)
{
    fake *f = fake_start();
    use_open(&env, fake_url(f), "provider.redis idle_timeout = 100ms\n");
    use_until_it_works(&env);
    T_UNTIL(fake_connected(f) == 0);
    IS_STATUS(t_set(&env, "a", "1"), MST_OK);
    IS_VALUE(t_get(&env, "a"), "1");
    t_close(&env);
    fake_end(f);
}

static void write_secret(const char *path, const char *secret)
{
    FILE *f = fopen(path, "w");
    REQUIRE(f);
    fprintf(f, "%s\n", secret);
    fclose(f);
}

/* Read again at each attempt: a secret that is changed needs no restart. */
static void password_file(void)
{
    char path[SERVER_PATH_MAX], settings[SERVER_PATH_MAX + 60];
    server s;
    server_start(&s, &(server_options){.password = "right"});
    snprintf(path, sizeof path, "%s/password", server_folder());
    snprintf(settings, sizeof settings, "provider.redis password_file = %s\n", path);
    write_secret(path, "wrong");
    use_open_server(&env, &s, settings);
    IS_STATUS(t_get(&env, "a"), MST_MISS);
    T_UNTIL(t_log_has(&env, "refused user or password"));
    write_secret(path, "right");
    use_until_it_works(&env);
    CHECK(!t_log_has(&env, "wrong") && !t_log_has(&env, "right"));
    t_close(&env);
    server_end(&s);
}

/* Opening never needs a server, unless it is told to. */
static void abort_on_connect_fail(void)
{
    char settings[200];
    mst_error error;
    server never;
    server_prepare(&never, NULL);
    snprintf(settings, sizeof settings,
             "cache tiers = redis\n"
             "provider.redis url = %s\n"
             "provider.redis abort_on_connect_fail = yes\n",
             use_url(&never));
    CHECK(t_try_open(&env, T_ONE, settings, &error) < 0);
    t_end(&env);
    server_end(&never);
}

/* What is read lives on, what is not goes, and nothing lives beyond its absolute end. */
static void sliding(void)
{
    server s;
    server_start(&s, NULL);
    use_open_server(&env, &s, "cache envelope = on\ncache sliding = 600ms\ncache expire = 2s\n");
    IS_STATUS(t_set(&env, "read", "1"), MST_OK);
    IS_STATUS(t_set(&env, "unread", "1"), MST_OK);
    uint64_t begin = t_ms(), lived = 0;
    int reads = 0;
    for (; use_get_is(&env, "read", "1"); reads++) {
        lived = t_ms() - begin;
        REQUIRE(lived < 10000);
        t_sleep_until(t_ms() + 20);
        CHECK(lived < 1000 || use_get(&env, "unread") == MST_MISS);
    }
    CHECK(lived > 1000 && lived < 2100);
    long long renewals = server_calls(&s, "getex") + server_calls(&s, "pexpire");
    fprintf(stderr, "  lived %d ms, %d reads, %lld renewals\n", (int) lived, reads, renewals);
    CHECK(server_calls(&s, "pexpire") <= reads / 2);
    t_close(&env);
    server_end(&s);
}

int main(int argc, char **argv)
{
    static const t_test tests[] = {
        T_TEST(several_connections),
        T_TEST(a_lane_for_large_values),
        T_TEST(order_across_lanes),
        T_TEST(too_large),
        T_TEST(retries),
        T_TEST(retries_are_bounded),
        T_TEST(idle_connections_are_closed),
        T_TEST(password_file),
        T_TEST(abort_on_connect_fail),
        T_TEST(sliding),
    };
    server_require();
    return t_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
