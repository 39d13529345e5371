/* trust.c - may code be loaded from this file?
 *
 * Whoever can change the file, a directory above it, or a symbolic link on the way decides what the
 * process runs. So the path is walked as the kernel walks it, link by link, and every directory,
 * link and file met must belong to root or to the user of the process and be writable by nobody
 * else. That also closes the gap between this check and dlopen(): nobody else can change anything
 * in between, so the plain path can be opened, and debuggers show it.
 *
 * A directory above with the sticky bit (/tmp) is fine although everybody may write to it: there
 * only the owner of an entry can rename or remove it, and the entry was seen to be root's or ours.
 * The directory that holds the file or the last link must not be such a one: others could link
 * files of ours into it under a plugin's name.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "plugin/load.h"

enum { LINKS_MAX = 40 }; /* as the kernel */

typedef struct walk {
    const char *file; /* as asked for, for messages */
    mst_error *error;
    char done[PATH_MAX]; /* the directory reached, without links; "" is the root */
    char rest[PATH_MAX]; /* still to go, no slash in front */
    struct stat dir;     /* of done */
    unsigned links;
    char what[PATH_MAX + 64]; /* the first thing that others can write to */
    char mend_text[700];      /* all of them, for the hint */
    msi_text mend;
    mode_t excess; /* write bits to take away */
} walk;

static mst_status refuse_errno(const walk *w, int number)
{
    char text[128];
    uv_strerror_r(uv_translate_sys_error(number), text, sizeof text);
    return msi_error(w->error, MST_EPLUGIN, "%s: cannot be examined: %s", w->file, text);
}

static mst_status check_owner(const walk *w, const char *path, const struct stat *st)
{
    uid_t us = geteuid();
    if (st->st_uid == 0 || st->st_uid == us) {
        return MST_OK;
    }
    bool self = strcmp(path, w->file) == 0;
    char trusted[64];
    msi_text t;
    msi_text_init(&t, trusted, sizeof trusted);
    if (us == 0) {
        msi_text_add(&t, "root");
    } else {
        msi_text_add(&t, "root or user %lu", (unsigned long) us);
    }
    return msi_error(w->error, MST_EPLUGIN,
                     "%s: %s%sowned by user %lu, not by %s; refusing to load; mend it with: "
                     "chown -h %lu %s",
                     w->file, self ? "" : path, self ? "" : " is ", (unsigned long) st->st_uid,
                     trusted, (unsigned long) us, path);
}

/* A directory is met twice when ".." or a link leads back to it. */
static bool noted(const walk *w, const char *path)
{
    size_t len = strlen(path);
    for (const char *at = w->mend_text; (at = strstr(at, path)) != NULL; at++) {
        if (at[-1] == ' ' && (at[len] == ' ' || at[len] == '\0')) {
            return true;
        }
    }
    return false;
}

/* Remembers that others can write to `path`; the walk goes on, so that one message names all. */
static void note_writable(walk *w, const char *path, const struct stat *st)
{
    bool self = strcmp(path, w->file) == 0;
    if (noted(w, path)) {
        return;
    }
    mode_t bits = st->st_mode & (S_IWGRP | S_IWOTH);
    if (!w->excess) {
        msi_text what;
        msi_text_init(&what, w->what, sizeof w->what);
        msi_text_add(&what, "%s%swritable by %s (mode %04o)", self ? "" : path, self ? "" : " is ",
                     bits & S_IWOTH ? "everybody" : "group", (unsigned) (st->st_mode & 07777));
    }
    w->excess |= bits;
    msi_text_add(&w->mend, " %s", path);
}

/* Stat the directory that the walk has reached. */
static mst_status enter(walk *w)
{
    const char *path = w->done[0] ? w->done : "/";
    if (lstat(path, &w->dir)) {
        return refuse_errno(w, errno);
    }
    mst_status status = check_owner(w, path, &w->dir);
    if (!status && w->dir.st_mode & (S_IWGRP | S_IWOTH) && !(w->dir.st_mode & S_ISVTX)) {
        note_writable(w, path, &w->dir);
    }
    return status;
}

