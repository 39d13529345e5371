/* load.h - what the files of this floor share when they look for and load plugins. [main] */
#ifndef MSI_LOAD_H
#define MSI_LOAD_H

#include "base/alloc.h"
#include "base/error.h"
#include "plugin/registry.h"

enum { MSI_NAME_MAX = 31 };

/* Is it [a-z][a-z0-9_]{0,30}? If not, `why` (may be NULL) gets the reason: "may contain only ...".
 */
bool msi_name_ok(const char *name, const char **why);

/* ---- search.c */

/* Fills registry->dirs. MST_ECONFIG when a directory of `path` cannot be one. */
mst_status msi_search_dirs(msi_registry *, const char *path, mst_error *error);
/* The file of the first directory that has it: memory of the registry's allocator. MST_ENOTFOUND
 * (without a text), MST_EPLUGIN, MST_ENOMEM. */
mst_status msi_search_file(const msi_registry *, int kind, const char *name, char **file,
                           mst_error *error);
/* Where it was looked for, and what is there. Returns MST_ENOTFOUND. */
mst_status msi_search_missing(const msi_registry *, int kind, const char *name, mst_error *error);

/* ---- registry.c: modules that are no files, the program's own before the linked-in ones */
const mst_module *msi_registry_module(const msi_registry *, size_t index); /* NULL: no more */

/* ---- load.c */

/* Opens a trusted file, checks its module, finds kind and name in it, and pins it. */
mst_status msi_module_load(const char *file, int kind, const char *name, const mst_plugin **out,
                           mst_error *error);
const mst_plugin *msi_module_find(const mst_module *, int kind, const char *name); /* NULL */

#endif
