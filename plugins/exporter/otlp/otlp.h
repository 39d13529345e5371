/* otlp.h - the exporter's instance, for its thread. */
#ifndef OTLP_H
#define OTLP_H

#include "queue.h"
#include "send.h"

/* How long the thread may take to send what is left, once the host has called stop(). */
enum { OTLP_FAREWELL_MS = 2000 };

typedef struct otlp {
    const mst_host *host;
    const mst_metrics *metrics;
    const char *headers; /* an option; it is asked for as a secret */
    int64_t interval_ms, queue_max, delay_ms;
    bool traces, curl_ready;
    otlp_resource resource;
    otlp_queue queue;
    otlp_sender sender; /* of the thread */
    mst_meter *sent, *dropped, *failures;
    uint64_t start_ns; /* since 1970: metrics count from here */
    pthread_t thread;
} otlp;

void otlp_run(otlp *);   /* [the thread] until the end */
void otlp_ended(otlp *); /* [the thread] has nothing left to do */

#endif
