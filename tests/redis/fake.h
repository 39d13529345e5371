/* fake.h - a scripted server: a small Redis in a thread of the test, on loopback, that misbehaves
 * where a rule says so.
 *
 * It executes commands in order, and knows GET MGET SET GETEX DEL UNLINK EXISTS PTTL PEXPIRE
 * PERSIST SCAN PING AUTH SELECT CLIENT READONLY ASKING; what else it answers is a matter of rules.
 * All calls are for any thread. */
#ifndef REDIS_FAKE_H
#define REDIS_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum fake_action {
    FAKE_DELAY,   /* the reply, and all behind it on this connection, come `ms` later */
    FAKE_STALL,   /* nobody gets anything for `ms` */
    FAKE_MUTE,    /* reads on, and never says anything on this connection again */
    FAKE_DEAF,    /* reads nothing more, so the buffers fill up; says `data` after `ms`, no more */
    FAKE_CLOSE,   /* closes after the first `bytes` of the reply */
    FAKE_RESET,   /* the same with an RST */
    FAKE_SAY,     /* `data` instead of the reply */
    FAKE_ADD,     /* `data` behind the reply */
    FAKE_TRICKLE, /* the reply `bytes` at a time, every `ms` */
    FAKE_MUTATE   /* the reply with something changed, dropped or added, by `seed` */
} fake_action;

typedef struct fake_rule {
    /* The command it is for. NULL: any that has a key. "ACCEPT": a new connection, whose reply is
     * empty: so FAKE_SAY speaks unasked, and FAKE_MUTE is a black hole from the start. */
    const char *command;
    const char *key; /* only when an argument is exactly this; NULL: any */
    uint32_t skip;   /* not the first so many that match */
    uint32_t every;  /* then each n-th; 0 is 1 */
    uint32_t times;  /* and so often at most; 0: no limit */
    fake_action action;
    uint32_t ms;
    size_t bytes;
    const char *data; /* copied */
    size_t len;       /* 0: strlen(data) */
    uint64_t seed;
} fake_rule;
enum { FAKE_RULES_MAX = 8 };

typedef struct fake fake;

/* Listens on a port of the kernel's choice. Ends the program when that fails. */
fake *fake_start(void);
void fake_end(fake *);
int fake_port(const fake *);
/* "redis://127.0.0.1:PORT", as long as the server. */
const char *fake_url(const fake *);
/* Not listening, it refuses connections; those that are open stay. The port remains its own. */
void fake_listen(fake *, bool on);
/* Reset all connections that are open. */
void fake_drop(fake *);

/* Replaces all rules; they count from here. The first that acts on a command is the one. */
void fake_rules(fake *, const fake_rule *, size_t n);
/* Keeps its rules off; what they have done to connections (FAKE_MUTE) stays. */
void fake_behave(fake *);

/* How often a command came; "ACCEPT": connections; NULL: all commands. */
uint64_t fake_count(fake *, const char *command);
uint64_t fake_acted(fake *);  /* rules, since they were set */
uint64_t fake_keys(fake *);   /* keys that GET and MGET asked for */
uint64_t fake_widest(fake *); /* the most in one MGET */
uint64_t fake_bytes(fake *);  /* received */
unsigned fake_connected(fake *);

void fake_put(fake *, const char *key, const void *data, size_t len);
/* The length of a value, of which at most `cap` bytes are copied; -1: it is not there. */
long fake_peek(fake *, const char *key, void *data, size_t cap);
void fake_forget(fake *); /* all keys */

#endif
