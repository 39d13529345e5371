/* redirect_test - what the nodes of a cluster say in passing, said by scripted ones: redirections,
 * and maps that no cluster should tell. A real cluster is in cluster_test.c. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dirent.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake.h"
#include "fake_store.h"
#include "use.h"

#define RANGE(first, last, host, port)                                                             \
    "*3\r\n:" first "\r\n:" last "\r\n*2\r\n" host ":" port "\r\n"
#define HOST "$9\r\n127.0.0.1\r\n"
#define ALL(host, port) "*1\r\n" RANGE("0", "16383", host, port)

static const char impatient[] = "cache timeout = 3s\n"
                                "provider.redis mode = cluster\n"
                                "provider.redis connect_retry = 0\n"
                                "provider.redis connect_timeout = 200ms\n"
                                "provider.redis stall_timeout = 200ms\n"
                                "provider.redis backoff_max = 10ms\n"
                                "provider.redis breaker_failures = 0\n";
/* Connections that nobody answers stay. */
static const char patient[] = "provider.redis connect_timeout = 20s\n"
                              "provider.redis stall_timeout = 20s\n"
                              "provider.redis hedge_after = never\n";
static t_env env;
static fake *f;

/* ---- names: what libuv calls. None of those that a server makes up may reach a name server. */

static atomic_int lookups;

int getaddrinfo(const char *name, const char *port, const struct addrinfo *hints,
                struct addrinfo **list)
{
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    struct addrinfo numeric = hints ? *hints : (struct addrinfo){0};
    *(void **) &next = dlsym(RTLD_NEXT, "getaddrinfo");
    numeric.ai_flags |= AI_NUMERICHOST;
    atomic_fetch_add(&lookups, 1);
    return next(name, port, &numeric, list);
}

/* ---- a node that has all slots */

static const char *map_of(const fake *node)
{
    static char text[100];
    snprintf(text, sizeof text, "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n" HOST ":%d\r\n",
             fake_port(node));
    return text;
}

static fake_rule says(const char *command, const char *data)
{
    return (fake_rule){.command = command, .action = FAKE_SAY, .data = data};
}

/* `rule` besides the map; NULL: none. */
static void script(const fake_rule *rule)
{
    const fake_rule rules[2] = {says("CLUSTER", map_of(f)), rule ? *rule : (fake_rule){0}};
    fake_rules(f, rules, rule ? 2 : 1);
}

static void begin(const char *settings)
{
    f = fake_start();
    script(NULL);
    use_open(&env, fake_url(f), settings);
    use_until_it_works(&env);
}

static void end(void)
{
    t_about("%s", "");
    t_close(&env);
    fake_end(f);
}

/* The same answer twice, then the value. */
static void answers_in_passing(void)
{
    static const char *const texts[] = {"-TRYAGAIN Multiple keys\r\n",
                                        "-CLUSTERDOWN The cluster is down\r\n",
                                        "-LOADING Redis is loading\r\n",
                                        "-MOVED 1 127.0.0.1:",
                                        "-MOVED 1 :",
                                        "-ASK 1 127.0.0.1:",
                                        "-ASK 1 :"};
    begin("provider.redis mode = cluster\n");
    fake_put(f, "t:a", "1", 1);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[64];
        bool whole = strchr(texts[i], '\r') != NULL;
        snprintf(text, sizeof text, "%s", texts[i]);
        if (!whole) {
            snprintf(text, sizeof text, "%s%d\r\n", texts[i], fake_port(f));
        }
        t_about("%s", texts[i]);
        uint64_t asking = fake_count(f, "ASKING");
        fake_rule rule = says("GET", text);
        rule.times = 2;
        script(&rule);
        IS_VALUE(t_get(&env, "a"), "1");
        CHECK_INT(fake_count(f, "ASKING") - asking, texts[i][1] == 'A' ? 2 : 0);
    }
    end();
}

