/* Option tables: storing values, checking tables, and the core's own tables. */
#include <criterion/criterion.h>
#include <string.h>

#include "config/option.h"
#include "config/settings.h"

typedef struct target {
    bool flag;
    int64_t number, time;
    uint64_t size;
    double share;
    const char *text;
    int32_t choice;
    int32_t guard;
} target;

#define ROW(name_, type_, member, ...)                                                             \
    {                                                                                              \
        .name = name_, .type = MST_OPT_##type_, .offset = offsetof(target, member), __VA_ARGS__    \
    }

static const mst_option table[] = {
    ROW("flag", BOOL, flag, .def = "yes"),
    ROW("number", INT, number, .def = "5", .min = "-10", .max = "10"),
    ROW("time", MS, time, .def = "never", .min = "1ms"),
    ROW("size", SIZE, size, .def = "1MiB", .min = "1KiB", .max = "1GiB"),
    ROW("share", PERCENT, share, .def = "0", .max = "50%"),
    ROW("text", STR, text, .def = NULL),
    ROW("choice", ENUM, choice, .def = "b", .choices = "a|b|long one"),
};
static const msi_option_set set = {table, sizeof table / sizeof *table, sizeof *table, NULL};

static char why_memory[300];
static msi_text why;

static mst_status store(const char *name, const char *text, target *t)
{
    msi_text_init(&why, why_memory, sizeof why_memory);
    return msi_option_store(msi_option_find(&set, name), text, t, &why);
}

Test(option, is_found_by_name)
{
    cr_assert_eq(msi_option_find(&set, "size"), &table[3]);
    cr_assert_eq(msi_option_at(&set, 6), &table[6]);
    cr_assert_null(msi_option_find(&set, "siz"));
}

/* Rows of a plugin that was compiled with a longer mst_option. */
Test(option, rows_may_be_further_apart)
{
    struct {
        mst_option option;
        void *more[3];
    } wide[2] = {{.option = table[0]}, {.option = table[1]}};
    const msi_option_set wide_set = {&wide[0].option, 2, sizeof wide[0], NULL};
    cr_assert_eq(msi_option_at(&wide_set, 1), &wide[1].option);
    cr_assert_eq(msi_option_find(&wide_set, "number"), &wide[1].option);
}

Test(option, stores_each_type)
{
    target t = {.guard = 99};
    cr_expect_eq(store("flag", "on", &t), MST_OK);
    cr_expect_eq(store("number", "-7", &t), MST_OK);
    cr_expect_eq(store("time", "5s", &t), MST_OK);
    cr_expect_eq(store("size", "2KiB", &t), MST_OK);
    cr_expect_eq(store("share", "25%", &t), MST_OK);
    cr_expect_eq(store("text", " as it is ", &t), MST_OK);
    cr_expect_eq(store("choice", "long one", &t), MST_OK);
    cr_expect(t.flag && t.number == -7 && t.time == 5000 && t.size == 2048 && t.share == 0.25);
    cr_expect_str_eq(t.text, " as it is ");
    cr_expect_eq(t.choice, 2);
    cr_expect_eq(t.guard, 99);
}

Test(option, bounds_belong_to_what_is_allowed)
{
    static const struct {
        const char *name, *text;
    } fine[] = {
        {"number", "-10"}, {"number", "10"},    {"time", "1ms"},  {"time", "never"},
        {"size", "1KiB"},  {"size", "1024MiB"}, {"share", "50%"}, {"share", "0"},
    };
    static const struct {
        const char *name, *text, *why;
    } beyond[] = {
        {"number", "-11", "\"-11\" is too little; at least -10"},
        {"number", "11", "\"11\" is too much; at most 10"},
        {"time", "0", "\"0\" is too little; at least 1ms"},
        {"size", "1023B", "\"1023B\" is too little; at least 1KiB"},
        {"size", "1.1GiB", "\"1.1GiB\" is too much; at most 1GiB"},
        {"share", "50.1%", "\"50.1%\" is too much; at most 50%"},
        {"choice", "c", "\"c\" is none of a, b, long one"},
        {"choice", "a|b", "\"a|b\" is none of a, b, long one"},
        {"choice", "", "has no value"},
        {"flag", "", "has no value"},
        {"flag", "maybe", "\"maybe\" is neither yes nor no"},
    };
    target t = {.number = 1, .time = 1, .size = 1};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        cr_expect_eq(store(fine[i].name, fine[i].text, &t), MST_OK, "%s", why.data);
    }
    target before = t;
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
        cr_expect_eq(store(beyond[i].name, beyond[i].text, &t), MST_EINVAL);
        cr_expect_str_eq(why.data, beyond[i].why);
    }
    cr_expect_eq(memcmp(&before, &t, sizeof t), 0, "nothing is stored then");
}

