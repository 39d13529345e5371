/* conn.h - a connection to a node: a state machine on the services of the host, and the
 * conversation over it. Functions that may end the connection only mark it: its owner finds out by
 * its state. What is written leaves, and what waits is looked at again, when the entry point ends,
 * in red_settle(). */
#ifndef REDIS_CONN_H
#define REDIS_CONN_H

#include <sys/socket.h>

#include "out.h"
#include "redis.h"

enum { RED_ADDRESSES_MAX = 8 };

typedef enum red_state {
    RED_IDLE, /* nobody has asked for it yet, or for a long time */
    RED_RESOLVING,
    RED_CONNECTING,
    RED_SECURING,
    RED_GREETING,
    RED_READY,
    RED_DOWN, /* waits for the back-off to end */
    RED_STOPPED
} red_state;

/* What the next reply answers. */
typedef enum red_kind {
    RED_TOLD, /* not an operation: told(conn, reply) */
    RED_SKIP, /* a command whose reply tells nothing */
    RED_GET,
    RED_MGET,
    RED_GETEX,
    RED_SET,
    RED_NUMBER, /* DEL, EXISTS and PEXPIRE: an integer, 0 is a miss */
    RED_PTTL
} red_kind;

typedef void red_told(red_conn *, const red_reply *); /* reply NULL: the connection is over */

typedef struct red_slot {
    uint64_t since_ms;
    uint64_t out_end; /* the command is sent when so many bytes have left */
    union {
        mst_op *first; /* `ops` of them, linked */
        red_told *told;
    };
    uint32_t ops;
    red_kind kind;
} red_slot;

struct red_conn {
    redis *r;
    red_node *node;
    int which;
    red_account account;

    /* conn.c */
    red_state state;
    bool closing, resolving;
    int fd;
    mst_poll *poll;
    int watched;
    mst_timer *timer; /* ends an attempt or the back-off; when ready, looks at silence */
    red_tls *tls;
    uint64_t ready_ms, heard_ms, used_ms;
    bool ticking;      /* the timer looks at silence, every few milliseconds */
    int connect_error; /* why the last address did not answer */
    uint32_t failures; /* in a row */
    struct sockaddr_storage address[RED_ADDRESSES_MAX];
    socklen_t address_len[RED_ADDRESSES_MAX];
    size_t addresses, next_address;
    const char *complaint; /* the last one that was logged, so that it is not repeated */
    bool slow;             /* owes an answer for longer than usual */
    bool was_ready;
    uint64_t usual_ms16; /* how long an answer takes, in sixteenths of a millisecond */

    /* exchange.c */
    redisReader *reader;
    red_limits limits;
    red_out out;
    red_slot *slots; /* a ring of slot_cap, a power of two */
    size_t slot_cap, slot_head, slot_count;

    /* commands.c */
    red_queue gets; /* gathered, not yet a command */
    uint32_t get_count;
    bool dirty; /* in r->dirty: has something to send */
    red_conn *next_dirty;
};

red_conn *red_conn_new(red_node *, int which); /* its number, or RED_BULK, RED_SPARE */
void red_conn_free(red_conn *);
/* Begin to connect, if it is idle. */
void red_conn_open(red_conn *);
/* The connection is over, or was never made. What is pending is tried again or fails, and the next
 * attempt is prepared. `why` is a constant; both are logged. */
void red_conn_fail(red_conn *, const char *why, const char *detail);
/* Nobody needs it: closed without a word, opened again when somebody does. */
void red_conn_rest(red_conn *);
void red_conn_stop(red_conn *);
/* One of r->opening is over; after the last one a provider that stops has stopped. */
void red_conn_let_go_done(redis *);
void red_conn_flush(red_conn *);
/* The greeting was answered. */
void red_conn_ready(red_conn *);
/* Something is pending now that was not. */
void red_conn_expect(red_conn *);
/* Is it being made, with hope? Then operations may wait for it. */
bool red_conn_is_coming(const red_conn *);
/* Notes whether it owes an answer for too long, and takes the reads out of it then. */
bool red_conn_is_slow(red_conn *);
/* It has something to send when the entry point ends. */
void red_conn_touch(red_conn *);

/* exchange.c */
mst_status red_exchange_open(red_conn *);
void red_exchange_close(red_conn *);
void red_exchange_received(red_conn *, const char *bytes, size_t len);
/* False: out of memory; nothing of the connection can be trusted then. */
bool red_exchange_expect(red_conn *, red_kind, mst_op *first, uint32_t ops);
bool red_exchange_ask(red_conn *, red_told *);
const red_slot *red_exchange_oldest(const red_conn *);
/* Take the reads out of what is pending, for another connection: their replies are swallowed. */
void red_exchange_rescue(red_conn *);

/* greet.c */
enum { RED_GREET_MAX = 6 };
/* Write the greeting; told[i] takes the reply to its command i. Returns how many there are. */
size_t red_greet_write(redis *, const red_node *, red_out *, red_told *told[RED_GREET_MAX]);
bool red_greet(red_conn *);

/* Why the operating system refused: the meaning of an errno; a constant. */
const char *red_reason(int error);

/* The code of an error reply, letters only, into `code`. */
enum { RED_CODE_MAX = 24 };
void red_error_code(const red_reply *, char code[RED_CODE_MAX]);

#endif