/* Sent in a circle, a request ends before its deadline, and does not ask for ever. */
static void moved_in_circles(void)
{
    static const char *const kinds[] = {"MOVED", "ASK"};
    for (int i = 0; i < 4; i++) {
        char there[64], back[64];
        fake *g = fake_start();
        begin("provider.redis mode = cluster\n");
        const fake *to = i < 2 ? g : f;
        snprintf(there, sizeof there, "-%s 1 127.0.0.1:%d\r\n", kinds[i % 2], fake_port(to));
        snprintf(back, sizeof back, "-%s 1 127.0.0.1:%d\r\n", kinds[i % 2], fake_port(f));
        t_about("%s", there);
        const fake_rule first = {.action = FAKE_SAY, .data = there};
        const fake_rule second[] = {says("CLUSTER", map_of(f)), {.action = FAKE_SAY, .data = back}};
        fake_rules(g, second, 2);
        script(&first);
        uint64_t before = fake_count(f, "GET") + fake_count(g, "GET"), begin_ms = t_ms();
        IS_WHY(t_get(&env, "a"), MST_WHY_TIER_FAILED);
        CHECK(t_ms() - begin_ms < 5000);
        uint64_t asked = fake_count(f, "GET") + fake_count(g, "GET") - before;
        CHECK(asked > 2 && asked < 50);
        script(NULL);
        use_until_it_works(&env);
        end();
        fake_end(g);
    }
}

/* ---- a node that is not in the map */

/* It holds a request when a map comes that does not name it: the request is answered, and then the
 * node is left. */
static void asked_of_a_stranger(void)
{
    static const fake_rule late = {.command = "GET", .action = FAKE_DELAY, .ms = 300};
    char ask[64], moved[64];
    fake *g = fake_start();
    fake_put(g, "t:a", "1", 1);
    fake_rules(g, &late, 1);
    begin("provider.redis mode = cluster\nprovider.redis hedge_after = never\n");
    snprintf(ask, sizeof ask, "-ASK 1 127.0.0.1:%d\r\n", fake_port(g));
    snprintf(moved, sizeof moved, "-MOVED 1 127.0.0.1:%d\r\n", fake_port(f));
    const fake_rule rules[] = {says("CLUSTER", map_of(f)),
                               {.command = "GET", .key = "t:a", .action = FAKE_SAY, .data = ask},
                               {.command = "SET", .action = FAKE_SAY, .data = moved, .times = 1}};
    for (int i = 0; i < 3; i++) {
        uint64_t maps = fake_count(f, "CLUSTER"), asked = fake_count(g, "GET");
        t_about("round %d", i);
        fake_rules(f, rules, 3);
        t_reply *held = t_begin_get(&env, "a", NULL);
        T_UNTIL(fake_count(g, "GET") > asked);
        IS_STATUS(t_set(&env, "b", "2"), MST_OK); /* the map is asked for again */
        T_UNTIL(fake_count(f, "CLUSTER") > maps);
        IS_VALUE(t_wait(held), "1");
        T_UNTIL((use_set(&env, "b", "2"), fake_rules(f, rules, 3), fake_connected(g) == 0));
    }
    end();
    fake_end(g);
}

/* The same when the stranger never answers, or ends the connection. */
static void asked_of_a_dead_stranger(void)
{
    static const fake_rule deaths[] = {{.command = "GET", .action = FAKE_MUTE},
                                       {.command = "GET", .action = FAKE_RESET},
                                       {.command = "ACCEPT", .action = FAKE_RESET},
                                       {.command = "ACCEPT", .action = FAKE_MUTE}};
    for (size_t i = 0; i < sizeof deaths / sizeof deaths[0]; i++) {
        char ask[64];
        const mst_options soon = {.timeout_ms = 300};
        fake *g = fake_start();
        t_about("death %zu", i);
        fake_rules(g, &deaths[i], 1);
        begin(impatient);
        snprintf(ask, sizeof ask, "-ASK 1 127.0.0.1:%d\r\n", fake_port(g));
        const fake_rule rule = says("GET", ask);
        script(&rule);
        t_reply *replies[8];
        for (int k = 0; k < 8; k++) {
            char key[8];
            snprintf(key, sizeof key, "k%d", k);
            replies[k] = t_begin_get(&env, key, &soon);
        }
        for (int k = 0; k < 8; k++) {
            CHECK(t_wait(replies[k])->result.status != MST_OK);
        }
        script(NULL);
        use_until_it_works(&env);
        end();
        fake_end(g);
    }
}

