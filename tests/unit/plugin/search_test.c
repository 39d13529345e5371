/* Directories and their order, names, and what is said about what is not there. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin/load.h"
#include "support.h"

Test(search, names)
{
    const char *why = NULL;
    cr_assert(msi_name_ok("s3fifo", &why));
    cr_assert(msi_name_ok("a", NULL));
    cr_assert(msi_name_ok("a_name_of_exactly_31_characters", NULL));
    cr_assert_null(why);
    cr_assert_not(msi_name_ok("", &why));
    cr_assert_str_eq(why, "is empty");
    cr_assert_not(msi_name_ok("a_name_of_exactly_32_characters_", &why));
    cr_assert_str_eq(why, "is longer than 31 characters");
    cr_assert_not(msi_name_ok("_a", &why));
    cr_assert_str_eq(why, "must begin with a letter");
    const char *const bad[] = {"../x", "a/b", "a.b", "A", "a b", "a-b", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_not(msi_name_ok(bad[i], &why), "%s", bad[i]);
        cr_assert_str_eq(why, "may contain only a-z 0-9 _");
    }
}

static mst_status dirs_of(msi_registry *r, const char *path, const char *env, mst_error *error)
{
    *r = (msi_registry){.allocator = &msi_malloc_allocator};
    msi_list_init(&r->plugins);
    error->text[0] = '\0';
    if (env) {
        setenv("MEMSTACHE_PLUGIN_PATH", env, 1);
    } else {
        unsetenv("MEMSTACHE_PLUGIN_PATH");
    }
    return msi_search_dirs(r, path, error);
}

Test(search, directories_in_order)
{
    msi_registry r;
    mst_error error;
    char here[TS_PATH], relative[TS_PATH + 8];
    cr_assert_not_null(getcwd(here, sizeof here));
    ts_format(relative, sizeof relative, "%s/mine", strcmp(here, "/") ? here : "");
    cr_assert_eq(dirs_of(&r, "/a:/b/::/a:/", "/c:mine:/b", &error), MST_OK, "%s", error.text);
    const char *const expected[] = {"/a", "/b", "/", "/c", relative, MSI_PLUGIN_DIR};
    cr_assert_eq(r.dir_count, 6);
    for (size_t i = 0; i < 6; i++) {
        cr_assert_str_eq(r.dirs[i], expected[i]);
    }
    msi_registry_fini(&r);
}

Test(search, directories_that_cannot_be)
{
    msi_registry r;
    mst_error error;
    cr_assert_eq(dirs_of(&r, "/a:plugins", NULL, &error), MST_ECONFIG);
    cr_assert_str_eq(error.text, "plugin directory \"plugins\" is not absolute; write it from the "
                                 "root: /usr/lib/...");
    msi_registry_fini(&r);
    cr_assert_eq(dirs_of(&r, "/opt/$ORIGIN/x", NULL, &error), MST_ECONFIG);
    cr_assert_str_eq(error.text, "plugin directory \"/opt/$ORIGIN/x\" may not contain $");
    msi_registry_fini(&r);
    cr_assert_eq(dirs_of(&r, "", "/opt/$LIB", &error), MST_ECONFIG);
    cr_assert_str_eq(error.text,
                     "MEMSTACHE_PLUGIN_PATH: plugin directory \"/opt/$LIB\" may not contain $");
    msi_registry_fini(&r);
}

Test(search, first_directory_wins)
{
    char a[TS_PATH], b[TS_PATH], expected[TS_PATH], *file = NULL;
    mst_error error;
    cr_assert(ts_make_dir(a) && ts_make_dir(b));
    cr_assert(ts_write(b, "eviction_x.so", "", 0644));
    char *dirs[] = {a, b};
    msi_registry r = {.allocator = &msi_malloc_allocator, .dirs = dirs, .dir_count = 2};
    cr_assert_eq(msi_search_file(&r, MST_KIND_EVICTION, "x", &file, &error), MST_OK);
    ts_join(expected, b, "eviction_x.so");
    cr_assert_str_eq(file, expected);
    msi_free(&msi_malloc_allocator, file);
    cr_assert(ts_write(a, "eviction_x.so", "", 0644));
    cr_assert_eq(msi_search_file(&r, MST_KIND_EVICTION, "x", &file, &error), MST_OK);
    ts_join(expected, a, "eviction_x.so");
    cr_assert_str_eq(file, expected);
    msi_free(&msi_malloc_allocator, file);
    cr_assert_eq(msi_search_file(&r, MST_KIND_PROVIDER, "x", &file, &error), MST_ENOTFOUND);
    ts_remove_dir(a);
    ts_remove_dir(b);
}

/* With a kind of which nothing is linked in, so that the whole text is known. */
Test(search, missing_says_where_and_what)
{
    char a[TS_PATH], b[TS_PATH], f[TS_PATH + 16], expected[2048];
    mst_error error;
    cr_assert(ts_make_dir(a) && ts_make_dir(b));
    ts_format(f, sizeof f, "%s/file", a);
    cr_assert(ts_write(a, "file", "", 0644));
    cr_assert(ts_write(a, "compressor_zz_lz4.so", "", 0644));
    cr_assert(ts_write(a, "compressor_zz_brotli.so", "", 0644));
    cr_assert(ts_write(b, "compressor_zz_lz4.so", "", 0644));
    cr_assert(ts_write(b, "compressor_.so", "", 0644));
    cr_assert(ts_write(b, "compressor_Up.so", "", 0644));
    cr_assert(ts_write(b, "compressorxzz.so", "", 0644));
    cr_assert(ts_write(b, "eviction_zz_broti.so", "", 0644));
    char *dirs[] = {a, b, "/nowhere/at/all", f};
    msi_registry r = {.allocator = &msi_malloc_allocator, .dirs = dirs, .dir_count = 4};
    cr_assert_eq(msi_search_missing(&r, MST_KIND_COMPRESSOR, "zz_broti", &error), MST_ENOTFOUND);
    ts_format(
        expected, sizeof expected,
        "compressor \"zz_broti\" not found in: %s, %s, /nowhere/at/all (no such directory), %s "
        "(not a directory); did you mean \"zz_brotli\"? there are:",
        a, b, f);
    cr_assert_eq(strncmp(error.text, expected, strlen(expected)), 0, "%s", error.text);
    const char *end = error.text + strlen(error.text) - strlen(" zz_brotli zz_lz4");
    cr_assert_str_eq(end, " zz_brotli zz_lz4");
    ts_remove_dir(a);
    ts_remove_dir(b);
}

Test(search, missing_lists_registered_plugins)
{
    const mst_module *modules[] = {&ts_module};
    mst_error error;
    msi_registry r = {.allocator = &msi_malloc_allocator, .modules = modules, .module_count = 1};
    cr_assert_eq(msi_search_missing(&r, MST_KIND_PROVIDER, "memry", &error), MST_ENOTFOUND);
    cr_assert_not_null(strstr(error.text, "did you mean \"memory\"? there are: far"), "%s",
                       error.text);
    cr_assert_not_null(strstr(error.text, " memory"));
}
