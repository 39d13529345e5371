/* load.h - threads that ask a cache without pause and check every value, and one that samples its
 * counters. */
#ifndef CHAOS_LOAD_H
#define CHAOS_LOAD_H

#include "redis/use.h"

enum { LOAD_KEYS = 500, LOAD_THREADS = 2 };

typedef struct load {
    t_env *env;
    const char *name;
    pthread_t thread[LOAD_THREADS], sampler;
    atomic_bool stop;
    _Atomic(uint32_t) version[LOAD_KEYS]; /* the last one that was given to a set */
    _Atomic(uint64_t) asked, good, missing, failed, wrong, twice;
    _Atomic(uint64_t) samples, odd_samples;
} load;

void load_start(load *, t_env *, const char *name);
/* Stops asking, waits until all is answered, and checks what must hold. */
void load_stop(load *);
void load_print(const load *);

#endif
