/* wire.h - messages of otlp.proto, packed and collected. */
#ifndef OTLP_WIRE_H
#define OTLP_WIRE_H

#include <otlp.pb-c.h> /* made of otlp.proto when this is built */

#include <stdbool.h>

#include "spans.h"

/* Packed messages of one kind. The first failed allocation is remembered, nothing is added then. */
typedef struct otlp_pile {
    const mst_host *host;
    ProtobufCBinaryData *items; /* each an allocation of the host */
    size_t count, room;
    bool no_memory;
} otlp_pile;

void otlp_pile_add(otlp_pile *, const ProtobufCMessage *);
void otlp_pile_clear(otlp_pile *);
void otlp_pile_free(otlp_pile *); /* safe on zeroes */

/* A message as bytes; data NULL: out of memory. To be given to host->free(). */
ProtobufCBinaryData otlp_pack(const mst_host *, const ProtobufCMessage *);

/* Who speaks: attributes of every message. */
typedef struct otlp_resource {
    const char *service_name;
    int64_t pid;
} otlp_resource;

#define OTLP_SCOPE "memstache"

/* The whole request around spans, or packed metrics. */
ProtobufCBinaryData otlp_traces_request(const mst_host *, const otlp_resource *, otlp_batch *);
ProtobufCBinaryData otlp_metrics_request(const mst_host *, const otlp_resource *,
                                         const otlp_pile *);

/* metrics.c: all metrics of the host as packed Metric messages. `start_ns`: since when it counts.
 */
mst_status otlp_collect(const mst_host *, const mst_metrics *, uint64_t start_ns, uint64_t now_ns,
                        otlp_pile *);

#endif
