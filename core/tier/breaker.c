/* breaker.c - see breaker.h.
 *
 * One per port, not one per tier. What fails is what a loop has: each instance of an asynchronous
 * provider has its own connection, and one that is stuck must not take the others out of service.
 * So there is nothing to share, the path of an operation has no atomics, and the probe of a loop is
 * decided in the order in which that loop sees the answers. The price is that each loop finds out
 * for itself: a tier that is down fails `breaker_failures` operations per loop, and is probed once
 * per loop and pause. */
#include "tier/breaker.h"

#include "base/clock.h"
#include "base/hash.h"
#include "config/units.h"
#include "tier/port.h"

/* ---- the state machine */

void msi_breaker_init(msi_breaker *b, uint64_t threshold, uint64_t pause_ms, uint64_t seed)
{
    *b = (msi_breaker){.threshold = threshold, .pause_ms = pause_ms, .lot = seed, .generation = 1};
}

static void change(msi_breaker *b, msi_breaker_state state)
{
    b->state = state;
    b->failures = 0;
    b->generation += b->generation == UINT32_MAX ? 2 : 1; /* never 0 */
}

/* Up to a quarter longer at random, so that the loops of many programs do not probe a server in the
 * same moment. */
static void open_for_a_pause(msi_breaker *b, uint64_t now)
{
    b->lot = msi_mix(b->lot + 1);
    change(b, MSI_OPEN);
    b->until_ms = now + b->pause_ms + b->lot % (b->pause_ms / 4 + 1);
}

uint32_t msi_breaker_admit(msi_breaker *b, uint64_t now)
{
    if (b->state == MSI_CLOSED) {
        return b->generation;
    }
    if (b->state == MSI_PROBING || now < b->until_ms) {
        return 0;
    }
    change(b, MSI_PROBING);
    return b->generation;
}

/* What says that the tier is not there. A tier that is full, refuses, or was told to stop is. */
static bool is_failure(mst_status status)
{
    return status == MST_EIO || status == MST_ETIMEDOUT;
}

static msi_breaker_state note_closed(msi_breaker *b, mst_status status, uint64_t now)
{
    if (status >= 0) {
        b->failures = 0;
    } else if (is_failure(status) && b->threshold > 0 && ++b->failures >= b->threshold) {
        open_for_a_pause(b, now);
        return MSI_OPEN;
    }
    return MSI_PROBING;
}

msi_breaker_state msi_breaker_note(msi_breaker *b, uint32_t generation, mst_status status,
                                   uint64_t now)
{
    if (generation != b->generation || b->state == MSI_OPEN) {
        return MSI_PROBING;
    }
    if (b->state == MSI_CLOSED) {
        return note_closed(b, status, now);
    }
    if (status >= 0) {
        change(b, MSI_CLOSED);
        return MSI_CLOSED;
    }
    if (is_failure(status)) {
        open_for_a_pause(b, now);
    } else { /* the probe says nothing: the next operation is one */
        change(b, MSI_OPEN);
        b->until_ms = now;
    }
    return MSI_PROBING;
}

/* ---- of a port */

static void count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void refuse(msi_op *op)
{
    op->refused = true;
    op->op.status = MST_EIO;
    count(&op->port->tier->skipped);
}

bool msi_breaker_admits_op(msi_op *op)
{
    msi_breaker *b = &op->port->breaker;
    op->admitted = msi_breaker_admit(b, b->state == MSI_CLOSED ? 0 : msi_now_ms());
    if (op->admitted == 0) {
        refuse(op);
        return false;
    }
    return true;
}

/* What waits for a turn, or for the worker of a blocking provider, would only wait for nothing. */
static void refuse_queued(msi_port *p)
{
    msi_list waiting;
    msi_list_init(&waiting);
    msi_list_splice(&waiting, &p->queued);
    for (msi_list *at; (at = msi_list_take(&waiting));) {
        msi_op *op = MSI_CONTAINER(at, msi_op, link);
        msi_loop_disarm(p->loop, &op->deadline);
        refuse(op);
        msi_op_answered(op);
    }
}

static void opened(msi_port *p)
{
    msi_tier *t = p->tier;
    char text[32];
    msi_text pause;
    msi_text_init(&pause, text, sizeof text);
    msi_show_ms(t->settings.breaker_pause_ms, &pause);
    count(&t->opened);
    atomic_fetch_add_explicit(&t->open, 1, memory_order_relaxed);
    msi_log_limited(&t->log, &t->opened_limit, MST_LOG_WARN,
                    "tier \"%s\": %llu operations in a row failed; it is not asked until one of "
                    "them succeeds, tried every %s",
                    t->name, (unsigned long long) p->breaker.threshold, pause.data);
    refuse_queued(p);
}

static void closed(msi_port *p)
{
    msi_tier *t = p->tier;
    atomic_fetch_sub_explicit(&t->open, 1, memory_order_relaxed);
    msi_log_limited(&t->log, &t->closed_limit, MST_LOG_INFO, "tier \"%s\": is asked again",
                    t->name);
}

void msi_breaker_note_op(msi_op *op, mst_status status)
{
    msi_port *p = op->port;
    if (op->refused || op->admitted == 0) {
        return;
    }
    msi_breaker_state news =
        msi_breaker_note(&p->breaker, op->admitted, status, status < 0 ? msi_now_ms() : 0);
    if (news == MSI_OPEN) {
        opened(p);
    } else if (news == MSI_CLOSED) {
        closed(p);
    }
}
