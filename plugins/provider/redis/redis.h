/* redis.h - one instance: a connection to one server, and what is asked over it.
 *
 *   redis.c     options, start and stop, figures
 *   link.c      the connection: resolve, connect, read and write, back-off, stall
 *   session.c   what is said first on a connection, and which reply belongs to whom
 *   commands.c  operations as commands
 *   answers.c   replies as answers
 *   clear.c     the one operation that takes many commands
 */
#ifndef REDIS_REDIS_H
#define REDIS_REDIS_H

#include <memstache/provider.h>

#include <stdatomic.h>
#include <sys/socket.h>

#include "out.h"
#include "reply.h"
#include "url.h"

enum { RED_ADDRESSES_MAX = 8, RED_MGET_MAX = 64 };

typedef enum red_state {
    RED_DOWN,      /* waits for the back-off to end; operations fail at once */
    RED_RESOLVING, /* in these three operations wait */
    RED_CONNECTING,
    RED_GREETING,
    RED_READY,
    RED_STOPPED
} red_state;

/* Private bytes of an op. */
typedef struct red_item {
    mst_op *next;
    uint64_t bytes; /* charged against max_inflight_bytes */
    bool cancelled;
} red_item;

typedef struct red_queue {
    mst_op *first, *last;
} red_queue;

/* What the next reply answers. */
typedef enum red_kind {
    RED_GREET_AUTH,
    RED_GREET_SELECT,
    RED_GREET_NAME,
    RED_GREET_PING,
    RED_SKIP, /* a command whose reply tells nothing */
    RED_GET,
    RED_MGET,
    RED_SET,
    RED_COUNT, /* DEL, EXISTS and PEXPIRE: an integer, 0 is a miss */
    RED_PTTL,
    RED_SCAN,
    RED_UNLINK
} red_kind;

typedef struct red_slot {
    uint64_t since_ms;
    mst_op *first; /* `ops` of them, linked */
    uint32_t ops;
    red_kind kind;
} red_slot;

typedef struct red_counters {
    atomic_uint_fast64_t connections, reconnects, commands, inflight, errors;
} red_counters;

typedef struct redis {
    /* options */
    const char *url_text, *username, *password, *client_name;
    int64_t database;
    int64_t connect_timeout_ms, stall_timeout_ms, backoff_max_ms, max_inflight;
    uint64_t max_inflight_bytes, max_reply_bytes;

    const mst_host *host;
    red_url url;

    /* link.c */
    red_state state;
    bool closing, resolving, stopping;
    int fd;
    mst_poll *poll;
    int watched;
    mst_timer *connect_timer; /* ends an attempt, or the back-off */
    mst_timer *stall_timer;
    uint64_t ready_ms, heard_ms; /* when a byte came last */
    uint32_t failures;           /* in a row */
    uint64_t random;
    struct sockaddr_storage address[RED_ADDRESSES_MAX];
    socklen_t address_len[RED_ADDRESSES_MAX];
    size_t addresses, next_address;
    const char *complaint; /* the last one that was logged, so that it is not repeated */
    char *in;              /* where bytes arrive */

    /* session.c */
    redisReader *reader;
    redisReplyObjectFunctions functions;
    red_limits limits;
    red_out out;
    red_slot *slots; /* a ring of slot_cap, a power of two */
    size_t slot_cap, slot_head, slot_count;

    /* commands.c */
    red_queue waiting;
    uint64_t held, held_bytes; /* operations with us, and their bytes */
    uint64_t refused_log_ms;
    size_t waiting_clears;

    /* clear.c */
    mst_op *clearing; /* at most one at a time */
    mst_status clear_status;
    bool clear_scanned; /* the last SCAN has been answered */
    size_t clear_unlinks;

    red_counters counters;
} redis;

static inline red_item *red_item_of(mst_op *op)
{
    return mst_op_priv(op);
}

/* link.c */
mst_status red_link_open(redis *);
void red_link_stop(redis *);
void red_link_connect(redis *);
/* The connection is over, or was never made: everything pending fails, and the next attempt is
 * prepared. `why` is a constant and is logged. */
void red_link_fail(redis *, const char *why, const char *detail);
void red_link_flush(redis *);
/* The greeting was answered. */
void red_link_ready(redis *);
/* Something is pending now that was not. */
void red_link_expect(redis *);

/* session.c */
mst_status red_session_open(redis *);
void red_session_close(redis *);
bool red_session_greet(redis *);
void red_session_received(redis *, const char *bytes, size_t len);
bool red_slot_push(redis *, red_kind, mst_op *first, uint32_t ops);
red_slot *red_slot_oldest(redis *);
/* The code of an error reply, letters only, into `code`. */
enum { RED_CODE_MAX = 24 };
void red_error_code(const red_reply *, char code[RED_CODE_MAX]);

/* commands.c */
void red_submit(redis *, mst_op *const *ops, size_t n);
void red_send_waiting(redis *);
/* answers.c */
void red_answer(redis *, const red_slot *, red_reply *); /* takes the reply */
void red_done(redis *, mst_op *, mst_status);
void red_fail_slot(redis *, const red_slot *, mst_status);
void red_fail_waiting(redis *, mst_status);
void red_cancel(redis *, mst_op *);
void red_refused(redis *, const red_reply *); /* an error reply to a command */

/* clear.c */
void red_clear_begin(redis *, mst_op *);
void red_clear_scanned(redis *, const red_reply *);
void red_clear_unlinked(redis *, const red_reply *);

#endif