/* ---- what is no map, and what is no redirection */

static const char *const no_maps[] = {
    "",
    "-ERR This instance has cluster support disabled\r\n",
    "+OK\r\n",
    ":5\r\n",
    "$-1\r\n",
    "*-1\r\n",
    "*0\r\n",
    "$3\r\nabc\r\n",
    "*2147483647\r\n",
    "*262145\r\n",
    "%1\r\n+a\r\n+b\r\n",
    "*1\r\n:1\r\n",
    "*1\r\n*0\r\n",
    "*1\r\n*-1\r\n",
    "*1\r\n*262144\r\n",
    "*1\r\n*2\r\n:0\r\n:1\r\n",
    "*1\r\n*3\r\n:0\r\n:16383\r\n:7\r\n",
    "*1\r\n*3\r\n:0\r\n:16383\r\n*0\r\n",
    "*1\r\n*3\r\n:0\r\n:16383\r\n*-1\r\n",
    "*1\r\n*3\r\n:0\r\n:16383\r\n*1\r\n" HOST,
    "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n:1\r\n:1\r\n",
    "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n*1\r\n*1\r\n:1\r\n:1\r\n",
    "*1\r\n*3\r\n$1\r\n0\r\n$1\r\n1\r\n*2\r\n" HOST ":1\r\n",
    "*1\r\n*4\r\n:0\r\n:16383\r\n*2\r\n" HOST ":1\r\n:3\r\n",
    "*1\r\n" RANGE("-1", "16383", HOST, "1"),
    "*1\r\n" RANGE("0", "-1", HOST, "1"),
    "*1\r\n" RANGE("9", "3", HOST, "1"),
    "*1\r\n" RANGE("0", "16384", HOST, "1"),
    "*1\r\n" RANGE("16384", "16384", HOST, "1"),
    "*1\r\n" RANGE("-9223372036854775808", "9223372036854775807", HOST, "1"),
    ALL(HOST, "0"),
    ALL(HOST, "70000"),
    ALL(HOST, "-1"),
    "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n" HOST "$2\r\n80\r\n",
    "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n" HOST "$-1\r\n",
    ALL("$-1\r\n", "1"),
    ALL("$0\r\n\r\n", "1"),
    ALL("$1\r\n?\r\n", "1"),
    ALL("$4\r\n%s%n\r\n", "1"),
    ALL("$8\r\n/tmp/a/b\r\n", "1"),
    ALL("$5\r\na\nb\rc\r\n", "1"),
    ALL("$11\r\n127.0.0.1\r\n\r\n", "1"),
    ALL("$5\r\n[::1]\r\n", "1"),
    ALL("$15\r\n999.999.999.999\r\n", "1"),
    "*2\r\n" RANGE("0", "16383", HOST, "1") RANGE("0", "16383", HOST, "2"),
};

/* One of each, and half of a batch; whatever comes back, it comes. */
static void ask_everything(t_env *e)
{
    const mst_slice keys[3] = {mst_str("{a}1"), mst_str("{a}2"), mst_str("b")};
    t_reply *many = t_begin_get_many(e, keys, 3, NULL);
    t_reply *single[] = {t_begin_get(e, "a", NULL), t_begin_set(e, "a", "1", NULL),
                         t_begin_exists(e, "a", NULL), t_begin_remove(e, "gone", NULL),
                         t_begin_clear(e)};
    t_release(t_wait(many));
    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++) {
        t_release(t_wait(single[i]));
    }
}

typedef struct clueless {
    fake *f;
    t_env env;
    char moved[64];
} clueless;

static void say_no_map(clueless *c, const char *text)
{
    const fake_rule rules[] = {says("CLUSTER", text),
                               {.command = "SET", .action = FAKE_SAY, .data = c->moved}};
    fake_rules(c->f, rules, 2);
}

static void recover(clueless *c)
{
    const fake_rule rule = says("CLUSTER", map_of(c->f));
    fake_rules(c->f, &rule, 1);
    use_until_it_works(&c->env);
}

/* First a map is asked for at the start, then because of a redirection. Several at a time, because
 * each waits for a tenth of a second before it asks again. */
