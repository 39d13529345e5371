/* Bad INI files, each with every line that the user is shown for it; and files that are fine. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/config/floor.h"

static mst_config *config;
static msi_strings strings;
static test_settings settings;
static mst_error error;

/* Files are named without a path in the messages below. */
static void setup(void)
{
    const char *root = getenv("MEMSTACHE_SOURCE_ROOT");
    cr_assert(root && chdir(root) == 0 && chdir("tests/unit/config/ini") == 0,
              "MEMSTACHE_SOURCE_ROOT must name the sources");
    config = mst_config_new(NULL);
    strings = (msi_strings){&config->allocator, NULL};
}

static void teardown(void)
{
    msi_strings_free(&strings);
    mst_config_free(config);
}

TestSuite(ini, .init = setup, .fini = teardown);

enum { PROBLEMS = 9 };
static const struct {
    const char *file, *problems[PROBLEMS];
} bad[] = {
    {"choice",
     {"choice.ini:2: [cache] envelope: \"off\" is none of on, none",
      "choice.ini:4: [provider.memory] hold: \"value\" is none of auto, values, sealed"}},
    {"duration_out_of_range",
     {"duration_out_of_range.ini:2: [cache] expire: \"0\" is too little; at least 1ms",
      "duration_out_of_range.ini:3: [cache] sliding: \"-5s\" is negative; write \"never\" for no "
      "limit",
      "duration_out_of_range.ini:4: [cache] timeout: \"0.2ms\" is less than a millisecond",
      "duration_out_of_range.ini:7: [cache.long] expire: \"200000d\" is more than a century; write "
      "\"never\""}},
    {"duration_unknown_unit",
     {"duration_unknown_unit.ini:2: [cache] expire: \"5x\" is not a duration; write 5s, 250ms, 30m",
      "duration_unknown_unit.ini:3: [cache] sliding: \"1h30m\" is not a duration; write 5s, 250ms, "
      "30m",
      "duration_unknown_unit.ini:4: [cache] timeout: \"soon\" is not a duration; write 5s, 250ms, "
      "30m"}},
    {"duration_without_unit",
     {"duration_without_unit.ini:2: [cache] expire: \"30\" has no unit; write 30s, 30ms or 30m",
      "duration_without_unit.ini:3: [cache] timeout: \"2.5\" has no unit; write 2.5s, 2.5ms or "
      "2.5m"}},
    {"in_the_order_of_the_file",
     {"in_the_order_of_the_file.ini:2: [provider.memory] shards: \"many\" is not a whole number",
      "in_the_order_of_the_file.ini:3: [provider.memory] unknown key \"max_bites\"; did you mean "
      "\"max_bytes\"? known: plugin, eviction, hold, expire, timeout, breaker_failures, "
      "breaker_pause, max_bytes, shards",
      "in_the_order_of_the_file.ini:4: [provider.memory] max_bytes: \"1\" has no unit; write 1MiB, "
      "1MB or 1B",
      "in_the_order_of_the_file.ini:5: \"[cache\" has no closing bracket; write [cache]",
      "in_the_order_of_the_file.ini:6: [cache] unknown key \"exprie\"; did you mean \"expire\"?",
      "in_the_order_of_the_file.ini:7: [cache] this is neither \"key = value\" nor \"[section]\" "
      "nor a comment",
      "in_the_order_of_the_file.ini:8: [cache] timeout: \"5\" has no unit; write 5s, 5ms or 5m",
      "in_the_order_of_the_file.ini:10: [cache] key \"tiers\" was given in line 9 already"}},
    {"indented",
     {"indented.ini:3: [cache] there is no \"=\" in the line, and a value cannot go on in a second "
      "one",
      "indented.ini:5: [cache] key \"expire\" was given in line 4 already"}},
    {"key_before_section",
     {"key_before_section.ini:2: key \"tiers\" stands before the first section; write [cache] "
      "above it"}},
    {"key_names",
     {"key_names.ini:2: [provider.memory] \"Max-Bytes\" cannot be a key; write max_bytes",
      "key_names.ini:3: [provider.memory] there is no \"=\" after \"max\"",
      "key_names.ini:4: [provider.memory] \"größe\" cannot be a key; write a word of a-z 0-9 _, "
      "like max_bytes",
      "key_names.ini:5: [provider.memory] \"9lives\" cannot be a key; write a word of a-z 0-9 _, "
      "like max_bytes",
      "key_names.ini:6: [provider.memory] there is no \"=\" after \"path\""}},
    {"long_line",
     {"long_line.ini:3: [cache] the line is 200 bytes long; at most 198 can be read",
      "long_line.ini:5: [cache] the line is 202 bytes long; at most 198 can be read"}},
    {"no_key",
     {"no_key.ini:2: [cache] there is no key before the \"=\"",
      "no_key.ini:3: [cache] there is no key before the \"=\""}},
    {"no_separator",
     {"no_separator.ini:2: [cache] there is no \"=\" after \"expire\"",
      "no_separator.ini:3: [cache] this is neither \"key = value\" nor \"[section]\" nor a "
      "comment"}},
    {"number",
     {"number.ini:2: [runtime] loops: \"4.5\" is not a whole number",
      "number.ini:4: [cache] max_pending: \"1e5\" is not a whole number",
      "number.ini:6: [cache.a] max_pending: \"99999999999999999999\" is too large a number",
      "number.ini:8: [cache.b] max_pending: has no value"}},
    {"number_out_of_range",
     {"number_out_of_range.ini:2: [runtime] loops: \"65\" is too much; at most 64",
      "number_out_of_range.ini:4: [cache] max_pending: \"0\" is too little; at least 1"}},
    {"percent",
     {"percent.ini:2: [cache] jitter: \"0.1\" has no percent sign; write it like 10%",
      "percent.ini:4: [cache.a] jitter: \"101%\" is too much; at most 100%",
      "percent.ini:6: [cache.b] jitter: \"ten\" is not a percentage; write 10%",
      "percent.ini:8: [cache.c] jitter: \"-1%\" is negative"}},
    {"repeated_key", {"repeated_key.ini:4: [cache] key \"expire\" was given in line 2 already"}},
    {"repeated_section",
     {"repeated_section.ini:5: [cache] this section began in line 1 already; put all its keys "
      "there",
      "repeated_section.ini:7: [cache] key \"expire\" was given in line 2 already"}},
    {"required_empty",
     {"required_empty.ini:2: [provider.redis] url: is empty, and it is required"}},
    {"required_missing",
     {"required_missing.ini:4: [provider.redis] required key \"url\" is missing: Address of the "
      "server."}},
    {"secret_file_missing",
     {"secret_file_missing.ini:3: [provider.redis] password_file: cannot use the secret in "
      "\"no/such/file\": no such file or directory"}},
    {"secret_mistyped",
     {"secret_mistyped.ini:3: [provider.redis] there is no \"=\" after \"password\"",
      "secret_mistyped.ini:4: [provider.redis] unknown key \"passwort\"; did you mean "
      "\"password\"?",
      "secret_mistyped.ini:5: [provider.redis] unknown key \"url_file\"; known: plugin, eviction, "
      "hold, expire, timeout, breaker_failures, breaker_pause, url, password, request_timeout, "
      "abort_on_connect_fail"}},
    {"secret_twice",
     {"secret_twice.ini:4: [provider.redis] password_file: password is given as well "
      "(secret_twice.ini:3); keep one of them"}},
    {"section_and_more",
     {"section_and_more.ini:1: nothing but a comment may follow [cache]",
      "section_and_more.ini:2: [cache] jitter: \"5\" has no percent sign; write it like 10%"}},
    {"section_names",
     {"section_names.ini:1: \"[Cache]\" cannot be a section; write [cache]",
      "section_names.ini:3: a section needs a name; write [cache]",
      "section_names.ini:4: \"[provider.]\" cannot be a section; write one or two words of a-z 0-9 "
      "_, like cache or provider.memory",
      "section_names.ini:5: \"[provider.memory.hot]\" cannot be a section; write one or two words "
      "of a-z 0-9 _, like cache or provider.memory",
      "section_names.ini:6: \"[my cache]\" cannot be a section; write one or two words of a-z 0-9 "
      "_, like cache or provider.memory",
      "section_names.ini:7: \"[provider.Hot-Set]\" cannot be a section; write [provider.hot_set]",
      "section_names.ini:8: \"[cache.a_name_with_more_than_31_letters_in_it]\" cannot be a "
      "section; write one or two words of a-z 0-9 _, like cache or provider.memory"}},
    {"section_unterminated",
     {"section_unterminated.ini:1: \"[cache\" has no closing bracket; write [cache]",
      "section_unterminated.ini:2: [cache] expire: \"5x\" is not a duration; write 5s, 250ms, 30m",
      "section_unterminated.ini:3: \"[provider.memory\" has no closing bracket; write "
      "[provider.memory]"}},
    {"size_negative", {"size_negative.ini:2: [provider.memory] max_bytes: \"-64MiB\" is negative"}},
    {"size_too_large",
     {"size_too_large.ini:2: [provider.memory] max_bytes: \"99999999TiB\" is too large",
      "size_too_large.ini:4: [cache] max_value_bytes: \"8GiB\" is too much; at most 4095MiB",
      "size_too_large.ini:5: [cache] offload_bytes: \"0.3B\" is less than a byte"}},
    {"size_too_small",
     {"size_too_small.ini:2: [provider.memory] max_bytes: \"1023KiB\" is too little; at least "
      "1MiB"}},
    {"size_unknown_unit",
     {"size_unknown_unit.ini:2: [provider.memory] max_bytes: \"1.5G\" is not a size; write 1.5GiB "
      "or 1.5GB",
      "size_unknown_unit.ini:4: [cache] max_value_bytes: \"64 mib\" is not a size; write 64MiB or "
      "64MB",
      "size_unknown_unit.ini:5: [cache] offload_bytes: \"lots\" is not a size; write 64MiB, 64MB "
      "or 512B"}},
    {"size_without_unit",
     {"size_without_unit.ini:5: [provider.memory] max_bytes: \"64\" has no unit; write 64MiB, 64MB "
      "or 64B"}},
    {"unknown_key",
     {"unknown_key.ini:4: [cache] unknown key \"expires\"; did you mean \"expire\"?"}},
    {"unknown_key_like_nothing",
     {"unknown_key_like_nothing.ini:2: [cache] unknown key \"colour\"; known: namespace, tiers, "
      "serializer, compressor, expire, sliding, jitter, timeout, max_value_bytes, envelope, "
      "offload_bytes, max_pending, slow_request"}},
    {"unknown_key_listed",
     {"unknown_key_listed.ini:3: [compressor.brotli] unknown key \"level\"; known: plugin, "
      "min_size, min_gain",
      "unknown_key_listed.ini:4: [compressor.brotli] unknown key \"min_gian\"; did you mean "
      "\"min_gain\"? known: plugin, min_size, min_gain"}},
    {"yes_or_no",
     {"yes_or_no.ini:3: [provider.redis] abort_on_connect_fail: \"maybe\" is neither yes nor no"}},
};

