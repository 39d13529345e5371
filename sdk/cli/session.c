/* session.c - the configuration, the runtime and the cache that a command works on.
 *
 * All commands of one `memstache run` share one session, which is what makes a memory-only
 * configuration useful from the command line.
 */
#define _GNU_SOURCE /* secure_getenv */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include <memstache/plugin.h>
#include <memstache/provider.h>

#include "cli.h"

static const char default_file[] = "memstache.ini";

static int no_memory(const cli *c)
{
    cli_say(c, "%s", mst_strerror(MST_ENOMEM));
    return CLI_FAILED;
}

static void print_problem(void *arg, const char *text)
{
    fprintf(stderr, "%s\n", text);
}

static size_t print_problems(const cli *c, const mst_error *error)
{
    cli_problems list = {0};
    size_t n = problems_keep(&list, c->config, error);
    problems_merge(&list, &(cli_problems){0}, NULL, print_problem, NULL);
    problems_free(&list);
    return n;
}

static int refuse(const cli *c, size_t problems)
{
    cli_say(c, "%s: %zu problem%s, nothing was done; memstache(5) describes the file",
            c->config_file ? c->config_file : "configuration", problems, problems == 1 ? "" : "s");
    return CLI_CONFIG;
}

/* --set SECTION.KEY=VALUE: keys have no dots, sections may. */
static int put(const cli *c, const char *text)
{
    const char *equals = strchr(text, '=');
    char name[256];
    if (!equals || (size_t) (equals - text) >= sizeof name) {
        cli_say(c, "--set %s: write SECTION.KEY=VALUE, as in cache.expire=5m", text);
        return CLI_USAGE;
    }
    memcpy(name, text, (size_t) (equals - text));
    name[equals - text] = '\0';
    char *dot = strrchr(name, '.');
    if (!dot) {
        cli_say(c, "--set %s: no section; write SECTION.KEY=VALUE, as in cache.%s", text, text);
        return CLI_USAGE;
    }
    *dot = '\0';
    mst_status status = mst_config_set(c->config, name, dot + 1, equals + 1);
    if (status != MST_OK) {
        cli_say(c, "--set %s: [%s] %s: %s", text, name, dot + 1,
                status == MST_EINVAL ? "not a name of a section and a key" : mst_strerror(status));
        return status == MST_EINVAL ? CLI_USAGE : CLI_FAILED;
    }
    return CLI_OK;
}

static mst_status load(cli *c, const cli_args *args, mst_error *error)
{
    c->config = mst_config_new(NULL);
    if (!c->config) {
        return MST_ENOMEM;
    }
    c->config_file = args->config ? args->config : secure_getenv("MEMSTACHE_CONFIG");
    if (!c->config_file && access(default_file, F_OK) == 0) {
        c->config_file = default_file;
    }
    return c->config_file ? mst_config_read(c->config, c->config_file, error) : MST_OK;
}

static int put_all(cli *c, const cli_args *args)
{
    int code = CLI_OK;
    for (size_t i = 0; i < args->set_count && code == CLI_OK; i++) {
        code = put(c, args->sets[i]);
    }
    return code;
}

int session_read(cli *c, const cli_args *args)
{
    mst_error error = {0};
    if (c->config) {
        return CLI_OK;
    }
    mst_status status = load(c, args, &error);
    if (status == MST_OK) {
        return put_all(c, args);
    }
    return status == MST_ENOMEM ? no_memory(c) : refuse(c, print_problems(c, &error));
}

int session_examine(cli *c, const cli_args *args, cli_problem_fn problem, void *arg,
                    size_t *problems)
{
    cli_problems read = {0}, checked = {0};
    mst_error error = {0};
    int code = CLI_OK;
    *problems = 0;
    mst_status status = c->config ? MST_OK : load(c, args, &error);
    if (status != MST_OK && status != MST_ENOMEM) {
        *problems += problems_keep(&read, c->config, &error);
    }
    if (status == MST_OK || status == MST_ECONFIG) { /* else there is nothing to check */
        code = put_all(c, args);
        error = (mst_error){0};
        status = code == CLI_OK ? mst_config_check(c->config, &error) : MST_OK;
        if (status != MST_OK && status != MST_ENOMEM) {
            *problems += problems_keep(&checked, c->config, &error);
        }
    }
    problems_merge(&read, &checked, c->config_file, problem, arg);
    problems_free(&read);
    problems_free(&checked);
    if (status == MST_ENOMEM) {
        return no_memory(c);
    }
    return code == CLI_OK && *problems ? CLI_CONFIG : code;
}

int session_check(cli *c, const cli_args *args)
{
    size_t problems;
    int code = session_examine(c, args, print_problem, NULL, &problems);
    return code == CLI_CONFIG ? refuse(c, problems) : code;
}

/* ---- does anything outlive the command? */

typedef struct tier_search {
    const char *section; /* of the cache */
    char tiers[1024];    /* " memory redis " */
    bool outside;        /* one of them is not in this process */
} tier_search;

static int find_tiers(void *arg, const mst_setting *setting)
{
    tier_search *search = arg;
    if (strcmp(setting->section, search->section) != 0 || strcmp(setting->key, "tiers") != 0) {
        return 0;
    }
    size_t at = 0;
    search->tiers[at++] = ' ';
    for (const char *p = setting->value; *p && at + 2 < sizeof search->tiers; p++) {
        search->tiers[at++] = *p == ',' ? ' ' : *p;
    }
    search->tiers[at++] = ' ';
    search->tiers[at] = '\0';
    return 1;
}

