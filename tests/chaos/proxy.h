/* proxy.h - a network that misbehaves: it passes bytes between a port of its own and a server, in a
 * thread, until told to do otherwise. All calls are for any thread. */
#ifndef CHAOS_PROXY_H
#define CHAOS_PROXY_H

#include <stdbool.h>
#include <stdint.h>

typedef struct proxy proxy;

proxy *proxy_start(int to_port); /* on loopback, both sides */
void proxy_end(proxy *);
int proxy_port(const proxy *);

/* Resets every connection that is open, in the middle of whatever it says. */
void proxy_reset(proxy *);
/* While on, nothing passes, in either direction; connections are accepted and stay open. */
void proxy_black_hole(proxy *, bool on);
/* What arrives from now on is passed on so much later, in order. 0: at once. */
void proxy_delay(proxy *, uint32_t ms);

#endif
