/* Sections onto options: where values come from, what wins, and secrets. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/base/counting.h"
#include "unit/config/floor.h"

static counting memory;
static mst_config *config;
static msi_strings strings;
static test_settings settings;
static mst_error error;
static msi_bound rows[20];

static void setup(void)
{
    counting_init(&memory);
    config = mst_config_new(&memory.allocator);
    strings = (msi_strings){&memory.allocator, NULL};
    cr_assert_eq(mst_config_set(config, "provider.redis", "url", "redis://x"), MST_OK);
}

static void finish(void)
{
    msi_strings_free(&strings);
    mst_config_free(config);
    cr_assert_eq(memory.blocks, 0, "%ld blocks were not given back", memory.blocks);
}

TestSuite(bind, .init = setup);

static void bind(const char *section)
{
    memset(&settings, 0, sizeof settings);
    memset(&error, 0, sizeof error);
    msi_config_clear_problems(config);
    cr_assert_eq(test_bind(config, section, &settings, &strings, rows, &error), MST_OK);
}

static void set(const char *section, const char *key, const char *value)
{
    cr_assert_eq(mst_config_set(config, section, key, value), MST_OK);
}

static void parse(const char *name, const char *text)
{
    cr_assert_eq(msi_ini_parse(config, name, text, strlen(text), NULL), MST_OK);
}

static const msi_bound *row(const char *key)
{
    for (const msi_bound *r = rows; r->option; r++) {
        if (strcmp(r->option->name, key) == 0) {
            return r;
        }
    }
    cr_assert_fail("no row %s", key);
    return NULL;
}

static void expect_row(const char *key, const char *value, const char *origin)
{
    cr_expect_str_eq(row(key)->value, value, "%s", key);
    cr_expect_str_eq(row(key)->origin, origin, "%s", key);
}

Test(bind, an_empty_config_is_all_defaults)
{
    bind("cache");
    cr_expect_null(mst_config_problem(config, 0));
    cr_expect_eq(settings.cache.timeout_ms, 5000);
    expect_row("timeout", "5s", "default");
    expect_row("namespace", "", "default");
    cr_expect_str_eq(rows[0].option->name, "namespace", "rows are in the order of the table");
    cr_expect_str_eq(rows[11].option->name, "max_pending");
    finish();
}

Test(bind, each_value_knows_where_it_came_from)
{
    parse("shop.ini", "[cache]\nexpire = 30m\njitter = 10%\n");
    set("cache", "jitter", "20%");
    setenv("MEMSTACHE_CACHE_SLIDING", "10s", 1);
    bind("cache");
    cr_expect_null(mst_config_problem(config, 0), "%s", error.text);
    expect_row("expire", "30m", "shop.ini:2");
    expect_row("jitter", "20%", "program");
    expect_row("sliding", "10s", "environment");
    expect_row("tiers", "memory", "default");
    cr_expect(settings.cache.expire_ms == 1800000 && settings.cache.jitter == 0.2 &&
              settings.cache.sliding_ms == 10000);
    finish();
}

Test(bind, what_was_bound_outlives_the_config)
{
    setenv("MEMSTACHE_CACHE_TIERS", "a, b", 1);
    set("cache", "namespace", "shop");
    bind("cache");
    setenv("MEMSTACHE_CACHE_TIERS", "c", 1);
    mst_config_free(config);
    cr_expect_str_eq(settings.cache.namespace_, "shop");
    cr_expect_str_eq(settings.cache.tiers, "a, b");
    expect_row("namespace", "shop", "program");
    config = NULL;
    finish();
}

Test(bind, several_caches)
{
    parse("shop.ini", "[cache]\nexpire = 1m\n[cache.sessions]\nexpire = 2m\n");
    setenv("MEMSTACHE_CACHE_SESSIONS_TIERS", "redis", 1);
    setenv("MEMSTACHE_CACHE_JITTER", "5%", 1);
    bind("cache");
    cr_expect(settings.cache.expire_ms == 60000 && settings.cache.jitter == 0.05);
    cr_expect_str_eq(settings.cache.tiers, "memory");
    bind("cache.sessions");
    cr_expect(settings.cache.expire_ms == 120000 && settings.cache.jitter == 0);
    cr_expect_str_eq(settings.cache.tiers, "redis");
    bind("cache.other");
    cr_expect_eq(settings.cache.expire_ms, -1, "one that nobody wrote down");
    finish();
}

Test(bind, environment_wins_and_is_named_in_problems)
{
    parse("shop.ini", "[cache]\nexpire = nonsense\n");
    setenv("MEMSTACHE_CACHE_EXPIRE", "5", 1);
    bind("cache");
    cr_expect_str_eq(error.text, "MEMSTACHE_CACHE_EXPIRE: [cache] expire: \"5\" has no unit; write "
                                 "5s, 5ms or 5m");
    cr_expect_null(mst_config_problem(config, 1), "what it overrides is not looked at");
    setenv("MEMSTACHE_CACHE_EXPIRE", "", 1);
    bind("cache");
    cr_expect_str_eq(error.text, "MEMSTACHE_CACHE_EXPIRE: [cache] expire: has no value");
    mst_config_use_environment(config, 0);
    bind("cache");
    cr_expect_str_eq(error.text, "shop.ini:2: [cache] expire: \"nonsense\" is not a duration; "
                                 "write 5s, 250ms, 30m");
    mst_config_use_environment(config, 1);
    setenv("MEMSTACHE_CACHE_EXPIRE", "7m", 1);
    bind("cache");
    cr_expect_eq(settings.cache.expire_ms, 420000);
    finish();
}

Test(bind, environment_can_give_what_is_required)
{
    set("provider.redis", "url", NULL);
    bind("provider.redis");
    cr_expect_str_eq(error.text,
                     "[provider.redis] required key \"url\" is missing: Address of the server.");
    setenv("MEMSTACHE_PROVIDER_REDIS_URL", "redis://y", 1);
    bind("provider.redis");
    cr_expect_null(mst_config_problem(config, 0), "%s", error.text);
    cr_expect_str_eq(settings.redis.url, "redis://y");
    finish();
}

Test(bind, values_of_the_program_are_checked_alike)
{
    set("provider.memory", "max_bytes", "64");
    set("provider.memory", "max_bites", "64MiB");
    bind("provider.memory");
    cr_expect_str_eq(mst_config_problem(config, 0),
                     "program: [provider.memory] max_bytes: \"64\" has no unit; write 64MiB, 64MB "
                     "or 64B");
    cr_expect_str_eq(mst_config_problem(config, 1),
                     "program: [provider.memory] unknown key \"max_bites\"; did you mean "
                     "\"max_bytes\"? known: plugin, eviction, hold, expire, timeout, "
                     "breaker_failures, breaker_pause, max_bytes, shards");
    finish();
}

Test(bind, several_tables_fill_their_own_structs)
{
    set("provider.memory", "shards", "8");
    set("provider.memory", "hold", "values");
    bind("provider.memory");
    cr_expect_null(mst_config_problem(config, 0), "%s", error.text);
    cr_expect(settings.memory.shards == 8 && settings.memory.max_bytes == 64u << 20);
    cr_expect(settings.tier.hold == MSI_HOLD_VALUES && settings.tier.timeout_ms == 1000);
    cr_expect_str_eq(rows[4].option->name, "timeout");
    cr_expect_str_eq(rows[7].option->name, "max_bytes", "the second table follows the first");
    finish();
}

Test(bind, a_table_without_options)
{
    const msi_option_set none = {NULL, 0, sizeof(mst_option), NULL};
    set("codec.x", "level", "4");
    cr_assert_eq(msi_config_bind(config, &error, "codec.x", &none, 1, &strings, NULL), MST_OK);
    cr_expect_str_eq(error.text,
                     "program: [codec.x] unknown key \"level\"; this section has no keys");
    finish();
}

Test(bind, deprecated_keys_work_but_are_not_recommended)
{
    set("provider.redis", "old_timeout", "3s");
    set("provider.redis", "old_timeou", "3s");
    bind("provider.redis");
    cr_expect_eq(settings.redis.old_timeout, 3000);
    cr_expect_null(strstr(error.text, "old_timeout"), "%s", error.text);
    cr_expect_null(mst_config_problem(config, 1));
    finish();
}

/* ---- secrets */

