/* plugin_check.c - `plugin check`: which file, which cases, and what came out as TAP or JSON. The
 * cases themselves are in sdk/check. */
#define _XOPEN_SOURCE 700 /* realpath */
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "cli.h"

enum { LIMIT_MS = 10000 };

typedef struct tally {
    unsigned number, passed, failed, skipped;
} tally;

static bool selected(const check_case *c, unsigned kinds, const char *only)
{
    return (c->kinds & kinds) && (!only || fnmatch(only, c->name, 0) == 0);
}

/* ---- which file */

/* "compressor_lz4" of "/a/compressor_lz4.so": its kind and name. */
static int take_apart(const cli *c, const char *file, check_setup *setup)
{
    const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file;
    size_t len = strlen(base);
    setup->file = file;
    setup->kind_name = kind_prefix(base, '_');
    if (!setup->kind_name || len < 4 || strcmp(base + len - 3, ".so") != 0) {
        cli_say(c,
                "plugin check %s: plugins are found by the names of their files: call it "
                "KIND_NAME.so, where KIND is serializer, compressor, provider, eviction or "
                "exporter",
                base);
        return CLI_USAGE;
    }
    base += strlen(setup->kind_name) + 1;
    setup->kind = kind_number(setup->kind_name);
    char *name = strdup(base);
    if (!name) {
        cli_say(c, "%s", mst_strerror(MST_ENOMEM));
        return CLI_FAILED;
    }
    name[strlen(name) - 3] = '\0';
    setup->name = name;
    return CLI_OK;
}

static int take_file(const cli *c, const char *path, check_setup *setup)
{
    char *file = realpath(path, NULL);
    if (!file) {
        cli_say(c, "plugin check: cannot find %s", path);
        return CLI_CONFIG;
    }
    return take_apart(c, file, setup);
}

/* Where the loader would find it. */
static int search(cli *c, const cli_args *args, const char *kind, const char *name,
                  check_setup *setup)
{
    char path[PATH_MAX];
    const char *dir;
    int code = session_read(c, args);
    for (size_t i = 0; code == CLI_OK && (dir = mst_config_plugin_dir(c->config, i)); i++) {
        snprintf(path, sizeof path, "%s/%s_%s.so", dir, kind, name);
        if (access(path, F_OK) == 0) {
            return take_file(c, path, setup);
        }
    }
    if (code == CLI_OK) {
        cli_say(c,
                "plugin check: there is no %s_%s.so in the plugin directories; memstache "
                "version --json lists them",
                kind, name);
    }
    return code == CLI_OK ? CLI_CONFIG : code;
}

static int find_file(cli *c, const cli_args *args, check_setup *setup)
{
    const char *word = args->operands[0], *kind;
    size_t len = strlen(word);
    if (args->count == 1 && (strchr(word, '/') || (len > 3 && !strcmp(word + len - 3, ".so")))) {
        return take_file(c, word, setup);
    }
    if (!plugin_words(c, args, "check", &kind, &word)) {
        return CLI_USAGE;
    }
    return search(c, args, kind, word, setup);
}

/* ---- what came out */

/* In quotes of YAML. */
static void quoted(cli_out *out, const char *name, const char *text)
{
    out_format(out, "  %s: '", name);
    for (const char *p = text; *p; p++) {
        out_bytes(out, *p == '\'' ? "''" : p, *p == '\'' ? 2 : 1);
    }
    out_text(out, "'\n");
}

static void show_tap(cli_out *out, const check_case *c, const check_setup *setup,
                     const check_outcome *o, unsigned number)
{
    out_format(out, "%sok %u - %s", o->result == CHECK_FAILED ? "not " : "", number, c->name);
    out_format(out, "%s%s\n", o->result == CHECK_SKIPPED ? " # SKIP " : "",
               o->result == CHECK_SKIPPED ? o->text : "");
    if (o->result == CHECK_FAILED) {
        out_text(out, "  ---\n");
        quoted(out, "rule", c->sentence);
        quoted(out, "fault", o->text);
        out_format(out, "  seed: %llu\n  ...\n", (unsigned long long) setup->seed);
    }
}

