/* sample.h - objects that a serializer can be given. A serializer does not say what it takes, so
 * each kind of object is tried on it, in a process that may crash. */
#ifndef MEMSTACHE_CHECK_SAMPLE_H
#define MEMSTACHE_CHECK_SAMPLE_H

#include "check.h"

typedef struct check_sample {
    const char *what;
    const void *type;
    /* Large ones now and then; to be given to drop(). */
    void *(*make)(kit *, check_random *);
    void (*drop)(void *object);
    bool (*same)(const void *a, const void *b);
    /* Could this be what decode() made of `original`? Reads as little as it can. */
    bool (*plausible)(const void *made, const void *original);
} check_sample;

extern const check_sample *const check_samples[]; /* NULL-terminated */

#endif