/* "never" is longer than any duration that a table may allow. */
Test(option, never_is_above_every_upper_bound)
{
    const mst_option o = {.name = "t", .type = MST_OPT_MS, .max = "1h"};
    msi_text_init(&why, why_memory, sizeof why_memory);
    cr_assert_eq(msi_option_store(&o, "never", NULL, &why), MST_EINVAL);
    cr_assert_str_eq(why.data, "\"never\" is too much; at most 1h");
}

Test(option, can_only_be_checked)
{
    cr_assert_eq(store("size", "2KiB", NULL), MST_OK);
    cr_assert_eq(store("size", "2", NULL), MST_EINVAL);
    cr_assert_eq(msi_option_store(&table[3], "2", NULL, NULL), MST_EINVAL);
}

Test(option, type_in_words)
{
    static const char *const words[] = {"yes|no",     "number", "duration",    "size",
                                        "percentage", "text",   "a|b|long one"};
    for (uint32_t i = 0; i < set.count; i++) {
        msi_text_init(&why, why_memory, sizeof why_memory);
        msi_option_type_text(msi_option_at(&set, i), &why);
        cr_expect_str_eq(why.data, words[i]);
    }
    const mst_option odd = {.name = "odd", .type = 99};
    msi_text_init(&why, why_memory, sizeof why_memory);
    msi_option_type_text(&odd, &why);
    cr_expect_str_eq(why.data, "unknown");
}

/* ---- tables */

static const char *lint(const mst_option *rows, uint32_t count, size_t size)
{
    const msi_option_set rows_set = {rows, count, sizeof *rows, NULL};
    msi_text_init(&why, why_memory, sizeof why_memory);
    mst_status status = msi_option_lint(&rows_set, size, &why);
    cr_expect_eq(status == MST_OK, why.len == 0);
    cr_expect_eq(msi_option_lint(&rows_set, size, NULL), status);
    return why.data;
}

Test(lint, a_sound_table)
{
    cr_assert_str_eq(lint(table, set.count, sizeof(target)), "");
    cr_assert_str_eq(lint(NULL, 0, 0), "", "no options at all");
}

