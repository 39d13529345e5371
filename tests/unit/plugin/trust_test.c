/* Owners and modes of a file, of the directories above it, and of links on the way. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/load.h"
#include "support.h"

static char dir[TS_PATH];

static void setup(void)
{
    cr_assert(ts_make_dir(dir));
}

static void teardown(void)
{
    ts_remove_dir(dir);
}

TestSuite(trust, .init = setup, .fini = teardown);

static void make(char out[TS_PATH], const char *name, mode_t mode)
{
    ts_join(out, dir, name);
    cr_assert_eq(mkdir(out, 0700), 0, "%s", out);
    cr_assert_eq(chmod(out, mode), 0);
}

static void refused(const char *path, const char *format, ...)
{
    char expected[2048];
    mst_error error = {.text = "accepted"};
    va_list args;
    va_start(args, format);
    vsnprintf(expected, sizeof expected, format, args);
    va_end(args);
    cr_assert_eq(msi_trusted_file(path, &error), MST_EPLUGIN, "%s", path);
    cr_assert_str_eq(error.text, expected);
}

static void accepted(const char *path)
{
    mst_error error = {.text = ""};
    cr_assert_eq(msi_trusted_file(path, &error), MST_OK, "%s", error.text);
}

Test(trust, plain_file)
{
    char file[TS_PATH], twice[TS_PATH];
    cr_assert(ts_write(dir, "x.so", "", 0644));
    ts_join(file, dir, "x.so");
    accepted(file);
    ts_format(twice, sizeof twice, "/%s//.//x.so", dir);
    accepted(twice);
    cr_assert_eq(chmod(file, 0755), 0);
    accepted(file);
}

/* /tmp itself is writable by everybody, with the sticky bit. */
Test(trust, sticky_directory_above)
{
    struct stat st;
    char sub[TS_PATH], file[TS_PATH];
    cr_assert_eq(stat("/tmp", &st), 0);
    make(sub, "sticky", 01777);
    make(sub, "sticky/own", 0755);
    cr_assert(ts_write(sub, "x.so", "", 0644));
    ts_join(file, sub, "x.so");
    accepted(file);
}

Test(trust, sticky_directory_of_the_file)
{
    char sub[TS_PATH], file[TS_PATH], link[TS_PATH];
    make(sub, "sticky", 01777);
    cr_assert(ts_write(sub, "x.so", "", 0644));
    ts_join(file, sub, "x.so");
    refused(file,
            "%s: lies directly in %s, where others may write (mode 1777); refusing to load; give "
            "the plugins a directory of their own",
            file, sub);
    cr_assert(ts_write(dir, "y.so", "", 0644));
    ts_join(link, sub, "y.so");
    cr_assert_eq(symlink("../y.so", link), 0);
    refused(link,
            "%s: lies directly in %s, where others may write (mode 1777); refusing to load; give "
            "the plugins a directory of their own",
            link, sub);
}

Test(trust, writable_by_others)
{
    char file[TS_PATH];
    cr_assert(ts_write(dir, "x.so", "", 0664));
    ts_join(file, dir, "x.so");
    refused(file, "%s: writable by group (mode 0664); refusing to load; mend it with: chmod g-w %s",
            file, file);
    cr_assert_eq(chmod(file, 0646), 0);
    refused(file,
            "%s: writable by everybody (mode 0646); refusing to load; mend it with: chmod o-w %s",
            file, file);
}

/* One message names all that has to be mended. */
Test(trust, several_directories)
{
    char outer[TS_PATH], inner[TS_PATH], file[TS_PATH];
    make(outer, "outer", 0775);
    make(inner, "outer/inner", 0777);
    cr_assert(ts_write(inner, "x.so", "", 0664));
    ts_join(file, inner, "x.so");
    refused(file,
            "%s: %s is writable by group (mode 0775); refusing to load; mend it with: chmod go-w "
            "%s %s %s",
            file, outer, outer, inner, file);
    char dotted[2 * TS_PATH];
    ts_format(dotted, sizeof dotted, "%s/../inner/x.so", inner);
    refused(dotted,
            "%s: %s is writable by group (mode 0775); refusing to load; mend it with: chmod go-w "
            "%s %s %s",
            dotted, outer, outer, inner, dotted);
}

