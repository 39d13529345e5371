/* Sections and keys, set by the program and read from files; problems and their order. */
#include <criterion/criterion.h>
#include <string.h>

#include "config/config.h"
#include "unit/base/counting.h"

static counting memory;
static mst_config *config;

static void setup(void)
{
    counting_init(&memory);
    config = mst_config_new(&memory.allocator);
    cr_assert_not_null(config);
}

TestSuite(config, .init = setup);

/* At the end of a test: everything goes back to the allocator. */
static void finish(void)
{
    mst_config_free(config);
    cr_assert_eq(memory.blocks, 0, "%ld blocks were not given back", memory.blocks);
}

static const char *value_of(const char *section, const char *key)
{
    const msi_section *s = msi_config_section(config, section);
    const msi_key *k = s ? msi_section_key(s, key) : NULL;
    return k ? k->value : NULL;
}

static const char *origin_of(const char *section, const char *key)
{
    return msi_section_key(msi_config_section(config, section), key)->origin;
}

Test(config, sets_replaces_and_takes_back)
{
    cr_assert_eq(mst_config_set(config, "cache", "expire", "5m"), MST_OK);
    cr_assert_eq(mst_config_set(config, "cache", "expire", "6m"), MST_OK);
    cr_assert_eq(mst_config_set(config, "cache", "tiers", ""), MST_OK);
    cr_assert_str_eq(value_of("cache", "expire"), "6m");
    cr_assert_str_eq(value_of("cache", "tiers"), "");
    cr_assert_str_eq(origin_of("cache", "expire"), "program");
    cr_assert_eq(mst_config_set(config, "cache", "expire", NULL), MST_OK);
    cr_assert_null(value_of("cache", "expire"));
    cr_assert_eq(mst_config_set(config, "cache", "tiers", NULL), MST_OK);
    cr_assert_null(msi_config_section(config, "cache"), "a section goes with its last key");
    cr_assert_eq(mst_config_set(config, "cache", "tiers", NULL), MST_OK, "nothing to take back");
    finish();
}

Test(config, a_section_of_a_file_stays_when_its_keys_go)
{
    static const char text[] = "[cache]\nexpire = 5m\n";
    cr_assert_eq(msi_ini_parse(config, "shop.ini", text, sizeof text - 1, NULL), MST_OK);
    cr_assert_eq(mst_config_set(config, "cache", "expire", NULL), MST_OK);
    cr_assert_not_null(msi_config_section(config, "cache"));
    cr_assert_null(value_of("cache", "expire"));
    finish();
}

Test(config, names)
{
    static const char *const sections[] = {"cache",           "cache.sessions",
                                           "provider.memory", "a",
                                           "a1_.b2_",         "a234567890123456789012345678901"};
    static const char *const no_sections[] = {"",
                                              ".",
                                              "a.",
                                              ".a",
                                              "a.b.c",
                                              "Cache",
                                              "a-b",
                                              "a b",
                                              "1a",
                                              "_a",
                                              "a.1",
                                              "a/b",
                                              "a234567890123456789012345678901x",
                                              "\xc3\xa4"};
    static const char *const keys[] = {"a", "max_bytes", "a1",
                                       "a234567890123456789012345678901234567890"};
    static const char *const no_keys[] = {"",
                                          "a.b",
                                          "A",
                                          "a-b",
                                          "1",
                                          "_",
                                          "a ",
                                          " a",
                                          "a=b",
                                          "a\n",
                                          "a234567890123456789012345678901234567890x"};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        cr_expect_eq(mst_config_set(config, sections[i], "k", "v"), MST_OK, "%s", sections[i]);
    }
    for (size_t i = 0; i < sizeof no_sections / sizeof *no_sections; i++) {
        cr_expect_eq(mst_config_set(config, no_sections[i], "k", "v"), MST_EINVAL, "%s",
                     no_sections[i]);
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        cr_expect_eq(mst_config_set(config, "cache", keys[i], "v"), MST_OK, "%s", keys[i]);
    }
    for (size_t i = 0; i < sizeof no_keys / sizeof *no_keys; i++) {
        cr_expect_eq(mst_config_set(config, "cache", no_keys[i], "v"), MST_EINVAL, "%s",
                     no_keys[i]);
        cr_expect_eq(mst_config_set(config, "cache", no_keys[i], NULL), MST_EINVAL);
    }
    cr_expect_eq(mst_config_set(config, NULL, "k", "v"), MST_EINVAL);
    cr_expect_eq(mst_config_set(config, "cache", NULL, "v"), MST_EINVAL);
    finish();
}

/* Of two files, the later one wins, key by key; and the program over both, when it is later. */
Test(config, later_files_replace_earlier_ones)
{
    static const char first[] = "[cache]\nexpire = 1m\njitter = 1%\ntiers = memory\n";
    static const char second[] = "\n[cache]\njitter = 2%\n[cache.b]\nexpire = 9m\n";
    cr_assert_eq(msi_ini_parse(config, "first.ini", first, sizeof first - 1, NULL), MST_OK);
    cr_assert_eq(mst_config_set(config, "cache", "tiers", "redis"), MST_OK);
    cr_assert_eq(msi_ini_parse(config, "second.ini", second, sizeof second - 1, NULL), MST_OK);
    cr_assert_eq(msi_config_problem_count(config), 0, "%s", mst_config_problem(config, 0));
    cr_expect_str_eq(value_of("cache", "expire"), "1m");
    cr_expect_str_eq(origin_of("cache", "expire"), "first.ini:2");
    cr_expect_str_eq(value_of("cache", "jitter"), "2%");
    cr_expect_str_eq(origin_of("cache", "jitter"), "second.ini:3");
    cr_expect_str_eq(origin_of("cache", "tiers"), "program");
    cr_expect_str_eq(msi_config_section(config, "cache")->origin, "first.ini:1");
    cr_expect_str_eq(msi_config_section(config, "cache.b")->origin, "second.ini:4");
    finish();
}

