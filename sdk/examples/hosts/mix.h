/* mix.h - requests of all sorts from a program that runs the loop itself: what the examples of
 * loops ask for. Every answer is compared with what was stored.
 *
 * All on the loop's thread. Half of the requests take an answer at once where there is one, the
 * other half have everything come through done(). Loads end in a later step, as those of an
 * asynchronous database client do.
 */
#ifndef MIX_H
#define MIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <memstache/memstache.h>

enum { MIX_PENDING = 256, MIX_KEYS = 20000 };

typedef struct mix mix;

typedef struct mix_slot { /* a request that waits */
    mix *mix;
    struct mix_slot *next; /* free ones */
    uint32_t key;
    int kind;
} mix_slot;

struct mix {
    mst_cache *cache;
    uint64_t requests;
    uint64_t asked, answered, at_once, hits, misses, loaded, sets, removes, wrong;
    uint32_t random;
    mix_slot slots[MIX_PENDING], *free;
    mst_load *loads[MIX_PENDING];
    size_t loading;
};

void mix_begin(mix *, mst_cache *, uint64_t requests);
/* Ends the loads that were begun since the last step, and asks until MIX_PENDING requests wait.
 * False: all that were to be asked for have been answered. */
bool mix_step(mix *);
/* A line of figures, and whether all is right. */
bool mix_report(const mix *, const char *name);

/* For main(): "--requests N" of the command line; 0: it is something else. */
uint64_t mix_requests(int argc, char **argv);
/* A cache in a few megabytes, so that there are misses all the time; on the loop. NULL with a line
 * on standard error. */
struct uv_loop_s;
mst_runtime *mix_open(struct uv_loop_s *);

#endif
