/* cmd_plugin.c - `plugin list`, and what its neighbours plugin_*.c share with it. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <memstache/plugin.h>

#include "cli.h"

static const struct {
    int number;
    const char *name;
} kinds[] = {
#define KIND_ROW(id, number, name, version) {number, #name},
    MST_KIND_MAP(KIND_ROW)
#undef KIND_ROW
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

const char *kind_name(int number)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].number == number) {
            return kinds[i].name;
        }
    }
    return "?";
}

int kind_number(const char *name)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return kinds[i].number;
        }
    }
    return 0;
}

const char *kind_prefix(const char *text, char end)
{
    for (size_t i = 0; i < KINDS; i++) {
        size_t len = strlen(kinds[i].name);
        if (strncmp(text, kinds[i].name, len) == 0 && text[len] == end) {
            return kinds[i].name;
        }
    }
    return NULL;
}

/* ---- plugin list */

typedef struct list_state {
    cli *c;
    bool json;
} list_state;

static int list_one(void *arg, const mst_plugin_use *use)
{
    list_state *state = arg;
    cli_out *out = &state->c->out;
    cli_json json;
    if (!state->json) {
        out_format(out, "%-10s  %-14s  %-8s  %-24s  %s\n", kind_name(use->plugin->kind),
                   use->plugin->name, use->plugin->version ? use->plugin->version : "-",
                   use->section, use->file ? use->file : "(linked in)");
        return out->error;
    }
    json_open(&json, out);
    json_text(&json, "kind", kind_name(use->plugin->kind));
    json_text(&json, "name", use->plugin->name);
    json_text(&json, "version", use->plugin->version);
    json_text(&json, "section", use->section);
    json_text(&json, "file", use->file);
    json_close(&json);
    return out->error;
}

/* File names only: nothing is loaded because it lies somewhere. */
static int is_plugin_file(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 3 && strcmp(entry->d_name + len - 3, ".so") == 0 &&
           kind_prefix(entry->d_name, '_') != NULL;
}

static void list_directory(cli *c, const char *dir, bool as_json)
{
    struct dirent **names = NULL;
    int n = scandir(dir, &names, is_plugin_file, alphasort);
    if (n < 0 && errno != ENOENT) {
        cli_say(c, "note: cannot list %s: %s", dir, strerror(errno));
    }
    for (int i = 0; i < n; i++) {
        cli_json json;
        if (as_json) {
            json_open(&json, &c->out);
            json_text(&json, "directory", dir);
            json_text(&json, "name", names[i]->d_name);
            json_close(&json);
        } else {
            out_format(&c->out, "%s/%s\n", dir, names[i]->d_name);
        }
        free(names[i]);
    }
    free(names);
}

static int list(cli *c, const cli_args *args)
{
    list_state state = {.c = c, .json = args->json};
    mst_error error = {0};
    int code = session_check(c, args);
    if (code != CLI_OK) {
        return code;
    }
    mst_status status = mst_config_each_plugin(c->config, list_one, &state, &error);
    if (status != MST_OK) {
        cli_say(c, "%s", error.text[0] ? error.text : mst_strerror(status));
        return CLI_FAILED;
    }
    if (args->all && !args->json) {
        out_text(&c->out, "\nfiles in the plugin directories, not loaded:\n");
    }
    const char *dir;
    for (size_t i = 0; args->all && (dir = mst_config_plugin_dir(c->config, i)) != NULL; i++) {
        list_directory(c, dir, args->json);
    }
    return CLI_OK;
}

const cli_command plugin_commands[] = {
    {"plugin list", "", "print the plugins that the configuration selects",
     "Kind, name, version, section of the INI file, and the file that was loaded. With --all also "
     "the files that lie in the plugin directories, which are not loaded for that.",
     ARG_ALL, 0, 0, list},
    {"plugin info", "KIND NAME", "print what a plugin is and which keys it has",
     "KIND_NAME in one word does as well. Kinds: serializer, compressor, provider, eviction, "
     "exporter.",
     0, 1, 2, plugin_info},
    {"plugin check", "FILE", "try whether a plugin keeps the promises of its kind",
     "FILE is KIND_NAME.so; KIND NAME, or KIND_NAME in one word, is looked for as the loader does. "
     "Each case runs in a process of its own, for at most --timeout (10s), and is reported as TAP; "
     "with --json as one object. Exit code 0: no fault was found (cases may have been skipped, "
     "each with a reason); 1: at least one was; 2: wrong usage, or no case fits --only; 3: there "
     "is "
     "no such plugin, or its options are wrong or missing; 4: something else failed.",
     ARG_CHECK, 0, 2, plugin_check},
    {"plugin new", "KIND NAME", "begin a plugin of your own",
     "Writes a project that builds, passes `plugin check` and installs by one command each, which "
     "are printed, into the new directory NAME, or that of --dir.",
     ARG_DIR, 2, 2, plugin_new},
    {0},
};
