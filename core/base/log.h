/* log.h - the host program's log callback, with a limit per kind of message. [any-thread] */
#ifndef MSI_LOG_H
#define MSI_LOG_H

#include <stdatomic.h>
#include <stdint.h>

#include <memstache/plugin.h>

#include "base/text.h"

typedef struct msi_log {
    void (*write)(void *arg, int level, const char *text); /* NULL: silent */
    void *arg;
} msi_log;

void msi_log_write(const msi_log *, int level, const char *format, ...) MSI_PRINTF(3, 4);

/* For what may happen a million times a second: at most one line a second per limit, which says how
 * many were left out. Zeroed to start with. */
typedef struct msi_log_limit {
    _Atomic uint64_t next_ms, skipped;
} msi_log_limit;
void msi_log_limited(const msi_log *, msi_log_limit *, int level, const char *format, ...)
    MSI_PRINTF(4, 5);

#endif
