/* hostile_test - replies that no server should send: the connection ends, with a message, and
 * nothing more. Every request is answered, memory stays, and the next connection works.
 *
 * After the listed streams come mutations of good ones. The seed is printed, and may be given in
 * REDIS_TEST_SEED to see a failure again. */
#include <stdlib.h>
#include <time.h>

#include "fake.h"
#include "use.h"

static fake *f;
static t_env env;

static const char patience[] = "cache timeout = 2s\n"
                               "provider.redis connect_timeout = 200ms\n"
                               "provider.redis stall_timeout = 60ms\n"
                               "provider.redis backoff_max = 10ms\n"
                               "provider.redis max_value_bytes = 1MiB\n";
static const char soft_patience[] = "cache envelope = on\n"
                                    "cache timeout = 2s\n"
                                    "provider.redis connect_timeout = 200ms\n"
                                    "provider.redis stall_timeout = 30ms\n"
                                    "provider.redis backoff_max = 10ms\n"
                                    "provider.redis max_value_bytes = 1MiB\n";

typedef struct stream {
    const char *name, *bytes;
} stream;
static const stream streams[] = {
    {"silence", ""},
    {"no type", "?\r\n"},
    {"an empty line", "\r\n"},
    {"a line without its return", "+OK\n"},
    {"a return without its line", "+OK\r+OK\r"},
    {"nothing but a type", "$"},
    {"huge length", "$2147483647\r\nabc"},
    {"length beyond 64 bits", "$99999999999999999999\r\n"},
    {"length at the edge of 64 bits", "$9223372036854775807\r\nabc"},
    {"length at the edge of 32 bits", "$4294967297\r\na\r\n"},
    {"negative length", "$-2\r\n"},
    {"very negative length", "$-9223372036854775808\r\n"},
    {"length of letters", "$abc\r\nabc\r\n"},
    {"length of nothing", "$\r\n\r\n"},
    {"length with blanks", "$ 1\r\na\r\n"},
    {"too short", "$10\r\nabc\r\n"},
    {"too long", "$2\r\nabcdef\r\n"},
    {"many elements", "*2147483647\r\n"},
    {"more elements than fit", "*65537\r\n$1\r\na\r\n"},
    {"negative count", "*-7\r\n"},
    {"nil array", "*-1\r\n"},
    {"count beyond 64 bits", "*18446744073709551617\r\n"},
    {"deep", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"},
    {"wide and deep", "*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n$1\r\na\r\n"},
    {"array instead", "*1\r\n$1\r\na\r\n"},
    {"array of errors", "*1\r\n-ERR\r\n"},
    {"longer array than asked for", "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n"},
    {"empty array", "*0\r\n"},
    {"integer instead", ":7\r\n"},
    {"integer beyond 64 bits", ":99999999999999999999999999\r\n"},
    {"integer of letters", ":abc\r\n"},
    {"status instead", "+QUEUED\r\n"},
    {"empty error", "-\r\n"},
    {"error", "-ERR no\r\n"},
    {"error with everything", "-\x01\xff%s%n\t\x7f \r\n"},
    {"MOVED without a place", "-MOVED\r\n"},
    {"MOVED to nowhere", "-MOVED 99999999 :0\r\n"},
    {"ASK beyond all", "-ASK -1 999.999.999.999:99999999\r\n"},
    {"CLUSTERDOWN", "-CLUSTERDOWN Hash slot not served\r\n"},
    {"TRYAGAIN", "-TRYAGAIN Multiple keys request during rehashing of slot\r\n"},
    {"LOADING", "-LOADING Redis is loading the dataset in memory\r\n"},
    {"OOM", "-OOM command not allowed when used memory > 'maxmemory'.\r\n"},
    {"READONLY", "-READONLY You can't write against a read only replica.\r\n"},
    {"NOAUTH", "-NOAUTH Authentication required.\r\n"},
    {"three for one", "$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n"},
    {"nobody asked", "+OK\r\n+OK\r\n:1\r\n"},
    {"map", "%1\r\n+a\r\n+b\r\n"},
    {"set", "~2\r\n+a\r\n+b\r\n"},
    {"double and bool", ",1.5\r\n#t\r\n_\r\n"},
    {"big number", "(3492890328409238509324850943850943825024385\r\n"},
    {"verbatim", "=15\r\ntxt:Some string\r\n"},
    {"blob error", "!21\r\nSYNTAX invalid syntax\r\n"},
    {"attribute", "|1\r\n+a\r\n+b\r\n$1\r\na\r\n"},
    {"push", ">2\r\n+invalidate\r\n*1\r\n$1\r\na\r\n"},
    {"streamed string", "$?\r\n;4\r\nHell\r\n;0\r\n"},
    {"streamed array", "*?\r\n:1\r\n.\r\n"},
    {"another protocol", "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"},
    {"TLS", "\x15\x03\x01\x02\x02\x28"},
    {"a request", "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"},
};
enum { STREAMS = sizeof streams / sizeof streams[0] };

/* One of each kind of request; whatever comes back, it comes. */
static void ask_everything(void)
{
    const mst_options alive = {.entry = {.expire_ms = 60000}};
    const mst_slice keys[3] = {mst_str("a"), mst_str("b"), mst_str("c")};
    t_reply *many = t_begin_get_many(&env, keys, 3, NULL);
    t_reply *single[] = {
        t_begin_get(&env, "a", NULL),       t_begin_set(&env, "a", "1", NULL),
        t_begin_exists(&env, "a", NULL),    t_begin_touch(&env, "a", &alive),
        t_begin_remove(&env, "gone", NULL), t_begin_get(&env, "b", NULL),
    };
    t_wait(many);
    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++) {
        t_release(t_wait(single[i]));
    }
}

