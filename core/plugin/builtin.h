/* builtin.h - modules that are linked into the library; found before any file. */
#ifndef MSI_BUILTIN_H
#define MSI_BUILTIN_H

#include <memstache/plugin.h>

extern const mst_module *const msi_builtin_modules[]; /* NULL-terminated */

#endif
