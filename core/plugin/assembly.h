/* assembly.h - a configuration with everything resolved: which caches, which plugins, every option
 * bound and checked. Opening a runtime only has to build what stands here.
 *
 *   assembly.c    the whole of it, in order
 *   sections.c    sections that cannot exist
 *   component.c   [kind.name]: its plugin, its options, its eviction policy
 *   plan.c        [cache] and [cache.NAME]: tiers and codecs, and what caches may not share
 *   names.c       lists of names; [runtime] exporters
 *   introspect.c  mst_config_check() and the other questions of the public header
 */
#ifndef MSI_ASSEMBLY_H
#define MSI_ASSEMBLY_H

#include "config/config.h"
#include "config/settings.h"
#include "plugin/registry.h"

/* One component in use: [kind.name]. Caches that name the same one share it. */
typedef struct msi_component {
    msi_list link;
    int kind;
    char *section; /* "provider.memory"; name: behind the dot */
    const char *name;
    const msi_plugin *plugin;
    void *options; /* instance_size bytes with the bound options; copied into each instance */
    union {
        msi_tier_settings tier;
        msi_compressor_settings compressor;
        msi_plain_settings plain;
    } settings;
    struct msi_component *eviction; /* of a provider that evicts; else NULL */
    msi_bound *bound;               /* one row per option: the core's, then the plugin's */
    size_t bound_count;
    unsigned index; /* among all components */
} msi_component;

enum { MSI_TIERS_MAX = 8 };

typedef struct msi_cache_plan {
    msi_list link;
    char *section;    /* "cache" or "cache.sessions" */
    const char *name; /* "" or "sessions" */
    msi_cache_settings settings;
    msi_component *tiers[MSI_TIERS_MAX];
    unsigned tier_count;
    msi_component *serializer, *compressor; /* compressor may be NULL */
    msi_bound *bound;
    size_t bound_count;
} msi_cache_plan;

typedef struct msi_assembly {
    mst_allocator allocator;
    msi_registry registry;
    msi_strings strings;
    msi_runtime_settings runtime;
    msi_plugins_settings plugins;
    msi_bound *runtime_bound, *plugins_bound;
    size_t runtime_bound_count, plugins_bound_count;
    msi_list components; /* msi_component, evictions before the providers that use them */
    unsigned component_count;
    msi_list caches; /* msi_cache_plan; at least one */
    unsigned cache_count;
    bool complete; /* false: only the registry, for questions about plugins */
} msi_assembly;

/* [main] Resolve and check everything; all problems are remembered in the config. MST_OK, or
 * MST_ECONFIG, MST_EPLUGIN, MST_ENOMEM with the first in *error and *out NULL. */
mst_status msi_assemble(mst_config *, msi_assembly **out, mst_error *error);
void msi_assembly_free(msi_assembly *);
/* [main] Only the registry, whatever else is wrong with the configuration; remembers no problems.
 */
mst_status msi_assemble_registry(mst_config *, msi_assembly **out, mst_error *error);

#endif
