/* send.h - one request to the collector, over libcurl. One thread. */
#ifndef OTLP_SEND_H
#define OTLP_SEND_H

#include <stdatomic.h>

#include <curl/curl.h>

#include "wire.h"

enum { OTLP_RESPONSE_MAX = 4096 };

typedef struct otlp_sender {
    const mst_host *host;
    const char *endpoint; /* "http://localhost:4318" */
    int64_t timeout_ms;
    CURL *curl;
    char headers[4096];          /* "name=value,name=value", as last heard of; secret */
    _Atomic uint64_t give_up_ms; /* on host->now_ms(): no request goes on after it; 0: none */
    uint8_t response[OTLP_RESPONSE_MAX];
    size_t response_len;
    char why[200]; /* the last request failed; "" */
} otlp_sender;

typedef enum otlp_outcome { OTLP_SENT, OTLP_AGAIN, OTLP_REFUSED } otlp_outcome;

mst_status otlp_sender_init(otlp_sender *);
void otlp_sender_fini(otlp_sender *); /* safe on zeroes */

/* `path`: "/v1/traces". *rejected: of what was sent, how much the collector did not want;
 * *retry_ms: how long it wants to be left alone, 0: it does not say. */
otlp_outcome otlp_send(otlp_sender *, const char *path, ProtobufCBinaryData body,
                       uint64_t *rejected, uint64_t *retry_ms);

#endif
