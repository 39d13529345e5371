/* tls_test - TLS against a real server: what is refused, and that the message says why. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>

#include "use.h"

static t_env env;

static void open_tls(const server *s, const char *host, const char *more)
{
    char url[64], settings[2048];
    snprintf(url, sizeof url, "rediss://%s:%d", host, s->tls_port);
    snprintf(settings, sizeof settings, "provider.redis tls_ca_file = %s\n%s",
             server_certificate("ca.crt"), more ? more : "");
    use_open(&env, url, settings);
}

static void start(server *s, const char *certificate)
{
    server_start(s, &(server_options){.tls = true, .certificate = certificate});
}

static void good(void)
{
    server s;
    start(&s, NULL);
    static const char *const hosts[] = {"localhost", "127.0.0.1"};
    for (size_t i = 0; i < 2; i++) {
        t_about("%s", hosts[i]);
        open_tls(&s, hosts[i], NULL);
        IS_STATUS(t_set(&env, "a", "1"), MST_OK);
        CHECK(use_get_is(&env, "a", "1"));
        CHECK(server_says(&s, "1", "GET t:a"));
        t_close(&env);
    }
    server_end(&s);
}

/* More than a record, a socket's buffer and a read, in both directions, with small ones between. */
static void large(void)
{
    enum { BYTES = 3 * 1024 * 1024 };
    server s;
    char *bytes = malloc(BYTES);
    for (size_t i = 0; i < BYTES; i++) {
        bytes[i] = (char) (i * 31 >> 3);
    }
    start(&s, NULL);
    open_tls(&s, "localhost", NULL);
    const mst_slice value = {bytes, BYTES};
    for (int i = 0; i < 3; i++) {
        t_reply *big = t_begin_set_bytes(&env, mst_str("big"), value, NULL);
        IS_STATUS(t_set(&env, "small", "1"), MST_OK);
        IS_STATUS(t_wait(big), MST_OK);
        CHECK(use_bytes_are(&env, mst_str("big"), value));
    }
    t_close(&env);
    server_end(&s);
    free(bytes);
}

/* Refused by default, with a message that names the check. */
static void refused(const char *certificate, const char *why)
{
    server s;
    t_about("%s", certificate);
    start(&s, certificate);
    open_tls(&s, "localhost", NULL);
    IS_STATUS(t_set(&env, "a", "1"), MST_EIO);
    CHECK(t_log_has(&env, why));
    CHECK_INT(server_integer(&s, "DBSIZE"), 0);
    t_close(&env);
    server_end(&s);
}

static void wrong_name(void)
{
    refused("wrong-name", "certificate of the server was refused: hostname mismatch");
}

static void expired(void)
{
    refused("expired", "certificate of the server was refused: certificate has expired");
}

static void self_signed(void)
{
    refused("self-signed", "certificate of the server was refused: self-signed certificate");
}

/* Neither the system nor the other authority has signed it; nor is a client of the other authority
 * let in by a server that asks. */
static void unknown_authority(void)
{
    server s;
    char url[64], settings[1024];
    start(&s, NULL);
    snprintf(url, sizeof url, "rediss://localhost:%d", s.tls_port);
    snprintf(settings, sizeof settings, "provider.redis tls_ca_file = %s\n",
             server_certificate("other-ca.crt"));
    for (int i = 0; i < 2; i++) {
        t_about("%s", i ? settings : "the system's");
        use_open(&env, url, i ? settings : NULL);
        IS_STATUS(t_set(&env, "a", "1"), MST_EIO);
        CHECK(t_log_has(&env, "certificate of the server was refused: "
                              "self-signed certificate in certificate chain"));
        t_close(&env);
    }
    snprintf(settings, sizeof settings, "provider.redis tls_ca_dir = %s\n",
             server_certificate("authorities"));
    use_open(&env, url, settings);
    IS_STATUS(t_set(&env, "a", "1"), MST_OK);
    t_close(&env);
    server_end(&s);
    server_start(&s, &(server_options){.tls = true, .asks_for_certificates = true});
    snprintf(settings, sizeof settings,
             "provider.redis tls_cert_file = %s\nprovider.redis tls_key_file = %s\n",
             server_certificate("other-client.crt"), server_certificate("other-client.key"));
    open_tls(&s, "localhost", settings);
    IS_STATUS(t_set(&env, "a", "1"), MST_EIO);
    t_close(&env);
    server_end(&s);
}

static void killed_and_restarted(void)
{
    server s;
    start(&s, NULL);
    open_tls(&s, "localhost", NULL);
    use_until_it_works(&env);
    server_kill(&s);
    T_UNTIL(use_set(&env, "a", "1") != MST_OK);
    server_launch(&s);
    use_until_it_works(&env);
    CHECK_INT(use_figure(&env, "reconnects"), 1);
    t_close(&env);
    server_end(&s);
}

