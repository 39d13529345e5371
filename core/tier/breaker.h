/* breaker.h - does it make sense to ask this tier now? A tier that only fails is left alone for a
 * while, so that requests get past it at once instead of waiting for its timeout each.
 *
 *   closed     everything goes through; after so many failures in a row it opens
 *   open       nothing goes through until the pause is over; then one operation does, the probe
 *   probing    the probe is under way, and decides: closed, or open for another pause
 *
 * A state machine of one port, without a clock and without locks: [loop]. The last two functions
 * are the port's use of it.
 */
#ifndef MSI_BREAKER_H
#define MSI_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include <memstache/abi.h>

typedef enum msi_breaker_state { MSI_CLOSED = 0, MSI_OPEN, MSI_PROBING } msi_breaker_state;

typedef struct msi_breaker {
    uint64_t threshold, pause_ms; /* threshold 0: never opens */
    uint64_t failures;            /* in a row */
    uint64_t until_ms;            /* open: no probe before */
    uint64_t lot;                 /* state of the jitter */
    /* Grows with each change. What was sent before a change says nothing about what came after it:
     * a thousand operations that time out late must not open what a probe has just closed. */
    uint32_t generation;
    msi_breaker_state state;
} msi_breaker;

void msi_breaker_init(msi_breaker *, uint64_t threshold, uint64_t pause_ms, uint64_t seed);
/* May an operation go out? Its generation, never 0; or 0: no. */
uint32_t msi_breaker_admit(msi_breaker *, uint64_t now_ms);
/* How it ended. MSI_OPEN when this opened a closed one, MSI_CLOSED when it closed an open one,
 * MSI_PROBING when nothing changed that anybody wants to hear of. */
msi_breaker_state msi_breaker_note(msi_breaker *, uint32_t generation, mst_status, uint64_t now_ms);

struct msi_op;
/* False: the op must not go out; its status is set. */
bool msi_breaker_admits_op(struct msi_op *);
/* The op was answered, or given up; also one that was not admitted. Opening takes along what still
 * waits in the port. */
void msi_breaker_note_op(struct msi_op *, mst_status);

#endif
