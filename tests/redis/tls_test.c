/* tls_test - rediss:// with every kind of certificate: what is right works, what is wrong is
 * refused by default, and the log says which check failed. */
#include <stdlib.h>

#include "fake.h"
#include "use.h"

static t_env env;

static const char *settings(const char *more)
{
    static char text[1024];
    snprintf(text, sizeof text, "provider.redis tls_ca_file = %s\n%s", server_certificate("ca.crt"),
             more);
    return text;
}

static void open_tls(const server *s, const char *host, const char *more)
{
    char url[64];
    snprintf(url, sizeof url, "rediss://%s:%d", host, s->tls_port);
    use_open(&env, url, more);
}

static void check_works(void)
{
    use_until_it_works(&env);
    IS_STATUS(t_set(&env, "a", "1"), MST_OK);
    IS_VALUE(t_get(&env, "a"), "1");
    t_close(&env);
}

/* `why` is a part of what the log says. */
static void check_refused(const char *why)
{
    IS_STATUS(t_get(&env, "a"), MST_MISS);
    CHECK(use_set(&env, "a", "1") < 0);
    T_UNTIL(t_log_has(&env, why));
    t_close(&env);
}

static void good(void)
{
    enum { LARGE = 3 * 1000 * 1000 };
    static const char *const hosts[] = {"localhost", "127.0.0.1"};
    server s;
    char *large = malloc(LARGE);
    REQUIRE(large);
    memset(large, 'x', LARGE);
    server_start(&s, &(server_options){.tls = true});
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        t_about("%s", hosts[i]);
        open_tls(&s, hosts[i], settings(""));
        check_works();
    }
    open_tls(&s, "localhost", settings(""));
    CHECK_INT(use_set_bytes(&env, mst_str("large"), (mst_slice){large, LARGE}, NULL), MST_OK);
    CHECK(use_bytes_are(&env, mst_str("large"), (mst_slice){large, LARGE}));
    CHECK_INT(server_integer(&s, "STRLEN t:large"), LARGE);
    t_close(&env);
    char dir[SERVER_PATH_MAX + 40];
    snprintf(dir, sizeof dir, "provider.redis tls_ca_dir = %s\n",
             server_certificate("authorities"));
    open_tls(&s, "localhost", dir);
    check_works();
    server_end(&s);
    free(large);
}

static void unknown_authority(void)
{
    server s;
    server_start(&s, &(server_options){.tls = true});
    open_tls(&s, "localhost", "");
    check_refused("certificate");
    char other[SERVER_PATH_MAX + 40];
    snprintf(other, sizeof other, "provider.redis tls_ca_file = %s\n",
             server_certificate("other-ca.crt"));
    open_tls(&s, "localhost", other);
    check_refused("certificate");
    open_tls(&s, "localhost", "provider.redis tls_verify = none\n");
    check_works();
    server_end(&s);
}

static void self_signed(void)
{
    server s;
    server_start(&s, &(server_options){.tls = true, .certificate = "self-signed"});
    open_tls(&s, "localhost", settings(""));
    check_refused("self");
    server_end(&s);
}

static void expired(void)
{
    server s;
    server_start(&s, &(server_options){.tls = true, .certificate = "expired"});
    open_tls(&s, "localhost", settings(""));
    check_refused("expired");
    server_end(&s);
}

static void wrong_name(void)
{
    server s;
    server_start(&s, &(server_options){.tls = true, .certificate = "wrong-name"});
    open_tls(&s, "localhost", settings(""));
    check_refused("mismatch");
    open_tls(&s, "127.0.0.1", settings(""));
    check_refused("mismatch");
    open_tls(&s, "localhost", settings("provider.redis tls_server_name = elsewhere.test\n"));
    check_works();
    open_tls(&s, "localhost", settings("provider.redis tls_verify = ca\n"));
    check_works();
    server_end(&s);
}

static void client_certificates(void)
{
    char own[2 * SERVER_PATH_MAX + 80];
    server s;
    server_start(&s, &(server_options){.tls = true, .asks_for_certificates = true});
    open_tls(&s, "localhost", settings(""));
    IS_STATUS(t_get(&env, "a"), MST_MISS);
    CHECK(use_set(&env, "a", "1") < 0);
    t_close(&env);
    static const char *const names[] = {"other-client", "client"};
    for (int i = 0; i < 2; i++) {
        char crt[32], key[32];
        snprintf(crt, sizeof crt, "%s.crt", names[i]);
        snprintf(key, sizeof key, "%s.key", names[i]);
        snprintf(own, sizeof own,
                 "provider.redis tls_cert_file = %s\nprovider.redis tls_key_file = %s\n",
                 server_certificate(crt), server_certificate(key));
        open_tls(&s, "localhost", settings(own));
        if (i == 1) {
            check_works();
        } else {
            CHECK(use_set(&env, "a", "1") < 0);
            t_close(&env);
        }
    }
    server_end(&s);
}

/* A server without TLS, and one that says nothing, are attempts that end in time. */
static void no_tls_there(void)
{
    char url[64];
    fake *f = fake_start();
    snprintf(url, sizeof url, "rediss://127.0.0.1:%d", fake_port(f));
    use_open(&env, url, "provider.redis connect_timeout = 200ms\n");
    uint64_t begin = t_ms();
    IS_STATUS(t_get(&env, "a"), MST_MISS);
    CHECK(t_ms() - begin < 1000 * T_SLOWNESS);
    t_close(&env);
    fake_end(f);
}

static void files_that_are_not_there(void)
{
    mst_error error;
    CHECK(t_try_open(&env, T_ONE,
                     "cache tiers = redis\n"
                     "provider.redis url = rediss://localhost:1\n"
                     "provider.redis tls_ca_file = /no/such/file\n",
                     &error) < 0);
    CHECK(strstr(error.text, "/no/such/file") != NULL);
    t_end(&env);
}

static void killed_and_restarted(void)
{
    server s;
    server_start(&s, &(server_options){.tls = true});
    open_tls(&s, "localhost", settings(""));
    use_until_it_works(&env);
    server_kill(&s);
    T_UNTIL(use_set(&env, "a", "2") < 0);
    server_launch(&s);
    use_until_it_works(&env);
    t_close(&env);
    server_end(&s);
}

int main(int argc, char **argv)
{
    static const t_test tests[] = {
        T_TEST(good),
        T_TEST(unknown_authority),
        T_TEST(self_signed),
        T_TEST(expired),
        T_TEST(wrong_name),
        T_TEST(client_certificates),
        T_TEST(no_tls_there),
        T_TEST(files_that_are_not_there),
        T_TEST(killed_and_restarted),
    };
    server_require();
    server_certificate("ca.crt");
    return t_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
