/* probe.h - is there a server? Asked once, at the start, when the configuration wants to know. */
#ifndef REDIS_PROBE_H
#define REDIS_PROBE_H

#include "redis.h"

/* Connects to the places of the url in turn, greets, and closes. Blocks for connect_timeout per
 * place at most (and for the resolver). Not MST_OK: the error is set. */
mst_status red_probe(redis *);

#endif
