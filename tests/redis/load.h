/* load.h - some threads that set and get keys over and over, and judge every answer: values carry
 * their key, so a wrong one is seen. Failures are counted by the class of the key. */
#ifndef REDIS_LOAD_H
#define REDIS_LOAD_H

#include "use.h"

enum { LOAD_KEYS = 300, LOAD_THREADS = 4, LOAD_CLASSES = 4 };

typedef struct load {
    t_env *env;
    int (*class_of)(const char *key); /* 0 to LOAD_CLASSES - 1; NULL: all are of class 0 */
    int class[LOAD_KEYS];
    pthread_t thread[LOAD_THREADS];
    atomic_bool stop;
    _Atomic uint64_t done[LOAD_CLASSES], failed[LOAD_CLASSES], wrong;
    _Atomic int first_failure; /* a status */
} load;

/* Sets every key once, which must succeed, and starts the threads. */
void load_start(load *, t_env *, int (*class_of)(const char *key));
void load_stop(load *);
/* Waits until `n` more requests of a class have been answered well. */
void load_until(load *, int class, uint64_t n);
uint64_t load_failed(load *);
/* The name of key i; lives until the next call on this thread. */
const char *load_key(int i);

#endif
