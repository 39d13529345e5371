/* plugin_new.c - `plugin new`: a project for a plugin of one's own, from the templates that are
 * part of the command (sdk/template). Either all of its files are written, or none: the directory
 * is made here, and taken away again when something fails.
 */
#define _XOPEN_SOURCE 700 /* mkdir */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "template.h"

enum { NAME_MAX_LENGTH = 31, PATH_SIZE = 4096 };

typedef struct project {
    cli *c;
    const char *kind, *name, *directory;
    char wire_id[8];
} project;

/* ---- what was asked for */

static bool has_template(const char *kind)
{
    const template_file *file = template_files;
    while (file->kind && strcmp(file->kind, kind) != 0) {
        file++;
    }
    return file->kind != NULL;
}

static bool check_kind(const cli *c, const char *kind)
{
    char kinds[128] = "";
    size_t at = 0;
    if (has_template(kind)) {
        return true;
    }
    for (const template_file *file = template_files; file->kind; file++) {
        if (file == template_files || strcmp(file->kind, file[-1].kind) != 0) {
            int n = snprintf(kinds + at, sizeof kinds - at, "%s%s", at ? ", " : "", file->kind);
            at += n > 0 && at + (size_t) n < sizeof kinds ? (size_t) n : 0;
        }
    }
    cli_say(c, "there is no kind of plugin \"%s\"; kinds: %s", kind, kinds);
    return false;
}

static bool check_name(const cli *c, const char *name)
{
    size_t len = strlen(name);
    if (name[0] >= 'a' && name[0] <= 'z' && len <= NAME_MAX_LENGTH &&
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len) {
        return true;
    }
    cli_say(c,
            "a plugin cannot be named \"%s\": a letter a-z comes first, then a-z 0-9 _, %d in all",
            name, NAME_MAX_LENGTH);
    return false;
}

/* Installed beside another of its name, one of the two would never be found. */
static int check_free(const project *p, const cli_args *args)
{
    mst_plugin_use use;
    int code = session_read(p->c, args);
    if (code == CLI_OK &&
        mst_config_find_plugin(p->c->config, p->kind, p->name, &use, NULL) == MST_OK) {
        cli_say(p->c, "there is a plugin %s_%s already: %s; choose another name", p->kind, p->name,
                use.file ? use.file : "(linked in)");
        code = CLI_USAGE;
    }
    return code;
}

/* ---- writing */

/* Numbers from 128 on are free for all: one that hardly anybody else has, and always the same one
 * for the same name. */
static void draw_wire_id(project *p)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (const char *at = p->name; *at; at++) {
        hash = (hash ^ (unsigned char) *at) * 0x100000001b3u;
    }
    snprintf(p->wire_id, sizeof p->wire_id, "%u", 128 + (unsigned) (hash % (32767 - 128)));
}

/* The words of the templates that stand for something else: sdk/template/meson.build. */
static void fill_in(const project *p, FILE *out, const char *text)
{
    const char *const words[][2] = {
        {"skeleton", p->name}, {"@kind@", p->kind}, {"32767", p->wire_id}};
    while (*text) {
        size_t i = 0, n = sizeof words / sizeof words[0];
        while (i < n && strncmp(text, words[i][0], strlen(words[i][0])) != 0) {
            i++;
        }
        if (i < n) {
            fputs(words[i][1], out);
            text += strlen(words[i][0]);
        } else {
            fputc(*text++, out);
        }
    }
}

/* The path of a file, whose name may have to be filled in as well; false when it is too long. */
static bool path_of(const project *p, const template_file *file, char path[PATH_SIZE])
{
    const char *word = strstr(file->name, "skeleton");
    int head = word ? (int) (word - file->name) : (int) strlen(file->name);
    int n = snprintf(path, PATH_SIZE, "%s/%.*s%s%s", p->directory, head, file->name,
                     word ? p->name : "", word ? word + strlen("skeleton") : "");
    return n > 0 && n < PATH_SIZE;
}

