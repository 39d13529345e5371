/* registry.h - finding, loading and checking plugins.
 *
 *   search.c    where plugins may lie, and what is said when one is not there
 *   trust.c     whether a file and the directories above it can be trusted
 *   load.c      dlopen, the module constant, versions, pinning
 *   describe.c  one descriptor: sizes, required ops, option table; ops normalised to our struct
 *   registry.c  linked in, registered by the program, or a file: by kind and name
 *
 * A plugin that was accepted stays loaded until the process ends. One that was refused is closed.
 */
#ifndef MSI_REGISTRY_H
#define MSI_REGISTRY_H

#include <memstache/codec.h>
#include <memstache/config.h>
#include <memstache/exporter.h>
#include <memstache/provider.h>

#include "base/list.h"

/* A checked plugin. `plugin` points into the module; `ops` is our own complete copy: members that
 * the plugin was compiled without are NULL or 0, so that nobody has to test struct_size again. */
typedef struct msi_plugin {
    msi_list link;
    const mst_plugin *plugin;
    char *file; /* NULL: not from a file */
    union {
        mst_serializer_ops serializer;
        mst_compressor_ops compressor;
        mst_provider_ops provider;
        mst_eviction_ops eviction;
        mst_exporter_ops exporter;
    } ops;
} msi_plugin;

typedef struct msi_registry {
    const mst_allocator *allocator;
    const struct mst_module **modules; /* registered by the program */
    size_t module_count;
    char **dirs; /* searched in order */
    size_t dir_count;
    msi_list plugins; /* msi_plugin, found so far */
} msi_registry;

/* `path` is [plugins] path; then MEMSTACHE_PLUGIN_PATH (through secure_getenv) and the built-in
 * directory are added. */
mst_status msi_registry_init(msi_registry *, const mst_allocator *, const char *path,
                             const struct mst_module *const *modules, size_t module_count,
                             mst_error *error);
void msi_registry_fini(msi_registry *);

/* [main] MST_OK and *out, MST_ENOTFOUND, MST_EPLUGIN or MST_ENOMEM with the refusal in *error. */
mst_status msi_registry_find(msi_registry *, int kind, const char *name, const msi_plugin **out,
                             mst_error *error);

/* "serializer" for MST_KIND_SERIALIZER; NULL. And back; 0. */
const char *msi_kind_name(int kind);
int msi_kind_by_name(const char *name);

/* ---- used by registry.c, tested on their own */

/* May code be loaded from `path` (absolute)? Owner root or us, not writable by others, up to the
 * root directory; a regular file. MST_EPLUGIN with "<file>: writable by group (mode 0775); ..." */
mst_status msi_trusted_file(const char *path, mst_error *error);
/* Checks the module and all its plugins. `file` is for messages. Runs nothing of it. */
mst_status msi_module_check(const struct mst_module *, const char *file, mst_error *error);
mst_status msi_plugin_describe(const mst_plugin *, const char *file, msi_plugin *out,
                               mst_error *error);

#endif
