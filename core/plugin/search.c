/* search.c - the directories where plugins may lie, and what is said when one is not there.
 *
 * [plugins] path comes first, then MEMSTACHE_PLUGIN_PATH, then the directory of the installation;
 * the first directory that has the file wins. A directory of the configuration must be absolute,
 * because what a file says must not depend on where the program was started; one of the environment
 * was typed by somebody who knows where that is. Directories are read for messages only: nothing is
 * opened that the configuration does not ask for.
 */
#define _GNU_SOURCE /* secure_getenv */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "plugin/builtin.h"
#include "plugin/load.h"

bool msi_name_ok(const char *name, const char **why)
{
    const char *text = NULL;
    size_t len = strlen(name);
    if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != len) {
        text = "may contain only a-z 0-9 _";
    } else if (len == 0) {
        text = "is empty";
    } else if (name[0] < 'a') {
        text = "must begin with a letter";
    } else if (len > MSI_NAME_MAX) {
        text = "is longer than 31 characters";
    }
    if (text && why) {
        *why = text;
    }
    return !text;
}

static bool known_dir(const msi_registry *r, const char *dir)
{
    for (size_t i = 0; i < r->dir_count; i++) {
        if (strcmp(r->dirs[i], dir) == 0) {
            return true;
        }
    }
    return false;
}

/* Takes `dir` over. */
static mst_status add_dir(msi_registry *r, char *dir)
{
    for (size_t len = strlen(dir); len > 1 && dir[len - 1] == '/'; len--) {
        dir[len - 1] = '\0';
    }
    if (known_dir(r, dir)) {
        msi_free(r->allocator, dir);
        return MST_OK;
    }
    char **dirs = msi_realloc(r->allocator, r->dirs, (r->dir_count + 1) * sizeof *dirs);
    if (!dirs) {
        msi_free(r->allocator, dir);
        return MST_ENOMEM;
    }
    r->dirs = dirs;
    dirs[r->dir_count++] = dir;
    return MST_OK;
}

/* A colon-separated list; relative directories begin at `here`, or are errors without it. */
typedef struct dir_list {
    const char *text, *here;
    const char *from; /* for messages */
} dir_list;

static mst_status add_part(msi_registry *r, const dir_list *list, const char *part, size_t len,
                           mst_error *error)
{
    const char *here = list->here;
    if (memchr(part, '$', len)) {
        /* dlopen() would replace $ORIGIN and others by what was never checked */
        return msi_error(error, MST_ECONFIG, "%splugin directory \"%.*s\" may not contain $",
                         list->from, (int) len, part);
    }
    if (part[0] != '/' && !here) {
        return msi_error(error, MST_ECONFIG,
                         "%splugin directory \"%.*s\" is not absolute; write it from the root: "
                         "/usr/lib/...",
                         list->from, (int) len, part);
    }
    size_t front = part[0] == '/' ? 0 : strlen(here) + 1;
    char *dir = msi_alloc(r->allocator, front + len + 1);
    if (!dir) {
        return msi_error(error, MST_ENOMEM, "out of memory");
    }
    if (front) {
        memcpy(dir, here, front - 1);
        dir[front - 1] = '/';
    }
    memcpy(dir + front, part, len);
    dir[front + len] = '\0';
    if (add_dir(r, dir)) {
        return msi_error(error, MST_ENOMEM, "out of memory");
    }
    return MST_OK;
}

static mst_status add_list(msi_registry *r, const dir_list *list, mst_error *error)
{
    mst_status status = MST_OK;
    for (const char *at = list->text; !status && *at;) {
        size_t len = strcspn(at, ":");
        if (len) {
            status = add_part(r, list, at, len, error);
        }
        at += len + (at[len] == ':');
    }
    return status;
}

mst_status msi_search_dirs(msi_registry *r, const char *path, mst_error *error)
{
    const char *env = secure_getenv("MEMSTACHE_PLUGIN_PATH");
    char here[PATH_MAX];
    const dir_list lists[] = {
        {path ? path : "", NULL, ""},
        {env ? env : "", getcwd(here, sizeof here), "MEMSTACHE_PLUGIN_PATH: "},
        {MSI_PLUGIN_DIR, NULL, ""},
    };
    mst_status status = MST_OK;
    for (size_t i = 0; !status && i < sizeof lists / sizeof lists[0]; i++) {
        status = add_list(r, &lists[i], error);
    }
    return status;
}

