/* registry.c - plugins by kind and name: registered by the program, linked in, or from a file.
 *
 * What was found once stays in a list, with its complete ops. Modules that are no files are checked
 * when the registry is made, so that looking through them later needs no care; a file is opened
 * only when its name is asked for.
 */
#include <string.h>

#include "plugin/builtin.h"
#include "plugin/load.h"

#define KIND_NAME(id, number, name, version) {id, #name},
static const struct {
    int kind;
    const char *name;
} kinds[] = {MST_KIND_MAP(KIND_NAME)};

const char *msi_kind_name(int kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].kind == kind) {
            return kinds[i].name;
        }
    }
    return NULL;
}

int msi_kind_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return kinds[i].kind;
        }
    }
    return 0;
}

const mst_module *msi_registry_module(const msi_registry *r, size_t index)
{
    return index < r->module_count ? r->modules[index]
                                   : msi_builtin_modules[index - r->module_count];
}

/* The list is copied, because the config that it comes from may go first. */
static mst_status copy_modules(msi_registry *r, const struct mst_module *const *modules, size_t n)
{
    if (n == 0) {
        return MST_OK;
    }
    r->modules = msi_alloc(r->allocator, n * sizeof *modules);
    if (!r->modules) {
        return MST_ENOMEM;
    }
    memcpy(r->modules, modules, n * sizeof *modules);
    r->module_count = n;
    return MST_OK;
}

mst_status msi_registry_init(msi_registry *r, const mst_allocator *allocator, const char *path,
                             const struct mst_module *const *modules, size_t module_count,
                             mst_error *error)
{
    const mst_module *module;
    memset(r, 0, sizeof *r);
    r->allocator = allocator;
    msi_list_init(&r->plugins);
    mst_status status = copy_modules(r, modules, module_count);
    if (status) {
        msi_error(error, status, "out of memory");
    } else {
        status = msi_search_dirs(r, path, error);
    }
    for (size_t i = 0; !status && (module = msi_registry_module(r, i)) != NULL; i++) {
        status = msi_module_check(module, NULL, error);
    }
    if (status) {
        msi_registry_fini(r);
    }
    return status;
}

static void plugin_free(const mst_allocator *a, msi_plugin *plugin)
{
    if (plugin) {
        msi_free(a, plugin->file);
        msi_free(a, plugin);
    }
}

void msi_registry_fini(msi_registry *r)
{
    msi_list *link;
    if (!r->allocator) {
        return;
    }
    while ((link = msi_list_take(&r->plugins)) != NULL) {
        plugin_free(r->allocator, MSI_CONTAINER(link, msi_plugin, link));
    }
    for (size_t i = 0; i < r->dir_count; i++) {
        msi_free(r->allocator, r->dirs[i]);
    }
    msi_free(r->allocator, r->dirs);
    msi_free(r->allocator, r->modules);
    memset(r, 0, sizeof *r);
}

static msi_plugin *found_before(const msi_registry *r, int kind, const char *name)
{
    for (msi_list *at = r->plugins.next; at != &r->plugins; at = at->next) {
        msi_plugin *plugin = MSI_CONTAINER(at, msi_plugin, link);
        if (plugin->plugin->kind == kind && strcmp(plugin->plugin->name, name) == 0) {
            return plugin;
        }
    }
    return NULL;
}

/* Sets *plugin, and *file when it came from one. */
static mst_status locate(const msi_registry *r, int kind, const char *name,
                         const mst_plugin **plugin, char **file, mst_error *error)
{
    const mst_module *module;
    for (size_t i = 0; (module = msi_registry_module(r, i)) != NULL; i++) {
        if ((*plugin = msi_module_find(module, kind, name)) != NULL) {
            return MST_OK;
        }
    }
    mst_status status = msi_search_file(r, kind, name, file, error);
    if (status == MST_ENOTFOUND) {
        return msi_search_missing(r, kind, name, error);
    }
    if (!status) {
        status = msi_trusted_file(*file, error);
    }
    return status ? status : msi_module_load(*file, kind, name, plugin, error);
}

mst_status msi_registry_find(msi_registry *r, int kind, const char *name, const msi_plugin **out,
                             mst_error *error)
{
    const char *why;
    if (!msi_name_ok(name, &why)) {
        return msi_error(error, MST_EPLUGIN, "plugin name \"%.64s\" %s", name, why);
    }
    *out = found_before(r, kind, name);
    if (*out) {
        return MST_OK;
    }
    msi_plugin *found = msi_zalloc(r->allocator, sizeof *found);
    if (!found) {
        return msi_error(error, MST_ENOMEM, "out of memory");
    }
    const mst_plugin *plugin = NULL;
    mst_status status = locate(r, kind, name, &plugin, &found->file, error);
    if (!status) {
        status = msi_plugin_describe(plugin, found->file, found, error);
    }
    if (status) {
        plugin_free(r->allocator, found);
        return status;
    }
    msi_list_append(&r->plugins, &found->link);
    *out = found;
    return MST_OK;
}
