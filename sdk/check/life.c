/* life.c - cases about init() and fini(). */
#define _GNU_SOURCE
#include <malloc.h>

#include "cases.h"

enum { ROUNDS = 1000, FAILURES_MAX = 500 };

__attribute__((weak)) int __lsan_do_recoverable_leak_check(void);

static void once(kit *k, check_loop *loop)
{
    check_instance i;
    check_instance_begin(k, &i, loop);
    check_instance_end(&i);
}

/* Memory that did not come from the host is seen by what malloc() has given out: the first rounds
 * may fill caches that stay. A sanitizer's malloc() counts elsewhere; that one has a leak checker.
 */
void case_init_fini(kit *k)
{
    enum { FIRST = 50 };
    size_t before = 0;
    int round = 0;
    check_subject(k);
    check_loop *loop = check_subject_loop(k);
    for (; round < FIRST + ROUNDS && check_has_time(k); round++) {
        if (round == FIRST) {
            before = mallinfo2().uordblks;
        }
        once(k, loop);
        if (loop && check_loop_open(loop)) {
            check_fail(k, "after fini() %s", check_loop_open(loop));
        }
    }
    if (__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check()) {
        check_fail(k, "LeakSanitizer has found a leak after %d rounds", round);
    }
    size_t after = mallinfo2().uordblks;
    if (round > FIRST * 2 && after > before && after - before >= (size_t) round) {
        check_fail(k, "%d rounds of init() and fini() leave %zu bytes more behind, of malloc()",
                   round - FIRST, after - before);
    }
}

/* Whatever init() had when its memory ended, fini() gives back. */
void case_failed_init(kit *k)
{
    int failures = 0;
    check_subject(k);
    check_loop *loop = check_subject_loop(k);
    for (int n = 0; n < FAILURES_MAX; n++) {
        check_instance i;
        check_instance_prepare(k, &i, loop);
        atomic_store(&i.host.fail_in, n);
        mst_status status = check_instance_init(&i);
        bool failed = atomic_load(&i.host.fail_in) < 0;
        atomic_store(&i.host.fail_in, -1);
        failures += status < 0;
        check_instance_end(&i);
        if (!failed) {
            break;
        }
    }
    if (!failures) {
        check_skip(k, "its init() takes no memory from the host, so that nothing makes it fail");
    }
}
