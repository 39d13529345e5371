/* load.c - cases about the file and the description: what it exports, what it needs of the machine,
 * whether the library takes it, and whether its option table means what it says. */
#define _GNU_SOURCE /* dlvsym */
#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "symbols.h"

/* A list for a message; what does not fit is counted. */
typedef struct list {
    char text[700];
    size_t at, count;
} list;

static void add(list *l, const char *format, ...) CHECK_PRINTF(2, 3);

static void add(list *l, const char *format, ...)
{
    char item[256];
    va_list args;
    va_start(args, format);
    vsnprintf(item, sizeof item, format, args);
    va_end(args);
    size_t len = strlen(item);
    if (l->at + len + 3 < sizeof l->text) {
        l->at += (size_t) snprintf(l->text + l->at, sizeof l->text - l->at, "%s%s",
                                   l->count ? ", " : "", item);
    }
    l->count++;
}

/* What the runtimes of sanitizers add to whatever is built with them. */
static bool is_sanitizer(const char *symbol)
{
    static const char *const prefixes[] = {"__asan", "__ubsan", "__tsan",      "__lsan",
                                           "__msan", "__odr_",  "__sanitizer", "__sancov"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (strncmp(symbol, prefixes[i], strlen(prefixes[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- load/exports-only-module */

void case_exports(kit *k)
{
    check_elf *e = check_elf_open(k, k->setup->file);
    bool module = false;
    list others = {.count = 0};
    const char *name;
    for (size_t i = 0; (name = check_elf_export(e, i)); i++) {
        if (strcmp(name, "memstache_module") == 0) {
            module = true;
        } else if (!is_sanitizer(name)) {
            add(&others, "%s", name);
        }
    }
    if (!module) {
        check_fail(k, "does not export memstache_module: end its source with MST_PLUGIN_MODULE()");
    }
    if (others.count) {
        check_fail(k, "exports %zu more symbol%s: %s; compile with -fvisibility=hidden",
                   others.count, others.count == 1 ? "" : "s", others.text);
    }
}

/* ---- load/needs */

enum { LIBRARIES_MAX = 64 };

/* As the dynamic linker would find it: where the file says, else where it looks anyway. */
static void *open_library(const kit *k, const check_elf *e, const char *library)
{
    const char *path = check_elf_search_path(e), *file = k->setup->file;
    const char *slash = strrchr(file, '/');
    int directory = slash ? (int) (slash - file) : 1;
    while (path && *path) {
        char name[4096];
        size_t len = strcspn(path, ":");
        bool origin = strncmp(path, "$ORIGIN", 7) == 0;
        snprintf(name, sizeof name, "%.*s%.*s/%s", origin ? directory : 0, slash ? file : ".",
                 (int) len - (origin ? 7 : 0), path + (origin ? 7 : 0), library);
        void *handle = dlopen(name, RTLD_LAZY | RTLD_LOCAL);
        if (handle) {
            return handle;
        }
        path += len + (path[len] == ':');
    }
    return dlopen(library, RTLD_LAZY | RTLD_LOCAL);
}

static bool has(void *handle, const check_symbol *symbol)
{
    return symbol->version ? dlvsym(handle, symbol->name, symbol->version) != NULL
                           : dlsym(handle, symbol->name) != NULL;
}

/* "2.38" is later than "2.36"? */
static bool later(const char *a, const char *b)
{
    char *a_end, *b_end;
    unsigned long a_major = strtoul(a, &a_end, 10), b_major = strtoul(b, &b_end, 10);
    unsigned long a_minor = *a_end ? strtoul(a_end + 1, NULL, 10) : 0;
    unsigned long b_minor = *b_end ? strtoul(b_end + 1, NULL, 10) : 0;
    return a_major != b_major ? a_major > b_major : a_minor > b_minor;
}

/* The newest version of glibc that it asks for, when that is newer than the one that runs. */
static const char *newer_glibc(const check_elf *e)
{
    const char *newest = gnu_get_libc_version();
    check_symbol s;
    for (size_t i = 0; check_elf_import(e, i, &s); i++) {
        if (s.version && strncmp(s.version, "GLIBC_2", 7) == 0 && later(s.version + 6, newest)) {
            newest = s.version + 6;
        }
    }
    return newest == gnu_get_libc_version() ? NULL : newest;
}

static void find_symbols(const check_elf *e, void *const *handles, list *missing, list *unnamed)
{
    check_symbol s;
    for (size_t i = 0; check_elf_import(e, i, &s); i++) {
        bool found = is_sanitizer(s.name);
        for (size_t h = 0; !found && handles[h]; h++) {
            found = has(handles[h], &s);
        }
        if (found) {
            continue;
        }
        if (has(RTLD_DEFAULT, &s)) {
            add(unnamed, "%s", s.name);
        } else {
            add(missing, "symbol %s%s%s", s.name, s.version ? " of version " : "",
                s.version ? s.version : "");
        }
    }
}

void case_needs(kit *k)
{
    check_elf *e = check_elf_open(k, k->setup->file);
    void *handles[LIBRARIES_MAX + 1] = {NULL};
    size_t opened = 0;
    list missing = {.count = 0}, unnamed = {.count = 0};
    const char *library, *glibc = newer_glibc(e);
    for (size_t i = 0; (library = check_elf_library(e, i)) && opened < LIBRARIES_MAX; i++) {
        check_doing(k, "loading its library %s", library);
        handles[opened] = open_library(k, e, library);
        if (handles[opened]) {
            opened++;
        } else {
            add(&missing, "library %s", library);
        }
    }
    if (glibc) {
        add(&missing, "glibc %s (here is %s)", glibc, gnu_get_libc_version());
    }
    if (!missing.count || glibc) { /* without a library, what is missing is the library */
        find_symbols(e, handles, &missing, &unnamed);
    }
    if (missing.count) {
        check_fail(k, "needs what this machine does not have: %s", missing.text);
    }
    if (unnamed.count) {
        check_fail(k,
                   "uses what none of its libraries has, and what only this program happens to "
                   "have loaded: %s; link with that library, and with -Wl,-z,defs",
                   unnamed.text);
    }
}

/* ---- load/accepted */

void case_accepted(kit *k)
{
    mst_error error;
    if (check_find(k, &error) != MST_OK) {
        check_fail(k, "%s", error.text);
    }
}

/* ---- load/description */

static void one_line(kit *k, const char *what, const char *text, size_t most)
{
    size_t len = strlen(text);
    if (!len) {
        check_fail(k, "its %s is empty", what);
    }
    if (len > most || text[strcspn(text, "\r\n\t")]) {
        check_fail(k, "its %s is not one line of at most %zu bytes", what, most);
    }
}

/* sdk/docs/wire-ids.md: who has which of the numbers that are given out. */
static const struct {
    int kind;
    uint32_t id;
    const char *name;
} assigned[] = {
    {MST_KIND_SERIALIZER, 1, "raw"},    {MST_KIND_SERIALIZER, 2, "protobuf"},
    {MST_KIND_SERIALIZER, 3, "json"},   {MST_KIND_SERIALIZER, 4, "msgpack"},
    {MST_KIND_COMPRESSOR, 1, "brotli"}, {MST_KIND_COMPRESSOR, 2, "zstd"},
    {MST_KIND_COMPRESSOR, 3, "lz4"},    {MST_KIND_COMPRESSOR, 4, "gzip"},
};

static void check_wire_id(kit *k, uint32_t id)
{
    bool own = id >= 128;
    for (size_t i = 0; i < sizeof assigned / sizeof assigned[0]; i++) {
        own |= assigned[i].kind == k->plugin->kind && assigned[i].id == id &&
               strcmp(assigned[i].name, k->plugin->name) == 0;
    }
    if (!own) {
        check_fail(k, "its wire_id %u is given out by the project; take one of 128..%u", id,
                   MST_WIRE_ID_MAX);
    }
}

void case_description(kit *k)
{
    check_subject(k);
    const mst_plugin *p = k->plugin;
    one_line(k, "version", p->version, 32);
    one_line(k, "author", p->author, 120);
    one_line(k, "license", p->license, 120);
    one_line(k, "summary", p->summary, 160);
    if (p->kind == MST_KIND_SERIALIZER) {
        check_wire_id(k, k->ops.serializer.wire_id);
    } else if (p->kind == MST_KIND_COMPRESSOR) {
        check_wire_id(k, k->ops.compressor.wire_id);
    }
}

/* ---- describe/options-parse */

static size_t size_of(int type)
{
    switch (type) {
    case MST_OPT_BOOL:
        return sizeof(bool);
    case MST_OPT_ENUM:
        return sizeof(int32_t);
    default:
        return sizeof(int64_t);
    }
}

static void check_option(kit *k, uint32_t index)
{
    const mst_option *o = check_option_at(k->plugin, index);
    if (!o->help || !o->help[0]) {
        check_fail(k, "option \"%s\" has no help; `plugin info` shows one sentence", o->name);
    }
    for (uint32_t i = 0; i < index; i++) {
        const mst_option *other = check_option_at(k->plugin, i);
        if (o->offset < other->offset + size_of(other->type) &&
            other->offset < o->offset + size_of(o->type)) {
            check_fail(k, "options \"%s\" and \"%s\" are stored over each other (offsets %u, %u)",
                       other->name, o->name, other->offset, o->offset);
        }
    }
}

/* Each bound and each choice is a value that users may write. */
static void try_value(kit *k, const mst_option *o, const char *value)
{
    char text[512];
    mst_error error;
    snprintf(text, sizeof text, "%s=%s", o->name, value);
    if (!check_bind(k, text, &error)) {
        check_fail(k, "option \"%s\" does not take its own %s: %s", o->name, value, error.text);
    }
}

void case_options(kit *k)
{
    mst_error error;
    if (check_find(k, &error) != MST_OK) {
        if (strstr(error.text, "option")) {
            check_fail(k, "%s", error.text);
        }
        check_skip(k, "the file is refused: see load/accepted");
    }
    check_subject(k);
    for (uint32_t i = 0; i < k->plugin->option_count; i++) {
        check_option(k, i);
    }
    for (uint32_t i = 0; i < k->plugin->option_count; i++) {
        const mst_option *o = check_option_at(k->plugin, i);
        if (o->min) {
            try_value(k, o, o->min);
        }
        if (o->max) {
            try_value(k, o, o->max);
        }
    }
}
