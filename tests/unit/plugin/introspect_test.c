/* What the public header lets a program ask. */
#include "assembled.h"

typedef struct seen {
    char text[16384];
    msi_text t;
    unsigned count, stop_after;
} seen;

static void begin(seen *s)
{
    memset(s, 0, sizeof *s);
    msi_text_init(&s->t, s->text, sizeof s->text);
}

static int note_setting(void *arg, const mst_setting *setting)
{
    seen *s = arg;
    msi_text_add(&s->t, "\n[%s] %s = %s (%s)", setting->section, setting->key, setting->value,
                 setting->origin);
    cr_assert_gt(strlen(setting->help), 0);
    return ++s->count == s->stop_after;
}

static int note_use(void *arg, const mst_plugin_use *use)
{
    seen *s = arg;
    msi_text_add(&s->t, "%s=%s%s ", use->section, use->plugin->name, use->file ? "?" : "");
    return ++s->count == s->stop_after;
}

static const char ini[] = "[cache.web]\n"
                          "tiers = small\n"
                          "compressor = pack\n"
                          "[provider.small]\n"
                          "plugin = memory\n"
                          "password = hunter2\n";

Test(introspect, settings)
{
    mst_config *c = config_of(ini);
    mst_error error = {.text = ""};
    seen s;
    begin(&s);
    cr_assert_eq(mst_config_set(c, "cache.web", "expire", "30m"), MST_OK);
    setenv("MEMSTACHE_PROVIDER_SMALL_MAX_BYTES", "3MiB", 1);
    cr_assert_eq(mst_config_each(c, note_setting, &s, &error), MST_OK, "%s", error.text);
    const char *const expected[] = {
        "\n[runtime] loops = 1 (default)",
        "\n[plugins] path =  (default)",
        "\n[cache.web] namespace = web (default)",
        "\n[cache.web] tiers = small (x.ini:2)",
        "\n[cache.web] expire = 30m (program)",
        "\n[eviction.adaptive] plugin = adaptive (default)",
        "\n[provider.small] plugin = memory (x.ini:5)",
        "\n[provider.small] eviction = adaptive (default)",
        "\n[provider.small] max_bytes = 3MiB (environment)",
        "\n[provider.small] label = none (default)",
        "\n[provider.small] password = *** (x.ini:6)",
        "\n[serializer.raw] plugin = raw (default)",
        "\n[compressor.pack] min_size = 256B (default)",
    };
    const char *at = s.text;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        at = strstr(at, expected[i]);
        cr_assert_not_null(at, "%s, in this order, of%s", expected[i], s.text);
    }
    cr_assert_null(strstr(s.text, "hunter2"));
    mst_config_free(c);
}

Test(introspect, settings_stop_when_told)
{
    mst_config *c = config_of(ini);
    seen s;
    begin(&s);
    s.stop_after = 3;
    cr_assert_eq(mst_config_each(c, note_setting, &s, NULL), MST_OK);
    cr_assert_eq(s.count, 3);
    mst_config_free(c);
}

Test(introspect, plugins_in_use)
{
    mst_config *c = config_of(ini);
    mst_error error;
    seen s;
    begin(&s);
    cr_assert_eq(mst_config_check(c, &error), MST_OK);
    cr_assert_eq(mst_config_each_plugin(c, note_use, &s, &error), MST_OK);
    cr_assert_str_eq(s.text, "eviction.adaptive=adaptive provider.small=memory serializer.raw=raw "
                             "compressor.pack=pack ");
    begin(&s);
    s.stop_after = 1;
    cr_assert_eq(mst_config_each_plugin(c, note_use, &s, &error), MST_OK);
    cr_assert_eq(s.count, 1);
    mst_config_free(c);
}

/* A change makes the last check worthless. */
Test(introspect, changes_are_seen)
{
    mst_config *c = config_of(ini);
    mst_error error;
    seen s;
    begin(&s);
    cr_assert_eq(mst_config_check(c, &error), MST_OK);
    cr_assert_eq(mst_config_set(c, "cache.web", "tiers", "far"), MST_OK);
    cr_assert_eq(mst_config_each_plugin(c, note_use, &s, &error), MST_OK);
    cr_assert_eq(strncmp(s.text, "provider.far=far ", 17), 0, "%s", s.text);
    cr_assert_eq(mst_config_set(c, "cache.web", "tiers", "far,far"), MST_OK);
    cr_assert_eq(mst_config_each(c, note_setting, &s, &error), MST_ECONFIG);
    cr_assert_eq(error.status, MST_ECONFIG);
    cr_assert_eq(mst_config_check(c, NULL), MST_ECONFIG);
    mst_config_free(c);
}

/* Also when the configuration is wrong, and without touching the list of its problems. */
Test(introspect, one_plugin)
{
    mst_config *c = config_of("[cache]\ntiers = far, far\n[plugins]\npath = /nowhere\n");
    mst_error error;
    mst_plugin_use use;
    cr_assert_eq(mst_config_check(c, &error), MST_ECONFIG);
    cr_assert_eq(mst_config_find_plugin(c, "compressor", "pack", &use, &error), MST_OK);
    cr_assert_str_eq(use.section, "compressor.pack");
    cr_assert_str_eq(use.plugin->summary, "for tests");
    cr_assert_null(use.file);
    cr_assert_str_eq(mst_config_plugin_dir(c, 0), "/nowhere");
    cr_assert_str_eq(mst_config_plugin_dir(c, 1), MSI_PLUGIN_DIR);
    cr_assert_null(mst_config_plugin_dir(c, 2));
    cr_assert_not_null(mst_config_problem(c, 0));
    cr_assert_null(mst_config_problem(c, 1));
    cr_assert_eq(mst_config_find_plugin(c, "compressor", "pakc", &use, &error), MST_ENOTFOUND);
    cr_assert_not_null(strstr(error.text, "did you mean \"pack\"?"));
    cr_assert_eq(mst_config_find_plugin(c, "compresor", "pack", &use, &error), MST_ENOTFOUND);
    cr_assert_str_eq(error.text, "no kind of plugin \"compresor\"; did you mean \"compressor\"? "
                                 "there are: serializer compressor provider eviction exporter");
    cr_assert_eq(mst_config_find_plugin(c, "zzz", "pack", &use, &error), MST_ENOTFOUND);
    cr_assert_str_eq(error.text, "no kind of plugin \"zzz\"; there are: serializer compressor "
                                 "provider eviction exporter");
    cr_assert_null(use.plugin);
    mst_config_free(c);
}

Test(introspect, no_directories_of_a_bad_path)
{
    mst_config *c = config_of("[plugins]\npath = relative\n");
    mst_error error;
    mst_plugin_use use;
    cr_assert_null(mst_config_plugin_dir(c, 0));
    cr_assert_eq(mst_config_find_plugin(c, "compressor", "pack", &use, &error), MST_ECONFIG);
    mst_config_free(c);
}
