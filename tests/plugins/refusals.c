/* refusals.c - bad plugins, one for each reason, and the exact words that their users get.
 *
 * Each row puts files into a fresh directory, asks the configuration for a compressor, and compares
 * the problem that mst_config_check() reports. No code of a refused
 * file may have run, unless dlopen() had to be called to find the fault, and the program may not
 * keep it. A plain program and not Criterion, so that the sanitizers see the whole process. */
#define _GNU_SOURCE /* RTLD_NOLOAD */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memstache/config.h>

#include "config/config.h"
#include "plugin/assembly.h"
#include "plugin/instance.h"
#include "support.h"

typedef struct row {
    const char *name; /* what the configuration asks for */
    bool (*setup)(const char *dir, const char *name);
    const char *expected;
    mst_status status;
} row;

/* ---- what lies in the directory */

static bool built(const char *dir, const char *name)
{
    char file[64], from[TS_PATH];
    ts_format(file, sizeof file, "compressor_%s.so", name);
    ts_join(from, TEST_MODULES, file);
    return ts_copy(from, dir, file);
}

static bool nothing(const char *dir, const char *name)
{
    (void) dir;
    (void) name;
    return true;
}

static bool good_and_broken_names(const char *dir, const char *name)
{
    (void) name;
    return built(dir, "good") && ts_write(dir, "compressor_brotli.so", "", 0644) &&
           ts_write(dir, "compressor_Bad.so", "", 0644) &&
           ts_write(dir, "compressor_lz4.so.bak", "", 0644) &&
           ts_write(dir, "provider_brotly.so", "", 0644);
}

static bool text_file(const char *dir, const char *name)
{
    (void) name;
    return ts_write(dir, "compressor_text.so", "This is not a shared object.\n", 0644);
}

static bool with_mode(const char *dir, const char *name, const char *what, mode_t mode)
{
    char path[TS_PATH];
    ts_join(path, dir, what);
    return built(dir, name) && chmod(path, mode) == 0;
}

static bool world_writable(const char *dir, const char *name)
{
    return with_mode(dir, name, "compressor_good.so", 0666);
}

static bool group_writable(const char *dir, const char *name)
{
    return with_mode(dir, name, "compressor_good.so", 0775);
}

static bool world_writable_dir(const char *dir, const char *name)
{
    return with_mode(dir, name, ".", 0777);
}

static bool sticky_dir(const char *dir, const char *name)
{
    return with_mode(dir, name, ".", 01777);
}

static bool directory(const char *dir, const char *name)
{
    char path[TS_PATH];
    (void) name;
    ts_join(path, dir, "compressor_good.so");
    return mkdir(path, 0755) == 0;
}

static bool renamed(const char *dir, const char *name)
{
    char from[TS_PATH];
    (void) name;
    ts_join(from, TEST_MODULES, "compressor_good.so");
    return ts_copy(from, dir, "compressor_other.so");
}

