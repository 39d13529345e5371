/* tracing.c - see tracing.h. */
#include "api/tracing.h"

#include "base/hash.h"
#include "pipeline/watch.h"

static void hand_over(void *arg, const mst_span *const *spans, size_t n)
{
    const mst_runtime *rt = arg;
    for (unsigned i = 0; i < rt->exporter_count; i++) {
        const msi_instance *e = rt->exporters[i];
        if (e->plugin->ops.exporter.spans) {
            e->plugin->ops.exporter.spans(e->self, spans, n);
        }
    }
}

static bool any_takes_spans(const mst_runtime *rt)
{
    bool any = false;
    for (unsigned i = 0; i < rt->exporter_count; i++) {
        any = any || rt->exporters[i]->plugin->ops.exporter.spans;
    }
    return any;
}

mst_status msi_tracing_build(mst_runtime *rt, mst_error *error)
{
    const msi_runtime_settings *settings = &rt->assembly->runtime;
    msi_watch *w = msi_zalloc(&rt->allocator, sizeof *w);
    if (!w) {
        return msi_error(error, MST_ENOMEM, "out of memory");
    }
    w->spans = any_takes_spans(rt) ? hand_over : NULL;
    w->arg = rt;
    w->limit = (uint64_t) (settings->trace_ratio * 4294967296.0);
    w->plain_keys = settings->trace_keys == MSI_KEYS_PLAIN;
    w->seed = msi_random_seed();
    rt->watch = w;
    return MST_OK;
}

void msi_tracing_free(mst_runtime *rt)
{
    msi_free(&rt->allocator, rt->watch);
}

msi_watch *msi_tracing_of(const mst_runtime *rt, const msi_cache_settings *s)
{
    return rt->watch->spans || s->slow_request_ms >= 0 ? rt->watch : NULL;
}