static void no_map(void)
{
    enum { MAPS = sizeof no_maps / sizeof no_maps[0], AT_ONCE = 9, ASKED_MAX = 200 };
    static clueless all[AT_ONCE];
    for (size_t first = 0; first < MAPS; first += AT_ONCE) {
        size_t n = MAPS - first < AT_ONCE ? MAPS - first : AT_ONCE;
        for (size_t i = 0; i < n; i++) {
            clueless *c = &all[i];
            c->f = fake_start();
            snprintf(c->moved, sizeof c->moved, "-MOVED 1 127.0.0.1:%d\r\n", fake_port(c->f));
            say_no_map(c, no_maps[first + i]);
            use_open(&c->env, fake_url(c->f), impatient);
        }
        for (size_t i = 0; i < 2 * n; i++) {
            t_about("map %zu: %s", first + i % n, no_maps[first + i % n]);
            ask_everything(&all[i % n].env);
            recover(&all[i % n]);
            say_no_map(&all[i % n], no_maps[first + i % n]);
        }
        for (size_t i = 0; i < n; i++) {
            t_about("map %zu: %s", first + i, no_maps[first + i]);
            recover(&all[i]);
            CHECK(fake_count(all[i].f, "CLUSTER") >= 2);
            CHECK(fake_count(all[i].f, "ACCEPT") < ASKED_MAX);
            t_close(&all[i].env);
            fake_end(all[i].f);
        }
    }
}

static const char *const no_redirections[] = {
    "%s\r\n",
    "%s \r\n",
    "%s 1\r\n",
    "%s 1 \r\n",
    "%s  \r\n",
    "%s   :\r\n",
    "%s 1 127.0.0.1\r\n",
    "%s 1 127.0.0.1:\r\n",
    "%s 1 127.0.0.1:0\r\n",
    "%s 1 127.0.0.1:-1\r\n",
    "%s 1 127.0.0.1:x\r\n",
    "%s 1 127.0.0.1:1x\r\n",
    "%s 1 127.0.0.1:70000\r\n",
    "%s 1 127.0.0.1:99999999999999999999\r\n",
    "%s x 127.0.0.1:1\r\n",
    "%s -1 127.0.0.1:1\r\n",
    "%s 16384 127.0.0.1:1\r\n",
    "%s 18446744073709551617 127.0.0.1:1\r\n",
    "%s 1 ::\r\n",
    "%s 1 ::1:1\r\n",
    "%s 1 [::1]:1\r\n",
    "%s 1 ?:1\r\n",
    "%s 1 %%s%%n:1\r\n",
    "%s 1 /tmp/a:1\r\n",
    "%s 1 127.0.0.1:1 127.0.0.1:2\r\n",
    "%s 1 a\nb:1\r\n",
    "%s 1 999.999.999.999:1\r\n",
};

static void no_redirection(void)
{
    enum { FORMS = sizeof no_redirections / sizeof no_redirections[0], LONG = 70000 };
    static char text[LONG + 64];
    begin(impatient);
    for (size_t i = 0; i < 2 * (FORMS + 2); i++) {
        const char *kind = i % 2 ? "-ASK" : "-MOVED";
        size_t form = i / 2;
        if (form < FORMS) {
            const char *rest = no_redirections[form] + 2;
            snprintf(text, sizeof text, "%s%s", kind, rest);
        } else {
            snprintf(text, sizeof text, "%s 1 %0*d:1\r\n", kind, form == FORMS ? 250 : LONG, 0);
        }
        t_about("%.60s", text);
        fake_rule rule = {.action = FAKE_SAY, .data = text, .times = i < 2 ? 0 : 5};
        script(&rule);
        ask_everything(&env);
        script(NULL);
        use_until_it_works(&env);
    }
    CHECK(fake_count(f, "ACCEPT") < 200);
    end();
}

/* ---- maps that are too much */

static int descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int n = 0;
    REQUIRE(folder);
    while (readdir(folder)) {
        n++;
    }
    closedir(folder);
    return n;
}

