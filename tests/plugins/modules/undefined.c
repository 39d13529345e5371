/* undefined.c - a module whose code needs a function that nobody has. */
#include <memstache/plugin.h>

void memstache_test_nobody_has_this(void);

MST_EXPORT void (*memstache_test_pointer)(void) = memstache_test_nobody_has_this;

MST_EXPORT const mst_module memstache_module;
const mst_module memstache_module = {
    MST_MODULE_MAGIC, sizeof(mst_module), MST_ABI_MAJOR, MST_ABI_MINOR, 0, 0, NULL};
