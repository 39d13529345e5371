/* watch.h - who wants to know how requests went: the log of slow ones ([cache] slow_request), and
 * exporters of traces.
 *
 * A request is recorded when its caller's trace is ([`traceparent`]), when the lot falls on it
 * ([runtime] trace_ratio), or when it was slow or failed: that is decided when it has ended. */
#ifndef MSI_WATCH_H
#define MSI_WATCH_H

#include <memstache/exporter.h>

#include "pipeline/near.h"
#include "pipeline/trail.h"

struct msi_watch {
    /* Takes n spans, on any thread. NULL: no exporter wants them. */
    void (*spans)(void *arg, const mst_span *const *, size_t n);
    void *arg;
    uint64_t limit; /* of 2^32: the share of requests without a trace of their own */
    bool plain_keys;
    uint64_t seed;
    _Atomic uint64_t ids; /* drawn so far */
};

/* [any-thread] What options->traceparent says; one that is malformed is counted. */
void msi_watch_read(mst_cache *, msi_context *, const char *traceparent);
/* [loop] The request is about to call its loader: what that may pass on. */
void msi_watch_loading(mst_request *, msi_trail *);
/* [loop] The request has its answer: the end of r->trail for it. */
void msi_watch_answered(mst_request *, uint64_t now_ns);

/* [any-thread] An answer of the near tiers to a call with a traceparent. */
void msi_watch_near(mst_cache *, const char *name, msi_key_ref, const mst_options *,
                    const mst_result *);
static inline void msi_watch_look(mst_cache *c, const char *name, mst_slice key, uint64_t hash,
                                  const mst_options *o, const mst_result *r)
{
    if (__builtin_expect(o->traceparent != NULL, 0)) {
        msi_watch_near(c, name, (msi_key_ref){key, hash}, o, r);
    }
}

/* spans.c */
void msi_spans_of_trail(const msi_trail_more *); /* [loop] the request's, and its steps' */
void msi_span_of_request(const mst_cache *, const msi_record *); /* [any-thread] */
/* [any-thread] An id that nobody has, n bytes. */
void msi_watch_draw(msi_watch *, uint8_t *id, size_t n);

#endif