static bool write_file(const project *p, const template_file *file)
{
    char path[PATH_SIZE];
    if (!path_of(p, file, path)) {
        cli_say(p->c, "%s: the path is too long", p->directory);
        return false;
    }
    FILE *out = fopen(path, "wx");
    if (out) {
        fill_in(p, out, file->text);
    }
    bool failed = !out || ferror(out);
    if ((out && fclose(out) != 0) || failed) {
        cli_say(p->c, "cannot write %s: %s", path, strerror(errno));
        return false;
    }
    return true;
}

static void take_away(const project *p, const template_file *end)
{
    char path[PATH_SIZE];
    for (const template_file *file = template_files; file <= end; file++) {
        if (strcmp(file->kind, p->kind) == 0 && path_of(p, file, path)) {
            unlink(path);
        }
    }
    rmdir(p->directory);
}

static int write_project(const project *p)
{
    /* Not writable by others, whatever the umask is: no plugin would be loaded from there. */
    if (mkdir(p->directory, 0755) != 0) {
        if (errno == EEXIST) {
            cli_say(p->c, "%s exists already, nothing was written; choose another --dir",
                    p->directory);
        } else {
            cli_say(p->c, "cannot make %s: %s", p->directory, strerror(errno));
        }
        return CLI_FAILED;
    }
    for (const template_file *file = template_files; file->kind; file++) {
        if (strcmp(file->kind, p->kind) == 0 && !write_file(p, file)) {
            take_away(p, file);
            return CLI_FAILED;
        }
    }
    return CLI_OK;
}

/* ---- what to do with it. From `plugin new` to a cache that uses it are five commands. */

static const struct {
    const char *line, *what;
} commands[] = {
    {"make", "builds it"},
    {"make check", "memstache plugin check: the conformance kit"},
    {"make demo", "a cache that uses it"},
    {"make install", "to where memstache looks for plugins; may need root"},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

/* As a word for the shell. */
static void out_word(cli_out *out, const char *text)
{
    bool plain = text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                   "_./+-")] == '\0';
    out_text(out, plain ? "" : "'");
    for (; *text; text++) {
        if (*text == '\'') {
            out_text(out, "'\\''");
        } else {
            out_bytes(out, text, 1);
        }
    }
    out_text(out, plain ? "" : "'");
}

static void show(const project *p)
{
    cli_out *out = &p->c->out;
    out_text(out, "The plugin is in ");
    out_word(out, p->directory);
    out_format(out, "/%s_%s.c, and works as it is. What to do next:\n\n  cd ", p->kind, p->name);
    out_word(out, p->directory);
    out_text(out, "\n");
    for (size_t i = 0; i < COMMANDS; i++) {
        out_format(out, "  %-14s # %s\n", commands[i].line, commands[i].what);
    }
    out_text(out,
             "\nor with Meson: meson setup build, meson test -C build, meson install -C build.\n");
}

static void show_json(const project *p)
{
    cli_json json;
    char path[PATH_SIZE];
    json_open(&json, &p->c->out);
    json_text(&json, "kind", p->kind);
    json_text(&json, "name", p->name);
    json_text(&json, "directory", p->directory);
    json_list_open(&json, "files");
    for (const template_file *file = template_files; file->kind; file++) {
        if (strcmp(file->kind, p->kind) == 0 && path_of(p, file, path)) {
            json_item_text(&json, path);
        }
    }
    json_list_close(&json);
    json_list_open(&json, "commands");
    for (size_t i = 0; i < COMMANDS; i++) {
        json_item_text(&json, commands[i].line);
    }
    json_list_close(&json);
    json_close(&json);
}

int plugin_new(cli *c, const cli_args *args)
{
    project p = {.c = c, .kind = args->operands[0], .name = args->operands[1]};
    p.directory = args->dir ? args->dir : p.name;
    if (!check_kind(c, p.kind) || !check_name(c, p.name)) {
        return CLI_USAGE;
    }
    int code = check_free(&p, args);
    if (code == CLI_OK) {
        draw_wire_id(&p);
        code = write_project(&p);
    }
    if (code == CLI_OK) {
        (args->json ? show_json : show)(&p);
    }
    return code;
}
