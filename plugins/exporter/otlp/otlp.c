/* otlp.c - the exporter of OTLP/HTTP: metrics and traces for OpenTelemetry's collectors.
 *
 *   queue.c    spans that wait, in batches
 *   spans.c, metrics.c, wire.c   both as messages of the protocol (otlp.proto)
 *   send.c     one request
 *   run.c      the thread that sends, again where that makes sense
 *
 * A thread of its own sends, so that a collector which does not answer keeps nobody else waiting:
 * it then costs the queue's memory, and what does not fit is dropped and counted.
 */
#define _GNU_SOURCE
#include "otlp.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define AT(member) (uint32_t) offsetof(otlp, member)

static const mst_option options[] = {
    {.name = "endpoint",
     .type = MST_OPT_STR,
     .offset = AT(sender.endpoint),
     .def = "http://localhost:4318",
     .help = "Base URL of the collector; /v1/metrics and /v1/traces are put behind it."},
    {.name = "headers",
     .type = MST_OPT_STR,
     .flags = MST_OPTF_SECRET,
     .offset = AT(headers),
     .help = "Headers of every request, as name=value, separated by commas."},
    {.name = "service",
     .type = MST_OPT_STR,
     .offset = AT(resource.service_name),
     .def = "memstache",
     .help = "Name of the program, as service.name."},
    {.name = "timeout",
     .type = MST_OPT_MS,
     .offset = AT(sender.timeout_ms),
     .def = "10s",
     .min = "10ms",
     .max = "5m",
     .help = "A request that is not answered by then counts as failed, and is sent again."},
    {.name = "interval",
     .type = MST_OPT_MS,
     .offset = AT(interval_ms),
     .def = "60s",
     .min = "10ms",
     .max = "1h",
     .help = "How often metrics are sent; never: not at all."},
    {.name = "traces",
     .type = MST_OPT_BOOL,
     .offset = AT(traces),
     .def = "yes",
     .help = "Whether spans are sent."},
    {.name = "queue",
     .type = MST_OPT_INT,
     .offset = AT(queue_max),
     .def = "8192",
     .min = "1",
     .max = "1000000",
     .help = "Spans that may wait to be sent; further ones are dropped and counted."},
    {.name = "delay",
     .type = MST_OPT_MS,
     .offset = AT(delay_ms),
     .def = "1s",
     .min = "0",
     .max = "1m",
     .help = "How long a span may wait for others to be sent along with it."},
};

/* ---- life */

static void new_meter(otlp *o, mst_meter **meter, uint32_t kind, const char *name, const char *help)
{
    const mst_meter_options m = {.struct_size = sizeof m, .kind = kind, .name = name, .help = help};
    o->metrics->meter(o->host, &m, meter); /* without one nothing is counted, that is all */
}

static mst_status init(void *self, const mst_host *host)
{
    otlp *o = self;
    o->host = o->sender.host = host;
    o->metrics = host->extension(host, MST_METRICS_ID);
    if (!o->metrics) {
        host->set_error(host, "this host shows no metrics");
        return MST_ENOTSUP;
    }
    if (strncmp(o->sender.endpoint, "http://", 7) != 0 &&
        strncmp(o->sender.endpoint, "https://", 8) != 0) {
        host->set_error(host, "endpoint: write http://HOST:PORT or https://HOST:PORT");
        return MST_EINVAL;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
        return MST_ENOMEM;
    }
    o->curl_ready = true;
    o->resource.pid = getpid();
    new_meter(o, &o->sent, MST_METRIC_COUNTER, "otlp_spans_sent", "Spans that the collector took.");
    new_meter(o, &o->dropped, MST_METRIC_COUNTER, "otlp_spans_dropped",
              "Spans that were not sent: no room in the queue, refused, or given up.");
    new_meter(o, &o->failures, MST_METRIC_COUNTER, "otlp_request_failures",
              "Requests to the collector that failed.");
    mst_status status = otlp_queue_init(&o->queue, host, (size_t) o->queue_max);
    return status ? status : otlp_sender_init(&o->sender);
}

static void *run(void *self)
{
    otlp *o = self;
    otlp_run(o);
    return NULL;
}

/* Signals are the program's: none is to be delivered to this thread, nor SIGPIPE raised by it. */
static mst_status start(void *self)
{
    otlp *o = self;
    sigset_t all, before;
    o->start_ns = o->host->wall_ms(o->host) * 1000000;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&o->thread, NULL, run, o);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        o->host->set_error(o->host, "cannot start a thread");
        return MST_ENOMEM;
    }
    return MST_OK;
}

static void ended(void *self)
{
    otlp *o = self;
    pthread_join(o->thread, NULL);
    o->host->stopped(o->host);
}

/* [the thread] The last thing it does. */
void otlp_ended(otlp *o)
{
    while (o->host->post(o->host, ended, o)) {
        usleep(1000); /* memory is short; nobody else could say that this is over */
    }
}

static void stop(void *self)
{
    otlp *o = self;
    atomic_store(&o->sender.give_up_ms, o->host->now_ms(o->host) + OTLP_FAREWELL_MS);
    otlp_queue_stop(&o->queue);
}

static void fini(void *self)
{
    otlp *o = self;
    otlp_sender_fini(&o->sender);
    otlp_queue_fini(&o->queue);
    if (o->curl_ready) {
        curl_global_cleanup();
    }
}

static void spans(void *self, const mst_span *const *given, size_t n)
{
    otlp *o = self;
    size_t dropped = o->traces ? n - otlp_queue_put(&o->queue, given, n) : 0;
    if (dropped) {
        o->metrics->add(o->dropped, dropped);
    }
}

static const mst_exporter_ops ops = {
    .struct_size = sizeof ops,
    .start = start,
    .stop = stop,
    .spans = spans,
};

static const mst_plugin otlp_plugin = {
    .struct_size = sizeof otlp_plugin,
    .kind = MST_KIND_EXPORTER,
    .kind_version = MST_EXPORTER_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .instance_size = sizeof(otlp),
    .name = "otlp",
    .version = "0.1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "metrics and traces for OpenTelemetry, over HTTP",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .option_size = sizeof options[0],
    .init = init,
    .fini = fini,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&otlp_plugin);
