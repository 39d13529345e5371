/* log.h - the host program's log callback: a level, a category, and limits. [any-thread]
 *
 * Each part that speaks has a log of its own, with its section as category: a line is
 * "[category] text". The same line comes once a second at most, and no category has more than
 * MSI_LOG_LINES_MAX lines in a second; what was left out is counted in the next line. */
#ifndef MSI_LOG_H
#define MSI_LOG_H

#include <stdatomic.h>
#include <stdint.h>

#include <memstache/plugin.h>

#include "base/text.h"

enum { MSI_LOG_RECENT = 8, MSI_LOG_LINES_MAX = 50, MSI_LOG_PERIOD_MS = 1000 };

/* For what may happen a million times a second: at most one line a second per limit, which says how
 * many were left out. Zeroed to start with. */
typedef struct msi_log_limit {
    _Atomic uint64_t next_ms, skipped;
} msi_log_limit;

typedef struct msi_log {
    void (*write)(void *arg, int level, const char *text); /* NULL: silent */
    void *arg;
    int level;            /* the least important one that is told; 0: all */
    const char *category; /* NULL: none */
    /* Lines written a moment ago, by their hash. */
    struct {
        _Atomic uint64_t hash;
        msi_log_limit limit;
    } recent[MSI_LOG_RECENT];
    _Atomic uint64_t period_end_ms; /* of the lines counted: */
    _Atomic uint32_t lines;
    _Atomic uint64_t left_out; /* because there were too many */
} msi_log;

/* The same callback and level for another part. `category` lives as long as the log. */
void msi_log_init(msi_log *, const msi_log *like, const char *category);

void msi_log_write(msi_log *, int level, const char *format, ...) MSI_PRINTF(3, 4);
void msi_log_limited(msi_log *, msi_log_limit *, int level, const char *format, ...)
    MSI_PRINTF(4, 5);

#endif
