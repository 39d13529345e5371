/* config.h - what a runtime is made of: sections of keys and values, from INI files, from the
 * program, from the environment; and every problem found in them.
 *
 * A config is not thread-safe: one thread builds it and opens from it. It may be destroyed as soon
 * as mst_open() has returned. The keys are described in memstache(5) and by `memstache plugin
 * info`.
 */
#ifndef MEMSTACHE_CONFIG_H
#define MEMSTACHE_CONFIG_H

#include "abi.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mst_module; /* plugin.h */

/* What went wrong, in one line: for a problem in a file "file:line: [section] key: ...". */
typedef struct mst_error {
    mst_status status;
    char text[1020];
} mst_error;

/* Memory for everything that a config or a runtime allocates, except what libuv and the plugins'
 * libraries take. Called from any thread. realloc(ctx, NULL, n) allocates; the result is aligned
 * as malloc()'s. Any of them may return NULL: that call then fails with MST_ENOMEM. */
typedef struct mst_allocator {
    void *(*alloc)(void *ctx, size_t size);
    void *(*realloc)(void *ctx, void *p, size_t size);
    void (*free)(void *ctx, void *p);
    void *ctx;
} mst_allocator;

typedef struct mst_config mst_config;

/* An empty config: a memory tier and defaults for everything. `allocator` may be NULL (malloc);
 * it is copied, and used by runtimes opened from the config as well. NULL when out of memory. */
MST_EXPORT mst_config *mst_config_new(const mst_allocator *allocator);
MST_EXPORT void mst_config_free(mst_config *);

/* Read an INI file on top of what is there. Later values replace earlier ones of other files; a key
 * that is repeated within one file is an error. MST_ECONFIG when the file has errors: all of them
 * are then in mst_config_problem(), the first one also in *error (which may be NULL). */
MST_EXPORT mst_status mst_config_read(mst_config *, const char *path, mst_error *error);

/* Set one key, as a line of the file would: mst_config_set(c, "provider.memory", "max_bytes",
 * "64MiB"). A NULL value takes the key back. The text is checked by mst_config_check() and
 * mst_open(), which know the plugins. MST_EINVAL when a section or key cannot be a name. */
MST_EXPORT mst_status mst_config_set(mst_config *, const char *section, const char *key,
                                     const char *value);

/* Environment variables MEMSTACHE_<SECTION>_<KEY> (dots become underscores) override keys;
 * on from the start. A program with privileges beyond its user's ignores them in any case. */
MST_EXPORT void mst_config_use_environment(mst_config *, int on);

/* A plugin module that the program itself contains; found before any file. Not copied. */
MST_EXPORT mst_status mst_config_add_module(mst_config *, const struct mst_module *);

/* Load the plugins, check every section, key and value; open nothing. MST_OK, or MST_ECONFIG or
 * MST_EPLUGIN with the first problem in *error. */
MST_EXPORT mst_status mst_config_check(mst_config *, mst_error *error);

/* All problems found by the last read, check or open, in the order of the file.
 * NULL after the last one. The text lives until the next call that changes the config. */
MST_EXPORT const char *mst_config_problem(const mst_config *, size_t index);

/* The effective configuration after mst_config_check(): every key of every section in use, with
 * its value (secrets as "***"), its origin ("file:line", "environment", "program", "default") and
 * its help. Stops when the callback returns non-zero. */
typedef struct mst_setting {
    const char *section, *key, *value, *origin, *help;
} mst_setting;
MST_EXPORT mst_status mst_config_each(mst_config *, int (*each)(void *arg, const mst_setting *),
                                      void *arg, mst_error *error);

/* The plugins that the configuration selects, as the loader resolved them, after
 * mst_config_check(). `file` is NULL for one that is linked in or registered by the program. */
struct mst_plugin; /* plugin.h */
typedef struct mst_plugin_use {
    const char *section; /* "compressor.brotli", or the alias */
    const char *file;
    const struct mst_plugin *plugin;
} mst_plugin_use;
MST_EXPORT mst_status mst_config_each_plugin(mst_config *,
                                             int (*each)(void *arg, const mst_plugin_use *),
                                             void *arg, mst_error *error);

/* One plugin by kind ("compressor") and name, selected by the config or not: loaded and checked as
 * mst_open() would. MST_ENOTFOUND or MST_EPLUGIN with the refusal in *error. The strings in *use
 * live until the config is changed, checked again or freed; the plugin itself stays. */
MST_EXPORT mst_status mst_config_find_plugin(mst_config *, const char *kind, const char *name,
                                             mst_plugin_use *use, mst_error *error);

/* The directories that are searched for plugins, in order; NULL after the last one. */
MST_EXPORT const char *mst_config_plugin_dir(mst_config *, size_t index);

#ifdef __cplusplus
}
#endif
#endif
