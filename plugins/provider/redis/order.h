/* order.h - operations between their submission and their answer: sent, or parked until they can
 * be.
 *
 * The rules:
 * - A bucket is the keys of a slot of a cluster; else of a part of the hashes. While a write of it
 * is under way, all that is under way of it is on one connection, and what needs another one is
 *   parked until that is answered. Reads may be on several. So operations on a key keep their order
 *   over redirections, lanes and new connections.
 * - An operation does not pass a parked one of its bucket.
 * - While a CLEAR waits nothing passes it; while it runs, operations of its space wait.
 */
#ifndef REDIS_ORDER_H
#define REDIS_ORDER_H

#include "conn.h"

mst_status red_order_init(redis *);
void red_order_fini(redis *);

void red_submit(redis *, mst_op *const *ops, size_t n);
void red_cancel(redis *, mst_op *);

/* The op is answered; takes it out of all accounts. */
void red_done(redis *, mst_op *, mst_status);
/* The op was sent and has come back without an answer: parked again, or failed with `status` when
 * it must not be tried again. */
void red_again(redis *, mst_op *, mst_status);
/* The next server to ask, for once; NULL: the one that the map names. */
void red_ask_there(mst_op *, red_node *);
/* Sent, not executed by that server, which said so: parked, after `delay_ms`. */
void red_elsewhere(redis *, mst_op *, uint64_t delay_ms);

/* May the read be taken back and sent again later, without passing a write? */
bool red_may_move(const redis *, mst_op *read);

/* Look at the parked ones when the entry point ends. */
static inline void red_pump(redis *r)
{
    r->pump = true;
}
/* The last step of every entry point. */
void red_settle(redis *);
/* Everything parked fails. */
void red_fail_parked(redis *, mst_status);

#endif