static const row rows[] = {
    {"magic", built,
     "program: [cache] {D}/compressor_magic.so: not a memstache plugin (magic 00c0ffee, not "
     "4843544d)",
     MST_EPLUGIN},
    {"newer", built,
     "program: [cache] {D}/compressor_newer.so: built for ABI 2.0, this host speaks 0.6; rebuild "
     "the plugin",
     MST_EPLUGIN},
    {"minor", built,
     "program: [cache] {D}/compressor_minor.so: built for ABI 0.7, this host speaks 0.6; rebuild "
     "the plugin",
     MST_EPLUGIN},
    {"kind", built,
     "program: [cache] {D}/compressor_kind.so: has eviction \"kind\", config asks for compressor "
     "\"kind\"",
     MST_EPLUGIN},
    {"other", renamed,
     "program: [cache] {D}/compressor_other.so: has compressor \"good\", config asks for "
     "compressor \"other\"",
     MST_EPLUGIN},
    {"noop", built,
     "program: [cache] {D}/compressor_noop.so: compressor \"noop\": required op decompress is "
     "missing",
     MST_EPLUGIN},
    {"shortmodule", built,
     "program: [cache] {D}/compressor_shortmodule.so: short struct: its module has 16 bytes, this "
     "host needs {M}",
     MST_EPLUGIN},
    {"shortplugin", built,
     "program: [cache] {D}/compressor_shortplugin.so: short struct: its descriptor has 40 bytes, "
     "this host needs {P}",
     MST_EPLUGIN},
    {"shortops", built,
     "program: [cache] {D}/compressor_shortops.so: compressor \"shortops\": short struct: its ops "
     "have 16 bytes, this host needs {O}",
     MST_EPLUGIN},
    {"newkind", built,
     "program: [cache] {D}/compressor_newkind.so: compressor \"newkind\": built for version 2 of "
     "its kind, this host knows 1; rebuild the plugin",
     MST_EPLUGIN},
    {"wireid", built,
     "program: [cache] {D}/compressor_wireid.so: compressor \"wireid\": wire_id 0 is not within "
     "1..32767",
     MST_EPLUGIN},
    {"option", built,
     "program: [cache] {D}/compressor_option.so: compressor \"option\": option \"level\": default "
     "\"4x\" is not a whole number",
     MST_EPLUGIN},
    {"taken", built,
     "program: [cache] {D}/compressor_taken.so: compressor \"taken\": option \"min_size\" is one "
     "of the host's own",
     MST_EPLUGIN},
    {"undefined", built,
     "program: [cache] {D}/compressor_undefined.so: undefined symbol: "
     "memstache_test_nobody_has_this; try: ldd {D}/compressor_undefined.so",
     MST_EPLUGIN},
    {"plain", built,
     "program: [cache] {D}/compressor_plain.so: not a memstache plugin (no memstache_module)",
     MST_EPLUGIN},
    {"text", text_file,
     "program: [cache] {D}/compressor_text.so: file too short; try: ldd {D}/compressor_text.so",
     MST_EPLUGIN},
    {"good", world_writable,
     "program: [cache] {D}/compressor_good.so: writable by everybody (mode 0666); refusing to "
     "load; mend it with: chmod go-w {D}/compressor_good.so",
     MST_EPLUGIN},
    {"good", group_writable,
     "program: [cache] {D}/compressor_good.so: writable by group (mode 0775); refusing to load; "
     "mend it with: chmod g-w {D}/compressor_good.so",
     MST_EPLUGIN},
    {"good", world_writable_dir,
     "program: [cache] {D}/compressor_good.so: {D} is writable by everybody (mode 0777); refusing "
     "to load; mend it with: chmod go-w {D}",
     MST_EPLUGIN},
    {"good", sticky_dir,
     "program: [cache] {D}/compressor_good.so: lies directly in {D}, where others may write (mode "
     "1777); refusing to load; give the plugins a directory of their own",
     MST_EPLUGIN},
    {"good", directory, "program: [cache] {D}/compressor_good.so: not a regular file", MST_EPLUGIN},
    {"../good", nothing, "program: [cache] plugin name \"../good\" may contain only a-z 0-9 _",
     MST_ECONFIG},
    {"9lives", nothing, "program: [cache] plugin name \"9lives\" must begin with a letter",
     MST_ECONFIG},
    {"", nothing, "program: [cache] plugin name \"\" is empty", MST_ECONFIG},
    {"a_name_that_is_much_longer_than_it", nothing,
     "program: [cache] plugin name \"a_name_that_is_much_longer_than_it\" is longer than 31 "
     "characters",
     MST_ECONFIG},
};

/* ---- running a row */

/* {D}: the directory; {M}, {P}, {O}: the sizes of a module, a descriptor, a compressor's ops. */
static void expand(char *out, size_t cap, const char *text, const char *dir)
{
    msi_text t;
    msi_text_init(&t, out, cap);
    for (; *text; text++) {
        if (text[0] != '{') {
            msi_text_add(&t, "%c", *text);
            continue;
        }
        switch (text[1]) {
        case 'D':
            msi_text_add(&t, "%s", dir);
            break;
        case 'M':
            msi_text_add(&t, "%zu", sizeof(mst_module));
            break;
        case 'P':
            msi_text_add(&t, "%zu", sizeof(mst_plugin));
            break;
        default:
            msi_text_add(&t, "%zu", sizeof(mst_compressor_ops));
        }
        text += 2;
    }
}

/* A config that takes everything from the test itself but the compressor, which lies in `dir`. */
static mst_config *config_for(const mst_allocator *allocator, const char *dir, const char *name)
{
    mst_config *c = mst_config_new(allocator);
    if (c && (mst_config_add_module(c, &ts_module) || mst_config_set(c, "plugins", "path", dir) ||
              mst_config_set(c, "cache", "compressor", name))) {
        mst_config_free(c);
        c = NULL;
    }
    return c;
}

static int fail(const char *name, const char *what, const char *got)
{
    fprintf(stderr, "refusals: %s: %s: %s\n", name, what, got);
    return 1;
}

static int check_leftovers(const row *r, const char *dir)
{
    char file[TS_PATH], name[64];
    ts_format(name, sizeof name, "compressor_%s.so", r->name);
    ts_join(file, dir, name);
    void *handle = dlopen(file, RTLD_LAZY | RTLD_NOLOAD);
    if (handle) {
        dlclose(handle);
        return fail(r->name, "still loaded", file);
    }
    if (strcmp(r->name, "good") == 0 && getenv("MEMSTACHE_TEST_CONSTRUCTED_good")) {
        return fail(r->name, "code of a refused file has run", file);
    }
    return 0;
}

