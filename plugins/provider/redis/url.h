/* url.h - where the server is: redis://[user:password@]host[:port][/database] or
 * unix:///path[?db=number]. */
#ifndef REDIS_URL_H
#define REDIS_URL_H

#include <memstache/plugin.h>

#include <stdbool.h>

typedef struct red_url {
    char *text;                      /* what the others point into, with percent signs decoded */
    const char *host, *port, *path;  /* path: of a unix socket, host is then NULL */
    const char *username, *password; /* NULL: not given */
    int64_t database;                /* -1: not given */
} red_url;

/* MST_EINVAL and *why when it is not a url as above; MST_ENOMEM. */
mst_status red_url_parse(red_url *, const mst_host *, const char *text, const char **why);
void red_url_fini(red_url *, const mst_host *);

#endif
