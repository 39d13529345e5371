/* redis_test - the provider "redis" through the embedding API. */
#include <memstache/memstache.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pipeline/t.h"

static char folder[] = "/tmp/memstache-redis-XXXXXX";
static char socket_path[64];
static pid_t server;
static int port;
static atomic_int errors_logged;

static void stop_server(void)
{
    if (server > 0) {
        kill(server, SIGCONT);
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
        server = 0;
    }
}

static int listen_on(int wanted)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t) wanted)};
    socklen_t len = sizeof a;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    REQUIRE(fd >= 0 && !bind(fd, (struct sockaddr *) &a, sizeof a) && !listen(fd, 16));
    getsockname(fd, (struct sockaddr *) &a, &len);
    port = ntohs(a.sin_port);
    return fd;
}

static void start_server(void)
{
    char number[16];
    char *argv[] = {"redis-server", "--port", number,  "--bind", "127.0.0.1",
                    "--save",       "",       "--dir", folder,   "--unixsocket",
                    socket_path,    "--user", "alice", "on",     ">wonder",
                    "~*",           "&*",     "+@all", NULL};
    snprintf(number, sizeof number, "%d", port);
    pid_t parent = getpid();
    server = fork();
    if (server == 0) {
        /* The server ends with the test, however that ends. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, 1);
        if (getppid() == parent) {
            execvp(argv[0], argv);
        }
        _exit(127);
    }
    REQUIRE(server > 0);
}

static void log_line(void *arg, int level, const char *text)
{
    (void) arg;
    if (level == 1 && strstr(text, "provider.redis")) {
        atomic_fetch_add(&errors_logged, 1);
    }
}

static mst_runtime *open_at(const char *url, const char *password, const char *ns)
{
    mst_runtime *rt = NULL;
    mst_error error;
    mst_config *c = mst_config_new(NULL);
    mst_config_set(c, "cache", "tiers", "redis");
    mst_config_set(c, "cache", "namespace", ns);
    mst_config_set(c, "cache", "envelope", "none");
    mst_config_set(c, "provider.redis", "url", url);
    mst_config_set(c, "provider.redis", "backoff_max", "100ms");
    mst_config_set(c, "provider.redis", "stall_timeout", "300ms");
    if (password) {
        mst_config_set(c, "provider.redis", "username", "alice");
        mst_config_set(c, "provider.redis", "password", password);
    }
    const mst_open_options o = {.log = log_line};
    if (mst_open(c, &o, &rt, &error)) {
        t_give_up(__FILE__, __LINE__, error.text);
    }
    mst_config_free(c);
    return rt;
}

static mst_runtime *open_tcp(const char *ns)
{
    char url[64];
    snprintf(url, sizeof url, "redis://127.0.0.1:%d", port);
    return open_at(url, NULL, ns);
}

static mst_slice slice(const char *text)
{
    return (mst_slice){text, strlen(text)};
}

static mst_status set(mst_runtime *rt, const char *key, const void *data, size_t len)
{
    const mst_input in = {.data = data, .len = len};
    mst_result res;
    mst_status s = mst_set_wait(mst_cache_named(rt, NULL), slice(key), &in, NULL, &res);
    mst_result_release(&res);
    return s;
}

static bool get_is(mst_runtime *rt, const char *key, const void *data, size_t len)
{
    mst_result res;
    mst_get_wait(mst_cache_named(rt, NULL), slice(key), NULL, &res);
    bool same = res.status == MST_OK && res.len == len && !memcmp(res.data, data, len);
    mst_result_release(&res);
    return same;
}

static mst_status status_of(mst_runtime *rt, const char *key)
{
    mst_result res;
    mst_status s = mst_get_wait(mst_cache_named(rt, NULL), slice(key), NULL, &res);
    mst_result_release(&res);
    return s;
}

static void operations(void)
{
    mst_result res;
    mst_runtime *rt = open_tcp("ops");
    mst_cache *c = mst_cache_named(rt, NULL);
    T_UNTIL(set(rt, "a", "x\0\r\ny", 5) == MST_OK);
    CHECK(get_is(rt, "a", "x\0\r\ny", 5));
    CHECK_INT(status_of(rt, "none"), MST_MISS);
    CHECK_INT(mst_exists_wait(c, slice("a"), NULL, &res), MST_OK);
    CHECK_INT(res.ttl_ms, -1);
    CHECK_INT(mst_exists_wait(c, slice("b"), NULL, &res), MST_MISS);
    mst_options o = {.entry = {.expire_ms = 60000}};
    CHECK_INT(mst_touch_wait(c, slice("a"), &o, &res), MST_OK);
    CHECK_INT(mst_exists_wait(c, slice("a"), NULL, &res), MST_OK);
    CHECK(res.ttl_ms > 50000 && res.ttl_ms <= 60100);
    o.entry.expire_ms = MST_NEVER;
    CHECK_INT(mst_touch_wait(c, slice("a"), &o, &res), MST_OK);
    CHECK_INT(mst_touch_wait(c, slice("b"), &o, &res), MST_MISS);
    CHECK_INT(mst_exists_wait(c, slice("a"), NULL, &res), MST_OK);
    CHECK_INT(res.ttl_ms, -1);
    const mst_input in = {.data = "z", .len = 1};
    o = (mst_options){.flags = MST_F_IF_ABSENT};
    CHECK_INT(mst_set_wait(c, slice("a"), &in, &o, &res), MST_UNCHANGED);
    o = (mst_options){.flags = MST_F_IF_PRESENT};
    CHECK_INT(mst_set_wait(c, slice("b"), &in, &o, &res), MST_UNCHANGED);
    o = (mst_options){.entry = {.expire_ms = 40}};
    CHECK_INT(mst_set_wait(c, slice("short"), &in, &o, &res), MST_OK);
    T_UNTIL(status_of(rt, "short") == MST_MISS);
    CHECK_INT(mst_remove_wait(c, slice("a"), NULL, &res), MST_OK);
    CHECK_INT(mst_remove_wait(c, slice("a"), NULL, &res), MST_MISS);
    mst_close_wait(rt);
}

static void large_beside_small_on_a_unix_socket(void)
{
    enum { LARGE = 10 * 1000 * 1000 };
    char url[96];
    char *large = malloc(LARGE);
    snprintf(url, sizeof url, "unix://%s?db=3", socket_path);
    mst_runtime *rt = open_at(url, "wonder", "large");
    for (int i = 0; i < LARGE; i++) {
        large[i] = (char) (i * 7 + i / 1000);
    }
    T_UNTIL(set(rt, "small", "s", 1) == MST_OK);
    CHECK_INT(set(rt, "large", large, LARGE), MST_OK);
    CHECK(get_is(rt, "large", large, LARGE));
    CHECK(get_is(rt, "small", "s", 1));
    mst_close_wait(rt);
    free(large);
}

enum { MANY = 300 };
static char names[MANY][16];

static atomic_int cleared;
static void on_cleared(void *arg, mst_result *result)
{
    (void) arg;
    atomic_store(&cleared, result->status == MST_OK ? 1 : -1);
}

static atomic_int answered;
static void on_many(void *arg, mst_result *results, size_t n)
{
    (void) arg;
    for (size_t i = 0; i < n; i++) {
        CHECK_INT(results[i].status, MST_OK);
        CHECK_BYTES(results[i].data, results[i].len, names[i]);
    }
    atomic_fetch_add(&answered, 1);
}

/* The namespace looks like a pattern, and the other one would match it. */
static void many_and_clear(void)
{
    mst_runtime *rt = open_tcp("n[a]*"), *other = open_tcp("na-other");
    mst_slice keys[MANY];
    mst_input in[MANY];
    T_UNTIL(set(rt, "first", "1", 1) == MST_OK);
    T_UNTIL(set(other, "kept", "1", 1) == MST_OK);
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "k%d", i);
        keys[i] = slice(names[i]);
        in[i] = (mst_input){.data = names[i], .len = strlen(names[i])};
    }
    for (int i = 0; i < MANY; i++) {
        CHECK_INT(mst_set(mst_cache_named(rt, NULL), keys[i], &in[i], NULL, NULL, NULL, NULL),
                  MST_PENDING);
    }
    atomic_store(&answered, 0);
    mst_status s = mst_get_many(mst_cache_named(rt, NULL), keys, MANY, NULL, NULL, on_many, NULL);
    CHECK_INT(s, MST_PENDING);
    T_UNTIL(atomic_load(&answered) == 1);
    mst_clear(mst_cache_named(rt, NULL), NULL, on_cleared, NULL);
    T_UNTIL(atomic_load(&cleared) != 0);
    CHECK_INT(atomic_load(&cleared), 1);
    CHECK_INT(status_of(rt, "k7"), MST_MISS);
    CHECK(get_is(other, "kept", "1", 1));
    mst_close_wait(rt);
    mst_close_wait(other);
}

