/* plain.c - a shared object that is no plugin. */
#include <memstache/abi.h>

MST_EXPORT int memstache_test_answer(void);

int memstache_test_answer(void)
{
    return 42;
}
