/* metrics.c - the snapshot of a runtime, and the meters of the program. */
#include "api/runtime.h"

mst_status msi_runtime_walk(void *arg, mst_metric_visit visit, void *visit_arg)
{
    mst_runtime *rt = arg;
    msi_meters_walk(rt->metrics, visit, visit_arg);
    return MST_OK;
}

mst_status mst_metrics_walk(mst_runtime *rt, mst_metric_visit visit, void *arg)
{
    return rt && visit ? msi_runtime_walk(rt, visit, arg) : MST_EINVAL;
}

mst_status mst_meter_new(mst_runtime *rt, const mst_meter_options *options, mst_meter **meter,
                         mst_error *error)
{
    if (!rt || !options || !meter) {
        return msi_error(error, MST_EINVAL, "mst_meter_new: a runtime, options and a place");
    }
    return msi_meter_new(rt->metrics, NULL, options, meter, error);
}

void mst_meter_add(mst_meter *meter, uint64_t n)
{
    msi_meter_add(meter, n);
}

void mst_meter_set(mst_meter *meter, double value)
{
    msi_meter_set(meter, value);
}

void mst_meter_record(mst_meter *meter, uint64_t value)
{
    msi_meter_record(meter, value);
}
