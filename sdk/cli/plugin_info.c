/* plugin_info.c - `plugin info`: a plugin's description, and every key of its section. */
#include <stdlib.h>
#include <string.h>

#include <memstache/codec.h>

#include "cli.h"

static const mst_option *option_at(const mst_plugin *plugin, uint32_t i)
{
    return (const void *) ((const char *) plugin->options + (size_t) i * plugin->option_size);
}

static const char *type_name(const mst_option *option)
{
    static const char *const names[] = {"?",        "yes|no",  "integer", "size",
                                        "duration", "percent", "text",    "one of"};
    return option->type <= MST_OPT_ENUM ? names[option->type] : names[0];
}

static void option_text(cli_out *out, const mst_option *option)
{
    out_format(out, "  %-16s %s", option->name, type_name(option));
    if (option->type == MST_OPT_ENUM) {
        out_format(out, " %s", option->choices);
    }
    if (option->min || option->max) {
        out_format(out, " %s..%s", option->min ? option->min : "", option->max ? option->max : "");
    }
    if (option->flags & MST_OPTF_REQUIRED) {
        out_text(out, ", required");
    } else if (option->def && option->def[0]) {
        out_format(out, ", default %s", option->def);
    }
    out_text(out, option->flags & MST_OPTF_SECRET ? ", secret" : "");
    out_text(out, option->flags & MST_OPTF_DEPRECATED ? ", deprecated" : "");
    out_text(out, "\n");
    out_paragraph(out, 6, option->help ? option->help : "");
    if (option->flags & MST_OPTF_SECRET) {
        out_format(out, "      %s_file = FILE reads it from a file.\n", option->name);
    }
}

static void option_json(cli_json *json, const mst_option *option)
{
    json_item_open(json);
    json_text(json, "name", option->name);
    json_text(json, "type", type_name(option));
    json_text(json, "choices", option->type == MST_OPT_ENUM ? option->choices : NULL);
    json_text(json, "default", option->def);
    json_text(json, "min", option->min);
    json_text(json, "max", option->max);
    json_bool(json, "required", option->flags & MST_OPTF_REQUIRED);
    json_bool(json, "secret", option->flags & MST_OPTF_SECRET);
    json_bool(json, "deprecated", option->flags & MST_OPTF_DEPRECATED);
    json_text(json, "help", option->help);
    json_item_close(json);
}

/* The keys that the core adds to every section of the kind: what a config that selects the plugin
 * shows there, less the plugin's own. Nothing is shown when it cannot stand alone, for want of a
 * required option, say. */
typedef struct core_keys {
    cli_out *out;
    cli_json *json; /* NULL: text */
    const mst_plugin *plugin;
    char section[128];
    bool any;
} core_keys;

static int core_key(void *arg, const mst_setting *setting)
{
    core_keys *keys = arg;
    if (strcmp(setting->section, keys->section) != 0) {
        return 0;
    }
    for (uint32_t i = 0; i < keys->plugin->option_count; i++) {
        if (strcmp(option_at(keys->plugin, i)->name, setting->key) == 0) {
            return 0;
        }
    }
    if (keys->json) {
        json_item_open(keys->json);
        json_text(keys->json, "name", setting->key);
        json_text(keys->json, "default", setting->value);
        json_text(keys->json, "help", setting->help);
        json_item_close(keys->json);
        return 0;
    }
    if (!keys->any) {
        out_format(keys->out, "\nkeys of [%s] that every %s has:\n", keys->section,
                   kind_name(keys->plugin->kind));
        keys->any = true;
    }
    out_format(keys->out, "  %-16s default %s\n", setting->key,
               setting->value[0] ? setting->value : "empty");
    out_paragraph(keys->out, 6, setting->help ? setting->help : "");
    return 0;
}

/* A config that selects the plugin, found where the session's config found it. NULL. */
static mst_config *selecting(mst_config *session, const mst_plugin *plugin)
{
    char dirs[4096] = "";
    const char *dir, *kind = kind_name(plugin->kind);
    size_t at = 0;
    mst_config *config = mst_config_new(NULL);
    if (!config) {
        return NULL;
    }
    for (size_t i = 0; (dir = mst_config_plugin_dir(session, i)) != NULL; i++) {
        int n = snprintf(dirs + at, sizeof dirs - at, "%s%s", at ? ":" : "", dir);
        at += n > 0 && at + (size_t) n < sizeof dirs ? (size_t) n : 0;
    }
    mst_config_use_environment(config, 0);
    mst_config_set(config, "plugins", "path", dirs);
    if (plugin->kind == MST_KIND_PROVIDER) {
        mst_config_set(config, "cache", "tiers", plugin->name);
    } else if (plugin->kind == MST_KIND_EVICTION) {
        mst_config_set(config, "provider.memory", "eviction", plugin->name);
    } else if (plugin->kind == MST_KIND_EXPORTER) {
        mst_config_set(config, "runtime", "exporters", plugin->name);
    } else {
        mst_config_set(config, "cache", kind, plugin->name);
    }
    return config;
}

