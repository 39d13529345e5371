/* serve.h - the page over HTTP: GET /metrics, on a thread of its own, so that a scrape keeps no
 * request waiting. */
#ifndef PROMETHEUS_SERVE_H
#define PROMETHEUS_SERVE_H

#include <memstache/metrics.h>
#include <memstache/plugin.h>

typedef struct server {
    const mst_host *host;
    const mst_metrics *metrics;
    struct MHD_Daemon *daemon; /* NULL: it does not run */
} server;

/* [loop] `listen`: "127.0.0.1:9109", "[::1]:9109"; port 0: any that is free, the log says which.
 * MST_EINVAL, MST_EIO, MST_ENOMEM with host->set_error(). */
mst_status server_start(server *, const char *listen);
/* [loop] Waits for an answer that is being written. Safe when it does not run. */
void server_stop(server *);

#endif