/* Continue with what the link says, and then with the rest. */
static mst_status follow(walk *w, const char *path)
{
    char target[PATH_MAX], rest[PATH_MAX];
    msi_text t;
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n < 0) {
        return refuse_errno(w, errno);
    }
    target[n] = '\0';
    if (++w->links > LINKS_MAX || (size_t) n + strlen(w->rest) + 2 > sizeof rest) {
        return refuse_errno(w, ELOOP);
    }
    bool absolute = target[0] == '/';
    msi_text_init(&t, rest, sizeof rest);
    msi_text_add(&t, "%s%s%s", target + strspn(target, "/"), w->rest[0] ? "/" : "", w->rest);
    memcpy(w->rest, rest, t.len + 1);
    if (!absolute) {
        return MST_OK;
    }
    w->done[0] = '\0';
    return enter(w);
}

/* The next name of the path, taken off the rest. */
static void take_name(walk *w, char *name)
{
    size_t len = strcspn(w->rest, "/"), skip = len + strspn(w->rest + len, "/");
    memcpy(name, w->rest, len);
    name[len] = '\0';
    memmove(w->rest, w->rest + skip, strlen(w->rest + skip) + 1);
}

static mst_status check_file(walk *w, const struct stat *st)
{
    if (!S_ISREG(st->st_mode)) {
        return msi_error(w->error, MST_EPLUGIN, "%s: not a regular file", w->file);
    }
    if (st->st_mode & (S_IWGRP | S_IWOTH)) {
        note_writable(w, w->file, st);
    }
    return MST_OK;
}

/* One name further. *end: the file was reached. */
static mst_status step(walk *w, bool *end)
{
    char name[PATH_MAX], path[PATH_MAX];
    struct stat st;
    size_t len = strlen(w->done);
    take_name(w, name);
    bool last = w->rest[0] == '\0';
    if (strcmp(name, ".") == 0 || name[0] == '\0') {
        return last ? refuse_errno(w, EISDIR) : MST_OK;
    }
    if (strcmp(name, "..") == 0) {
        char *slash = strrchr(w->done, '/');
        w->done[slash ? slash - w->done : 0] = '\0';
        return last ? refuse_errno(w, EISDIR) : enter(w);
    }
    if (len + strlen(name) + 2 > sizeof path) {
        return refuse_errno(w, ENAMETOOLONG);
    }
    memcpy(path, w->done, len);
    path[len] = '/';
    memcpy(path + len + 1, name, strlen(name) + 1);
    if (lstat(path, &st)) {
        return refuse_errno(w, errno);
    }
    mst_status status = check_owner(w, path, &st);
    if (status) {
        return status;
    }
    if (last && w->dir.st_mode & (S_IWGRP | S_IWOTH) && w->dir.st_mode & S_ISVTX) {
        return msi_error(w->error, MST_EPLUGIN,
                         "%s: lies directly in %s, where others may write (mode %04o); refusing "
                         "to load; give the plugins a directory of their own",
                         w->file, w->done[0] ? w->done : "/", (unsigned) (w->dir.st_mode & 07777));
    }
    if (S_ISLNK(st.st_mode)) {
        return follow(w, path);
    }
    if (last) {
        *end = true;
        return check_file(w, &st);
    }
    memcpy(w->done, path, strlen(path) + 1);
    return enter(w);
}

mst_status msi_trusted_file(const char *path, mst_error *error)
{
    walk w = {.file = path, .error = error};
    bool end = false;
    if (path[0] != '/') {
        return msi_error(error, MST_EPLUGIN, "%s: not an absolute path", path);
    }
    if (strlen(path) >= sizeof w.rest) {
        return refuse_errno(&w, ENAMETOOLONG);
    }
    const char *rest = path + strspn(path, "/");
    memcpy(w.rest, rest, strlen(rest) + 1);
    msi_text_init(&w.mend, w.mend_text, sizeof w.mend_text);
    mst_status status = enter(&w);
    while (!status && !end) {
        status = step(&w, &end);
    }
    if (!status && w.excess) {
        const char *less = w.excess == S_IWGRP ? "g-w" : w.excess == S_IWOTH ? "o-w" : "go-w";
        status = msi_error(error, MST_EPLUGIN, "%s: %s; refusing to load; mend it with: chmod %s%s",
                           path, w.what, less, w.mend_text);
    }
    return status;
}
