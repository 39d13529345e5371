/* metrics.h - figures about a running host: what a snapshot shows of them, and how a plugin reads
 * them or adds its own. Host programs have the same by functions, in memstache.h.
 *
 *   metric  one figure of a snapshot: a name, labels, and what it stood at
 *   meter   a figure that a program or a plugin keeps itself, shown with memstache's own
 *
 * All metrics of one name stand together in a snapshot, and have the same kind, unit and help;
 * their labels tell them apart. memstache's own are listed in sdk/docs/monitoring.md.
 */
#ifndef MEMSTACHE_METRICS_H
#define MEMSTACHE_METRICS_H

#include "abi.h"

enum {
    MST_METRIC_COUNTER = 1,  /* only grows, from 0 at the opening of the runtime */
    MST_METRIC_GAUGE = 2,    /* goes up and down */
    MST_METRIC_HISTOGRAM = 3 /* how many values of which size there were */
};

typedef struct mst_label {
    const char *name;  /* [a-z][a-z0-9_]* */
    const char *value; /* any UTF-8 text */
} mst_label;

/* Values that are larger than the bucket before ends, and at most `upper`. */
typedef struct mst_bucket {
    double upper;   /* in the metric's unit */
    uint64_t count; /* of this bucket alone */
} mst_bucket;

/* One figure. Everything in it is valid during the call that shows it. */
typedef struct mst_metric {
    uint32_t struct_size;
    uint32_t kind;    /* MST_METRIC_* */
    const char *name; /* [a-z][a-z0-9_]*, ends in the unit; counters without "_total" */
    const char *unit; /* "seconds", "bytes", "ratio"; "" for things that are counted */
    const char *help; /* one sentence */
    const mst_label *labels;
    size_t label_count;
    uint64_t count; /* of a counter: what it stands at; of a histogram: how many values */
    double value;   /* of a gauge: what it stands at; of a histogram: the sum of the values */
    double max;     /* of a histogram: the largest value */
    double scale;   /* of a histogram: values are whole multiples of it */
    /* Of a histogram: the buckets that are not empty, in rising order. They end at fixed places,
     * scale times 2^n, n from 0 to 40, and at seven places between one of these and the next. */
    const mst_bucket *buckets;
    size_t bucket_count;
} mst_metric;

typedef void (*mst_metric_visit)(void *arg, const mst_metric *);

/* ---- meters: figures of one's own. */

typedef struct mst_meter mst_meter;

typedef struct mst_meter_options {
    uint32_t struct_size;
    uint32_t kind;    /* MST_METRIC_* */
    const char *name; /* as in mst_metric; not "memstache_...", which is memstache's own */
    const char *unit; /* NULL: "" */
    const char *help;
    const mst_label *labels; /* at most 8, names not "component", which plugins get by themselves */
    size_t label_count;
    /* A histogram takes whole numbers; one of them is so much of the unit (1e-9: nanoseconds shown
     * in seconds). 0 is 1. */
    double scale;
} mst_meter_options;

/* The extension of the host that every plugin may ask for: host->extension(host, MST_METRICS_ID),
 * in init() or later; NULL when the host has none. */
#define MST_METRICS_ID "memstache.metrics/1"

struct mst_host;
typedef struct mst_metrics {
    uint32_t struct_size;
    /* [any-thread] but not inside init(), nor after stop(). Shows all metrics, those of one name
     * one after the other. `visit` must not wait, and not call the host but for memory. MST_ENOMEM;
     * MST_ECLOSED when there is nothing to show yet, or any more. */
    mst_status (*walk)(const struct mst_host *, mst_metric_visit visit, void *arg);
    /* [any-thread] A figure of the plugin's own, labelled component="provider.memory". It begins at
     * 0. A second call with the same name and labels gives the same meter, so that all instances of
     * a component count together. It is valid until fini() returns, and needs not be given back.
     * MST_EINVAL (the log says why) for a name or label that is none, or a name that has another
     * kind, unit, help or scale already; MST_ENOMEM. */
    mst_status (*meter)(const struct mst_host *, const mst_meter_options *, mst_meter **);
    /* [any-thread] All three: a few nanoseconds, no lock. They do nothing with NULL, or with a
     * meter of another kind. */
    void (*add)(mst_meter *, uint64_t n);        /* to a counter */
    void (*set)(mst_meter *, double value);      /* a gauge */
    void (*record)(mst_meter *, uint64_t value); /* one value of a histogram */
} mst_metrics;

#endif
