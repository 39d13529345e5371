/* assembly.c - from the text of a configuration to what a runtime is made of.
 *
 * Everything that can be wrong is found here, before anything is opened, and all of it in one go:
 * each step notes its problems and goes on with what it has. Only a lack of memory ends it early.
 */
#include "plugin/assembly.h"

#include <string.h>

#include "plugin/assemble.h"

/* ---- problems and bound keys */

void msi_build_problem(msi_build *b, mst_status status, msi_line line, const char *format, ...)
{
    char text[sizeof b->error.text];
    msi_text t;
    va_list args;
    msi_text_init(&t, text, sizeof text);
    va_start(args, format);
    msi_text_addv(&t, format, args);
    va_end(args);
    mst_error first = {.status = MST_OK};
    msi_config_problem(b->config, &first, line.origin, line.section, "%s", text);
    if (first.status) { /* it stands before all others */
        b->error = first;
        b->status = status;
    }
}

msi_bound *msi_build_row(msi_bound *bound, size_t count, const char *key)
{
    for (size_t i = 0; bound && i < count; i++) {
        if (bound[i].option && strcmp(bound[i].option->name, key) == 0) {
            return &bound[i];
        }
    }
    return NULL;
}

/* Asks again instead of keeping the place of every key: only the few that select something or are
 * wrong need it. */
msi_line msi_build_line(const msi_build *b, const char *section, const msi_option_set *set,
                        const char *key)
{
    msi_line line = {NULL, section};
    msi_given given;
    if (!msi_config_given(b->config, NULL, section, msi_option_find(set, key),
                          &b->assembly->strings, &given)) {
        line.origin = given.place;
    }
    return line;
}

mst_status msi_build_bind(msi_build *b, const char *section, const msi_option_set *sets, size_t n,
                          msi_bound **bound, size_t *bound_count)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        count += sets[i].count;
    }
    *bound = msi_zalloc(&b->assembly->allocator, count * sizeof **bound);
    if (!*bound) {
        return MST_ENOMEM;
    }
    *bound_count = count;
    mst_error first = {.status = MST_OK};
    mst_status status =
        msi_config_bind(b->config, &first, section, sets, n, &b->assembly->strings, *bound);
    if (first.status) {
        b->error = first;
        b->status = MST_ECONFIG;
    }
    return status;
}

/* ---- the whole */

static msi_assembly *assembly_new(mst_config *config)
{
    msi_assembly *a = msi_zalloc(&config->allocator, sizeof *a);
    if (a) {
        a->allocator = config->allocator;
        a->strings.allocator = &a->allocator;
        msi_list_init(&a->components);
        msi_list_init(&a->caches);
    }
    return a;
}

void msi_assembly_free(msi_assembly *a)
{
    msi_list *link;
    if (!a) {
        return;
    }
    while ((link = msi_list_take(&a->caches)) != NULL) {
        msi_cache_plan_free(&a->allocator, MSI_CONTAINER(link, msi_cache_plan, link));
    }
    while ((link = msi_list_take(&a->components)) != NULL) {
        msi_component_free(&a->allocator, MSI_CONTAINER(link, msi_component, link));
    }
    msi_free(&a->allocator, a->runtime_bound);
    msi_free(&a->allocator, a->plugins_bound);
    msi_registry_fini(&a->registry);
    msi_strings_free(&a->strings);
    mst_allocator allocator = a->allocator;
    msi_free(&allocator, a);
}

/* [runtime] and [plugins]. */
static mst_status bind_globals(msi_build *b)
{
    msi_assembly *a = b->assembly;
    msi_option_set runtime = msi_runtime_options(&a->runtime);
    msi_option_set plugins = msi_plugins_options(&a->plugins);
    mst_status status =
        msi_build_bind(b, "runtime", &runtime, 1, &a->runtime_bound, &a->runtime_bound_count);
    return status ? status
                  : msi_build_bind(b, "plugins", &plugins, 1, &a->plugins_bound,
                                   &a->plugins_bound_count);
}

static mst_status open_registry(msi_build *b, bool *open)
{
    msi_assembly *a = b->assembly;
    mst_error error;
    mst_status status = msi_registry_init(&a->registry, &a->allocator, a->plugins.path,
                                          b->config->modules, b->config->module_count, &error);
    *open = status == MST_OK;
    if (status == MST_ECONFIG) {
        msi_option_set options = msi_plugins_options(NULL);
        msi_build_problem(b, status, msi_build_line(b, "plugins", &options, "path"), "path: %s",
                          error.text);
    } else if (status == MST_EPLUGIN) {
        msi_build_problem(b, status, (msi_line){NULL, NULL}, "%s", error.text);
    }
    return status == MST_ENOMEM ? status : MST_OK;
}

static mst_status build(msi_build *b)
{
    bool open = false;
    msi_config_clear_problems(b->config);
    msi_build_check_sections(b);
    mst_status status = bind_globals(b);
    if (!status) {
        status = open_registry(b, &open);
    }
    if (!status && open) {
        status = msi_build_caches(b);
    }
    if (!status && open) {
        status = msi_build_exporters(b);
    }
    return status;
}

mst_status msi_assemble(mst_config *config, msi_assembly **out, mst_error *error)
{
    msi_build b = {.config = config, .assembly = assembly_new(config)};
    *out = NULL;
    mst_status status = b.assembly ? build(&b) : MST_ENOMEM;
    if (status) {
        msi_error(error, status, "out of memory");
    } else if (msi_config_problem_count(config) > 0) {
        status = b.status ? b.status : MST_ECONFIG;
        msi_error(error, status, "%s", b.error.text);
    } else {
        b.assembly->complete = true;
        *out = b.assembly;
        return MST_OK;
    }
    msi_assembly_free(b.assembly);
    return status;
}

mst_status msi_assemble_registry(mst_config *config, msi_assembly **out, mst_error *error)
{
    msi_option_set options = msi_plugins_options(NULL);
    msi_given given = {.text = NULL};
    msi_assembly *a = assembly_new(config);
    *out = a;
    if (!a) {
        return msi_error(error, MST_ENOMEM, "out of memory");
    }
    mst_status status = msi_config_given(config, NULL, "plugins", msi_option_find(&options, "path"),
                                         &a->strings, &given);
    if (status) {
        msi_error(error, status, "out of memory");
    } else {
        status = msi_registry_init(&a->registry, &a->allocator, given.text, config->modules,
                                   config->module_count, error);
    }
    if (status) {
        msi_assembly_free(a);
        *out = NULL;
    }
    return status;
}