static void try_rule(const fake_rule *rule)
{
    fake_rules(f, rule, 1);
    ask_everything();
    fake_behave(f);
    use_until_it_works(&env);
}

static void begin(const char *settings)
{
    f = fake_start();
    use_open(&env, fake_url(f), settings);
    use_until_it_works(&env);
}

static void end(void)
{
    t_close(&env);
    fake_end(f);
}

static void for_every_command(void)
{
    uint64_t before = use_memory();
    begin(patience);
    for (size_t i = 0; i < STREAMS; i++) {
        t_about("%s", streams[i].name);
        try_rule(&(fake_rule){.action = FAKE_SAY, .data = streams[i].bytes});
    }
    end();
    CHECK(T_SLOWNESS > 1 || use_memory() - before < 64u << 20);
}

static void for_the_greeting(void)
{
    for (size_t i = 0; i < STREAMS; i++) {
        t_about("%s", streams[i].name);
        f = fake_start();
        fake_rules(f,
                   &(fake_rule){
                       .command = "PING", .action = FAKE_SAY, .data = streams[i].bytes, .times = 1},
                   1);
        use_open(&env, fake_url(f), patience);
        IS_STATUS(t_get(&env, "a"), MST_MISS);
        use_until_it_works(&env);
        end();
    }
}

static void unasked(void)
{
    begin(patience);
    for (size_t i = 0; i < STREAMS; i++) {
        t_about("%s", streams[i].name);
        try_rule(&(fake_rule){.action = FAKE_ADD, .data = streams[i].bytes, .times = 1});
    }
    end();
}

/* A good reply ends after each of its bytes: by silence, and by the end of the connection. */
static void truncated(void)
{
    static const char *const replies[] = {"$5\r\nhello\r\n", "*3\r\n$1\r\na\r\n$-1\r\n$2\r\nbc\r\n",
                                          ":12\r\n", "-ERR no\r\n"};
    static const fake_action actions[] = {FAKE_SAY, FAKE_CLOSE, FAKE_RESET};
    begin(patience);
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        for (size_t n = 1; n < strlen(replies[i]); n++) {
            const fake_action how = actions[n % 3];
            t_about("%zu bytes of %.4s", n, replies[i]);
            try_rule(&(fake_rule){.command = i == 1 ? "MGET" : NULL,
                                  .action = how,
                                  .data = replies[i],
                                  .len = how == FAKE_SAY ? n : 0,
                                  .bytes = n,
                                  .times = 1});
        }
    }
    end();
}

