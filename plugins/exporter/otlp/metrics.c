/* metrics.c - the metrics of the host as messages: one for each name, with a point for each set of
 * labels. Cumulative, as the host counts.
 *
 * A histogram of the host has eight buckets for each power of two and leaves out the empty ones;
 * here it has one for each power of two, and always the same ones. */
#include <string.h>

#include "wire.h"

enum { LABELS_MAX = 16, POWERS = 41, CUMULATIVE = 2 };

typedef struct collector {
    const mst_host *host;
    uint64_t start_ns, now_ns;
    otlp_pile *metrics;
    otlp_pile points;  /* of the metric that is under way */
    Otlp__Metric open; /* its name is NULL: none is */
    char name[128], description[512], unit[64];
    uint32_t kind;
} collector;

typedef struct labels {
    Otlp__KeyValue pairs[LABELS_MAX];
    Otlp__AnyValue values[LABELS_MAX];
    Otlp__KeyValue *list[LABELS_MAX];
    size_t count;
} labels;

static void fill_labels(labels *l, const mst_metric *m)
{
    l->count = m->label_count < LABELS_MAX ? m->label_count : LABELS_MAX;
    for (size_t i = 0; i < l->count; i++) {
        otlp__key_value__init(&l->pairs[i]);
        otlp__any_value__init(&l->values[i]);
        l->values[i].value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
        l->values[i].string_value = (char *) m->labels[i].value;
        l->pairs[i].key = (char *) m->labels[i].name;
        l->pairs[i].value = &l->values[i];
        l->list[i] = &l->pairs[i];
    }
}

/* Units as UCUM writes them. */
static const char *unit_of(const char *unit)
{
    static const char *const units[][2] = {
        {"seconds", "s"}, {"bytes", "By"}, {"", "1"}, {"ratio", "1"}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(unit, units[i][0]) == 0) {
            return units[i][1];
        }
    }
    return unit;
}

/* ---- points */

static void add_number(collector *c, const mst_metric *m, labels *l)
{
    Otlp__NumberPoint p = OTLP__NUMBER_POINT__INIT;
    p.time_unix_nano = c->now_ns;
    p.attributes = l->list;
    p.n_attributes = l->count;
    if (m->kind == MST_METRIC_COUNTER) {
        p.start_time_unix_nano = c->start_ns;
        p.value_case = OTLP__NUMBER_POINT__VALUE_AS_INT;
        p.as_int = (int64_t) m->count;
    } else {
        p.value_case = OTLP__NUMBER_POINT__VALUE_AS_DOUBLE;
        p.as_double = m->value;
    }
    otlp_pile_add(&c->points, &p.base);
}

static void add_histogram(collector *c, const mst_metric *m, labels *l)
{
    uint64_t counts[POWERS + 1];
    double bounds[POWERS];
    uint64_t below = 0;
    size_t next = 0;
    for (unsigned power = 0; power < POWERS; power++) {
        uint64_t here = 0;
        bounds[power] = (double) ((uint64_t) 1 << power) * m->scale;
        while (next < m->bucket_count && m->buckets[next].upper <= bounds[power]) {
            here += m->buckets[next++].count;
        }
        counts[power] = here;
        below += here;
    }
    counts[POWERS] = m->count > below ? m->count - below : 0;
    Otlp__HistogramPoint p = OTLP__HISTOGRAM_POINT__INIT;
    p.start_time_unix_nano = c->start_ns;
    p.time_unix_nano = c->now_ns;
    p.count = below + counts[POWERS];
    p.sum = m->value;
    p.max = m->max;
    p.bucket_counts = counts;
    p.n_bucket_counts = POWERS + 1;
    p.explicit_bounds = bounds;
    p.n_explicit_bounds = POWERS;
    p.attributes = l->list;
    p.n_attributes = l->count;
    otlp_pile_add(&c->points, &p.base);
}

/* ---- metrics */

static void end_metric(collector *c)
{
    Otlp__Sum sum = OTLP__SUM__INIT;
    Otlp__Gauge gauge = OTLP__GAUGE__INIT;
    Otlp__Histogram histogram = OTLP__HISTOGRAM__INIT;
    if (c->points.count == 0) {
        return;
    }
    if (c->kind == MST_METRIC_COUNTER) {
        sum.data_points = c->points.items;
        sum.n_data_points = c->points.count;
        sum.aggregation_temporality = CUMULATIVE;
        sum.is_monotonic = 1;
        c->open.data_case = OTLP__METRIC__DATA_SUM;
        c->open.sum = &sum;
    } else if (c->kind == MST_METRIC_GAUGE) {
        gauge.data_points = c->points.items;
        gauge.n_data_points = c->points.count;
        c->open.data_case = OTLP__METRIC__DATA_GAUGE;
        c->open.gauge = &gauge;
    } else {
        histogram.data_points = c->points.items;
        histogram.n_data_points = c->points.count;
        histogram.aggregation_temporality = CUMULATIVE;
        c->open.data_case = OTLP__METRIC__DATA_HISTOGRAM;
        c->open.histogram = &histogram;
    }
    otlp_pile_add(c->metrics, &c->open.base);
    otlp_pile_clear(&c->points);
}

static void copy(char *to, size_t size, const char *from)
{
    size_t len = strnlen(from, size - 1);
    memcpy(to, from, len);
    to[len] = '\0';
}

static void begin_metric(collector *c, const mst_metric *m)
{
    copy(c->name, sizeof c->name, m->name);
    copy(c->description, sizeof c->description, m->help);
    otlp__metric__init(&c->open);
    c->open.name = c->name;
    c->open.description = c->description;
    copy(c->unit, sizeof c->unit, unit_of(m->unit));
    c->open.unit = c->unit;
    c->kind = m->kind;
}

static void visit(void *arg, const mst_metric *m)
{
    collector *c = arg;
    labels l;
    if (m->kind < MST_METRIC_COUNTER || m->kind > MST_METRIC_HISTOGRAM) {
        return;
    }
    if (strcmp(c->name, m->name) != 0) {
        end_metric(c);
        begin_metric(c, m);
    }
    fill_labels(&l, m);
    if (m->kind == MST_METRIC_HISTOGRAM) {
        add_histogram(c, m, &l);
    } else {
        add_number(c, m, &l);
    }
}

mst_status otlp_collect(const mst_host *host, const mst_metrics *metrics, uint64_t start_ns,
                        uint64_t now_ns, otlp_pile *pile)
{
    collector c = {.host = host, .start_ns = start_ns, .now_ns = now_ns, .metrics = pile};
    c.points.host = pile->host = host;
    mst_status status = metrics->walk(host, visit, &c);
    end_metric(&c);
    bool no_memory = c.points.no_memory || pile->no_memory;
    otlp_pile_free(&c.points);
    return status == MST_OK && no_memory ? MST_ENOMEM : status;
}
