/* exporters.c - see exporters.h. */
#include "api/exporters.h"

#include <memstache/memstache.h>

static void one_stopped(void *arg)
{
    mst_runtime *rt = arg;
    if (--rt->exporters_stopping == 0) {
        rt->exporters_stopped(rt->exporters_arg);
    }
}

static mst_status build_one(mst_runtime *rt, const msi_component *c, mst_error *error)
{
    msi_grants grants = msi_runtime_grants(rt, c);
    msi_instance **place = &rt->exporters[rt->exporter_count];
    mst_status status = msi_instance_new_with(place, c->plugin, c->section, c->options, &grants,
                                              &rt->loops[0], &rt->allocator, &rt->log, error);
    if (!status) {
        rt->exporter_count++;
        (*place)->events = (msi_events){.stopped = one_stopped, .arg = rt};
    }
    return status;
}

mst_status msi_exporters_build(mst_runtime *rt, mst_error *error)
{
    const msi_list *all = &rt->assembly->components;
    rt->exporters = msi_zalloc(&rt->allocator, rt->assembly->component_count * sizeof(void *));
    if (!rt->exporters) {
        return msi_error(error, MST_ENOMEM, "out of memory");
    }
    mst_status status = MST_OK;
    for (msi_list *at = all->next; !status && at != all; at = at->next) {
        const msi_component *c = MSI_CONTAINER(at, msi_component, link);
        status = c->kind == MST_KIND_EXPORTER ? build_one(rt, c, error) : MST_OK;
    }
    return status;
}

void msi_exporters_free(mst_runtime *rt)
{
    for (unsigned i = 0; i < rt->exporter_count; i++) {
        msi_instance_abandon(rt->exporters[i]);
    }
    msi_free(&rt->allocator, rt->exporters);
}

mst_status msi_exporters_start(mst_runtime *rt, mst_error *error)
{
    atomic_store(&rt->metrics->open, true);
    for (unsigned i = 0; i < rt->exporter_count; i++) {
        msi_instance *e = rt->exporters[i];
        e->why[0] = '\0';
        mst_status status = e->plugin->ops.exporter.start(e->self);
        if (status < 0) {
            return msi_error(error, status, "[%s] %s", e->name,
                             e->why[0] ? e->why : mst_strerror(status));
        }
        rt->exporters_started++;
    }
    return MST_OK;
}

/* One more is counted, so that those which stop at once are not the last before the others have
 * been asked. */
void msi_exporters_stop(mst_runtime *rt, void (*next)(void *arg), void *arg)
{
    rt->exporters_stopped = next;
    rt->exporters_arg = arg;
    rt->exporters_stopping = rt->exporters_started + 1;
    for (unsigned i = 0; i < rt->exporters_started; i++) {
        const msi_instance *e = rt->exporters[i];
        if (e->plugin->ops.exporter.stop) {
            e->plugin->ops.exporter.stop(e->self);
        } else {
            one_stopped(rt);
        }
    }
    one_stopped(rt);
}

void msi_exporters_leave_loop(mst_runtime *rt)
{
    for (unsigned i = 0; i < rt->exporter_count; i++) {
        msi_instance_leave_loop(rt->exporters[i]);
    }
}
