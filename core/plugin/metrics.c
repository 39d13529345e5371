/* metrics.c - see metrics.h. */
#include "plugin/metrics.h"

#include "base/error.h"
#include "plugin/handle.h"

msi_metrics *msi_metrics_new(const mst_allocator *allocator, msi_metrics_walk walk, void *arg)
{
    msi_metrics *m = msi_zalloc(allocator, sizeof *m);
    if (m) {
        atomic_init(&m->refs, 1);
        m->allocator = *allocator;
        pthread_mutex_init(&m->mutex, NULL);
        msi_list_init(&m->meters);
        m->walk = walk;
        m->arg = arg;
    }
    return m;
}

msi_metrics *msi_metrics_retain(msi_metrics *m)
{
    if (m) {
        atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    }
    return m;
}

void msi_metrics_release(msi_metrics *m)
{
    if (m && msi_unref(&m->refs)) {
        msi_meters_free(m);
        pthread_mutex_destroy(&m->mutex);
        mst_allocator allocator = m->allocator;
        msi_free(&allocator, m);
    }
}

/* ---- the extension */

static mst_status host_walk(const mst_host *host, mst_metric_visit visit, void *arg)
{
    msi_metrics *m = msi_instance_of(host)->metrics;
    return atomic_load(&m->open) ? m->walk(m->arg, visit, arg) : MST_ECLOSED;
}

static mst_status host_meter(const mst_host *host, const mst_meter_options *o, mst_meter **out)
{
    msi_instance *i = msi_instance_of(host);
    mst_error error;
    mst_status status = msi_meter_new(i->metrics, i->name, o, out, &error);
    if (status == MST_EINVAL) {
        msi_log_write(&i->log, MST_LOG_ERROR, "[%s] %s", i->name, error.text);
    }
    return status;
}

const mst_metrics msi_metrics_table = {
    .struct_size = sizeof msi_metrics_table,
    .walk = host_walk,
    .meter = host_meter,
    .add = msi_meter_add,
    .set = msi_meter_set,
    .record = msi_meter_record,
};
