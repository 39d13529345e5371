/* exporter_skeleton.c - an exporter for memstache: figures, and traces, out of the process.
 *
 * It writes all metrics into a file, one on a line, each time the interval is over and once more
 * in the end. Spans it only counts. The functions run on the loop, which must not wait for a disk
 * or a server: a worker writes. Put what you send, and where, in the place of the first part.
 */
#include <errno.h>
#include <memstache/exporter.h>
#include <stdbool.h>
#include <stdio.h>

/* An instance: zeroed, with the options stored, before any function is called. */
typedef struct instance {
    const mst_host *host;
    const mst_metrics *metrics;
    mst_meter *spans;
    const char *file;
    int64_t interval_ms;
    mst_timer *timer;
    bool writing, stopping, last;
    int error; /* of the file, 0: none */
} instance;

/* ---- the file */

/* Everything in a metric, texts too, is there during this call only. */
static void write_line(void *out, const mst_metric *m)
{
    fputs(m->name, out);
    for (size_t i = 0; i < m->label_count; i++) {
        fprintf(out, " %s=\"%s\"", m->labels[i].name, m->labels[i].value);
    }
    if (m->kind == MST_METRIC_GAUGE) {
        fprintf(out, " %g\n", m->value);
    } else if (m->kind == MST_METRIC_COUNTER) {
        fprintf(out, " %llu\n", (unsigned long long) m->count);
    } else { /* a histogram has buckets as well */
        fprintf(out, " %llu, sum %g %s\n", (unsigned long long) m->count, m->value, m->unit);
    }
}

static void write_file(void *self) /* on a worker */
{
    instance *in = self;
    FILE *out = fopen(in->file, "w");
    in->error = out ? 0 : errno;
    if (out) {
        in->metrics->walk(in->host, write_line, out);
        in->error = fclose(out) ? errno : 0;
    }
}

/* ---- when it is written */

static void written(void *self, mst_status status);

static void begin(void *self)
{
    instance *in = self;
    in->writing = true;
    in->last = in->stopping;
    mst_status status = in->host->work(in->host, write_file, written, in);
    if (status != MST_OK) {
        written(in, status);
    }
}

static void written(void *self, mst_status status)
{
    instance *in = self;
    in->writing = false;
    if (status != MST_OK || in->error) {
        in->host->log(in->host, MST_LOG_WARN, "the file could not be written");
    }
    if (in->last) {
        in->host->stopped(in->host);
    } else if (in->stopping) {
        begin(in);
    } else {
        in->host->timer_set(in->timer, (uint64_t) in->interval_ms);
    }
}

/* What can never work fails, with a reason for the user. */
static mst_status start(void *self)
{
    instance *in = self;
    FILE *out = fopen(in->file, "a");
    if (!out) {
        in->host->set_error(in->host, "file: cannot be written");
        return MST_EIO;
    }
    fclose(out);
    mst_status status = in->host->timer_open(in->host, begin, in, &in->timer);
    if (status == MST_OK) {
        in->host->timer_set(in->timer, (uint64_t) in->interval_ms);
    }
    return status;
}

/* Everything has been answered. Whatever is under way comes to its end first. */
static void stop(void *self)
{
    instance *in = self;
    in->stopping = true;
    in->host->timer_close(in->timer);
    if (!in->writing) {
        begin(in);
    }
}

/* On any thread, several at once, and also while it stops. What you want of a span you copy, into
 * memory that has a bound. */
static void spans(void *self, const mst_span *const *list, size_t n)
{
    instance *in = self;
    in->metrics->add(in->spans, n);
}

/* ---- begin and end */

static mst_status init(void *self, const mst_host *host)
{
    static const mst_meter_options counted = {.struct_size = sizeof counted,
                                              .kind = MST_METRIC_COUNTER,
                                              .name = "skeleton_spans",
                                              .help = "Spans that skeleton was given."};
    instance *in = self;
    in->host = host;
    in->metrics = host->extension(host, MST_METRICS_ID);
    if (!in->metrics) {
        host->set_error(host, "this host shows no metrics");
        return MST_ENOTSUP;
    }
    return in->metrics->meter(host, &counted, &in->spans);
}

/* Checked and stored by the host; `memstache plugin info` prints them. */
static const mst_option options[] = {
    {.name = "file",
     .type = MST_OPT_STR,
     .offset = offsetof(instance, file),
     .def = "skeleton.txt",
     .help = "File that the metrics are written to."},
    {.name = "interval",
     .type = MST_OPT_MS,
     .offset = offsetof(instance, interval_ms),
     .def = "15s",
     .min = "100ms",
     .max = "1h",
     .help = "How often it is written."},
};

static const mst_exporter_ops ops = {
    .struct_size = sizeof ops,
    .start = start,
    .stop = stop,
    .spans = spans,
};

/* MST_PLUGIN_REENTRANT: spans() needs it. */
static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_EXPORTER,
    .kind_version = MST_EXPORTER_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .instance_size = sizeof(instance),
    .name = "skeleton",
    .version = "0.1.0",
    .author = "you",
    .license = "MIT",
    .summary = "Metrics in a file, one on a line",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .option_size = sizeof options[0],
    .init = init,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
