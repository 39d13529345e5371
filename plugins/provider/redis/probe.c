/* probe.c - see probe.h. The one place of the provider that waits: whoever sets
 * abort_on_connect_fail wants to hear about a server that is not there before anything else runs.
 */
#include "probe.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "node.h"

enum { WHY = RED_TLS_WHY + 64 };

typedef struct probe {
    redis *r;
    const red_node *node;
    int fd;
    red_tls *tls;
    redisReader *reader;
    red_limits limits;
    char why[WHY];
} probe;

static bool fail(probe *p, const char *what, const char *detail)
{
    snprintf(p->why, sizeof p->why, "%s%s%s", what, *detail ? ": " : "", detail);
    return false;
}

/* ---- a blocking descriptor, each step of which ends after connect_timeout */

static bool limit_time(probe *p)
{
    int64_t ms = p->r->o.connect_timeout_ms;
    struct timeval limit = {.tv_sec = (time_t) (ms / 1000),
                            .tv_usec = (suseconds_t) (ms % 1000 * 1000)};
    return !setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) &&
           !setsockopt(p->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

static bool connect_to(probe *p, int family, const struct sockaddr *address, socklen_t len)
{
    p->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (p->fd >= 0 && limit_time(p) && !connect(p->fd, address, len)) {
        return true;
    }
    int error = errno == EINPROGRESS ? ETIMEDOUT : errno;
    if (p->fd >= 0) {
        close(p->fd);
        p->fd = -1;
    }
    return fail(p, "cannot connect", red_reason(error));
}

static bool connect_unix(probe *p)
{
    struct sockaddr_un u = {.sun_family = AF_UNIX};
    size_t len = strlen(p->node->host);
    if (len >= sizeof u.sun_path) {
        return fail(p, "the path of the unix socket is too long", "");
    }
    memcpy(u.sun_path, p->node->host, len);
    return connect_to(p, AF_UNIX, (struct sockaddr *) &u, sizeof u);
}

static bool connect_tcp(probe *p)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int error = getaddrinfo(p->node->host, p->node->port, &hints, &list);
    if (error) {
        return fail(p, "the name cannot be resolved", gai_strerror(error));
    }
    bool ok = false;
    for (struct addrinfo *a = list; a && !ok; a = a->ai_next) {
        ok = connect_to(p, a->ai_family, a->ai_addr, a->ai_addrlen);
    }
    freeaddrinfo(list);
    return ok;
}

static bool secure(probe *p)
{
    char why[RED_TLS_WHY] = "out of memory";
    if (!p->r->tls) {
        return true;
    }
    p->tls = red_tls_new(p->r->tls, p->fd, p->node->host);
    int done = p->tls ? red_tls_handshake(p->tls, why) : -1;
    if (done == 0) {
        return fail(p, "no TLS", red_reason(ETIMEDOUT));
    }
    return done > 0 || fail(p, "no TLS", why);
}

/* ---- the greeting */

static bool send_all(probe *p, red_out *out)
{
    while (!red_out_empty(out)) {
        struct iovec v;
        red_out_vectors(out, &v, 1);
        ssize_t n = p->tls ? red_tls_write(p->tls, v.iov_base, v.iov_len)
                           : send(p->fd, v.iov_base, v.iov_len, MSG_NOSIGNAL);
        if (n <= 0) {
            return fail(p, "cannot write", red_reason(errno));
        }
        red_out_wrote(out, (size_t) n);
    }
    return true;
}

static red_reply *next_reply(probe *p)
{
    void *reply = NULL;
    for (;;) {
        if (redisReaderGetReply(p->reader, &reply) != REDIS_OK) {
            fail(p, "not the protocol of Redis", "");
            return NULL;
        }
        if (reply) {
            return reply;
        }
        char *in = p->r->in;
        ssize_t n =
            p->tls ? red_tls_read(p->tls, in, RED_IN_BYTES) : recv(p->fd, in, RED_IN_BYTES, 0);
        if (n <= 0) {
            fail(p, "the server does not answer",
                 n ? red_reason(errno) : "it closed the connection");
            return NULL;
        }
        if (redisReaderFeed(p->reader, in, (size_t) n) != REDIS_OK) {
            fail(p, "out of memory", "");
            return NULL;
        }
    }
}

/* Not all that a connection in use would mind: that the credentials are taken is what matters. */
static bool check_replies(probe *p, size_t n)
{
    char code[RED_CODE_MAX];
    for (size_t i = 0; i < n; i++) {
        red_reply *reply = next_reply(p);
        if (!reply) {
            return false;
        }
        bool refused = reply->type == RED_ERROR;
        if (refused) {
            red_error_code(reply, code);
        }
        red_reply_free(reply);
        if (refused && strcmp(code, "NOPERM") != 0 && strcmp(code, "ERR") != 0) {
            return fail(p, "the server refused the greeting", code);
        }
    }
    return true;
}

static bool greet(probe *p)
{
    red_told *told[RED_GREET_MAX];
    red_out out;
    red_out_init(&out, p->r->host);
    p->limits = (red_limits){.host = p->r->host, .max_bytes = RED_IN_BYTES};
    p->reader = redisReaderCreateWithFunctions(&p->r->functions);
    bool ok = p->reader != NULL;
    if (ok) {
        p->reader->privdata = &p->limits;
        size_t n = red_greet_write(p->r, p->node, &out, told);
        ok = !out.failed && send_all(p, &out) && check_replies(p, n);
        redisReaderFree(p->reader);
    } else {
        fail(p, "out of memory", "");
    }
    red_out_fini(&out);
    return ok;
}

static bool try_node(probe *p)
{
    p->fd = -1;
    p->tls = NULL;
    bool ok = (p->node->port ? connect_tcp(p) : connect_unix(p)) && secure(p) && greet(p);
    red_tls_free(p->tls);
    if (p->fd >= 0) {
        close(p->fd);
    }
    return ok;
}

mst_status red_probe(redis *r)
{
    probe p = {.r = r};
    char text[WHY + 300] = "";
    for (const red_node *n = r->nodes; n; n = n->next) {
        p.node = n;
        if (try_node(&p)) {
            return MST_OK;
        }
        snprintf(text, sizeof text, "abort_on_connect_fail: %.200s%s%s: %s", n->host,
                 n->port ? ":" : "", n->port ? n->port : "", p.why);
    }
    r->host->set_error(r->host, text);
    return MST_EIO;
}