/* Whoever knows what they do can say less, or another name. */
static void asked_for_less(void)
{
    server s;
    start(&s, "wrong-name");
    open_tls(&s, "localhost", "provider.redis tls_verify = ca\n");
    IS_STATUS(t_set(&env, "a", "1"), MST_OK);
    t_close(&env);
    server_end(&s);
    start(&s, "self-signed");
    open_tls(&s, "localhost", "provider.redis tls_verify = ca\n");
    IS_STATUS(t_set(&env, "a", "1"), MST_EIO);
    t_close(&env);
    open_tls(&s, "localhost", "provider.redis tls_verify = none\n");
    IS_STATUS(t_set(&env, "a", "1"), MST_OK);
    t_close(&env);
    server_end(&s);
    start(&s, NULL);
    open_tls(&s, "127.0.0.1", "provider.redis tls_server_name = localhost\n");
    IS_STATUS(t_set(&env, "a", "1"), MST_OK);
    t_close(&env);
    open_tls(&s, "127.0.0.1", "provider.redis tls_server_name = elsewhere\n");
    IS_STATUS(t_set(&env, "a", "1"), MST_EIO);
    t_close(&env);
    server_end(&s);
}

static void mutual(void)
{
    server s;
    char settings[512];
    server_start(&s, &(server_options){.tls = true, .asks_for_certificates = true});
    open_tls(&s, "localhost", NULL);
    IS_STATUS(t_set(&env, "a", "1"), MST_EIO);
    t_close(&env);
    snprintf(settings, sizeof settings,
             "provider.redis tls_cert_file = %s\nprovider.redis tls_key_file = %s\n",
             server_certificate("client.crt"), server_certificate("client.key"));
    open_tls(&s, "localhost", settings);
    IS_STATUS(t_set(&env, "a", "1"), MST_OK);
    t_close(&env);
    server_end(&s);
}

/* No TLS on the other side, and TLS where none is expected. */
static void not_tls(void)
{
    server s;
    char url[64];
    start(&s, NULL);
    snprintf(url, sizeof url, "rediss://localhost:%d", s.port);
    use_open(&env, url, "provider.redis connect_retry = 0\n");
    IS_STATUS(t_set(&env, "a", "1"), MST_EIO);
    CHECK(t_log_has(&env, "no TLS"));
    t_close(&env);
    snprintf(url, sizeof url, "redis://localhost:%d", s.tls_port);
    use_open(&env, url, NULL);
    IS_STATUS(t_set(&env, "a", "1"), MST_EIO);
    t_close(&env);
    server_end(&s);
}

static void bad_files(void)
{
    mst_error error;
    static const struct {
        const char *settings, *text;
    } cases[] = {
        {"provider.redis tls_ca_file = /nowhere/ca.crt\n", "tls_ca_file = /nowhere/ca.crt"},
        {"provider.redis tls_cert_file = /nowhere/me.crt\n", "tls_cert_file = /nowhere/me.crt"},
        {"provider.redis tls_key_file = /nowhere/me.key\n", "tls_key_file needs tls_cert_file"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char settings[512];
        snprintf(settings, sizeof settings,
                 "cache tiers = redis\nprovider.redis url = rediss://localhost\n%s",
                 cases[i].settings);
        t_about("%s", cases[i].settings);
        CHECK(t_try_open(&env, T_ONE, settings, &error) != MST_OK);
        CHECK(strstr(error.text, cases[i].text) != NULL);
    }
}

/* abort_on_connect_fail: opening says what is wrong, and works when nothing is. */
static void looks_first(void)
{
    server s;
    mst_error error;
    char settings[512];
    start(&s, "wrong-name");
    snprintf(settings, sizeof settings,
             "cache tiers = redis\nprovider.redis url = rediss://localhost:%d\n"
             "provider.redis tls_ca_file = %s\nprovider.redis abort_on_connect_fail = yes\n",
             s.tls_port, server_certificate("ca.crt"));
    CHECK_INT(t_try_open(&env, T_ONE, settings, &error), MST_EIO);
    CHECK(strstr(error.text, "hostname mismatch") != NULL);
    server_end(&s);
    CHECK_INT(t_try_open(&env, T_ONE, settings, &error), MST_EIO);
    CHECK(strstr(error.text, "connection refused") != NULL);
    start(&s, NULL);
    open_tls(&s, "localhost", "provider.redis abort_on_connect_fail = yes\n");
    IS_STATUS(t_set(&env, "a", "1"), MST_OK);
    t_close(&env);
    server_end(&s);
}

int main(int argc, char **argv)
{
    static const t_test tests[] = {
        T_TEST(good),
        T_TEST(large),
        T_TEST(wrong_name),
        T_TEST(expired),
        T_TEST(self_signed),
        T_TEST(asked_for_less),
        T_TEST(mutual),
        T_TEST(not_tls),
        T_TEST(bad_files),
        T_TEST(looks_first),
        T_TEST(unknown_authority),
        T_TEST(killed_and_restarted),
    };
    server_require();
    return t_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
