/* load.c - from a file to an accepted module.
 *
 * RTLD_NOW makes a missing function a refusal here instead of the end of the process at its first
 * call. RTLD_LOCAL keeps two plugins with the same names apart. The module is a constant, so that
 * everything is decided before a function of the plugin runs. Only what was accepted is pinned:
 * unloading code that has threads, thread-specific destructors or atexit handlers crashes later,
 * and so an accepted module is never closed; a refused one is.
 */
#define _GNU_SOURCE /* RTLD_NOLOAD */
#include <dlfcn.h>
#include <string.h>
#include <sys/statvfs.h>

#include "plugin/load.h"

static mst_status refuse_dlerror(const char *file, mst_error *error)
{
    const char *text = dlerror();
    struct statvfs fs;
    size_t len = strlen(file);
    if (!text) {
        text = "cannot be loaded";
    }
    if (strncmp(text, file, len) == 0 && strncmp(text + len, ": ", 2) == 0) {
        text += len + 2; /* most, but not all, of its texts begin with the file */
    }
    if (statvfs(file, &fs) == 0 && fs.f_flag & ST_NOEXEC) {
        return msi_error(error, MST_EPLUGIN, "%s: %s; directory is on a noexec mount?", file, text);
    }
    return msi_error(error, MST_EPLUGIN, "%s: %s; try: ldd %s", file, text, file);
}

mst_status msi_module_check(const mst_module *m, const char *file, mst_error *error)
{
    msi_plugin scratch;
    if (!file) {
        file = "module of the program";
    }
    if (m->magic != MST_MODULE_MAGIC) {
        return msi_error(error, MST_EPLUGIN, "%s: not a memstache plugin (magic %08x, not %08x)",
                         file, m->magic, MST_MODULE_MAGIC);
    }
    if (m->abi_major != MST_ABI_MAJOR || m->abi_minor != MST_ABI_MINOR) {
        return msi_error(error, MST_EPLUGIN,
                         "%s: built for ABI %u.%u, this host speaks %u.%u; rebuild the plugin",
                         file, m->abi_major, m->abi_minor, MST_ABI_MAJOR, MST_ABI_MINOR);
    }
    if (m->struct_size < sizeof *m) {
        return msi_error(error, MST_EPLUGIN,
                         "%s: short struct: its module has %u bytes, this host needs %zu", file,
                         m->struct_size, sizeof *m);
    }
    if (m->plugin_count == 0 || !m->plugins) {
        return msi_error(error, MST_EPLUGIN, "%s: its module lists no plugin", file);
    }
    for (unsigned i = 0; i < m->plugin_count; i++) {
        mst_status status = msi_plugin_describe(m->plugins[i], file, &scratch, error);
        if (status) {
            return status;
        }
    }
    return MST_OK;
}

const mst_plugin *msi_module_find(const mst_module *m, int kind, const char *name)
{
    for (unsigned i = 0; i < m->plugin_count; i++) {
        if (m->plugins[i]->kind == kind && strcmp(m->plugins[i]->name, name) == 0) {
            return m->plugins[i];
        }
    }
    return NULL;
}

static mst_status check_and_find(const mst_module *m, const char *file, int kind, const char *name,
                                 const mst_plugin **out, mst_error *error)
{
    mst_status status = msi_module_check(m, file, error);
    if (status) {
        return status;
    }
    *out = msi_module_find(m, kind, name);
    if (*out) {
        return MST_OK;
    }
    char has[512];
    msi_text t;
    msi_text_init(&t, has, sizeof has);
    for (unsigned i = 0; i < m->plugin_count; i++) {
        msi_text_add(&t, "%s%s \"%s\"", i ? ", " : "", msi_kind_name(m->plugins[i]->kind),
                     m->plugins[i]->name);
    }
    return msi_error(error, MST_EPLUGIN, "%s: has %s, config asks for %s \"%s\"", file, has,
                     msi_kind_name(kind), name);
}

/* All texts are composed before dlclose() takes the memory away that they speak of. */
mst_status msi_module_load(const char *file, int kind, const char *name, const mst_plugin **out,
                           mst_error *error)
{
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        return refuse_dlerror(file, error);
    }
    const mst_module *module = dlsym(handle, "memstache_module");
    mst_status status;
    if (!module) {
        status =
            msi_error(error, MST_EPLUGIN, "%s: not a memstache plugin (no memstache_module)", file);
    } else {
        status = check_and_find(module, file, kind, name, out, error);
    }
    if (!status && !dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD | RTLD_NODELETE)) {
        status = refuse_dlerror(file, error);
    }
    if (status) {
        dlclose(handle);
    }
    return status;
}
