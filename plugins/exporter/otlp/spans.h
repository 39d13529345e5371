/* spans.h - spans as they are sent. */
#ifndef OTLP_SPANS_H
#define OTLP_SPANS_H

#include <memstache/exporter.h>

/* Spans that one request carries. */
typedef struct otlp_batch {
    struct otlp_batch *next;
    size_t count;      /* spans */
    size_t len, room;  /* of the message */
    uint8_t message[]; /* ScopeSpans of otlp.proto */
} otlp_batch;

/* Without spans so far, with room for so many bytes of them. NULL: out of memory. To be given to
 * host->free(). */
otlp_batch *otlp_batch_new(const mst_host *, size_t room);
/* No less than what a span takes there. */
size_t otlp_span_room(const mst_span *);
/* There must be room for it. Nothing of it is used afterwards. */
void otlp_batch_add(otlp_batch *, const mst_span *);

#endif