/* What goes on and on is cut off at max_value_bytes, whatever it pretends to be. */
static void endless(void)
{
    enum { LEN = 16 << 20 };
    static const char *const heads[] = {"+", "-", ":", "$", "*", "$1073741824\r\n", "*65000\r\n"};
    static const char fill[] = "1+$x";
    char *bytes = malloc(LEN);
    REQUIRE(bytes);
    begin(patience);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        t_about("%.3s", heads[i]);
        memset(bytes, fill[i % 4], LEN);
        memcpy(bytes, heads[i], strlen(heads[i]));
        uint64_t before = use_memory();
        fake_rules(f, &(fake_rule){.action = FAKE_SAY, .data = bytes, .len = LEN, .times = 1}, 1);
        t_release(t_get(&env, "a"));
        uint64_t now = use_memory(), fakes = 3u * LEN;
        CHECK(T_SLOWNESS > 1 || now < before + fakes + (8u << 20));
        fake_behave(f);
        use_until_it_works(&env);
    }
    end();
    free(bytes);
}

/* Two sets are answered while most of the second is still to be sent, from the memory that the
 * answer would give back. */
static void too_early(void)
{
    enum { LEN = 10 * 1000 * 1000, FIRST = 1000 * 1000 };
    char *value = calloc(1, LEN);
    REQUIRE(value);
    begin("provider.redis connections = 1\n");
    fake_rules(f,
               &(fake_rule){.command = "SET",
                            .key = "t:first",
                            .action = FAKE_DEAF,
                            .data = "+OK\r\n+OK\r\n",
                            .ms = 200},
               1);
    t_reply *first = t_begin_set_bytes(&env, mst_str("first"), (mst_slice){value, FIRST}, NULL);
    t_reply *second = t_begin_set_bytes(&env, mst_str("second"), (mst_slice){value, LEN}, NULL);
    IS_STATUS(t_wait(first), MST_OK);
    IS_STATUS(t_wait(second), MST_OK); /* over another connection */
    CHECK_INT(fake_peek(f, "t:second", NULL, 0), LEN);
    CHECK(t_log_has(&env, "a reply to a command that was not sent yet"));
    t_release(first);
    t_release(second);
    fake_behave(f);
    use_until_it_works(&env);
    end();
    free(value);
}

static uint64_t seed(void)
{
    const char *given = getenv("REDIS_TEST_SEED");
    uint64_t n = given ? strtoull(given, NULL, 10) : (uint64_t) time(NULL) * 2654435761u + use_ns();
    fprintf(stderr, "  REDIS_TEST_SEED=%llu\n", (unsigned long long) n);
    return n | 1;
}

/* Each reply of the rounds may be changed. The bytes of a value are sealed with a checksum, but a
 * reply that is shifted by one is a good one to another question, so values are not judged here. */
static void mutated(void)
{
    enum { ROUNDS = 1000, LIMIT_MS = 4000 };
    uint64_t state = seed(), before = use_memory(), end_ms = t_ms() + LIMIT_MS;
    uint64_t acted = 0;
    int rounds = 0;
    begin(soft_patience);
    for (; rounds < ROUNDS && t_ms() < end_ms; rounds++) {
        const fake_rule rule = {
            .action = FAKE_MUTATE, .every = 1 + (uint32_t) use_draw(&state, 4), .seed = state};
        t_about("round %d", rounds);
        fake_rules(f, &rule, 1);
        ask_everything();
        acted += fake_acted(f);
        fake_behave(f);
        use_until_it_works(&env);
    }
    fprintf(stderr, "  %d rounds, %llu replies changed, %llu connections\n", rounds,
            (unsigned long long) acted, (unsigned long long) fake_count(f, "ACCEPT"));
    CHECK(acted > 50);
    end();
    CHECK(T_SLOWNESS > 1 || use_memory() < before + (64u << 20));
}

int main(int argc, char **argv)
{
    static const t_test tests[] = {
        T_TEST(for_every_command), T_TEST(for_the_greeting), T_TEST(unasked), T_TEST(truncated),
        T_TEST(endless),           T_TEST(too_early),        T_TEST(mutated),
    };
    return t_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
