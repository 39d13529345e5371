/* server.h - real redis-server processes for tests: on loopback, on ports that the kernel chose, in
 * a temporary folder, and gone with the test however that ends.
 *
 * A port stays reserved for its server while that is down: the test holds a bound socket that does
 * not listen, beside which only the server can listen. So a restarted server gets its port back,
 * and tests that run at the same time cannot take it.
 *
 * A server dies with the thread that started it (that is how Linux means PR_SET_PDEATHSIG): start
 * and restart on a thread that stays. Nothing here is for two threads at once, but server_ask() on
 * different servers. What cannot be done ends the program, as REQUIRE() does. */
#ifndef REDIS_SERVER_H
#define REDIS_SERVER_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { SERVER_PATH_MAX = 160 };

typedef struct server_options {
    const char *password; /* of the user "default" */
    /* Lines of an ACL file, "user alice on >wonder ~* +@all\n". There is always a user "observer"
     * besides, who may do anything and as whom server_ask() comes. */
    const char *users;
    bool tls;                      /* a TLS port besides the plain one */
    bool asks_for_certificates;    /* clients must show one of the authority */
    const char *certificate;       /* of certificates.sh; NULL: "good" */
    const char *const *arguments;  /* more of them, as on the command line; NULL at the end */
    const char *const *file_lines; /* lines of a configuration file; NULL at the end */
    bool sentinel;                 /* a sentinel, which wants file_lines */
    bool cluster;                  /* a node of a cluster */
} server_options;

typedef struct server {
    pid_t pid; /* 0: it does not run */
    bool paused;
    int port, tls_port, bus_port; /* 0: none */
    char socket[SERVER_PATH_MAX];
    char name[32]; /* of its files in server_folder() */

    int held[6]; /* the sockets that reserve the ports */
    char arguments[2048];
    redisContext *link; /* of server_ask() */
} server;

/* Skips the test program when there is no redis-server. Call it first in main(), before there are
 * threads. */
void server_require(void);
/* The folder of this program; removed with all that is in it when the program has ended. */
const char *server_folder(void);
/* A file of certificates.sh, "good.crt" say; made by the first call. Skips the program when there
 * is no openssl. Lives until the next call but seven. */
const char *server_certificate(const char *file);

/* Starts it, and waits until it answers. `options` may be NULL. */
void server_start(server *, const server_options *);
/* The same without a start, and without waiting: for a server that comes later. */
void server_prepare(server *, const server_options *);
void server_launch(server *);
/* Waits until it answers a PING. */
void server_wait(server *);
/* SIGKILL. What it held in memory is lost. */
void server_kill(server *);
/* On the same ports, after server_kill(); waits until it answers. */
void server_restart(server *);
void server_pause(server *);
void server_resume(server *);
/* Kills it and gives its ports back. Safe on a zeroed or ended server. */
void server_end(server *);

/* Asks as another program would, within two seconds; NULL: no answer. The caller gives the reply
 * back with freeReplyObject(). The format is that of redisCommand(). */
redisReply *server_ask(server *, const char *format, ...);
/* The integer that was answered; -1000 when it is something else. */
long long server_integer(server *, const char *format, ...);
/* Is the answer a string, or a status, and exactly this? */
bool server_says(server *, const char *want, const char *format, ...);
/* Does the answer, a string, contain this? */
bool server_mentions(server *, const char *want, const char *format, ...);
/* The number after "name:" in INFO; -1 when it is not there. */
long long server_info(server *, const char *section, const char *name);
/* The calls of a command so far, of INFO commandstats. */
long long server_calls(server *, const char *command);

#endif
