/* oom.c - each allocation fails once, in turn: whatever it was for, nothing crashes, nothing is
 * left behind, and what works afterwards works right. */
#include "cases.h"

enum { TURNS_MAX = 3000 };

static void scenario(kit *k, check_instance *i)
{
    switch (k->plugin->kind) {
    case MST_KIND_COMPRESSOR:
        scenario_compressor(k, i);
        break;
    case MST_KIND_SERIALIZER:
        scenario_serializer(k, i);
        break;
    case MST_KIND_EVICTION:
        scenario_policy(k, i);
        break;
    case MST_KIND_EXPORTER:
        scenario_exporter(k, i);
        break;
    default:
        scenario_provider(k, i);
        break;
    }
}

void case_oom(kit *k)
{
    check_subject(k);
    check_loop *loop = check_subject_loop(k);
    for (int n = 0; n < TURNS_MAX && check_has_time(k); n++) {
        check_instance i;
        check_instance_prepare(k, &i, loop);
        atomic_store(&i.host.fail_in, n);
        mst_status status = check_instance_init(&i);
        if (status == MST_OK) {
            check_doing(k, "work in which the allocation %d has failed", n + 1);
            scenario(k, &i);
        }
        bool failed = atomic_load(&i.host.fail_in) < 0;
        atomic_store(&i.host.fail_in, -1);
        check_instance_end(&i);
        if (!failed) {
            break;
        }
    }
}