Test(trust, links)
{
    char good[TS_PATH], open[TS_PATH], file[TS_PATH], link[TS_PATH], path[TS_PATH];
    make(good, "good", 0755);
    make(open, "open", 0777);
    cr_assert(ts_write(good, "x.so", "", 0644));
    cr_assert(ts_write(open, "x.so", "", 0644));
    /* to a file, relative and absolute */
    ts_join(link, good, "relative.so");
    cr_assert_eq(symlink("../good/./x.so", link), 0);
    accepted(link);
    ts_join(link, good, "absolute.so");
    ts_join(file, good, "x.so");
    cr_assert_eq(symlink(file, link), 0);
    accepted(link);
    /* out of a good directory into a bad one */
    ts_join(link, good, "out.so");
    ts_join(file, open, "x.so");
    cr_assert_eq(symlink(file, link), 0);
    refused(link,
            "%s: %s is writable by everybody (mode 0777); refusing to load; mend it with: chmod "
            "go-w %s",
            link, open, open);
    /* a link in a bad directory to a good file: whoever can write there can turn it elsewhere */
    ts_join(link, open, "in.so");
    ts_join(file, good, "x.so");
    cr_assert_eq(symlink(file, link), 0);
    refused(link,
            "%s: %s is writable by everybody (mode 0777); refusing to load; mend it with: chmod "
            "go-w %s",
            link, open, open);
    /* the same for a directory in the middle, two links away */
    ts_join(link, open, "dir");
    cr_assert_eq(symlink(good, link), 0);
    ts_join(link, dir, "via");
    cr_assert_eq(symlink("open/dir", link), 0);
    ts_join(path, link, "x.so");
    refused(path,
            "%s: %s is writable by everybody (mode 0777); refusing to load; mend it with: chmod "
            "go-w %s",
            path, open, open);
}

Test(trust, links_without_end)
{
    char link[TS_PATH];
    ts_join(link, dir, "x.so");
    cr_assert_eq(symlink("x.so", link), 0);
    refused(link, "%s: cannot be examined: too many symbolic links encountered", link);
}

Test(trust, not_a_file)
{
    char sub[TS_PATH], file[TS_PATH];
    make(sub, "x.so", 0755);
    refused(sub, "%s: not a regular file", sub);
    ts_join(file, sub, "..");
    refused(file, "%s: cannot be examined: illegal operation on a directory", file);
    ts_join(file, dir, "missing.so");
    refused(file, "%s: cannot be examined: no such file or directory", file);
    cr_assert(ts_write(dir, "file", "", 0644));
    ts_join(file, dir, "file/x.so");
    refused(file, "%s: cannot be examined: not a directory", file);
    refused("x.so", "x.so: not an absolute path");
    refused("/", "/: cannot be examined: illegal operation on a directory");
}

Test(trust, owner)
{
    char sub[TS_PATH], file[TS_PATH];
    if (geteuid() != 0) {
        cr_skip_test("only root can give files away");
    }
    make(sub, "theirs", 0755);
    cr_assert(ts_write(sub, "x.so", "", 0644));
    ts_join(file, sub, "x.so");
    if (chown(file, 12345, 12345) != 0) {
        cr_skip_test("chown() does not work here");
    }
    refused(file,
            "%s: owned by user 12345, not by root; refusing to load; mend it with: chown -h 0 %s",
            file, file);
    cr_assert_eq(chown(file, 0, 0), 0);
    cr_assert_eq(chown(sub, 12345, 12345), 0);
    refused(file,
            "%s: %s is owned by user 12345, not by root; refusing to load; mend it with: chown -h "
            "0 %s",
            file, sub, sub);
    /* root and the user themselves are trusted when the process is not root's */
    cr_assert_eq(chown(dir, 12345, 12345), 0);
    cr_assert_eq(seteuid(12345), 0);
    accepted(file);
    cr_assert_eq(seteuid(0), 0);
    cr_assert_eq(chown(file, 54321, 0), 0);
    cr_assert_eq(seteuid(12345), 0);
    refused(file,
            "%s: owned by user 54321, not by root or user 12345; refusing to load; mend it with: "
            "chown -h 12345 %s",
            file, file);
    cr_assert_eq(seteuid(0), 0);
}
