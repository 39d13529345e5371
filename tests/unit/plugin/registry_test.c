/* Kinds, registered modules, and plugins that are asked for twice. Files: tests/plugins. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/load.h"
#include "support.h"

Test(registry, kinds)
{
    cr_assert_str_eq(msi_kind_name(MST_KIND_PROVIDER), "provider");
    cr_assert_str_eq(msi_kind_name(MST_KIND_EVICTION), "eviction");
    cr_assert_null(msi_kind_name(0));
    cr_assert_null(msi_kind_name(99));
    cr_assert_eq(msi_kind_by_name("compressor"), MST_KIND_COMPRESSOR);
    cr_assert_eq(msi_kind_by_name("serializer"), MST_KIND_SERIALIZER);
    cr_assert_eq(msi_kind_by_name("cache"), 0);
}

static void open_registry(msi_registry *r, const mst_allocator *allocator)
{
    const mst_module *modules[] = {&ts_module}; /* the registry keeps its own list */
    mst_error error;
    unsetenv("MEMSTACHE_PLUGIN_PATH");
    cr_assert_eq(msi_registry_init(r, allocator, "", modules, 1, &error), MST_OK, "%s", error.text);
}

Test(registry, found_once)
{
    msi_registry r;
    mst_error error;
    const msi_plugin *first, *again, *other;
    ts_memory memory;
    ts_memory_init(&memory);
    open_registry(&r, &memory.allocator);
    cr_assert_eq(msi_registry_find(&r, MST_KIND_PROVIDER, "memory", &first, &error), MST_OK);
    cr_assert_eq(msi_registry_find(&r, MST_KIND_PROVIDER, "memory", &again, &error), MST_OK);
    cr_assert_eq(first, again);
    cr_assert_null(first->file);
    cr_assert_eq(first->plugin, ts_module.plugins[0]);
    cr_assert_not_null(first->ops.provider.submit);
    cr_assert_eq(msi_registry_find(&r, MST_KIND_PROVIDER, "far", &other, &error), MST_OK);
    cr_assert_neq(first, other);
    cr_assert_neq(msi_registry_find(&r, MST_KIND_SERIALIZER, "memory", &other, &error), MST_OK);
    cr_assert_eq(error.status, MST_ENOTFOUND);
    msi_registry_fini(&r);
    cr_assert_eq(memory.live, 0);
}

Test(registry, names_are_not_paths)
{
    msi_registry r;
    mst_error error;
    const msi_plugin *found;
    open_registry(&r, &msi_malloc_allocator);
    cr_assert_eq(msi_registry_find(&r, MST_KIND_PROVIDER, "../x", &found, &error), MST_EPLUGIN);
    cr_assert_str_eq(error.text, "plugin name \"../x\" may contain only a-z 0-9 _");
    cr_assert_eq(msi_registry_find(&r, MST_KIND_PROVIDER, "", &found, &error), MST_EPLUGIN);
    cr_assert_str_eq(error.text, "plugin name \"\" is empty");
    msi_registry_fini(&r);
    msi_registry_fini(&r); /* safe twice */
}

Test(registry, memory_runs_out)
{
    ts_memory memory;
    const mst_module *modules[] = {&ts_module};
    mst_status status = MST_ENOMEM;
    for (long n = 1; status == MST_ENOMEM; n++) {
        msi_registry r;
        mst_error error;
        const msi_plugin *found;
        cr_assert_lt(n, 100);
        ts_memory_init(&memory);
        memory.fail_at = n;
        status = msi_registry_init(&r, &memory.allocator, "/a:/b", modules, 1, &error);
        if (!status) {
            status = msi_registry_find(&r, MST_KIND_EVICTION, "lru", &found, &error);
        }
        cr_assert(status == MST_OK || error.status == MST_ENOMEM);
        msi_registry_fini(&r);
        cr_assert_eq(memory.live, 0, "after request %ld", n);
    }
    cr_assert_eq(status, MST_OK);
}
