/* metrics.h - the metrics of a runtime as its instances see them: the host's extension
 * MST_METRICS_ID, and the meters that plugins and the program keep.
 *
 *   metrics.c  references, and the extension
 *   meters.c   making meters, counting, showing them
 *
 * An instance may outlive the runtime, and count until then: so each has a reference. */
#ifndef MSI_METRICS_H
#define MSI_METRICS_H

#include <pthread.h>
#include <stdatomic.h>

#include <memstache/config.h>
#include <memstache/metrics.h>

#include "base/alloc.h"
#include "base/histogram.h"
#include "base/list.h"

/* What shows everything: the runtime's. */
typedef mst_status (*msi_metrics_walk)(void *arg, mst_metric_visit visit, void *visit_arg);

typedef struct msi_metrics {
    _Atomic uint32_t refs;
    mst_allocator allocator; /* a copy */
    pthread_mutex_t mutex;
    msi_list meters; /* under the mutex; by name. None goes before all go */
    msi_metrics_walk walk;
    void *arg;
    _Atomic bool open; /* walk() may be called */
} msi_metrics;

/* NULL: out of memory. With one reference. */
msi_metrics *msi_metrics_new(const mst_allocator *, msi_metrics_walk, void *arg);
msi_metrics *msi_metrics_retain(msi_metrics *); /* NULL is fine, for both */
void msi_metrics_release(msi_metrics *);

/* [any-thread] `component` NULL: the program's own. MST_EINVAL, MST_ENOMEM, with *error. */
mst_status msi_meter_new(msi_metrics *, const char *component, const mst_meter_options *,
                         mst_meter **, mst_error *error);
void msi_meter_add(mst_meter *, uint64_t n);
void msi_meter_set(mst_meter *, double value);
void msi_meter_record(mst_meter *, uint64_t value);
/* [any-thread] Shows all meters. */
void msi_meters_walk(msi_metrics *, mst_metric_visit, void *arg);
void msi_meters_free(msi_metrics *);

/* Fills the figures of a histogram; `buckets` has MSI_HISTOGRAM_BUCKETS places. */
void msi_metric_take_histogram(mst_metric *, const msi_histogram *, double scale,
                               mst_bucket *buckets);

extern const mst_metrics msi_metrics_table;

#endif
