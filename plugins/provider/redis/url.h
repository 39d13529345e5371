/* url.h - where the servers are:
 *
 *   redis://[user:password@]host[:port][,host[:port]...][/database]
 *   rediss://...                                    the same over TLS
 *   unix:///path[?db=number] */
#ifndef REDIS_URL_H
#define REDIS_URL_H

#include <memstache/plugin.h>

#include <stdbool.h>

enum { RED_PLACES_MAX = 16 };

/* port NULL: `host` is the path of a unix socket. */
typedef struct red_place {
    const char *host, *port;
} red_place;

typedef struct red_url {
    char *text; /* what the others point into, with percent signs decoded */
    red_place place[RED_PLACES_MAX];
    size_t places;
    bool tls;
    const char *username, *password; /* NULL: not given */
    int64_t database;                /* -1: not given */
} red_url;

/* MST_EINVAL and *why when it is not a url as above; MST_ENOMEM. */
mst_status red_url_parse(red_url *, const mst_host *, const char *text, const char *default_port,
                         const char **why);
void red_url_fini(red_url *, const mst_host *);

#endif
