/* basic_test - every operation over one real server, seen from both sides: through the cache, and
 * with the eyes of another program. */
#include <stdlib.h>

#include "use.h"

static server at;
static t_env env;

static void set_get_remove(void)
{
    use_open_server(&env, &at, NULL);
    CHECK_INT(use_get(&env, "a"), MST_MISS);
    IS_STATUS(t_set(&env, "a", "1"), MST_OK);
    IS_VALUE(t_get(&env, "a"), "1");
    CHECK(server_says(&at, "1", "GET t:a"));
    IS_STATUS(t_exists(&env, "a"), MST_OK);
    IS_STATUS(t_exists(&env, "b"), MST_MISS);
    IS_STATUS(t_remove(&env, "a"), MST_OK);
    IS_STATUS(t_remove(&env, "a"), MST_MISS);
    CHECK_INT(server_integer(&at, "EXISTS t:a"), 0);
    t_close(&env);
}

/* All 256 bytes, in keys and values, and nothing at all in a value. */
static void binary_and_empty(void)
{
    char all[512];
    for (int i = 0; i < 512; i++) {
        all[i] = (char) i;
    }
    mst_slice key = {all, 256}, value = {all, sizeof all};
    use_open_server(&env, &at, NULL);
    CHECK_INT(use_set_bytes(&env, key, value, NULL), MST_OK);
    CHECK(use_bytes_are(&env, key, value));
    CHECK_INT(server_integer(&at, "STRLEN t:%b", all, (size_t) 256), 512);
    CHECK_INT(use_set_bytes(&env, key, (mst_slice){NULL, 0}, NULL), MST_OK);
    CHECK(use_bytes_are(&env, key, (mst_slice){NULL, 0}));
    CHECK_INT(server_integer(&at, "EXISTS t:%b", all, (size_t) 256), 1);
    CHECK_INT(use_set_bytes(&env, mst_str("\r\n$-1\r\n"), mst_str("+OK\r\n"), NULL), MST_OK);
    CHECK(use_bytes_are(&env, mst_str("\r\n$-1\r\n"), mst_str("+OK\r\n")));
    t_close(&env);
}

static void large_values(void)
{
    static const size_t sizes[] = {16383, 16384, 65536, 1000000, 20000000};
    char *bytes = malloc(20000000);
    REQUIRE(bytes);
    uint64_t state = 7;
    for (size_t i = 0; i < 20000000; i++) {
        bytes[i] = (char) use_draw(&state, 256);
    }
    use_open_server(&env, &at, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        t_about("%zu bytes", sizes[i]);
        CHECK_INT(use_set_bytes(&env, mst_str("large"), (mst_slice){bytes, sizes[i]}, NULL),
                  MST_OK);
        CHECK(use_bytes_are(&env, mst_str("large"), (mst_slice){bytes, sizes[i]}));
        CHECK_INT(server_integer(&at, "STRLEN t:large"), sizes[i]);
    }
    IS_STATUS(t_remove(&env, "large"), MST_OK);
    t_close(&env);
    free(bytes);
}

static void expiry(void)
{
    mst_options o = {.entry = {.expire_ms = 70001}};
    use_open_server(&env, &at, NULL);
    CHECK_INT(use_set_bytes(&env, mst_str("a"), mst_str("1"), &o), MST_OK);
    long long left = server_integer(&at, "PTTL t:a");
    CHECK(left > 60000 && left <= 70001);
    t_reply *r = t_exists(&env, "a");
    CHECK(r->result.ttl_ms > 60000 && r->result.ttl_ms <= 70001);
    o.entry.expire_ms = 170000;
    IS_STATUS(t_wait(t_begin_touch(&env, "a", &o)), MST_OK);
    left = server_integer(&at, "PTTL t:a");
    CHECK(left > 160000 && left <= 170000);
    o.entry.expire_ms = MST_NEVER;
    IS_STATUS(t_wait(t_begin_touch(&env, "a", &o)), MST_OK);
    CHECK_INT(server_integer(&at, "PTTL t:a"), -1);
    IS_STATUS(t_wait(t_begin_touch(&env, "none", &o)), MST_MISS);
    IS_STATUS(t_set(&env, "a", "2"), MST_OK);
    CHECK_INT(server_integer(&at, "PTTL t:a"), -1);
    o.entry.expire_ms = 30;
    CHECK_INT(use_set_bytes(&env, mst_str("short"), mst_str("1"), &o), MST_OK);
    T_UNTIL(use_get(&env, "short") == MST_MISS);
    t_close(&env);
}