static void wrong_password(void)
{
    char url[64];
    snprintf(url, sizeof url, "redis://127.0.0.1:%d", port);
    atomic_store(&errors_logged, 0);
    mst_runtime *rt = open_at(url, "mistaken", "w");
    CHECK_INT(status_of(rt, "a"), MST_MISS);
    T_UNTIL(atomic_load(&errors_logged) > 0);
    mst_close_wait(rt);
}

static void server_stops_and_returns(void)
{
    mst_runtime *rt = open_tcp("gone");
    T_UNTIL(set(rt, "a", "1", 1) == MST_OK);
    kill(server, SIGSTOP);
    uint64_t begin = t_ms();
    CHECK_INT(status_of(rt, "a"), MST_MISS);
    CHECK(t_ms() - begin < 2000 * T_SLOWNESS);
    kill(server, SIGCONT);
    T_UNTIL(get_is(rt, "a", "1", 1));
    stop_server();
    T_UNTIL(set(rt, "a", "2", 1) != MST_OK);
    start_server();
    T_UNTIL(set(rt, "a", "3", 1) == MST_OK);
    CHECK(get_is(rt, "a", "3", 1));
    mst_close_wait(rt);
}

/* ---- a server that answers with what it should not */

static const char *const hostile[] = {
    "",
    "?",
    "\r\n",
    ":1\r\n",
    "$5\r\nab",
    "$-5\r\nab\r\n",
    "$99999999999999999999\r\n",
    "$2147483647\r\nabc",
    "*2147483647\r\n",
    "*65537\r\n",
    "*-7\r\n",
    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
    "*3\r\n$1\r\na\r\n",
    "*1\r\n$1\r\na\r\n",
    "-\r\n",
    "-ERR no\r\n",
    "+OK\r\n",
    "$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n",
    "%1\r\n+a\r\n+b\r\n",
    ",1.5\r\n#t\r\n_\r\n",
    ">2\r\n+a\r\n+b\r\n",
    "$2\r\nabX\r\n",
};
static int listener;
static _Atomic(const char *) script;