/* A place where everybody may connect and nobody is answered. */
static int sink_open(int *port)
{
    enum { BACKLOG = 4096 };
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(fd >= 0 && !bind(fd, (struct sockaddr *) &a, sizeof a) && !listen(fd, BACKLOG));
    REQUIRE(!getsockname(fd, (struct sockaddr *) &a, &len));
    *port = ntohs(a.sin_port);
    return fd;
}

/* 127.0.0.1 by the n-th of its many names: numbers with a leading zero are octal, however many
 * zeros they have. */
static const char *alias(int n)
{
    static char name[256];
    snprintf(name, sizeof name, "%0*o.%0*o.0.1", 4 + n % 100, 127, 2 + n / 100, 0);
    return name;
}

static void add_node(fake_text *map, int n, int port)
{
    const char *name = alias(n);
    fake_text_print(map, "*2\r\n$%zu\r\n", strlen(name));
    fake_text_add(map, name, strlen(name));
    fake_text_print(map, "\r\n:%d\r\n", port);
}

/* Tells this map until the request is over and nothing is looked up any more; then a good one
 * works. Returns the most descriptors that were open beyond those at the start. */
static int tell(const fake_text *map, const char *settings)
{
    enum { CALM_MS = 500, WATCHED_MS = 5000 };
    char text[sizeof impatient + 200];
    int most = 0, before = descriptors();
    uint64_t memory = use_memory();
    f = fake_start();
    const fake_rule rule = {
        .command = "CLUSTER", .action = FAKE_SAY, .data = map->data, .len = map->len};
    fake_rules(f, &rule, 1);
    atomic_store(&lookups, 0);
    snprintf(text, sizeof text, "%scache timeout = 1s\nprovider.redis connect_timeout = 1s\n%s",
             impatient, settings);
    use_open(&env, fake_url(f), text);
    t_reply *r = t_begin_get(&env, "a", NULL);
    uint64_t end_ms = t_ms() + WATCHED_MS;
    int seen = 0;
    for (uint64_t calm_ms = t_ms(); t_ms() < calm_ms + CALM_MS && t_ms() < end_ms; t_nap()) {
        int now = descriptors() - before, looked = atomic_load(&lookups);
        most = now > most ? now : most;
        calm_ms = looked != seen || !t_done(r) ? t_ms() : calm_ms;
        seen = looked;
    }
    t_wait(r);
    uint64_t begin_ms = t_ms();
    script(NULL);
    use_until_it_works(&env);
    fprintf(stderr, "  %zu bytes: %d descriptors, %d lookups, %d MiB, works after %d ms more\n",
            map->len, most, atomic_load(&lookups), (int) ((use_memory() - memory) >> 20),
            (int) (t_ms() - begin_ms));
    CHECK(T_SLOWNESS > 1 || use_memory() < memory + (80u << 20));
    CHECK(fake_count(f, "ACCEPT") < 40);
    end();
    return most;
}

/* A range for each slot, all of them here: that is many, and right. */
static void many_ranges(void)
{
    enum { RANGES = 16384 };
    fake_text map = {0};
    f = fake_start();
    fake_text_print(&map, "*%d\r\n", RANGES);
    for (int i = 0; i < RANGES; i++) {
        fake_text_print(&map, "*3\r\n:%d\r\n:%d\r\n*2\r\n" HOST ":%d\r\n", i, i, fake_port(f));
    }
    const fake_rule rule = {
        .command = "CLUSTER", .action = FAKE_SAY, .data = map.data, .len = map.len};
    fake_rules(f, &rule, 1);
    use_open(&env, fake_url(f), "provider.redis mode = cluster\n");
    use_until_it_works(&env);
    CHECK_INT(fake_count(f, "ACCEPT"), 1);
    end();
    fake_text_free(&map);
}

/* The same slots again and again. */
static void overlapping_ranges(void)
{
    enum { RANGES = 30000 };
    fake_text map = {0};
    fake_text_print(&map, "*%d\r\n", RANGES);
    for (int i = 0; i < RANGES; i++) {
        fake_text_print(&map, RANGE("0", "16383", HOST, "1"));
    }
    CHECK(tell(&map, "") < 40);
    fake_text_free(&map);
}