static int run_row(const row *r)
{
    char dir[TS_PATH], expected[2048];
    mst_error error = {.status = MST_OK};
    ts_memory memory;
    ts_memory_init(&memory);
    unsetenv("MEMSTACHE_TEST_CONSTRUCTED_good");
    if (!ts_make_dir(dir) || !r->setup(dir, r->name)) {
        return fail(r->name, "cannot set up", dir);
    }
    expand(expected, sizeof expected, r->expected, dir);
    mst_config *c = config_for(&memory.allocator, dir, r->name);
    mst_status status = c ? mst_config_check(c, &error) : MST_ENOMEM;
    int failed = 0;
    if (status != r->status || error.status != r->status) {
        failed = fail(r->name, "wrong status with", error.text);
    } else if (strcmp(error.text, expected) != 0) {
        failed = fail(r->name, "got", error.text) + fail(r->name, "not", expected);
    } else if (!mst_config_problem(c, 0) || strcmp(mst_config_problem(c, 0), expected) != 0 ||
               mst_config_problem(c, 1)) {
        failed = fail(r->name, "is not the only problem", expected);
    }
    mst_config_free(c);
    if (!failed && memory.live != 0) {
        failed = fail(r->name, "memory was not given back", expected);
    }
    failed += check_leftovers(r, dir);
    chmod(dir, 0700);
    ts_remove_dir(dir);
    return failed;
}

/* ---- what does not fit the table */

/* Lists every directory that was searched, and the names that were found there. */
static int missing(void)
{
    char a[TS_PATH], path[3 * TS_PATH], begin[2 * TS_PATH];
    mst_error error = {.status = MST_OK};
    if (!ts_make_dir(a) || !good_and_broken_names(a, "")) {
        return fail("missing", "cannot set up", a);
    }
    ts_format(path, sizeof path, "%s:%s/none", a, a);
    ts_format(
        begin, sizeof begin,
        "program: [cache] compressor \"broti\" not found in: %s, %s/none (no such directory), "
        "%s",
        a, a, MSI_PLUGIN_DIR);
    mst_config *c = config_for(NULL, path, "broti");
    mst_status status = mst_config_check(c, &error);
    const char *guess = strstr(error.text, "; did you mean \"brotli\"? there are: brotli");
    int failed = 0;
    if (status != MST_ECONFIG || strncmp(error.text, begin, strlen(begin)) != 0 || !guess ||
        !strstr(guess, " good") || !strstr(guess, " pack") || strstr(guess, "Bad") ||
        strstr(guess, "lz4") || strstr(guess, "brotly")) {
        failed = fail("missing", "got", error.text);
    }
    mst_config_free(c);
    ts_remove_dir(a);
    return failed;
}

/* A plugin that fails when it is opened, not when it is checked. */
static int init_fails(void)
{
    char dir[TS_PATH], expected[2 * TS_PATH];
    mst_error error = {.status = MST_OK};
    ts_lines lines;
    msi_log log = ts_log(&lines);
    msi_assembly *assembly = NULL;
    msi_instance *instance = NULL;
    int failed = 0;
    if (!ts_make_dir(dir) || !built(dir, "initfails")) {
        return fail("initfails", "cannot set up", dir);
    }
    ts_format(expected, sizeof expected,
              "%s/compressor_initfails.so: compressor \"initfails\" [compressor.initfails]: the "
              "dictionary is missing",
              dir);
    mst_config *c = config_for(NULL, dir, "initfails");
    if (msi_assemble(c, &assembly, &error) != MST_OK) {
        failed = fail("initfails", "refused too early", error.text);
    } else {
        const msi_component *p =
            MSI_CONTAINER(assembly->caches.next, msi_cache_plan, link)->compressor;
        mst_status status = msi_instance_new(&instance, p->plugin, p->section, p->options, NULL,
                                             &msi_malloc_allocator, &log, &error);
        if (status != MST_EPLUGIN || instance || strcmp(error.text, expected) != 0) {
            failed = fail("initfails", "got", error.text);
        }
    }
    msi_assembly_free(assembly);
    mst_config_free(c);
    ts_remove_dir(dir);
    return failed;
}

/* Only root can make a file that belongs to somebody else. */
static int foreign_owner(void)
{
    char dir[TS_PATH], file[TS_PATH], expected[3 * TS_PATH];
    mst_error error = {.status = MST_OK};
    int failed = 0;
    if (geteuid() != 0) {
        return 0;
    }
    if (!ts_make_dir(dir) || !built(dir, "good")) {
        return fail("owner", "cannot set up", dir);
    }
    ts_join(file, dir, "compressor_good.so");
    if (chown(file, 12345, (gid_t) -1) == 0) { /* not in every container */
        ts_format(
            expected, sizeof expected,
            "program: [cache] %s: owned by user 12345, not by root; refusing to load; mend it "
            "with: chown -h 0 %s",
            file, file);
        mst_config *c = config_for(NULL, dir, "good");
        if (mst_config_check(c, &error) != MST_EPLUGIN || strcmp(error.text, expected) != 0) {
            failed = fail("owner", "got", error.text);
        }
        mst_config_free(c);
    }
    ts_remove_dir(dir);
    return failed;
}

int main(void)
{
    int failed = 0;
    unsetenv("MEMSTACHE_PLUGIN_PATH");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        failed += run_row(&rows[i]);
    }
    failed += missing() + init_fails() + foreign_owner();
    return failed ? 1 : 0;
}