mst_status msi_search_file(const msi_registry *r, int kind, const char *name, char **file,
                           mst_error *error)
{
    struct stat st;
    for (size_t i = 0; i < r->dir_count; i++) {
        size_t size = strlen(r->dirs[i]) + sizeof "/serializer_.so" + MSI_NAME_MAX + 1;
        char *path = msi_alloc(r->allocator, size);
        if (!path) {
            return msi_error(error, MST_ENOMEM, "out of memory");
        }
        msi_text t;
        msi_text_init(&t, path, size);
        msi_text_add(&t, "%s/%s_%s.so", strcmp(r->dirs[i], "/") ? r->dirs[i] : "",
                     msi_kind_name(kind), name);
        if (lstat(path, &st) == 0) {
            *file = path;
            return MST_OK;
        }
        msi_free(r->allocator, path);
    }
    return MST_ENOTFOUND;
}

/* ---- the names that there are */

enum { NAMES_MAX = 64 };

typedef struct names {
    char text[NAMES_MAX][MSI_NAME_MAX + 1];
    const char *list[NAMES_MAX + 1]; /* NULL-terminated, for msi_nearest() */
    size_t count;
} names;

static void add_name(names *n, const char *name, size_t len)
{
    char word[MSI_NAME_MAX + 1] = "";
    size_t at = 0;
    if (len == 0 || len > MSI_NAME_MAX || n->count == NAMES_MAX) {
        return;
    }
    memcpy(word, name, len);
    while (at < n->count && strcmp(n->text[at], word) < 0) {
        at++;
    }
    if (!msi_name_ok(word, NULL) || (at < n->count && strcmp(n->text[at], word) == 0)) {
        return;
    }
    memmove(n->text[at + 1], n->text[at], (n->count - at) * sizeof n->text[0]);
    memcpy(n->text[at], word, sizeof word);
    n->list[n->count] = n->text[n->count];
    n->count++;
}

static void add_module_names(names *n, const msi_registry *r, int kind)
{
    const mst_module *module;
    for (size_t i = 0; (module = msi_registry_module(r, i)) != NULL; i++) {
        for (unsigned j = 0; j < module->plugin_count; j++) {
            if (module->plugins[j]->kind == kind) {
                add_name(n, module->plugins[j]->name, strlen(module->plugins[j]->name));
            }
        }
    }
}

/* Returns why it could not be read, or NULL. */
static const char *add_dir_names(names *n, const char *dir, int kind)
{
    const char *kind_name = msi_kind_name(kind);
    size_t front = strlen(kind_name) + 1;
    DIR *d = opendir(dir);
    if (!d) {
        return errno == ENOENT    ? "no such directory"
               : errno == ENOTDIR ? "not a directory"
                                  : "cannot be read";
    }
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        size_t len = strlen(e->d_name);
        if (len > front + 3 && strncmp(e->d_name, kind_name, front - 1) == 0 &&
            e->d_name[front - 1] == '_' && strcmp(e->d_name + len - 3, ".so") == 0) {
            add_name(n, e->d_name + front, len - front - 3);
        }
    }
    closedir(d);
    return NULL;
}

mst_status msi_search_missing(const msi_registry *r, int kind, const char *name, mst_error *error)
{
    char line[sizeof error->text];
    msi_text t;
    names known = {.count = 0};
    add_module_names(&known, r, kind);
    msi_text_init(&t, line, sizeof line);
    for (size_t i = 0; i < r->dir_count; i++) {
        const char *why = add_dir_names(&known, r->dirs[i], kind);
        msi_text_add(&t, "%s %s%s%s%s", i ? "," : "", r->dirs[i], why ? " (" : "", why ? why : "",
                     why ? ")" : "");
    }
    const char *nearest = msi_nearest(name, known.list);
    if (nearest) {
        msi_text_add(&t, "; did you mean \"%s\"?", nearest);
    }
    msi_text_add(&t, "%s",
                 known.count ? nearest ? " there are:" : "; there are:" : "; there are none");
    for (size_t i = 0; i < known.count; i++) {
        msi_text_add(&t, " %s", known.text[i]);
    }
    return msi_error(error, MST_ENOTFOUND, "%s \"%s\" not found in:%s", msi_kind_name(kind), name,
                     line);
}
