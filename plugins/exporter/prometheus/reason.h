/* reason.h - what an errno means, as text. [any-thread] */
#ifndef PROMETHEUS_REASON_H
#define PROMETHEUS_REASON_H

#include <stdio.h>
#include <string.h>

enum { REASON_SIZE = 64 };

/* Returns `text`, which has REASON_SIZE places. */
static inline const char *reason_of(int error, char *text)
{
    if (strerror_r(error, text, REASON_SIZE)) {
        snprintf(text, REASON_SIZE, "error %d", error);
    }
    return text;
}

#endif
