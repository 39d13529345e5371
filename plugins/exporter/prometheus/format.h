/* format.h - a snapshot of the host's metrics as text: the text format of Prometheus, version
 * 0.0.4, or OpenMetrics 1.0.0. */
#ifndef PROMETHEUS_FORMAT_H
#define PROMETHEUS_FORMAT_H

#include <stdbool.h>

#include <memstache/metrics.h>
#include <memstache/plugin.h>

typedef enum format { FORMAT_TEXT, FORMAT_OPENMETRICS } format;

#define FORMAT_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define FORMAT_OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* What has been written; memory of the host's. */
typedef struct page {
    const mst_host *host;
    format format;
    char *data;
    size_t len, room;
    bool no_memory;
    char family[64]; /* whose HELP and TYPE are written */
} page;

/* [any-thread] Writes the whole page. MST_OK, and page_free() is due; MST_ENOMEM, MST_ECLOSED. */
mst_status page_write(page *, const mst_host *, const mst_metrics *, format);
void page_free(page *);

#endif