static void *serve(void *arg)
{
    char in[4096];
    int fd;
    (void) arg;
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        bool greeted = false;
        while (recv(fd, in, sizeof in, 0) > 0) {
            const char *text = greeted ? atomic_load(&script) : "+OK\r\n+PONG\r\n";
            if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0 || (greeted && !*text)) {
                break;
            }
            greeted = true;
        }
        close(fd);
    }
    return NULL;
}

static void hostile_replies(void)
{
    pthread_t thread;
    int usual = port;
    listener = listen_on(0);
    pthread_create(&thread, NULL, serve, NULL);
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        t_about("stream %d", (int) i);
        atomic_store(&script, hostile[i]);
        mst_runtime *rt = open_tcp("h");
        mst_status s = status_of(rt, "a");
        CHECK(s == MST_MISS || s == MST_OK);
        s = set(rt, "a", "1", 1);
        CHECK(s <= MST_UNCHANGED);
        mst_close_wait(rt);
    }
    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);
    port = usual;
}

static void server_appears(void)
{
    stop_server();
    mst_runtime *rt = open_tcp("late");
    CHECK_INT(status_of(rt, "a"), MST_MISS);
    start_server();
    T_UNTIL(set(rt, "a", "1", 1) == MST_OK);
    mst_close_wait(rt);
}

static void end(void)
{
    stop_server();
    unlink(socket_path);
    rmdir(folder);
}

static bool system_has_no_server(void)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, 1);
        execlp("redis-server", "redis-server", "--version", (char *) NULL);
        _exit(127);
    }
    return child < 0 || waitpid(child, &status, 0) != child || status != 0;
}

int main(int argc, char **argv)
{
    static const t_test tests[] = {
        T_TEST(operations),
        T_TEST(large_beside_small_on_a_unix_socket),
        T_TEST(many_and_clear),
        T_TEST(wrong_password),
        T_TEST(server_stops_and_returns),
        T_TEST(hostile_replies),
        T_TEST(server_appears),
    };
    if (system_has_no_server()) {
        t_skip("there is no redis-server");
    }
    REQUIRE(mkdtemp(folder));
    atexit(end);
    snprintf(socket_path, sizeof socket_path, "%s/s", folder);
    close(listen_on(0));
    start_server();
    return t_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
