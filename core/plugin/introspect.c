/* introspect.c - what the public header lets a program ask about a configuration and its plugins.
 *
 * The answers come from the assembly of the last check, which the config keeps until it is changed.
 * Questions about plugins must be answered even when the configuration is wrong elsewhere, and then
 * there is an assembly with nothing but the registry.
 */
#include <string.h>

#include "plugin/assemble.h"

static void keep(mst_config *c, msi_assembly *a)
{
    if (c->assembly) {
        msi_assembly_free(c->assembly);
    }
    c->assembly = a;
    c->free_assembly = msi_assembly_free;
}

mst_status mst_config_check(mst_config *c, mst_error *error)
{
    msi_assembly *a;
    mst_status status = msi_assemble(c, &a, error);
    if (!status) {
        keep(c, a);
    }
    return status;
}

/* The assembly of the last check, or of one made now. */
static mst_status checked(mst_config *c, mst_error *error)
{
    return c->assembly && c->assembly->complete ? MST_OK : mst_config_check(c, error);
}

static mst_status with_registry(mst_config *c, mst_error *error)
{
    msi_assembly *a;
    if (c->assembly) {
        return MST_OK;
    }
    mst_status status = msi_assemble_registry(c, &a, error);
    if (!status) {
        keep(c, a);
    }
    return status;
}

/* ---- settings */

typedef struct visitor {
    int (*each)(void *arg, const mst_setting *);
    void *arg;
} visitor;

/* Returns true when the callback wants no more. */
static bool visit(const visitor *v, const char *section, const msi_bound *bound, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const mst_option *option = bound[i].option;
        const mst_setting setting = {
            .section = section,
            .key = option->name,
            .value = bound[i].value ? bound[i].value : "",
            .origin = bound[i].origin,
            .help = option->help ? option->help : "",
        };
        if (v->each(v->arg, &setting)) {
            return true;
        }
    }
    return false;
}

mst_status mst_config_each(mst_config *c, int (*each)(void *arg, const mst_setting *), void *arg,
                           mst_error *error)
{
    const visitor v = {each, arg};
    mst_status status = checked(c, error);
    if (status) {
        return status;
    }
    const msi_assembly *a = c->assembly;
    bool enough = visit(&v, "runtime", a->runtime_bound, a->runtime_bound_count) ||
                  visit(&v, "plugins", a->plugins_bound, a->plugins_bound_count);
    for (msi_list *at = a->caches.next; !enough && at != &a->caches; at = at->next) {
        const msi_cache_plan *p = MSI_CONTAINER(at, msi_cache_plan, link);
        enough = visit(&v, p->section, p->bound, p->bound_count);
    }
    for (msi_list *at = a->components.next; !enough && at != &a->components; at = at->next) {
        const msi_component *p = MSI_CONTAINER(at, msi_component, link);
        enough = visit(&v, p->section, p->bound, p->bound_count);
    }
    return MST_OK;
}

/* ---- plugins */

mst_status mst_config_each_plugin(mst_config *c, int (*each)(void *arg, const mst_plugin_use *),
                                  void *arg, mst_error *error)
{
    mst_status status = checked(c, error);
    if (status) {
        return status;
    }
    const msi_list *all = &c->assembly->components;
    for (msi_list *at = all->next; at != all; at = at->next) {
        const msi_component *p = MSI_CONTAINER(at, msi_component, link);
        const mst_plugin_use use = {p->section, p->plugin->file, p->plugin->plugin};
        if (each(arg, &use)) {
            break;
        }
    }
    return MST_OK;
}

static mst_status unknown_kind(const char *kind, mst_error *error)
{
#define KIND_NAME(id, number, name, version) #name,
    static const char *const names[] = {MST_KIND_MAP(KIND_NAME) NULL};
#undef KIND_NAME
    const char *nearest = msi_nearest(kind, names);
    return msi_error(error, MST_ENOTFOUND,
                     "no kind of plugin \"%.64s\"%s%s%s there are: serializer compressor provider "
                     "eviction exporter",
                     kind, nearest ? "; did you mean \"" : ";", nearest ? nearest : "",
                     nearest ? "\"?" : "");
}

mst_status mst_config_find_plugin(mst_config *c, const char *kind, const char *name,
                                  mst_plugin_use *use, mst_error *error)
{
    const msi_plugin *found;
    char section[80];
    msi_text t;
    int number = msi_kind_by_name(kind);
    memset(use, 0, sizeof *use);
    if (!number) {
        return unknown_kind(kind, error);
    }
    mst_status status = with_registry(c, error);
    if (!status) {
        status = msi_registry_find(&c->assembly->registry, number, name, &found, error);
    }
    if (status) {
        return status;
    }
    msi_text_init(&t, section, sizeof section);
    msi_text_add(&t, "%s.%s", kind, name);
    use->section = msi_strings_keep(&c->assembly->strings, section);
    if (!use->section) {
        return msi_error(error, MST_ENOMEM, "out of memory");
    }
    use->file = found->file;
    use->plugin = found->plugin;
    return MST_OK;
}

const char *mst_config_plugin_dir(mst_config *c, size_t index)
{
    if (with_registry(c, NULL) || index >= c->assembly->registry.dir_count) {
        return NULL;
    }
    return c->assembly->registry.dirs[index];
}