static char secret_path[] = "/tmp/memstache-secret-XXXXXX";

static void write_secret(const char *bytes, size_t len)
{
    static bool made;
    if (!made) {
        int fd = mkstemp(secret_path);
        cr_assert_geq(fd, 0);
        close(fd);
        made = true;
    }
    FILE *file = fopen(secret_path, "wb");
    cr_assert(file && fwrite(bytes, 1, len, file) == len && fclose(file) == 0);
}

/* No problem, no row and no error may hold it. */
static void expect_hidden(const char *secret)
{
    cr_expect_null(strstr(error.text, secret), "%s", error.text);
    for (size_t i = 0; mst_config_problem(config, i); i++) {
        cr_expect_null(strstr(mst_config_problem(config, i), secret));
    }
    for (const msi_bound *r = rows; r->option; r++) {
        cr_expect_null(strstr(r->value, secret), "%s", r->option->name);
    }
}

Test(bind, a_secret_is_never_shown)
{
    bind("provider.redis");
    expect_row("password", "", "default");
    cr_expect_str_eq(settings.redis.password, "");
    parse("shop.ini", "[provider.redis]\npassword = hunter2\n");
    bind("provider.redis");
    cr_expect_str_eq(settings.redis.password, "hunter2");
    expect_row("password", "***", "shop.ini:2");
    expect_hidden("hunter2");
    setenv("MEMSTACHE_PROVIDER_REDIS_PASSWORD", "hunter3", 1);
    bind("provider.redis");
    cr_expect_str_eq(settings.redis.password, "hunter3");
    expect_row("password", "***", "environment");
    expect_hidden("hunter3");
    finish();
}