Test(lint, faults_of_one_row)
{
    static const struct {
        mst_option row;
        const char *why;
    } cases[] = {
        {{.name = NULL, .type = MST_OPT_INT}, "option 1: its name \"\" may contain only a-z 0-9 _"},
        {{.name = "", .type = MST_OPT_INT}, "option 1: its name \"\" may contain only a-z 0-9 _"},
        {{.name = "TTL", .type = MST_OPT_INT},
         "option 1: its name \"TTL\" may contain only a-z 0-9 _"},
        {{.name = "a-b", .type = MST_OPT_INT},
         "option 1: its name \"a-b\" may contain only a-z 0-9 _"},
        {{.name = "a_name_of_more_than_31_characters", .type = MST_OPT_INT},
         "option 1: its name \"a_name_of_more_than_31_characters\" may contain only a-z 0-9 _"},
        {{.name = "ttl", .type = 0}, "option \"ttl\": unknown type 0"},
        {{.name = "ttl", .type = 8}, "option \"ttl\": unknown type 8"},
        {{.name = "ttl", .type = MST_OPT_MS, .offset = 72},
         "option \"ttl\": offset 72 is outside the instance of 64 bytes"},
        {{.name = "ttl", .type = MST_OPT_MS, .offset = 60},
         "option \"ttl\": offset 60 is outside the instance of 64 bytes"},
        {{.name = "ttl", .type = MST_OPT_MS, .offset = UINT32_MAX},
         "option \"ttl\": offset 4294967295 is outside the instance of 64 bytes"},
        {{.name = "ttl", .type = MST_OPT_MS, .offset = 4},
         "option \"ttl\": offset 4 is not aligned"},
        {{.name = "ttl", .type = MST_OPT_MS, .def = "5x"},
         "option \"ttl\": default \"5x\" is not a duration; write 5s, 250ms, 30m"},
        {{.name = "ttl", .type = MST_OPT_MS, .def = "5s", .min = "10s"},
         "option \"ttl\": default \"5s\" is too little; at least 10s"},
        {{.name = "ttl", .type = MST_OPT_MS, .def = "5s", .min = "1"},
         "option \"ttl\": smallest value \"1\" has no unit; write 1s, 1ms or 1m"},
        {{.name = "ttl", .type = MST_OPT_MS, .max = ""},
         "option \"ttl\": largest value has no value"},
        {{.name = "n", .type = MST_OPT_INT, .min = "5", .max = "4"},
         "option \"n\": smallest value 5 is above the largest, 4"},
        {{.name = "n", .type = MST_OPT_STR, .min = "5"}, "option \"n\": its type has no bounds"},
        {{.name = "n", .type = MST_OPT_ENUM}, "option \"n\": choices must be written like \"a|b\""},
        {{.name = "n", .type = MST_OPT_ENUM, .choices = "a||b"},
         "option \"n\": choices must be written like \"a|b\""},
        {{.name = "n", .type = MST_OPT_ENUM, .choices = "a|b|"},
         "option \"n\": choices must be written like \"a|b\""},
        {{.name = "n", .type = MST_OPT_ENUM, .choices = "a|b", .def = "c"},
         "option \"n\": default \"c\" is none of a, b"},
        {{.name = "n", .type = MST_OPT_INT, .flags = MST_OPTF_SECRET},
         "option \"n\": a secret must be a text"},
        {{.name = "n", .type = MST_OPT_INT, .flags = MST_OPTF_REQUIRED, .def = "1"},
         "option \"n\": is required and has a default"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect_str_eq(lint(&cases[i].row, 1, 64), cases[i].why);
    }
    const mst_option flag = {.name = "f", .type = MST_OPT_BOOL};
    cr_expect_str_eq(lint(&flag, 1, 0),
                     "option \"f\": offset 0 is outside the instance of 0 bytes");
}

Test(lint, names_that_meet)
{
    const mst_option twice[] = {
        {.name = "a", .type = MST_OPT_INT},
        {.name = "b", .type = MST_OPT_INT},
        {.name = "a", .type = MST_OPT_INT},
    };
    const mst_option file[] = {
        {.name = "key_file", .type = MST_OPT_STR},
        {.name = "key", .type = MST_OPT_STR, .flags = MST_OPTF_SECRET},
    };
    const mst_option plain[] = {
        {.name = "key_file", .type = MST_OPT_STR},
        {.name = "key", .type = MST_OPT_STR},
    };
    cr_expect_str_eq(lint(twice, 3, 64), "option \"a\": is declared twice");
    cr_expect_str_eq(lint(file, 2, 64), "option \"key_file\": is declared twice",
                     "a secret brings its own key_file");
    cr_expect_str_eq(lint(plain, 2, 64), "");
}

/* ---- the core's own */

static void check_own(msi_option_set own, size_t size)
{
    msi_text_init(&why, why_memory, sizeof why_memory);
    cr_expect_eq(msi_option_lint(&own, size, &why), MST_OK, "%s", why.data);
    for (uint32_t i = 0; i < own.count; i++) {
        const mst_option *o = msi_option_at(&own, i);
        size_t len = o->help ? strlen(o->help) : 0;
        cr_expect(len > 20 && o->help[len - 1] == '.', "%s needs a sentence of help", o->name);
        cr_expect(o->def, "%s needs a default: the core works without a file", o->name);
    }
}

Test(settings, every_row_is_sound_and_explained)
{
    check_own(msi_runtime_options(NULL), sizeof(msi_runtime_settings));
    check_own(msi_plugins_options(NULL), sizeof(msi_plugins_settings));
    check_own(msi_cache_options(NULL), sizeof(msi_cache_settings));
    check_own(msi_kind_options(MST_KIND_PROVIDER, NULL), sizeof(msi_tier_settings));
    check_own(msi_kind_options(MST_KIND_COMPRESSOR, NULL), sizeof(msi_compressor_settings));
    check_own(msi_kind_options(MST_KIND_SERIALIZER, NULL), sizeof(msi_plain_settings));
    check_own(msi_kind_options(MST_KIND_EVICTION, NULL), sizeof(msi_plain_settings));
}

static void store_defaults(msi_option_set own)
{
    for (uint32_t i = 0; i < own.count; i++) {
        const mst_option *o = msi_option_at(&own, i);
        cr_assert_eq(msi_option_store(o, o->def, own.target, NULL), MST_OK);
    }
}

Test(settings, defaults)
{
    msi_runtime_settings runtime;
    msi_plugins_settings plugins;
    msi_cache_settings cache;
    msi_tier_settings tier;
    msi_compressor_settings compressor;
    msi_plain_settings plain;
    store_defaults(msi_runtime_options(&runtime));
    store_defaults(msi_plugins_options(&plugins));
    store_defaults(msi_cache_options(&cache));
    store_defaults(msi_kind_options(MST_KIND_PROVIDER, &tier));
    store_defaults(msi_kind_options(MST_KIND_COMPRESSOR, &compressor));
    store_defaults(msi_kind_options(MST_KIND_EVICTION, &plain));
    cr_expect_eq(runtime.loops, 1);
    cr_expect_str_eq(plugins.path, "");
    cr_expect_str_eq(cache.namespace_, "");
    cr_expect_str_eq(cache.tiers, "memory");
    cr_expect_str_eq(cache.serializer, "raw");
    cr_expect_str_eq(cache.compressor, "none");
    cr_expect(cache.expire_ms == -1 && cache.sliding_ms == -1 && cache.jitter == 0);
    cr_expect_eq(cache.timeout_ms, 5000);
    cr_expect_eq(cache.max_value_bytes, 64u << 20);
    cr_expect_eq(cache.envelope, MSI_ENVELOPE_ON);
    cr_expect_eq(cache.offload_bytes, 64u << 10);
    cr_expect_eq(cache.max_pending, 100000);
    cr_expect_str_eq(tier.plugin, "");
    cr_expect_str_eq(tier.eviction, "");
    cr_expect_eq(tier.hold, MSI_HOLD_AUTO);
    cr_expect(tier.expire_ms == -1 && tier.timeout_ms == 1000);
    cr_expect(compressor.min_bytes == 256 && compressor.min_gain == 0.05);
    cr_expect_str_eq(plain.plugin, "");
}

/* The words of a choice and the numbers of its enum are in the same order. */
Test(settings, choices_are_the_enums)
{
    msi_cache_settings cache;
    msi_tier_settings tier;
    msi_option_set c = msi_cache_options(&cache), t = msi_kind_options(MST_KIND_PROVIDER, &tier);
    const mst_option *envelope = msi_option_find(&c, "envelope");
    const mst_option *hold = msi_option_find(&t, "hold");
    cr_assert_eq(msi_option_store(envelope, "none", &cache, NULL), MST_OK);
    cr_assert_eq(cache.envelope, MSI_ENVELOPE_NONE);
    cr_assert_eq(msi_option_store(hold, "values", &tier, NULL), MST_OK);
    cr_assert_eq(tier.hold, MSI_HOLD_VALUES);
    cr_assert_eq(msi_option_store(hold, "sealed", &tier, NULL), MST_OK);
    cr_assert_eq(tier.hold, MSI_HOLD_SEALED);
}
