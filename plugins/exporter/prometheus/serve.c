/* serve.c - see serve.h.
 *
 * The socket is ours, so that what is wrong with the address can be said, and handed to
 * libmicrohttpd. Its thread is started with all signals blocked: they are the program's. */
#include "serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "format.h"
#include "reason.h"

enum { CONNECTIONS_MAX = 16, IDLE_SECONDS = 30 };

static mst_status fail(const server *s, mst_status status, const char *listen, const char *why)
{
    char text[256];
    snprintf(text, sizeof text, "listen = %.100s: %s", listen, why);
    s->host->set_error(s->host, text);
    return status;
}

/* ---- answering */

static enum MHD_Result reply(struct MHD_Connection *c, unsigned code, const char *type,
                             const char *text, size_t len)
{
    struct MHD_Response *r =
        MHD_create_response_from_buffer(len, (void *) (uintptr_t) text, MHD_RESPMEM_MUST_COPY);
    if (!r) {
        return MHD_NO; /* closes the connection */
    }
    enum MHD_Result done = MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (done == MHD_YES && code == MHD_HTTP_METHOD_NOT_ALLOWED) {
        done = MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    if (done == MHD_YES) {
        done = MHD_queue_response(c, code, r);
    }
    MHD_destroy_response(r);
    return done;
}

static enum MHD_Result reply_text(struct MHD_Connection *c, unsigned code, const char *text)
{
    return reply(c, code, "text/plain; charset=utf-8", text, strlen(text));
}

static enum MHD_Result reply_page(const server *s, struct MHD_Connection *c)
{
    const char *accept = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
    bool open = accept && strstr(accept, "application/openmetrics-text");
    page p;
    if (page_write(&p, s->host, s->metrics, open ? FORMAT_OPENMETRICS : FORMAT_TEXT)) {
        return reply_text(c, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory, or closing\n");
    }
    enum MHD_Result done =
        reply(c, MHD_HTTP_OK, open ? FORMAT_OPENMETRICS_TYPE : FORMAT_TEXT_TYPE, p.data, p.len);
    page_free(&p);
    return done;
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state)
{
    (void) version, (void) upload, (void) upload_size, (void) state;
    bool reads =
        strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    if (!reads) {
        return reply_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    }
    if (strcmp(url, "/metrics") != 0) {
        return reply_text(c, MHD_HTTP_NOT_FOUND, "the metrics are at /metrics\n");
    }
    return reply_page(arg, c);
}

/* ---- the socket */

/* "ADDRESS:PORT" into its halves; an IPv6 address stands in brackets. */
static bool split(const char *listen, char *address, size_t size, const char **port)
{
    const char *colon = strrchr(listen, ':');
    size_t len = colon ? (size_t) (colon - listen) : 0;
    if (len > 2 && listen[0] == '[' && listen[len - 1] == ']') {
        listen++;
        len -= 2;
    } else if (colon && memchr(listen, ':', len)) {
        return false; /* which colon is it? */
    }
    if (!colon || !colon[1] || len == 0 || len >= size) {
        return false;
    }
    memcpy(address, listen, len);
    address[len] = '\0';
    *port = colon + 1;
    return true;
}

static struct addrinfo *find(const char *listen)
{
    char address[64];
    const char *port;
    struct addrinfo *found = NULL, want = {
                                       .ai_socktype = SOCK_STREAM,
                                       .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   };
    if (!split(listen, address, sizeof address, &port) ||
        getaddrinfo(address, port, &want, &found)) {
        return NULL;
    }
    return found;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *) address;
        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *in6 = (const void *) address;
    return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

/* Bound and listening; -1 and errno. */
static int open_socket(const struct addrinfo *where)
{
    int on = 1;
    int fd = socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (where->ai_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    if (bind(fd, where->ai_addr, where->ai_addrlen) || listen(fd, CONNECTIONS_MAX)) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static const char *why_not(int error, char *text)
{
    switch (error) {
    case EADDRINUSE:
        return "another program listens there already; take another port, or stop that program";
    case EADDRNOTAVAIL:
        return "this machine has no such address; 127.0.0.1 is the machine itself, 0.0.0.0 all of "
               "its addresses";
    case EACCES:
        return "ports below 1024 are for root; take a larger one";
    default:
        return reason_of(error, text);
    }
}

/* Where it listens, with the port that was found for 0. */
static void tell(const server *s, int fd)
{
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    char address[64] = "?", port[8] = "?", text[256];
    if (getsockname(fd, (struct sockaddr *) &bound, &len) == 0) {
        getnameinfo((struct sockaddr *) &bound, len, address, sizeof address, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV);
        bool six = bound.ss_family == AF_INET6, local = is_loopback((struct sockaddr *) &bound);
        snprintf(text, sizeof text, "metrics at http://%s%s%s:%s/metrics%s", six ? "[" : "",
                 address, six ? "]" : "", port,
                 local ? "" : ", for everybody who reaches this machine");
        s->host->log(s->host, local ? MST_LOG_INFO : MST_LOG_WARN, text);
    }
}

/* ---- starting and stopping */

static struct MHD_Daemon *start_daemon(server *s, int fd)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_AUTO_INTERNAL_THREAD, 0, NULL, NULL, answer, s, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned) CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned) IDLE_SECONDS, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return daemon;
}

mst_status server_start(server *s, const char *listen)
{
    struct addrinfo *where = find(listen);
    if (!where) {
        return fail(s, MST_EINVAL, listen,
                    "not an address and a port, as in 127.0.0.1:9109 or [::1]:9109");
    }
    int fd = open_socket(where);
    int error = errno;
    freeaddrinfo(where);
    if (fd < 0) {
        char text[REASON_SIZE];
        return fail(s, MST_EIO, listen, why_not(error, text));
    }
    s->daemon = start_daemon(s, fd);
    if (!s->daemon) {
        close(fd);
        return fail(s, MST_ENOMEM, listen, "the HTTP server cannot be started");
    }
    tell(s, fd);
    return MST_OK;
}

void server_stop(server *s)
{
    if (s->daemon) {
        MHD_stop_daemon(s->daemon); /* closes the socket */
        s->daemon = NULL;
    }
}