static void conditions(void)
{
    const mst_options absent = {.flags = MST_F_IF_ABSENT}, present = {.flags = MST_F_IF_PRESENT};
    use_open_server(&env, &at, NULL);
    server_integer(&at, "DEL t:c");
    CHECK_INT(use_set_bytes(&env, mst_str("c"), mst_str("1"), &present), MST_UNCHANGED);
    CHECK_INT(server_integer(&at, "EXISTS t:c"), 0);
    CHECK_INT(use_set_bytes(&env, mst_str("c"), mst_str("2"), &absent), MST_OK);
    CHECK_INT(use_set_bytes(&env, mst_str("c"), mst_str("3"), &absent), MST_UNCHANGED);
    CHECK(server_says(&at, "2", "GET t:c"));
    CHECK_INT(use_set_bytes(&env, mst_str("c"), mst_str("4"), &present), MST_OK);
    CHECK(server_says(&at, "4", "GET t:c"));
    t_close(&env);
}

/* Namespaces are readable, and none can be mistaken for a part of another. */
static void names(void)
{
    t_env other;
    use_open_server(&env, &at, "cache namespace = shop:eu\n");
    use_open_server(&other, &at, "cache namespace = shop\n");
    IS_STATUS(t_set(&env, "basket:7", "outer"), MST_OK);
    IS_STATUS(t_set(&other, "eu:basket:7", "inner"), MST_OK);
    CHECK(server_says(&at, "outer", "GET shop%%3Aeu:basket:7"));
    CHECK(server_says(&at, "inner", "GET shop:eu:basket:7"));
    CHECK(use_get_is(&env, "basket:7", "outer"));
    CHECK(use_get_is(&other, "eu:basket:7", "inner"));
    t_close(&env);
    t_close(&other);
}

/* What another program wrote is read, and what we write it can read. */
static void other_programs(void)
{
    use_open_server(&env, &at, NULL);
    CHECK(server_says(&at, "OK", "SET t:foreign hello PX 50000"));
    IS_VALUE(t_get(&env, "foreign"), "hello");
    CHECK_INT(server_integer(&at, "RPUSH t:list one"), 1);
    CHECK_INT(use_get(&env, "list"), MST_MISS);
    CHECK_INT(server_integer(&at, "APPEND t:foreign %s", " again"), 11);
    IS_VALUE(t_get(&env, "foreign"), "hello again");
    t_close(&env);
    use_open_server(&env, &at, "cache envelope = on\n");
    IS_STATUS(t_set(&env, "sealed", "value"), MST_OK);
    IS_VALUE(t_get(&env, "sealed"), "value");
    CHECK(!server_says(&at, "value", "GET t:sealed"));
    CHECK_INT(use_get(&env, "foreign"), MST_MISS);
    t_close(&env);
}

/* A pattern as a namespace would match the keys of others. */
static void clear(void)
{
    t_env other;
    char key[16];
    use_open_server(&env, &at, "cache namespace = n[a]*\n");
    use_open_server(&other, &at, "cache namespace = na-other\n");
    CHECK(server_says(&at, "OK", "SET foreign kept"));
    for (int i = 0; i < 2500; i++) {
        snprintf(key, sizeof key, "k%d", i);
        t_begin_set(&env, key, "x", NULL);
    }
    IS_STATUS(t_set(&env, "last", "x"), MST_OK);
    IS_STATUS(t_set(&other, "a", "kept"), MST_OK);
    IS_STATUS(t_clear(&env), MST_OK);
    IS_STATUS(t_set(&env, "after", "new"), MST_OK);
    CHECK_INT(use_get(&env, "k7"), MST_MISS);
    CHECK_INT(use_get(&env, "k2499"), MST_MISS);
    CHECK(use_get_is(&env, "after", "new"));
    CHECK(use_get_is(&other, "a", "kept"));
    CHECK(server_says(&at, "kept", "GET foreign"));
    CHECK_INT(server_calls(&at, "flushdb") + server_calls(&at, "flushall"), 0);
    CHECK_INT(server_calls(&at, "keys"), 0);
    t_close(&env);
    t_close(&other);
}

/* Behind a near tier: the far copy serves a second runtime, and fills its near tier. */
static void behind_memory(void)
{
    t_env second;
    static const char tiers[] = "cache tiers = memory, redis\n";
    use_open_server(&env, &at, tiers);
    use_open_server(&second, &at, tiers);
    IS_STATUS(t_set(&env, "shared", "1"), MST_OK);
    t_reply *r = t_get(&second, "shared");
    IS_VALUE(r, "1");
    IS_TIER(r, 1);
    CHECK(t_near_is(&second, "shared", "1"));
    IS_STATUS(t_remove(&env, "shared"), MST_OK);
    CHECK(t_near_is(&env, "shared", NULL));
    t_close(&env);
    t_close(&second);
}

int main(int argc, char **argv)
{
    static const t_test tests[] = {
        T_TEST(set_get_remove), T_TEST(binary_and_empty),
        T_TEST(large_values),   T_TEST(expiry),
        T_TEST(conditions),     T_TEST(names),
        T_TEST(other_programs), T_TEST(clear),
        T_TEST(behind_memory),
    };
    server_require();
    server_start(&at, NULL);
    int failed = t_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
    server_end(&at);
    return failed;
}
