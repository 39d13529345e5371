/* context.h - the trace that a request belongs to, as it travels between programs: the header
 * `traceparent` of W3C Trace Context, version 00. */
#ifndef MSI_CONTEXT_H
#define MSI_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

enum { MSI_TRACEPARENT_SIZE = 56 }; /* with its NUL */

typedef struct msi_context {
    uint8_t trace_id[16]; /* all 0: none yet */
    uint8_t parent_id[8]; /* of the caller's span; all 0: there is none */
    uint8_t span_id[8];   /* of the request's own span; all 0: none yet */
    bool traced;          /* the caller said so */
    bool decided;         /* whether it is: */
    bool sampled;         /* recorded however it ends */
} msi_context;

/* False for what is none; *context is as it was then. */
bool msi_context_read(msi_context *, const char *traceparent);
/* The header for what `span_id` calls. */
void msi_context_write(const msi_context *, const uint8_t span_id[8],
                       char traceparent[MSI_TRACEPARENT_SIZE]);

#endif
