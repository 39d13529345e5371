/* component.c - one component in use: [kind.name] of the configuration, its plugin and its options.
 *
 * The name is the plugin's, unless the section says `plugin = other`: then it is an alias, and one
 * plugin can be used twice with different options. A refusal is a problem of the line that selected
 * the plugin, because that is the line that a user will change.
 */
#include <string.h>

#include "plugin/assemble.h"
#include "plugin/load.h"

void msi_component_free(const mst_allocator *a, msi_component *c)
{
    if (c) {
        msi_free(a, c->section);
        msi_free(a, c->options);
        msi_free(a, c->bound);
        msi_free(a, c);
    }
}

static msi_component *find(const msi_assembly *a, int kind, const char *name)
{
    for (msi_list *at = a->components.next; at != &a->components; at = at->next) {
        msi_component *c = MSI_CONTAINER(at, msi_component, link);
        if (c->kind == kind && strcmp(c->name, name) == 0) {
            return c;
        }
    }
    return NULL;
}

static msi_component *component_new(const mst_allocator *a, int kind, const char *name)
{
    msi_component *c = msi_zalloc(a, sizeof *c);
    size_t front = strlen(msi_kind_name(kind)) + 1, size = front + strlen(name) + 1;
    char *section = c ? msi_alloc(a, size) : NULL;
    if (!section) {
        msi_free(a, c);
        return NULL;
    }
    msi_text t;
    msi_text_init(&t, section, size);
    msi_text_add(&t, "%s.%s", msi_kind_name(kind), name);
    c->kind = kind;
    c->section = section;
    c->name = section + front;
    return c;
}

/* The plugin's name: the section's `plugin` key, or the section's own name. *line becomes the line
 * of that key. */
static mst_status plugin_name(msi_build *b, const msi_component *c, const char **name,
                              msi_line *line)
{
    msi_option_set core = msi_kind_options(c->kind, NULL);
    msi_given given;
    mst_status status =
        msi_config_given(b->config, NULL, c->section, msi_option_find(&core, "plugin"),
                         &b->assembly->strings, &given);
    *name = c->name;
    if (!status && given.text && given.text[0]) {
        *name = given.text;
        *line = (msi_line){given.place, c->section};
    }
    return status;
}

/* Sets c->plugin, or notes why not. */
static mst_status find_plugin(msi_build *b, msi_component *c, msi_line line)
{
    const char *name;
    mst_error error;
    mst_status status = plugin_name(b, c, &name, &line);
    if (!status) {
        status = msi_registry_find(&b->assembly->registry, c->kind, name, &c->plugin, &error);
    }
    if (status && status != MST_ENOMEM) {
        c->plugin = NULL;
        msi_build_problem(b, status == MST_ENOTFOUND ? MST_ECONFIG : MST_EPLUGIN, line, "%s",
                          error.text);
        return MST_OK;
    }
    return status;
}

static mst_status bind(msi_build *b, msi_component *c)
{
    const mst_plugin *p = c->plugin->plugin;
    c->options = msi_zalloc(&b->assembly->allocator, p->instance_size ? p->instance_size : 1);
    if (!c->options) {
        return MST_ENOMEM;
    }
    const msi_option_set sets[] = {
        msi_kind_options(c->kind, &c->settings),
        {p->options, p->option_count, p->option_size, c->options},
    };
    mst_status status = msi_build_bind(b, c->section, sets, 2, &c->bound, &c->bound_count);
    msi_bound *row = msi_build_row(c->bound, c->bound_count, "plugin");
    if (row) {
        row->value = p->name; /* for an empty one */
    }
    return status;
}

/* The policy of a provider: the one named, or the default, or none. */
static mst_status add_eviction(msi_build *b, msi_component *c)
{
    const char *name = c->settings.tier.eviction;
    msi_option_set core = msi_kind_options(c->kind, NULL);
    msi_line line = msi_build_line(b, c->section, &core, "eviction");
    if (!(c->plugin->ops.provider.caps & MST_CAP_EVICTION)) {
        if (name && name[0]) {
            msi_build_problem(b, MST_ECONFIG, line,
                              "eviction: provider \"%s\" does not evict; take the key out",
                              c->plugin->plugin->name);
        }
        return MST_OK;
    }
    msi_bound *row = msi_build_row(c->bound, c->bound_count, "eviction");
    if (!name || !name[0]) {
        name = MSI_EVICTION_DEFAULT;
    }
    if (row) {
        row->value = name;
    }
    if (strcmp(name, "none") == 0) {
        return MST_OK;
    }
    return msi_build_component(b, MST_KIND_EVICTION, name, line, &c->eviction);
}

mst_status msi_build_component(msi_build *b, int kind, const char *name, msi_line line,
                               msi_component **out)
{
    msi_assembly *a = b->assembly;
    const char *why;
    *out = NULL;
    if (!msi_name_ok(name, &why)) {
        msi_build_problem(b, MST_ECONFIG, line, "plugin name \"%.64s\" %s", name, why);
        return MST_OK;
    }
    *out = find(a, kind, name);
    if (*out) {
        return MST_OK;
    }
    msi_component *c = component_new(&a->allocator, kind, name);
    if (!c) {
        return MST_ENOMEM;
    }
    mst_status status = find_plugin(b, c, line);
    if (!status && c->plugin) {
        status = bind(b, c);
    }
    if (!status && c->plugin && kind == MST_KIND_PROVIDER) {
        status = add_eviction(b, c);
    }
    if (status || !c->plugin) {
        msi_component_free(&a->allocator, c);
        return status;
    }
    c->index = a->component_count++;
    msi_list_append(&a->components, &c->link);
    *out = c;
    return MST_OK;
}