Test(config, the_same_file_again_repeats_nothing)
{
    static const char text[] = "[cache]\nexpire = 1m\n";
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(msi_ini_parse(config, "a.ini", text, sizeof text - 1, NULL), MST_OK);
        cr_assert_eq(msi_config_problem_count(config), 0);
    }
    finish();
}

/* The assembly that a check left behind points into what is about to change. */
static int freed;

static void count_free(struct msi_assembly *assembly)
{
    freed += assembly != NULL;
}

Test(config, a_change_forgets_what_was_resolved)
{
    static const struct mst_module *const module = (const struct mst_module *) &freed;
    for (int i = 0; i < 4; i++) {
        config->assembly = (struct msi_assembly *) (void *) &memory;
        config->free_assembly = count_free;
        switch (i) {
        case 0:
            mst_config_set(config, "cache", "expire", "5m");
            break;
        case 1:
            mst_config_use_environment(config, 0);
            break;
        case 2:
            mst_config_add_module(config, module);
            break;
        default:
            mst_config_read(config, "no_such_file.ini", NULL);
        }
        cr_expect_eq(freed, i + 1, "%d", i);
        cr_expect_null(config->assembly);
    }
    config->assembly = (struct msi_assembly *) (void *) &memory;
    finish();
    cr_expect_eq(freed, 5);
}

Test(config, modules)
{
    static const int a = 0, b = 0;
    const struct mst_module *first = (const struct mst_module *) &a;
    const struct mst_module *second = (const struct mst_module *) &b;
    cr_assert_eq(mst_config_add_module(config, NULL), MST_EINVAL);
    cr_assert_eq(mst_config_add_module(config, first), MST_OK);
    cr_assert_eq(mst_config_add_module(config, second), MST_OK);
    cr_assert_eq(config->module_count, 2);
    cr_assert(config->modules[0] == first && config->modules[1] == second);
    finish();
}

Test(config, problems_come_in_the_order_of_each_file)
{
    mst_error error = {0};
    msi_config_problem(config, &error, "a.ini:9", "cache", "nine");
    cr_expect_str_eq(error.text, "a.ini:9: [cache] nine");
    msi_config_problem(config, &error, "b.ini:1", NULL, "other");
    msi_config_problem(config, &error, "a.ini:10", "cache", "ten");
    msi_config_problem(config, &error, NULL, "cache", "nowhere");
    msi_config_problem(config, &error, "MEMSTACHE_CACHE_EXPIRE", "cache", "set");
    msi_config_problem(config, &error, "a.ini:2", NULL, "two");
    msi_config_problem(config, &error, "a.ini:9", "cache", "nine again");
    static const char *const expected[] = {
        "a.ini:2: two",
        "a.ini:9: [cache] nine",
        "b.ini:1: other",
        "a.ini:9: [cache] nine again",
        "a.ini:10: [cache] ten",
        "[cache] nowhere",
        "MEMSTACHE_CACHE_EXPIRE: [cache] set",
    };
    for (size_t i = 0; i < 7; i++) {
        cr_expect_str_eq(mst_config_problem(config, i), expected[i]);
    }
    cr_expect_null(mst_config_problem(config, 7));
    cr_expect_null(mst_config_problem(config, SIZE_MAX));
    cr_expect_str_eq(error.text, "a.ini:2: two", "the error is always the first of them");
    msi_config_clear_problems(config);
    cr_expect_null(mst_config_problem(config, 0));
    msi_config_problem(config, NULL, "a.ini:9", NULL, "nobody asks for an error");
    cr_expect_eq(msi_config_problem_count(config), 1);
    finish();
}

Test(config, problems_are_one_line_of_bounded_length)
{
    char long_text[3000];
    mst_error error = {0};
    memset(long_text, 'a', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    memcpy(long_text, "\x1b[2J\r\n", 6);
    msi_config_problem(config, &error, NULL, NULL, "%s", long_text);
    cr_expect_eq(strlen(error.text), sizeof error.text - 1);
    cr_expect_eq(strncmp(error.text, "?[2J??aaa", 9), 0);
    cr_expect_str_eq(mst_config_problem(config, 0), error.text);
    finish();
}

/* A problem that could not be written down still counts. */
Test(config, no_memory_for_a_problem)
{
    mst_error error = {0};
    memory.fail_at = memory.calls + 1;
    msi_config_problem(config, &error, "a.ini:1", NULL, "lost");
    cr_expect_eq(msi_config_problem_count(config), 1);
    cr_expect_str_eq(error.text, "a.ini:1: lost");
    cr_expect_str_eq(mst_config_problem(config, 0), "more was found than could be listed");
    cr_expect_null(mst_config_problem(config, 1));
    finish();
}

Test(config, freeing_none)
{
    mst_config_free(NULL);
    finish();
}
