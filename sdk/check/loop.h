/* loop.h - what the two halves of the host's loop share: loop.c turns it, calls.c makes calls on
 * other threads and brings them back. */
#ifndef MEMSTACHE_CHECK_LOOP_H
#define MEMSTACHE_CHECK_LOOP_H

#include <netdb.h>
#include <pthread.h>

#include "check.h"

/* A call that is made on another thread, or that comes from one. */
typedef struct check_call {
    struct check_call *next;
    check_loop *loop;
    void (*fn)(void *arg);
    void (*done)(void *arg, mst_status);
    void (*found)(void *arg, mst_status, const mst_address *, size_t);
    void *arg;
    char *name, *port;
    struct addrinfo *addresses;
    int error;
} check_call;

struct check_loop {
    kit *k;
    pthread_t thread;
    struct mst_poll *polls;
    struct mst_timer *timers;
    int wake[2];
    pthread_mutex_t mutex;
    check_call *first, **last; /* what has arrived; under the mutex */
    _Atomic int waiting;       /* calls that were not told yet */
};

/* calls.c: post(), work(), resolve(); and what happens when one of them has arrived. */
void check_calls_services(mst_host *);
void check_call_tell(check_call *);

#endif