static void read_and_bind(const char *path)
{
    memset(&error, 0, sizeof error);
    memset(&settings, 0, sizeof settings);
    cr_assert_eq(msi_ini_read(config, path, &error), MST_OK);
    cr_assert_eq(test_bind_all(config, &settings, &strings, &error), MST_OK);
}

static void expect_problems(const char *name, const char *const *problems)
{
    size_t i = 0;
    for (; i < PROBLEMS && problems[i]; i++) {
        const char *found = mst_config_problem(config, i);
        cr_expect(found && strcmp(found, problems[i]) == 0, "%s\n   expected: %s\n   found:    %s",
                  name, problems[i], found ? found : "nothing");
    }
    cr_expect_null(mst_config_problem(config, i), "%s: one more: %s", name,
                   mst_config_problem(config, i));
    cr_expect_str_eq(error.text, problems[0], "the first one is the error as well");
    cr_expect_eq(error.status, MST_ECONFIG);
}

Test(ini, every_bad_file_has_its_own_messages)
{
    cr_assert_geq(sizeof bad / sizeof *bad, 20);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char file[80];
        snprintf(file, sizeof file, "%s.ini", bad[i].file);
        read_and_bind(file);
        expect_problems(file, bad[i].problems);
        teardown();
        setup();
    }
}

