/* reply.h - replies of the server as hiredis's reader builds them, with our own objects. */
#ifndef REDIS_REPLY_H
#define REDIS_REPLY_H

#include <memstache/plugin.h>

#include <hiredis/hiredis.h>

enum {
    RED_STRING = 1,
    RED_ARRAY,
    RED_INTEGER,
    RED_NIL,
    RED_STATUS,
    RED_ERROR,
    RED_STRANGE /* of a later protocol, which was never asked for */
};

typedef struct red_reply red_reply;
struct red_reply {
    const mst_host *host;
    int type;
    long long integer;
    size_t len; /* bytes, or elements */
    union {
        red_reply **element;
        char *bytes;
    };
};

/* What bounds one reply, and why the last one was refused; the reader's privdata. */
typedef struct red_limits {
    const mst_host *host;
    uint64_t max_bytes; /* of one string */
    size_t elements;    /* seen so far in this reply */
    const char *refusal;
} red_limits;

/* The table that the reader works with, to be kept as long as the reader. */
void red_reply_functions(redisReplyObjectFunctions *);
void red_reply_free(red_reply *); /* NULL is fine */

/* Lend a string: the reply belongs to *out from now on, and keeps the instance until released. */
void red_reply_lend(red_reply *, mst_value *out);

#endif
