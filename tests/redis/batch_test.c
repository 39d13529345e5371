/* batch_test - what is asked together leaves together: gets as few MGETs, in the order that each
 * key's operations had. The server's own statistics say what it was asked. */
#include <stdlib.h>

#include "fake.h"
#include "use.h"

enum { MANY = 1000, WIDEST = 64 };

static server at;
static t_env env;
static char names[MANY][16];
static mst_slice keys[MANY];
static mst_input values[MANY];

static void name_keys(void)
{
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "k%d", i);
        keys[i] = mst_str(names[i]);
        values[i] = (mst_input){.data = names[i], .len = strlen(names[i])};
    }
}

static void check_all(const t_reply *r, int n)
{
    for (int i = 0; i < n; i++) {
        t_about("key %d", i);
        CHECK_INT(r->many[i].status, MST_OK);
        CHECK_BYTES(r->many[i].data, r->many[i].len, names[i]);
    }
    t_about("%s", "");
}

static void fill(void)
{
    t_reply *r = t_wait(t_begin_set_many(&env, keys, values, MANY));
    for (int i = 0; i < MANY; i++) {
        CHECK_INT(r->many[i].status, MST_OK);
    }
    REQUIRE(server_says(&at, "OK", "CONFIG RESETSTAT"));
}

/* Asked one by one, within one turn of the loop. */
static void gets_meet(void)
{
    static t_reply *replies[MANY];
    use_open_mode(&env, T_LENT, use_url(&at), NULL);
    fill();
    for (int i = 0; i < MANY; i++) {
        replies[i] = t_begin_get(&env, names[i], NULL);
    }
    for (int i = 0; i < MANY; i++) {
        IS_VALUE(t_wait(replies[i]), names[i]);
    }
    long long mgets = server_calls(&at, "mget"), gets = server_calls(&at, "get");
    fprintf(stderr, "  %d single gets left as %lld GETs and %lld MGETs\n", MANY, gets, mgets);
    CHECK(mgets + gets <= MANY / WIDEST + 4);
    t_close(&env);
}

static void a_batch_is_few_commands(void)
{
    use_open_server(&env, &at, NULL);
    fill();
    check_all(t_wait(t_begin_get_many(&env, keys, MANY, NULL)), MANY);
    long long mgets = server_calls(&at, "mget"), gets = server_calls(&at, "get");
    CHECK(mgets >= MANY / WIDEST / 8 && mgets <= MANY / WIDEST + 4);
    CHECK(gets <= 2);
    t_reply *r = t_wait(t_begin_remove_many(&env, keys, MANY));
    for (int i = 0; i < MANY; i++) {
        CHECK_INT(r->many[i].status, MST_OK);
    }
    CHECK_INT(server_integer(&at, "DBSIZE"), 0);
    t_close(&env);
}

/* Some keys are there, some are not, some are of another type, some are asked twice. */
static void mixed_answers(void)
{
    mst_slice asked[6] = {mst_str("k0"), mst_str("none"), mst_str("list"),
                          mst_str("k1"), mst_str("k0"),   mst_str("empty")};
    use_open_server(&env, &at, NULL);
    fill();
    CHECK_INT(server_integer(&at, "RPUSH t:list x"), 1);
    CHECK(server_says(&at, "OK", "SET t:empty %b", "", (size_t) 0));
    t_reply *r = t_wait(t_begin_get_many(&env, asked, 6, NULL));
    static const mst_status status[6] = {MST_OK, MST_MISS, MST_MISS, MST_OK, MST_OK, MST_OK};
    static const char *const value[6] = {"k0", "", "", "k1", "k0", ""};
    for (int i = 0; i < 6; i++) {
        t_about("key %d", i);
        CHECK_INT(r->many[i].status, status[i]);
        CHECK_BYTES(r->many[i].data, r->many[i].len, value[i]);
    }
    t_about("%s", "");
    CHECK_INT(server_integer(&at, "DEL t:list t:empty"), 2);
    t_close(&env);
}