static void parse(const char *data, size_t len)
{
    memset(&error, 0, sizeof error);
    memset(&settings, 0, sizeof settings);
    cr_assert_eq(msi_ini_parse(config, "x.ini", data, len, &error), MST_OK);
    cr_assert_eq(test_bind_all(config, &settings, &strings, &error), MST_OK);
}

/* What an editor would not show, or would change. */
Test(ini, bytes_that_are_no_text)
{
    static const struct {
        const char *data;
        size_t len;
        const char *problems[PROBLEMS];
    } cases[] = {
#define BYTES(text) text, sizeof(text) - 1
        {BYTES("[cache]\nexpire = 5m\0x\njitter = 5\n"),
         {"x.ini:2: [cache] there is a NUL byte in the line; is this a text file?",
          "x.ini:3: [cache] jitter: \"5\" has no percent sign; write it like 10%"}},
        {BYTES("\xff\xfe[\0c\0a\0c\0h\0e\0]\0"),
         {"x.ini:1: this file is UTF-16; save it as UTF-8"}},
        {BYTES("\xfe\xff\0[\0c\0a\0c\0h\0e\0]"),
         {"x.ini:1: this file is UTF-16; save it as UTF-8"}},
        {BYTES("[cache]\nexpire = \x1b[31m5m\x7f\n"),
         {"x.ini:2: [cache] expire: \"?[31m5m?\" is not a duration; write 5s, 250ms, 30m"}},
        {BYTES("[cache]\n\tjitter = 5"),
         {"x.ini:2: [cache] jitter: \"5\" has no percent sign; write it like 10%"}},
        {BYTES("[cache]\r\njitter = 5\r\n"),
         {"x.ini:2: [cache] jitter: \"5\" has no percent sign; write it like 10%"}},
        {BYTES("[\n"), {"x.ini:1: a section needs a name; write [cache]"}},
        {BYTES("="), {"x.ini:1: there is no key before the \"=\""}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        parse(cases[i].data, cases[i].len);
        expect_problems(cases[i].data, cases[i].problems);
        teardown();
        setup();
    }
}

static void expect_expire(const char *data, size_t len, int64_t expire)
{
    parse(data, len);
    cr_expect_null(mst_config_problem(config, 0), "%s", error.text);
    cr_expect_eq(settings.cache.expire_ms, expire, "%s", data);
    teardown();
    setup();
}

Test(ini, marks_and_line_ends_of_other_systems)
{
    expect_expire(BYTES("\xef\xbb\xbf[cache]\r\nexpire = 5m\r\n"), 300000);
    expect_expire(BYTES("\xef\xbb\xbf; comment\n[cache]\nexpire=5m"), 300000);
    expect_expire(BYTES("\n\n\t [cache]\t\n\t expire\t=\t5m\t\n"), 300000);
    expect_expire(BYTES("[cache];x\nexpire = 5m ; x\n"), 300000);
    expect_expire(BYTES("[cache]\nexpire:5m"), 300000);
}

/* As long as inih has room for, to the byte; one more is refused and nothing of it is kept. */
Test(ini, longest_line)
{
    char data[400];
    for (size_t len = 190; len <= 198; len++) {
        size_t at = (size_t) snprintf(data, sizeof data, "[cache]\nnamespace = ");
        memset(data + at, 'n', len - 12);
        parse(data, at + len - 12);
        cr_assert_null(mst_config_problem(config, 0), "%zu: %s", len, error.text);
        cr_assert_eq(strlen(settings.cache.namespace_), len - 12);
    }
    size_t at = (size_t) snprintf(data, sizeof data, "[cache.long]\nnamespace = ");
    memset(data + at, 'n', 199 - 12);
    parse(data, at + 199 - 12);
    cr_assert_str_eq(error.text,
                     "x.ini:2: [cache.long] the line is 199 bytes long; at most 198 can be read");
    cr_assert_null(msi_section_key(msi_config_section(config, "cache.long"), "namespace"));
}

Test(ini, good_file)
{
    read_and_bind("good.ini");
    cr_assert_null(mst_config_problem(config, 0), "%s", error.text);
    cr_assert_eq(test_bind(config, "cache", &settings, &strings, NULL, NULL), MST_OK);
    cr_expect_eq(settings.runtime.loops, 2);
    cr_expect_str_eq(settings.plugins.path, "/usr/lib/memstache/plugins:/opt/acme/plugins");
    cr_expect_str_eq(settings.cache.namespace_, "shop");
    cr_expect_str_eq(settings.cache.tiers, "memory, redis");
    cr_expect_str_eq(settings.cache.serializer, "raw");
    cr_expect_eq(settings.cache.expire_ms, 1800000);
    cr_expect_eq(settings.cache.sliding_ms, 90000);
    cr_expect_eq(settings.cache.jitter, 0.125);
    cr_expect_eq(settings.cache.envelope, MSI_ENVELOPE_NONE);
    cr_expect_eq(settings.cache.max_pending, 1000);
    cr_expect_eq(settings.compressor.min_bytes, 1536);
    cr_expect_eq(settings.compressor.min_gain, 0.1);
    cr_expect_eq(settings.memory.max_bytes, 256u << 20);
    cr_expect_str_eq(settings.redis.url, "redis://localhost:6379/0?a=b;c");
    cr_expect_str_eq(settings.redis.password, "correct horse; battery staple");
    cr_expect_eq(settings.redis.old_timeout, 3000, "deprecated, and it works");
    cr_assert_eq(test_bind(config, "provider.memory", &settings, &strings, NULL, NULL), MST_OK);
    cr_expect_str_eq(settings.tier.eviction, "lru");
    cr_expect_eq(settings.tier.hold, MSI_HOLD_SEALED);
    cr_assert_eq(test_bind(config, "cache.sessions", &settings, &strings, NULL, NULL), MST_OK);
    cr_expect_eq(settings.cache.expire_ms, -1);
    cr_expect_str_eq(settings.cache.namespace_, "", "set to nothing");
    cr_expect_str_eq(settings.cache.tiers, "memory", "caches do not inherit from each other");
}

Test(ini, empty_sections_are_known_with_their_line)
{
    read_and_bind("good.ini");
    const msi_section *empty = msi_config_section(config, "provider.empty");
    const msi_section *spaced = msi_config_section(config, "eviction.lru");
    cr_assert(empty && msi_list_empty(&empty->keys));
    cr_assert_str_eq(empty->origin, "good.ini:39");
    cr_assert(spaced && spaced->line == 41);
}

Test(ini, nothing_at_all)
{
    parse("", 0);
    cr_expect_null(mst_config_problem(config, 0));
    cr_expect(msi_list_empty(&config->sections));
    expect_expire(BYTES("[cache]"), -1);
}

Test(ini, files_that_cannot_be_read)
{
    char name[] = "/tmp/memstache-ini-XXXXXX";
    cr_assert_eq(mst_config_read(config, "no_such.ini", &error), MST_EIO);
    cr_expect_str_eq(error.text, "no_such.ini: cannot be read: no such file or directory");
    cr_expect_eq(error.status, MST_EIO);
    cr_expect_str_eq(mst_config_problem(config, 0), error.text);
    cr_assert_eq(mst_config_read(config, ".", &error), MST_EIO);
    cr_expect_str_eq(error.text, ".: cannot be read: illegal operation on a directory");
    cr_expect_null(mst_config_problem(config, 1), "those of the call before are gone");
    cr_assert_eq(mst_config_read(config, "", &error), MST_EINVAL);
    cr_assert_eq(mst_config_read(config, NULL, &error), MST_EINVAL);
    int fd = mkstemp(name);
    cr_assert_geq(fd, 0);
    cr_assert_eq(ftruncate(fd, 256 * 1024 + 1), 0);
    close(fd);
    cr_expect_eq(mst_config_read(config, name, &error), MST_ECONFIG);
    cr_expect_not_null(strstr(error.text, ": is larger than 256KiB; is this an INI file?"));
    if (geteuid() != 0) { /* root may read everything */
        cr_assert_eq(chmod(name, 0), 0);
        cr_expect_eq(mst_config_read(config, name, &error), MST_EIO);
        cr_expect_not_null(strstr(error.text, ": cannot be read: permission denied"));
    }
    unlink(name);
}

Test(ini, a_pipe_is_as_good_as_a_file)
{
    static const char text[] = "[cache]\nexpire = 5m\n";
    char path[40];
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(write(ends[1], text, sizeof text - 1), sizeof text - 1);
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    cr_assert_eq(mst_config_read(config, path, &error), MST_OK, "%s", error.text);
    close(ends[0]);
    cr_assert_not_null(msi_config_section(config, "cache"));
}

Test(ini, a_wrong_file_does_not_flood)
{
    static char data[60000];
    memset(data, '\n', sizeof data);
    for (size_t i = 0; i < sizeof data; i += 2) {
        data[i] = 'x';
    }
    parse(data, sizeof data);
    cr_expect_eq(msi_config_problem_count(config), 30000);
    cr_expect_str_eq(mst_config_problem(config, 199),
                     "x.ini:200: this is neither \"key = value\" nor \"[section]\" nor a comment");
    cr_expect_str_eq(mst_config_problem(config, 200), "more was found than could be listed");
    cr_expect_null(mst_config_problem(config, 201));
}
