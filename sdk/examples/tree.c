/* tree.c - the regular files below a directory. The directories to be read are a list and not a
 * recursion: the depth of a tree is then no matter of stack or of open files. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filetree.h"

static bool append(tree *t, char *path, size_t size)
{
    if (t->count == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 1024;
        tree_file *files = realloc(t->files, cap * sizeof *files);
        if (!files) {
            return false;
        }
        t->files = files;
        t->cap = cap;
    }
    t->files[t->count++] = (tree_file){path, size};
    t->bytes += size;
    return true;
}

/* Takes `path` over. */
static bool visit(tree *t, tree *directories, char *path)
{
    struct stat st;
    int fd;
    if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        return append(directories, path, 0) || (free(path), false);
    }
    if (!S_ISREG(st.st_mode)) {
        t->irregular++;
    } else if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) < 0) {
        t->unreadable++;
    } else {
        close(fd);
        return append(t, path, (size_t) st.st_size) || (free(path), false);
    }
    free(path);
    return true;
}

static bool list(tree *t, tree *directories, const char *directory)
{
    const struct dirent *entry;
    bool ok = true;
    DIR *dir = opendir(directory);
    if (!dir) {
        t->unreadable++;
        return true;
    }
    while (ok && (entry = readdir(dir)) != NULL) {
        char *path;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        ok = asprintf(&path, "%s/%s", directory, entry->d_name) > 0 && visit(t, directories, path);
    }
    closedir(dir);
    return ok;
}

bool tree_walk(tree *t, const char *directory)
{
    tree directories = {0};
    DIR *dir = opendir(directory);
    char *first = dir ? strdup(directory) : NULL;
    bool ok = first && append(&directories, first, 0);
    if (dir) {
        closedir(dir);
    }
    for (size_t i = 0; ok && i < directories.count; i++) {
        ok = list(t, &directories, directories.files[i].path);
    }
    int error = errno;
    tree_free(&directories);
    errno = error;
    return ok;
}

void tree_free(tree *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free(t->files[i].path);
    }
    free(t->files);
    memset(t, 0, sizeof *t);
}

void *file_read(const char *path, size_t *len)
{
    struct stat st;
    char *bytes = NULL;
    ssize_t n = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    *len = 0;
    if (fd < 0) {
        return NULL;
    }
    if (fstat(fd, &st) == 0 && (bytes = malloc((size_t) st.st_size + 1)) != NULL) {
        while (n > 0 && *len < (size_t) st.st_size) {
            n = read(fd, bytes + *len, (size_t) st.st_size - *len);
            *len += n > 0 ? (size_t) n : 0;
        }
    }
    close(fd);
    if (n < 0) {
        free(bytes);
        bytes = NULL;
    }
    return bytes;
}