static void show_json(cli_out *out, const check_case *c, const check_setup *setup,
                      const check_outcome *o)
{
    static const char *const results[] = {"passed", "failed", "skipped"};
    cli_json json;
    json_open(&json, out);
    json_text(&json, "case", c->name);
    json_text(&json, "rule", c->sentence);
    json_text(&json, "result", results[o->result]);
    json_text(&json, "fault", o->result == CHECK_FAILED ? o->text : NULL);
    json_text(&json, "reason", o->result == CHECK_SKIPPED ? o->text : NULL);
    json_number(&json, "seed", (int64_t) setup->seed);
    json_number(&json, "ms", o->took_ms);
    json_close(&json);
}

static int run_all(cli *c, const cli_args *args, const check_setup *setup)
{
    unsigned kinds = CHECK_KIND(setup->kind);
    tally t = {0};
    for (const check_case *row = check_cases; row->name; row++) {
        t.number += selected(row, kinds, args->only);
    }
    if (!t.number) {
        cli_say(c, "plugin check: %s: no case is called %s; --list lists them", setup->kind_name,
                args->only);
        return CLI_USAGE;
    }
    if (!args->json) {
        out_format(&c->out, "TAP version 13\n# %s, seed %llu\n1..%u\n", setup->file,
                   (unsigned long long) setup->seed, t.number);
    }
    for (const check_case *row = check_cases; row->name && !c->out.error; row++) {
        check_outcome o;
        if (!selected(row, kinds, args->only)) {
            continue;
        }
        out_flush(&c->out);
        check_run(row, setup, &o);
        o.result = o.result == CHECK_UNREADY ? CHECK_FAILED : o.result;
        t.passed += o.result == CHECK_PASSED;
        t.failed += o.result == CHECK_FAILED;
        t.skipped += o.result == CHECK_SKIPPED;
        if (args->json) {
            show_json(&c->out, row, setup, &o);
        } else {
            show_tap(&c->out, row, setup, &o, t.passed + t.failed + t.skipped);
        }
    }
    if (!args->json) {
        out_format(&c->out, "# %u passed, %u failed, %u skipped%s\n", t.passed, t.failed, t.skipped,
                   t.failed ? "; --seed repeats it" : "");
    }
    return t.failed ? CLI_NO : CLI_OK;
}

/* ---- the command */

static void list(cli *c, const cli_args *args)
{
    for (const check_case *row = check_cases; row->name; row++) {
        if (!selected(row, ~0u, args->only)) {
            continue;
        }
        for (int kind = MST_KIND_SERIALIZER; kind <= MST_KIND_EXPORTER; kind++) {
            cli_json json;
            if (!(row->kinds & CHECK_KIND(kind))) {
                continue;
            }
            if (args->json) {
                json_open(&json, &c->out);
                json_text(&json, "case", row->name);
                json_text(&json, "kind", kind_name(kind));
                json_text(&json, "rule", row->sentence);
                json_close(&json);
            } else {
                out_format(&c->out, "%-10s  %-36s  %s\n", kind_name(kind), row->name,
                           row->sentence);
            }
        }
    }
}

static int prepare(cli *c, const cli_args *args, check_setup *setup)
{
    check_outcome o;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    setup->options = args->plugin_options;
    setup->option_count = args->plugin_option_count;
    setup->limit_ms = args->timeout_ms > 0 ? args->timeout_ms
                      : args->timeout_ms   ? INT_MAX
                                           : LIMIT_MS;
    setup->seed = args->given & ARG_CHECK && args->seed > 0 ? (uint64_t) args->seed
                                                            : (uint64_t) now.tv_nsec + 1;
    int code = find_file(c, args, setup);
    if (code != CLI_OK) {
        return code;
    }
    check_run(&check_ready, setup, &o);
    if (o.result == CHECK_UNREADY) {
        cli_say(c, "plugin check: %s; its options are given as --option KEY=VALUE", o.text);
        return CLI_CONFIG;
    }
    return CLI_OK;
}

int plugin_check(cli *c, const cli_args *args)
{
    check_setup setup = {0};
    if (c->batch) {
        cli_say(c, "plugin check: not within run");
        return CLI_USAGE;
    }
    if (args->list) {
        list(c, args);
        return CLI_OK;
    }
    if (!args->count) {
        cli_say(c, "plugin check: say which: a file KIND_NAME.so, or KIND NAME");
        return CLI_USAGE;
    }
    int code = prepare(c, args, &setup);
    if (code == CLI_OK) {
        code = run_all(c, args, &setup);
    }
    free((char *) setup.file);
    free((char *) setup.name);
    return code;
}
