/* fake_net.h - the inside of the scripted server: what its thread and the test share. */
#ifndef REDIS_FAKE_NET_H
#define REDIS_FAKE_NET_H

#include <pthread.h>
#include <stdatomic.h>

#include "fake.h"
#include "fake_store.h"

enum { FAKE_PEERS_MAX = 128, FAKE_COMMANDS_MAX = 32 };

/* Bytes to be sent, not before `due_ms`; then perhaps the end. */
typedef struct fake_chunk {
    struct fake_chunk *next;
    uint64_t due_ms;
    size_t len, sent;
    bool close, reset;
    char data[];
} fake_chunk;

typedef struct fake_peer {
    int fd;
    fake_text in;
    fake_chunk *first, *last;
    bool mute, deaf;
} fake_peer;

typedef struct fake_script {
    fake_rule rule;
    fake_text data;
    uint64_t seen, acted;
} fake_script;

struct fake {
    pthread_t thread;
    pthread_mutex_t mutex; /* of all below, but in the thread's system calls */
    int listener, reserve; /* the second keeps the port while the first is closed */
    int wake[2];
    int port;
    char url[48];
    bool ending, drop;
    uint64_t stalled_until_ms;
    fake_peer peer[FAKE_PEERS_MAX];
    size_t peers;
    fake_script script[FAKE_RULES_MAX];
    size_t scripts;
    fake_store store;
    fake_request request;
    struct {
        char name[24];
        uint64_t n;
    } command[FAKE_COMMANDS_MAX];
    uint64_t commands, connections, keys, widest, bytes;
};

int fake_open_listener(int port, bool listening, int *found);
void *fake_thread(void *);
void fake_wake(fake *);
/* What the rules make of a reply: puts it into the queue of the peer. `name` is that of the rule's
 * command; `request` NULL for ACCEPT. */
void fake_reply(fake *, fake_peer *, const fake_request *request, const fake_text *reply,
                uint64_t now_ms);

#endif
