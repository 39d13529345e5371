/* use.h - a cache over the provider "redis", for tests: opened by an address, asked in one line. */
#ifndef REDIS_USE_H
#define REDIS_USE_H

#include "pipeline/env.h"
#include "server.h"

/* Opens env with tiers = redis, namespace = t, envelope = none and short pauses between attempts to
 * connect. `more` are further settings as in t_open(), and win; NULL: none. */
void use_open(t_env *, const char *url, const char *more);
void use_open_server(t_env *, const server *, const char *more);
/* Loops: several of them, T_THREE. */
void use_open_mode(t_env *, t_mode, const char *url, const char *more);
/* The address of a server over TCP; lives until the next call on this thread but three. */
const char *use_url(const server *);

/* Blocking, for conditions: the replies are given back. */
mst_status use_set(t_env *, const char *key, const char *value);
mst_status use_set_bytes(t_env *, mst_slice key, mst_slice value, const mst_options *);
mst_status use_get(t_env *, const char *key);
bool use_get_is(t_env *, const char *key, const char *value);
bool use_bytes_are(t_env *, mst_slice key, mst_slice value);
/* Waits until requests are answered again. */
void use_until_it_works(t_env *);

/* One of the figures of the tier, mst_cache_tier_stats(); -1: there is none of that name. */
int64_t use_figure(t_env *, const char *name);
/* The resident memory of this process, in bytes. */
uint64_t use_memory(void);
/* Nanoseconds of the monotonic clock. */
uint64_t use_ns(void);
/* A number below `n`, of a generator that the caller seeds. */
uint64_t use_draw(uint64_t *state, uint64_t n);

#endif
