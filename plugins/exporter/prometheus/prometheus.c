/* prometheus.c - the exporter for Prometheus: an HTTP endpoint, a textfile, or both.
 *
 *   format.c    the metrics as text
 *   serve.c     the endpoint
 *   textfile.c  the file
 */
#include <memstache/exporter.h>

#include "serve.h"
#include "textfile.h"

typedef struct prometheus {
    const mst_host *host;
    const char *listen;
    server server;
    textfile file; /* path and interval are options */
} prometheus;

#define AT(member) (uint32_t) offsetof(prometheus, member)

static const mst_option options[] = {
    {.name = "listen",
     .type = MST_OPT_STR,
     .offset = AT(listen),
     .def = "127.0.0.1:9109",
     .help = "Address and port of the HTTP endpoint, /metrics; port 0 takes a free one; empty: "
             "none."},
    {.name = "textfile",
     .type = MST_OPT_STR,
     .offset = AT(file.path),
     .help = "File to write the metrics to, for the node exporter's textfile collector; empty: "
             "none."},
    {.name = "interval",
     .type = MST_OPT_MS,
     .offset = AT(file.interval_ms),
     .def = "15s",
     .min = "100ms",
     .max = "1h",
     .help = "How often that file is written."},
};

static bool has_file(const prometheus *p)
{
    return p->file.path && p->file.path[0];
}

static mst_status init(void *self, const mst_host *host)
{
    prometheus *p = self;
    const mst_metrics *metrics = host->extension(host, MST_METRICS_ID);
    p->host = host;
    if (!metrics) {
        host->set_error(host, "this host shows no metrics");
        return MST_ENOTSUP;
    }
    if (!p->listen[0] && !has_file(p)) {
        host->set_error(host, "there is nothing to do: set listen, or textfile");
        return MST_EINVAL;
    }
    p->server.host = p->file.host = host;
    p->server.metrics = p->file.metrics = metrics;
    return MST_OK;
}

static mst_status start(void *self)
{
    prometheus *p = self;
    mst_status status = p->listen[0] ? server_start(&p->server, p->listen) : MST_OK;
    if (!status && has_file(p)) {
        status = textfile_start(&p->file);
    }
    if (status) {
        server_stop(&p->server);
    }
    return status;
}

static void file_stopped(void *self)
{
    prometheus *p = self;
    p->host->stopped(p->host);
}

static void stop(void *self)
{
    prometheus *p = self;
    server_stop(&p->server);
    textfile_stop(&p->file, file_stopped, p);
}

static void fini(void *self)
{
    prometheus *p = self;
    if (p->host) {
        textfile_fini(&p->file);
    }
}

static const mst_exporter_ops ops = {
    .struct_size = sizeof ops,
    .start = start,
    .stop = stop,
};

static const mst_plugin prometheus_plugin = {
    .struct_size = sizeof prometheus_plugin,
    .kind = MST_KIND_EXPORTER,
    .kind_version = MST_EXPORTER_VERSION,
    .instance_size = sizeof(prometheus),
    .name = "prometheus",
    .version = "0.1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "metrics for Prometheus, over HTTP or in a file",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .option_size = sizeof options[0],
    .init = init,
    .fini = fini,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&prometheus_plugin);
