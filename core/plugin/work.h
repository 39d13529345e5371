/* work.h - what a codec plugin does, counted: its two operations, there and back. [any-thread] */
#ifndef MSI_WORK_H
#define MSI_WORK_H

#include "base/histogram.h"

enum {
    MSI_WORK_PACK = 0,
    MSI_WORK_UNPACK = 1,
    MSI_WORKS
}; /* encode, compress; and their reverse */

typedef struct msi_work {
    msi_histogram took; /* nanoseconds of each call, failed ones among them */
    _Atomic uint64_t failures, bytes_in, bytes_out;
} msi_work;

#endif
