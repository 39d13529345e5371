/* support.h - for the tests of the plugin floor: directories that only we can write to, an
 * allocator that fails when told to, and plugins that are linked into the test. */
#ifndef TEST_PLUGIN_SUPPORT_H
#define TEST_PLUGIN_SUPPORT_H

#include <stdatomic.h>
#include <stdbool.h>

#include <memstache/codec.h>
#include <memstache/provider.h>

#include "base/alloc.h"
#include "base/log.h"

/* snprintf(), for texts that are known to fit. */
void ts_format(char *out, size_t cap, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- directories. The build tree may be writable by a group; copies under /tmp are not. */

enum { TS_PATH = 512 };

/* A fresh directory with mode 0700 in `out`; removed with all that is in it by ts_remove_dir(). */
bool ts_make_dir(char out[TS_PATH]);
void ts_remove_dir(const char *dir);
/* out = dir/name */
void ts_join(char out[TS_PATH], const char *dir, const char *name);
bool ts_write(const char *dir, const char *name, const char *text, unsigned mode);
/* Copies file `from` to dir/name, mode 0644. */
bool ts_copy(const char *from, const char *dir, const char *name);

/* ---- memory: counts what is not given back, and fails the n-th request */

typedef struct ts_memory {
    mst_allocator allocator; /* ctx is this struct */
    _Atomic long live;       /* blocks; loop and worker threads count as well */
    _Atomic long calls;      /* requests so far */
    long fail_at;            /* this request and all later ones fail; 0: none does */
} ts_memory;

void ts_memory_init(ts_memory *);

/* ---- log: what was written, one line after the other */

typedef struct ts_lines {
    char text[4096];
    unsigned count;
} ts_lines;

msi_log ts_log(ts_lines *);

/* ---- plugins: provider "memory" (in process, evicts) and "far" (does not), serializer "raw",
 * compressor "pack" (wire id 200) and "same" (the same wire id), eviction "adaptive" */

/* Options of provider "memory". */
typedef struct ts_memory_options {
    uint64_t max_bytes;
    const char *label;
    const char *password;
} ts_memory_options;

extern const mst_module ts_module;

#endif