static void many_nodes(void)
{
    enum { NODES = 10000, ENOUGH = 2200 };
    int port, sink = sink_open(&port);
    fake_text map = {0};
    fake_text_print(&map, "*%d\r\n", NODES);
    for (int i = 0; i < NODES; i++) {
        fake_text_print(&map, "*3\r\n:%d\r\n:%d\r\n", i, i);
        add_node(&map, i, port);
    }
    CHECK(tell(&map, "") < ENOUGH);
    fake_text_free(&map);
    close(sink);
}

static void many_replicas(void)
{
    enum { NODES = 10000 };
    int port, sink = sink_open(&port);
    fake_text map = {0};
    fake_text_print(&map, "*1\r\n*%d\r\n:0\r\n:16383\r\n", NODES + 2);
    for (int i = 0; i < NODES; i++) {
        add_node(&map, i, port);
    }
    CHECK(tell(&map, "provider.redis read_from = replica\n") < 100);
    fake_text_free(&map);
    close(sink);
}

/* Sends some requests to as many strangers, the n-th and the following. */
static void send_away(int n, int port)
{
    enum { AT_ONCE = FAKE_RULES_MAX - 1 };
    const mst_options soon = {.timeout_ms = 300};
    static char text[AT_ONCE][300], key[AT_ONCE][16];
    fake_rule rules[FAKE_RULES_MAX] = {says("CLUSTER", "*0\r\n")};
    t_reply *r[AT_ONCE];
    for (int i = 0; i < AT_ONCE; i++) {
        snprintf(key[i], sizeof key[i], "t:k%d", n + i);
        snprintf(text[i], sizeof text[i], "-%s %d %s:%d\r\n", n % 100 ? "ASK" : "MOVED", n + i,
                 alias(n + i), port);
        rules[1 + i] = (fake_rule){.key = key[i], .action = FAKE_SAY, .data = text[i]};
    }
    fake_rules(f, rules, FAKE_RULES_MAX);
    for (int i = 0; i < AT_ONCE; i++) {
        r[i] = t_begin_get(&env, key[i] + 2, &soon);
    }
    uint64_t end_ms = t_ms() + soon.timeout_ms;
    for (int i = 0; i < AT_ONCE; i++) {
        while (!t_done(r[i]) && fake_acted(f) < AT_ONCE && t_ms() < end_ms) {
            t_nap();
        }
    }
}

/* Each request is sent to another stranger, and no map comes that would end it; then one comes. */
static void many_strangers(void)
{
    enum { STRANGERS = 420, AT_ONCE = FAKE_RULES_MAX - 1, FEW = 30 };
    int port, sink = sink_open(&port);
    char settings[sizeof impatient + sizeof patient + 40];
    snprintf(settings, sizeof settings, "%s%sprovider.redis timeout = 1s\n", impatient, patient);
    char moved[64];
    begin(settings);
    int before = descriptors(), most = 0;
    uint64_t memory = use_memory();
    for (int i = 0; i < STRANGERS; i += AT_ONCE) {
        send_away(i, port);
        int now = descriptors() - before;
        most = now > most ? now : most;
    }
    fprintf(stderr, "  %d strangers: %d descriptors, %d lookups, %d KiB\n", STRANGERS, most,
            atomic_load(&lookups), (int) ((use_memory() - memory) >> 10));
    CHECK(most > STRANGERS / 2);
    T_UNTIL(use_figure(&env, "inflight") == 0);
    snprintf(moved, sizeof moved, "-MOVED 1 127.0.0.1:%d\r\n", fake_port(f));
    fake_rule rule = says("SET", moved);
    rule.times = 1;
    script(&rule); /* which asks for the map */
    use_until_it_works(&env);
    T_UNTIL(descriptors() - before < FEW);
    end();
    close(sink);
}

int main(int argc, char **argv)
{
    static const t_test tests[] = {
        T_TEST(answers_in_passing),
        T_TEST(moved_in_circles),
        T_TEST(asked_of_a_stranger),
        T_TEST(asked_of_a_dead_stranger),
        T_TEST(no_map),
        T_TEST(no_redirection),
        T_TEST(many_ranges),
        T_TEST(overlapping_ranges),
        T_TEST(many_nodes),
        T_TEST(many_replicas),
        T_TEST(many_strangers),
    };
    return t_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