Test(bind, a_secret_in_a_file)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *secret;
    } cases[] = {
        {"hunter2", 7, "hunter2"},
        {"hunter2\n", 8, "hunter2"},
        {"hunter2\r\n", 9, "hunter2"},
        {" hunter2 \n", 10, " hunter2 "},
        {"hunter2\n\n", 9, "hunter2\n"},
        {"two\nlines\n", 10, "two\nlines"},
        {"a;b = \"c\" ;d\n", 13, "a;b = \"c\" ;d"},
    };
    set("provider.redis", "password_file", "placeholder");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_secret(cases[i].bytes, cases[i].len);
        set("provider.redis", "password_file", secret_path);
        cr_assert_eq(chmod(secret_path, i % 2 ? 0600 : 0644), 0);
        bind("provider.redis");
        cr_expect_null(mst_config_problem(config, 0), "%s", error.text);
        cr_expect_str_eq(settings.redis.password, cases[i].secret);
        expect_row("password", "***", "program");
    }
    setenv("MEMSTACHE_PROVIDER_REDIS_PASSWORD_FILE", secret_path, 1);
    set("provider.redis", "password_file", "no/such/file");
    bind("provider.redis");
    cr_expect_null(mst_config_problem(config, 0), "%s", error.text);
    expect_row("password", "***", "environment");
    unlink(secret_path);
    finish();
}

static void expect_secret_problem(const char *bytes, size_t len, const char *reason)
{
    char expected[200];
    write_secret(bytes, len);
    set("provider.redis", "password_file", secret_path);
    bind("provider.redis");
    snprintf(expected, sizeof expected,
             "program: [provider.redis] password_file: cannot use the secret in \"%s\": %s",
             secret_path, reason);
    cr_expect_str_eq(error.text, expected);
    cr_expect_null(mst_config_problem(config, 1), "one problem, not two");
    cr_expect_null(settings.redis.password);
    expect_row("password", "", "program");
}

