/* sink.h - where encode() writes. */
#ifndef MEMSTACHE_CHECK_SINK_H
#define MEMSTACHE_CHECK_SINK_H

#include "check.h"

enum { CHECK_PAYLOAD_MAX = 4 << 20 };

/* Each reserve() ends where touching ends. */
typedef struct check_sink {
    mst_sink sink;
    kit *k;
    uint8_t *data;
    size_t len, cap, reserved;
    mst_status refusal; /* what it says when it is full */
    bool refused;
    bool plain; /* reserve() gives what lies behind in `data`, without a guard */
    check_guard room;
} check_sink;

void check_sink_open(kit *, check_sink *);
/* Ready for one encode() of at most `cap` bytes; what it says when there are more. */
void check_sink_empty(check_sink *, size_t cap, mst_status refusal);
/* What was reserved last has been filled. */
void check_sink_settle(check_sink *);

#endif
