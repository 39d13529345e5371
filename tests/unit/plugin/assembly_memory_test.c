/* Memory that runs out at every possible moment: always MST_ENOMEM, never a leak. */
#include "assembled.h"

static const char ini[] = "[cache]\n"
                          "tiers = small, far\n"
                          "compressor = pack\n"
                          "namespace = shop\n"
                          "[cache.two]\n"
                          "[provider.small]\n"
                          "plugin = memory\n"
                          "password = secret\n"
                          "[eviction.adaptive]\n";

static mst_config *counted_config(ts_memory *memory, const char *text)
{
    mst_error error;
    ts_memory_init(memory);
    mst_config *c = mst_config_new(&memory->allocator);
    cr_assert_not_null(c);
    cr_assert_eq(mst_config_add_module(c, &ts_module), MST_OK);
    cr_assert_eq(msi_ini_parse(c, "x.ini", text, strlen(text), &error), MST_OK);
    return c;
}

Test(assembly_memory, good_configuration)
{
    ts_memory memory;
    mst_status status = MST_ENOMEM;
    long n = 0;
    unsetenv("MEMSTACHE_PLUGIN_PATH");
    while (status == MST_ENOMEM) {
        mst_config *c = counted_config(&memory, ini);
        msi_assembly *a = NULL;
        mst_error error = {.status = MST_OK};
        long before = memory.live;
        cr_assert_lt(++n, 2000);
        memory.fail_at = memory.calls + n;
        status = msi_assemble(c, &a, &error);
        memory.fail_at = 0;
        cr_assert(status == MST_OK || error.status == MST_ENOMEM, "%s", error.text);
        cr_assert_eq(a != NULL, status == MST_OK);
        msi_assembly_free(a);
        cr_assert_eq(memory.live, before, "leak after request %ld", n);
        mst_config_free(c);
        cr_assert_eq(memory.live, 0);
    }
    cr_assert_eq(status, MST_OK);
    cr_assert_gt(n, 100, "only %ld requests?", n);
}

Test(assembly_memory, questions)
{
    ts_memory memory;
    mst_status status = MST_ENOMEM;
    unsetenv("MEMSTACHE_PLUGIN_PATH");
    for (long n = 1; status == MST_ENOMEM; n++) {
        mst_config *c = counted_config(&memory, ini);
        mst_error error = {.status = MST_OK};
        mst_plugin_use use;
        cr_assert_lt(n, 500);
        memory.fail_at = memory.calls + n;
        status = mst_config_find_plugin(c, "eviction", "adaptive", &use, &error);
        memory.fail_at = 0;
        cr_assert_eq(error.status, status);
        mst_config_free(c);
        cr_assert_eq(memory.live, 0, "leak after request %ld", n);
    }
    cr_assert_eq(status, MST_OK);
}

/* Problems need memory, too; losing their texts does not turn a bad configuration into a good one.
 */
Test(assembly_memory, bad_configuration)
{
    static const char bad[] = "[cache]\n"
                              "tiers = far, far\n"
                              "compressor = nowhere\n"
                              "[providr.x]\n"
                              "[provider.far]\n"
                              "host = x\n";
    ts_memory memory;
    unsetenv("MEMSTACHE_PLUGIN_PATH");
    for (long n = 1, last = 0; n < 500 && last < n; n++) {
        mst_config *c = counted_config(&memory, bad);
        msi_assembly *a = NULL;
        mst_error error = {.status = MST_OK};
        long before = memory.calls;
        memory.fail_at = before + n;
        mst_status status = msi_assemble(c, &a, &error);
        memory.fail_at = 0;
        cr_assert(status == MST_ENOMEM || status == MST_ECONFIG, "%d at request %ld", (int) status,
                  n);
        cr_assert_null(a);
        last = memory.calls - before >= n ? n + 1 : 0; /* was there a request to fail? */
        mst_config_free(c);
        cr_assert_eq(memory.live, 0, "leak after request %ld", n);
    }
}
