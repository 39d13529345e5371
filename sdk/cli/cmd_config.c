/* cmd_config.c - `config check` and `config show`. */
#include <string.h>

#include <memstache/plugin.h>

#include "cli.h"

/* ---- config check */

typedef struct tally {
    cli *c;
    size_t caches, plugins, deprecated;
    const mst_plugin_use *use; /* whose deprecated options are looked for */
    cli_json *json;
} tally;

static int count_caches(void *arg, const mst_setting *setting)
{
    tally *t = arg;
    t->caches += strcmp(setting->key, "tiers") == 0 && strncmp(setting->section, "cache", 5) == 0;
    return 0;
}

static const mst_option *option_of(const mst_plugin *plugin, const char *name)
{
    for (uint32_t i = 0; i < plugin->option_count; i++) {
        const mst_option *option =
            (const void *) ((const char *) plugin->options + (size_t) i * plugin->option_size);
        if (strcmp(option->name, name) == 0) {
            return option;
        }
    }
    return NULL;
}

static int find_deprecated(void *arg, const mst_setting *setting)
{
    tally *t = arg;
    const mst_option *option = option_of(t->use->plugin, setting->key);
    if (!option || !(option->flags & MST_OPTF_DEPRECATED) ||
        strcmp(setting->section, t->use->section) != 0 || strcmp(setting->origin, "default") == 0) {
        return 0;
    }
    char text[512];
    snprintf(text, sizeof text, "%s: [%s] %s: deprecated, still works: %s", setting->origin,
             setting->section, setting->key, setting->help ? setting->help : "");
    t->deprecated++;
    if (t->json) {
        json_item_text(t->json, text);
    } else {
        fprintf(stderr, "%s\n", text);
    }
    return 0;
}

static void print_problem(void *arg, const char *text)
{
    fprintf(stderr, "%s\n", text);
}

static int count_plugins(void *arg, const mst_plugin_use *use)
{
    tally *t = arg;
    t->plugins++;
    t->use = use;
    return mst_config_each(t->c->config, find_deprecated, t, NULL) != MST_OK;
}

static void count(tally *t)
{
    mst_config_each(t->c->config, count_caches, t, NULL);
    mst_config_each_plugin(t->c->config, count_plugins, t, NULL);
}

static int check_text(cli *c, const cli_args *args)
{
    tally t = {.c = c};
    size_t problems;
    const char *file;
    int code = session_examine(c, args, print_problem, NULL, &problems);
    file = c->config_file ? c->config_file : "built-in defaults";
    if (code == CLI_CONFIG) {
        cli_say(c, "%s: %zu problem%s", file, problems, problems == 1 ? "" : "s");
    } else if (code == CLI_OK) {
        count(&t);
        out_format(&c->out, "%s: ok, %zu cache%s, %zu plugin%s\n", file, t.caches,
                   t.caches == 1 ? "" : "s", t.plugins, t.plugins == 1 ? "" : "s");
    }
    return code;
}

static void list_problem(void *arg, const char *text)
{
    json_item_text(arg, text);
}

static int check_json(cli *c, const cli_args *args)
{
    cli_json json;
    tally t = {.c = c, .json = &json};
    size_t problems;
    json_open(&json, &c->out);
    json_list_open(&json, "problems");
    int code = session_examine(c, args, list_problem, &json, &problems);
    if (code == CLI_OK) {
        count(&t);
    }
    json_list_close(&json);
    json_text(&json, "file", c->config_file);
    json_bool(&json, "ok", code == CLI_OK);
    json_number(&json, "caches", (int64_t) t.caches);
    json_number(&json, "plugins", (int64_t) t.plugins);
    json_close(&json);
    return code;
}

static int check(cli *c, const cli_args *args)
{
    return args->json ? check_json(c, args) : check_text(c, args);
}

/* ---- config show */

typedef struct printer {
    cli *c;
    bool json;
    char section[256];
} printer;

/* An INI file again: a secret's line stays a comment, its value is not known here. */
static int show_text(printer *p, const mst_setting *setting)
{
    cli_out *out = &p->c->out;
    bool secret = strcmp(setting->value, "***") == 0;
    if (strcmp(p->section, setting->section) != 0) {
        out_format(out, "%s[%s]\n", p->section[0] ? "\n" : "", setting->section);
        snprintf(p->section, sizeof p->section, "%s", setting->section);
    }
    out_format(out, "%s%-*s = %-24s ; %s\n", secret ? ";" : "", secret ? 15 : 16, setting->key,
               setting->value, setting->origin);
    return out->error;
}

static int show_each(void *arg, const mst_setting *setting)
{
    printer *p = arg;
    cli_json json;
    if (!p->json) {
        return show_text(p, setting);
    }
    json_open(&json, &p->c->out);
    json_text(&json, "section", setting->section);
    json_text(&json, "key", setting->key);
    json_text(&json, "value", setting->value);
    json_text(&json, "origin", setting->origin);
    json_text(&json, "help", setting->help);
    json_close(&json);
    return p->c->out.error;
}

static int show(cli *c, const cli_args *args)
{
    mst_error error = {0};
    printer p = {.c = c, .json = args->json};
    int code = session_check(c, args);
    if (code != CLI_OK) {
        return code;
    }
    mst_status status = mst_config_each(c->config, show_each, &p, &error);
    if (status != MST_OK) {
        cli_say(c, "%s", error.text[0] ? error.text : mst_strerror(status));
        return CLI_FAILED;
    }
    return CLI_OK;
}

const cli_command config_commands[] = {
    {"config check", "", "load the configuration and its plugins, and print every problem",
     "Opens nothing.", 0, 0, 0, check},
    {"config show", "", "print the configuration in effect, with the origin of each value",
     "The output is an INI file that means the same. Secrets are not shown.", 0, 0, 0, show},
    {0},
};
