/* node.h - a server: where it is, its connections, and whether it answers. */
#ifndef REDIS_NODE_H
#define REDIS_NODE_H

#include "conn.h"

struct red_node {
    red_node *next;
    redis *r;
    char *host, *port; /* port NULL: host is the path of a unix socket */
    bool sentinel;     /* is asked for the master, holds no data */
    bool seed;         /* named in the configuration: stays */
    bool replica;      /* reads from it need READONLY */
    bool known;        /* named by the last answer of the cluster */
    uint32_t asked;    /* operations that a cluster sent here, not there yet */
    red_conn **conn; /* o.connections of them, then the bulk and the spare one; made when needed */
    size_t conns;
    /* The breaker: operations that were given up in a row, with nothing heard in between. */
    uint32_t losses;
    uint64_t pause_ms, closed_until_ms;
};

/* The node at a place, found or made; NULL: out of memory, or there are too many. */
red_node *red_node_at(redis *, const char *host, const char *port, bool sentinel);
void red_nodes_fini(redis *);
/* Closes and forgets what the cluster no longer names, as soon as nothing is left there. */
void red_nodes_reap(redis *);

enum { RED_MAIN = 0, RED_BULK = -1, RED_SPARE = -2 };
/* The connection by its number or one of the above, made when it is not there; NULL: out of
 * memory. */
red_conn *red_node_conn(red_node *, int which);

/* Its connections ask for READONLY, also those that were greeted without it. */
void red_node_is_replica(red_node *);

/* An operation was given up; the server was heard of. */
void red_node_lost(red_node *);
static inline void red_node_heard(red_node *n)
{
    n->losses = 0;
    n->pause_ms = 0;
    n->closed_until_ms = 0;
}
/* Does the breaker let an operation through? When it has waited long enough it lets one, the probe.
 */
bool red_node_admits(red_node *);

#endif