/* Nobody waits for company: with nothing else under way, a get is at the server at once. */
static void alone_at_once(void)
{
    enum { TIMES = 50 };
    uint64_t took[TIMES], best = UINT64_MAX;
    use_open_server(&env, &at, NULL);
    fill();
    for (int i = 0; i < TIMES; i++) {
        uint64_t begin = use_ns();
        CHECK(use_get_is(&env, names[i], names[i]));
        took[i] = use_ns() - begin;
        best = took[i] < best ? took[i] : best;
    }
    CHECK_INT(server_calls(&at, "get"), TIMES);
    CHECK_INT(server_calls(&at, "mget"), 0);
    fprintf(stderr, "  the fastest of %d took %llu us\n", TIMES, (unsigned long long) best / 1000);
    CHECK(best < 2000000u * T_SLOWNESS);
    t_close(&env);
}

/* A get sees the set that was issued before it and not the one after; so do removals. */
static void order_of_a_key(void)
{
    enum { ROUNDS = 300 };
    char value[ROUNDS][16];
    t_reply *gets[ROUNDS], *gone[ROUNDS];
    use_open_server(&env, &at, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(value[i], sizeof value[i], "v%d", i);
        t_begin_set(&env, "same", value[i], NULL);
        gets[i] = t_begin_get(&env, "same", NULL);
        t_begin_set(&env, "other", value[i], NULL);
        t_begin_remove(&env, "other", NULL);
        gone[i] = t_begin_get(&env, "other", NULL);
    }
    for (int i = 0; i < ROUNDS; i++) {
        t_about("round %d", i);
        IS_VALUE(t_wait(gets[i]), value[i]);
        IS_MISS(t_wait(gone[i]));
    }
    t_about("%s", "");
    t_close(&env);
}

/* The same over several loops and with a slow server, in which much can gather. */
static void order_with_a_slow_server(void)
{
    enum { KEYS = 20, ROUNDS = 10 };
    static const fake_rule slow = {.action = FAKE_DELAY, .ms = 5, .every = 3};
    t_reply *gets[ROUNDS][KEYS];
    char value[16];
    fake *f = fake_start();
    fake_rules(f, &slow, 1);
    use_open_mode(&env, T_THREE, fake_url(f), NULL);
    for (int i = 0; i < ROUNDS; i++) {
        for (int k = 0; k < KEYS; k++) {
            snprintf(value, sizeof value, "%d of %d", i, k);
            t_begin_set(&env, names[k], value, NULL);
            gets[i][k] = t_begin_get(&env, names[k], NULL);
        }
    }
    for (int i = 0; i < ROUNDS; i++) {
        for (int k = 0; k < KEYS; k++) {
            snprintf(value, sizeof value, "%d of %d", i, k);
            IS_VALUE(t_wait(gets[i][k]), value);
        }
    }
    t_close(&env);
    fake_end(f);
}

/* Not even a batch of thousands makes one huge command. */
static void commands_are_bounded(void)
{
    fake *f = fake_start();
    use_open(&env, fake_url(f), NULL);
    t_wait(t_begin_set_many(&env, keys, values, MANY));
    check_all(t_wait(t_begin_get_many(&env, keys, MANY, NULL)), MANY);
    CHECK_INT(fake_keys(f), MANY);
    CHECK(fake_widest(f) > 8 && fake_widest(f) <= 1024);
    t_close(&env);
    fake_end(f);
}

int main(int argc, char **argv)
{
    static const t_test tests[] = {
        T_TEST(gets_meet),
        T_TEST(a_batch_is_few_commands),
        T_TEST(mixed_answers),
        T_TEST(alone_at_once),
        T_TEST(order_of_a_key),
        T_TEST(order_with_a_slow_server),
        T_TEST(commands_are_bounded),
    };
    server_require();
    name_keys();
    server_start(&at, NULL);
    int failed = t_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
    server_end(&at);
    return failed;
}