static void show_core_keys(cli *c, cli_json *json, const mst_plugin *plugin)
{
    core_keys keys = {.out = &c->out, .json = json, .plugin = plugin};
    mst_config *config = selecting(c->config, plugin);
    snprintf(keys.section, sizeof keys.section, "%s.%s", kind_name(plugin->kind), plugin->name);
    if (config && mst_config_check(config, NULL) == MST_OK) {
        mst_config_each(config, core_key, &keys, NULL);
    }
    mst_config_free(config);
}

static uint32_t wire_id(const mst_plugin *plugin)
{
    const mst_serializer_ops *serializer = plugin->ops;
    const mst_compressor_ops *compressor = plugin->ops;
    switch (plugin->kind) {
    case MST_KIND_SERIALIZER:
        return serializer->wire_id;
    case MST_KIND_COMPRESSOR:
        return compressor->wire_id;
    default:
        return 0;
    }
}

static void info_text(cli *c, const mst_plugin_use *use)
{
    cli_out *out = &c->out;
    const mst_plugin *plugin = use->plugin;
    out_format(out, "%s %s %s: %s\n", kind_name(plugin->kind), plugin->name,
               plugin->version ? plugin->version : "", plugin->summary ? plugin->summary : "");
    out_format(out, "  file     %s\n", use->file ? use->file : "(linked in)");
    out_format(out, "  author   %s\n", plugin->author ? plugin->author : "-");
    out_format(out, "  license  %s\n", plugin->license ? plugin->license : "-");
    if (wire_id(plugin)) {
        out_format(out, "  wire id  %u\n", wire_id(plugin));
    }
    out_format(out, "\nkeys of [%s.%s]:%s\n", kind_name(plugin->kind), plugin->name,
               plugin->option_count ? "" : " none of its own");
    for (uint32_t i = 0; i < plugin->option_count; i++) {
        option_text(out, option_at(plugin, i));
    }
    show_core_keys(c, NULL, plugin);
}

static void info_json(cli *c, const mst_plugin_use *use)
{
    const mst_plugin *plugin = use->plugin;
    cli_json json;
    json_open(&json, &c->out);
    json_text(&json, "kind", kind_name(plugin->kind));
    json_text(&json, "name", plugin->name);
    json_text(&json, "version", plugin->version);
    json_text(&json, "summary", plugin->summary);
    json_text(&json, "author", plugin->author);
    json_text(&json, "license", plugin->license);
    json_text(&json, "file", use->file);
    json_number(&json, "wire_id", wire_id(plugin));
    json_list_open(&json, "options");
    for (uint32_t i = 0; i < plugin->option_count; i++) {
        option_json(&json, option_at(plugin, i));
    }
    json_list_close(&json);
    json_list_open(&json, "core_keys");
    show_core_keys(c, &json, plugin);
    json_list_close(&json);
    json_close(&json);
}

bool plugin_words(const cli *c, const cli_args *args, const char *verb, const char **kind,
                  const char **name)
{
    *kind = kind_prefix(args->operands[0], args->count == 2 ? '\0' : '_');
    if (*kind) {
        *name = args->count == 2 ? args->operands[1] : args->operands[0] + strlen(*kind) + 1;
        return true;
    }
    cli_say(c,
            "plugin %s %s: not a kind; write KIND NAME, where KIND is serializer, compressor, "
            "provider, eviction or exporter, as in: plugin %s provider memory",
            verb, args->operands[0], verb);
    return false;
}

int plugin_info(cli *c, const cli_args *args)
{
    mst_plugin_use use = {0};
    mst_error error = {0};
    const char *kind, *name;
    if (!plugin_words(c, args, "info", &kind, &name)) {
        return CLI_USAGE;
    }
    int code = session_read(c, args);
    if (code != CLI_OK) {
        return code;
    }
    mst_status status = mst_config_find_plugin(c->config, kind, name, &use, &error);
    if (status == MST_ENOMEM) {
        cli_say(c, "%s", mst_strerror(status));
        return CLI_FAILED;
    }
    if (status != MST_OK) {
        cli_say(c, "%s", error.text[0] ? error.text : mst_strerror(status));
        return CLI_CONFIG;
    }
    if (args->json) {
        info_json(c, &use);
    } else {
        info_text(c, &use);
    }
    return CLI_OK;
}
