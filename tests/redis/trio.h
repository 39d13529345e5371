/* trio.h - a master with two replicas, and three sentinels who watch them and replace the master
 * after a second without an answer. */
#ifndef REDIS_TRIO_H
#define REDIS_TRIO_H

#include "server.h"

enum { TRIO_SERVERS = 3, TRIO_SENTINELS = 3, TRIO_DOWN_AFTER_MS = 1000 };
#define TRIO_NAME "themaster"

typedef struct trio {
    server server[TRIO_SERVERS]; /* at first server[0] is the master */
    server sentinel[TRIO_SENTINELS];
} trio;

/* `sentinel_password` is the one clients of the sentinels need; NULL: none. */
void trio_start(trio *, const char *sentinel_password);
void trio_end(trio *);
/* The index of the master as all running sentinels name it; -1 while they do not agree. */
int trio_master(trio *);
/* Waits until another server than `old` is master, and all sentinels say so. Returns it. */
int trio_wait_failover(trio *, int old);
/* Starts a killed server again, as a replica of whoever is master. Waits until it is in step, and
 * all sentinels are ready for the next time. */
void trio_rejoin(trio *, int index);

#endif
