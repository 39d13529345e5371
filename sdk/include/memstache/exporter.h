/* exporter.h - carries metrics and traces out of the process.
 *
 *   metrics  are pulled: the exporter walks a snapshot when somebody asks for it or when its time
 *            has come, through the host's extension MST_METRICS_ID (metrics.h)
 *   traces   are pushed: the host hands over the spans of requests that have ended, some at a time,
 *            when the exporter has spans()
 *
 * [runtime] exporters names those that run: one instance of each, on the first loop.
 */
#ifndef MEMSTACHE_EXPORTER_H
#define MEMSTACHE_EXPORTER_H

#include "metrics.h"
#include "plugin.h"

enum { MST_ATTRIBUTE_TEXT = 1, MST_ATTRIBUTE_INTEGER = 2, MST_ATTRIBUTE_BOOL = 3 };

typedef struct mst_attribute {
    const char *name; /* "cache.name", "db.operation.name" */
    uint32_t type;    /* MST_ATTRIBUTE_* */
    int64_t integer;  /* of an integer; of a bool: 0 or 1 */
    mst_slice text;   /* UTF-8 */
} mst_attribute;

enum { MST_SPAN_INTERNAL = 1, MST_SPAN_CLIENT = 2 };
enum { MST_SPAN_UNSET = 0, MST_SPAN_OK = 1, MST_SPAN_ERROR = 2 };

/* One timed step of a request, or the request itself. */
typedef struct mst_span {
    uint32_t struct_size;
    uint16_t kind;   /* MST_SPAN_INTERNAL, _CLIENT (another server answered it) */
    uint16_t status; /* MST_SPAN_UNSET, _OK, _ERROR */
    uint8_t trace_id[16];
    uint8_t span_id[8];
    uint8_t parent_id[8];      /* all 0: none */
    uint64_t start_ns, end_ns; /* since 1970 */
    const char *name;          /* "get", "redis get" */
    const char *status_text;   /* why it failed; NULL */
    const char *trace_state;   /* as it came in with the trace; NULL */
    const mst_attribute *attributes;
    size_t attribute_count;
} mst_span;

typedef struct mst_exporter_ops {
    uint32_t struct_size, reserved;
    /* [loop] Bind, connect, set timers. Every tier runs, and requests may come. May fail with
     * set_error(): the runtime is not opened then. Must not wait for a server. */
    mst_status (*start)(void *self);
    /* [loop] All requests have been answered. Send what there is left to send, close all handles,
     * end all threads, then call host->stopped(), now or later, but in bounded time: the runtime
     * waits for it. Metrics may be walked until then. Optional: without it the exporter stops at
     * once. Not called when start() has failed; fini() is. */
    void (*stop)(void *self);
    /* [any-thread], also several at once, and until fini(). Copies what it wants of n spans, in
     * bounded memory; drops the rest, and counts that. Must not wait. Optional. */
    void (*spans)(void *self, const mst_span *const *spans, size_t n);
} mst_exporter_ops;

#endif
