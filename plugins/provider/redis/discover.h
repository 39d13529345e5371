/* discover.h - where the data is, when others know: the nodes of a cluster, or the sentinels. One
 * question at a time, to whoever is ready; asked again after a while, at once when what is known is
 * doubted. */
#ifndef REDIS_DISCOVER_H
#define REDIS_DISCOVER_H

#include "route.h"

mst_status red_discover_init(redis *);
void red_discover_fini(redis *);
void red_discover_stop(redis *);
/* What is known is doubted: ask soon. No effect on a single server. */
void red_discover(redis *);
/* May the answer still come soon? Then operations wait for it. */
bool red_discover_has_hope(const redis *);
/* A connection has become ready, or is over. */
void red_discover_ready(red_conn *);
void red_discover_lost(red_conn *);

/* cluster.c */
bool red_cluster_ask(red_conn *);
/* True when the reply was a map. */
bool red_cluster_told(redis *, red_node *from, const red_reply *);
/* The reply to a command was MOVED or ASK: who serves the slot; NULL when it says nothing of use.
 */
red_node *red_cluster_moved(redis *, red_node *from, const red_reply *, bool ask);
void red_cluster_fini(redis *);

/* sentinel.c */
bool red_sentinel_ask(red_conn *);
bool red_sentinel_told(redis *, const red_reply *);

#endif