static int find_outside(void *arg, const mst_plugin_use *use)
{
    tier_search *search = arg;
    char word[96];
    const char *dot = strchr(use->section, '.');
    if (use->plugin->kind != MST_KIND_PROVIDER || !dot) {
        return 0;
    }
    const mst_provider_ops *ops = use->plugin->ops;
    snprintf(word, sizeof word, " %s ", dot + 1);
    search->outside |= strstr(search->tiers, word) && !(ops->caps & MST_CAP_INPROC);
    return 0;
}

static void note_what_outlives(const cli *c, const cli_args *args)
{
    tier_search search = {.section = c->section};
    if (c->batch || args->quiet) {
        return;
    }
    mst_config_each(c->config, find_tiers, &search, NULL);
    mst_config_each_plugin(c->config, find_outside, &search, NULL);
    if (!search.outside) {
        cli_say(c,
                "note: all tiers of [%s] live in this process, nothing outlives this command; "
                "`memstache run` gives several commands one process",
                c->section);
    }
}

/* ---- runtime and cache */

static void log_line(void *arg, int level, const char *text)
{
    static const char *const names[] = {"", "error", "warning", "info", "debug"};
    const cli *c = arg;
    if (level <= MST_LOG_WARN || c->verbose) {
        fprintf(stderr, "memstache: %s: %s\n", level >= 1 && level <= 4 ? names[level] : "log",
                text);
    }
}

typedef struct cache_search {
    const char *found;
    char names[512];
    size_t at;
    text_nearest nearest;
} cache_search;

static int list_caches(void *arg, const mst_setting *setting)
{
    cache_search *search = arg;
    if (strcmp(setting->key, "tiers") != 0 || strncmp(setting->section, "cache", 5) != 0) {
        return 0;
    }
    int n = snprintf(search->names + search->at, sizeof search->names - search->at, " [%s]",
                     setting->section);
    search->at += n > 0 && search->at + (size_t) n < sizeof search->names ? (size_t) n : 0;
    if (search->nearest.word && setting->section[5] == '.') {
        text_nearest_try(&search->nearest, setting->section + 6);
    }
    return 0;
}

static int no_such_cache(const cli *c)
{
    cache_search search = {.nearest = {.word = c->section[5] ? c->section + 6 : NULL}};
    const char *file = c->config_file ? c->config_file : "the built-in defaults";
    mst_config_each(c->config, list_caches, &search, NULL);
    if (search.nearest.best) {
        cli_say(c, "there is no [%s] in %s; did you mean [cache.%s]?", c->section, file,
                search.nearest.best);
    } else {
        cli_say(c, "there is no [%s] in %s; there are:%s", c->section, file, search.names);
    }
    return CLI_CONFIG;
}

/* A key of [runtime] that the command decides, unless the line does. */
static mst_status decide(cli *c, const cli_args *args, const char *key, const char *value)
{
    size_t len = strlen(key);
    for (size_t i = 0; i < args->set_count; i++) {
        const char *set = args->sets[i];
        if (strncmp(set, "runtime.", 8) == 0 && strncmp(set + 8, key, len) == 0 &&
            set[8 + len] == '=') {
            return MST_OK;
        }
    }
    return mst_config_set(c->config, "runtime", key, value);
}

/* The admin socket of a file is that of the program which the file is for. */
static mst_status decide_runtime(cli *c, const cli_args *args)
{
    mst_status status = decide(c, args, "admin_socket", "");
    if (status == MST_OK && c->verbose) {
        status = decide(c, args, "log_level", "debug");
    }
    return status;
}

static int open_runtime(cli *c, const cli_args *args)
{
    mst_error error = {0};
    if (decide_runtime(c, args) != MST_OK) {
        return no_memory(c);
    }
    mst_open_options options = {.loop = c->loop, .log = log_line, .log_arg = c};
    mst_status status = mst_open(c->config, &options, &c->runtime, &error);
    if (status == MST_ECONFIG || status == MST_EPLUGIN || status == MST_ENOTFOUND) {
        return refuse(c, print_problems(c, &error));
    }
    if (status != MST_OK) {
        cli_say(c, "%s", error.text[0] ? error.text : mst_strerror(status));
    }
    return status == MST_OK ? CLI_OK : CLI_FAILED;
}

int session_cache(cli *c, const cli_args *args)
{
    const char *name = args->cache ? args->cache : "";
    snprintf(c->section, sizeof c->section, "cache%s%s", name[0] ? "." : "", name);
    if (!c->runtime) {
        int code = session_check(c, args);
        if (code == CLI_OK) {
            code = open_runtime(c, args);
        }
        if (code != CLI_OK) {
            return code;
        }
    }
    c->cache = mst_cache_named(c->runtime, name);
    if (!c->cache) {
        return no_such_cache(c);
    }
    note_what_outlives(c, args);
    return CLI_OK;
}

int session_lend_loop(cli *c)
{
    uv_loop_t *loop = malloc(sizeof *loop);
    int error = loop ? uv_loop_init(loop) : UV_ENOMEM;
    if (error) {
        cli_say(c, "%s", uv_strerror(error));
        free(loop);
        return CLI_FAILED;
    }
    c->loop = loop;
    return CLI_OK;
}

void session_close(cli *c)
{
    if (c->runtime) {
        mst_close_wait(c->runtime); /* runs a lent loop to its end */
        c->runtime = NULL;
    }
    if (c->loop) {
        uv_loop_close(c->loop);
        free(c->loop);
        c->loop = NULL;
    }
    mst_config_free(c->config);
    c->config = NULL;
}
