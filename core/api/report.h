/* report.h - what is told of a running runtime to those who ask from outside, as JSON. [any-thread]
 * while the runtime lives. */
#ifndef MSI_REPORT_H
#define MSI_REPORT_H

#include "api/runtime.h"
#include "base/json.h"

/* The answer to one line ("stat", "stat CACHE", "health"), which ends in a line end itself: an
 * object, in any case; one with "error" for what it does not know. */
void msi_report(mst_runtime *, const char *line, uint64_t uptime_ms, msi_json *answer);

#endif
