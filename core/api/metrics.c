/* metrics.c - all figures of a runtime in one walk, and the meters of the program. */
#include <memstache/memstache.h>

#include "api/walk.h"
#include "base/error.h"

/* ---- showing one */

static mst_metric metric_of(const msi_family *f, const mst_label *labels, size_t label_count)
{
    return (mst_metric){.struct_size = sizeof(mst_metric),
                        .kind = f->kind,
                        .name = f->name,
                        .unit = f->unit,
                        .help = f->help,
                        .labels = labels,
                        .label_count = label_count};
}

void msi_show_count(const msi_walk *w, const msi_family *f, uint64_t count, const mst_label *labels,
                    size_t label_count)
{
    mst_metric m = metric_of(f, labels, label_count);
    m.count = count;
    w->visit(w->arg, &m);
}

void msi_show_gauge(const msi_walk *w, const msi_family *f, double value, const mst_label *labels,
                    size_t label_count)
{
    mst_metric m = metric_of(f, labels, label_count);
    m.value = value;
    w->visit(w->arg, &m);
}

void msi_sum_begin(msi_walk *w)
{
    msi_zero(&w->sum, sizeof w->sum);
}

void msi_sum_add(msi_walk *w, const msi_histogram *h)
{
    msi_histogram_merge(&w->sum, h);
}

void msi_sum_show(msi_walk *w, const msi_family *f, const mst_label *labels, size_t label_count)
{
    mst_metric m = metric_of(f, labels, label_count);
    msi_metric_take_histogram(&m, &w->sum, 1e-9, w->buckets);
    if (m.count) {
        w->visit(w->arg, &m);
    }
}

/* ---- the walk */

static void show_info(msi_walk *w, const msi_family *f)
{
    msi_show_gauge(w, f, 1, MSI_LABELS({"version", MST_VERSION}));
}

static const msi_family runtime_families[] = {
    MSI_FAMILY(GAUGE, "memstache_info", "", "1, labelled with the version of the library.",
               show_info),
    {0},
};

static void show_all(msi_walk *w, const msi_family *f)
{
    for (; f->name; f++) {
        f->show(w, f);
    }
}

mst_status msi_runtime_walk(void *arg, mst_metric_visit visit, void *visit_arg)
{
    mst_runtime *rt = arg;
    msi_walk w = {.runtime = rt, .visit = visit, .arg = visit_arg};
    msi_walk_ask_tiers(&w);
    if (!w.no_memory) {
        show_all(&w, runtime_families);
        show_all(&w, msi_cache_families);
        show_all(&w, msi_plugin_families);
        msi_meters_walk(rt->metrics, visit, visit_arg);
    }
    msi_free(&rt->allocator, w.figures);
    return w.no_memory ? MST_ENOMEM : MST_OK;
}

/* ---- the calls */

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
