/* counting.h - an allocator that counts, and fails where it is told. */
#ifndef COUNTING_H
#define COUNTING_H

#include <memstache/config.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef struct t_counting {
    mst_allocator allocator;
    _Atomic long calls;      /* alloc() and realloc() that take memory */
    _Atomic long balance;    /* blocks that were not given back */
    _Atomic long fail_at;    /* the number of the call that fails; 0: none */
    _Atomic bool fail_after; /* and all that follow it */
    _Atomic long failed;
} t_counting;

void t_counting_init(t_counting *);

#endif
