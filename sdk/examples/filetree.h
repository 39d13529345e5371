/* filetree.h - a directory tree behind a cache: what its files share.
 *
 *   tree.c      the regular files below a directory, and reading one
 *   pass.c      ask for every file several times at once, from several threads; verify every byte
 *   filetree.c  options, two passes, the table
 */
#ifndef FILETREE_H
#define FILETREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <memstache/memstache.h>

typedef struct tree_file {
    char *path; /* is also the key */
    size_t size;
} tree_file;

typedef struct tree {
    tree_file *files;
    size_t count, cap;
    uint64_t bytes;
    size_t unreadable, irregular; /* skipped */
} tree;

/* False with errno set. Links are not followed. */
bool tree_walk(tree *, const char *directory);
void tree_free(tree *);
/* All of a file, malloc'd; not NULL for an empty file either. NULL: it cannot be read. */
void *file_read(const char *path, size_t *len);

enum { PASS_THREADS_MAX = 64, PASS_REQUESTS_MAX = 1000 };

typedef struct pass {
    const char *name; /* for the progress line */
    mst_cache *cache;
    const tree *tree;
    size_t requests, threads; /* requests: for each file */

    /* What came out. hits: a tier answered; loaded: the request's own loader; waited: the loader
     * of another request for the same file. */
    size_t answers, hits, loaded, waited, failed, different;
    uint64_t bytes;      /* answered and verified */
    uint64_t spent;      /* ns while requests were under way; verifying is not in it */
    uint64_t *latencies; /* ns, one for each answer; malloc'd by the caller */
} pass;

/* False when there is no memory. */
bool pass_run(pass *);

#endif