Test(bind, a_secret_file_that_is_no_good)
{
    static char large[64 * 1024 + 1];
    memset(large, 's', sizeof large);
    expect_secret_problem("", 0, "it is empty");
    expect_secret_problem("\n", 1, "it is empty");
    expect_secret_problem("a\0b", 3, "it has a NUL byte in it");
    expect_secret_problem(large, sizeof large, "it is larger than 64KiB");
    write_secret(large, sizeof large - 1);
    bind("provider.redis");
    cr_expect_null(mst_config_problem(config, 0), "%s", error.text);
    cr_expect_eq(strlen(settings.redis.password), 64 * 1024);
    unlink(secret_path);
    bind("provider.redis");
    cr_expect_not_null(strstr(error.text, "\": no such file or directory"), "%s", error.text);
    set("provider.redis", "password_file", "/");
    bind("provider.redis");
    cr_expect_str_eq(error.text, "program: [provider.redis] password_file: cannot use the secret "
                                 "in \"/\": illegal operation on a directory");
    finish();
}

Test(bind, a_secret_given_twice)
{
    parse("shop.ini", "[provider.redis]\npassword = hunter2\npassword_file = nowhere\n");
    bind("provider.redis");
    cr_expect_str_eq(error.text, "shop.ini:3: [provider.redis] password_file: password is given as "
                                 "well (shop.ini:2); keep one of them");
    cr_expect_null(mst_config_problem(config, 1));
    expect_hidden("hunter2");
    setenv("MEMSTACHE_PROVIDER_REDIS_PASSWORD", "hunter3", 1);
    bind("provider.redis");
    cr_expect_null(mst_config_problem(config, 0), "the environment overrides both");
    setenv("MEMSTACHE_PROVIDER_REDIS_PASSWORD_FILE", "nowhere", 1);
    bind("provider.redis");
    cr_expect_str_eq(error.text,
                     "MEMSTACHE_PROVIDER_REDIS_PASSWORD_FILE: [provider.redis] password_file: "
                     "password is given as well (MEMSTACHE_PROVIDER_REDIS_PASSWORD); keep one of "
                     "them");
    cr_expect_null(mst_config_problem(config, 1), "what it overrides is not looked at");
    cr_expect_null(settings.redis.password);
    expect_hidden("hunter3");
    finish();
}

/* One that is there and cannot be used is not missing as well. */
Test(bind, a_required_secret)
{
    const mst_option key = {.name = "key",
                            .type = MST_OPT_STR,
                            .flags = MST_OPTF_SECRET | MST_OPTF_REQUIRED,
                            .help = "The key."};
    const msi_option_set keys = {&key, 1, sizeof key, NULL};
    cr_assert_eq(msi_config_bind(config, &error, "provider.x", &keys, 1, &strings, NULL), MST_OK);
    cr_expect_str_eq(error.text, "[provider.x] required key \"key\" is missing: The key.");
    msi_config_clear_problems(config);
    set("provider.x", "key_file", "no/such/file");
    cr_assert_eq(msi_config_bind(config, &error, "provider.x", &keys, 1, &strings, NULL), MST_OK);
    cr_expect_eq(msi_config_problem_count(config), 1);
    finish();
}

/* Even a table that lint would refuse must not make a secret readable. */
Test(bind, a_secret_that_is_no_text)
{
    const mst_option pin = {
        .name = "pin", .type = MST_OPT_INT, .flags = MST_OPTF_SECRET, .help = "A number."};
    const msi_option_set pins = {&pin, 1, sizeof pin, NULL};
    set("provider.x", "pin", "hunter2");
    cr_assert_eq(msi_config_bind(config, &error, "provider.x", &pins, 1, &strings, NULL), MST_OK);
    cr_expect_str_eq(error.text, "program: [provider.x] pin: cannot be used");
    finish();
}
