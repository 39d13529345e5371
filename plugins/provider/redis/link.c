/* link.c - the connection: down, resolving, connecting, greeting, ready, and down again.
 *
 * One descriptor at a time: the next attempt waits until the host has let go of the last one. One
 * timer serves the attempt (all of it, from the name to the greeting) and the pause after it. */
#include "redis.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum { IN_BYTES = 64 * 1024, READS_MAX = 16, VECTORS = 64, BACKOFF_FIRST_MS = 50, GOOD_MS = 1000 };

static void on_connect_timer(void *arg);
static void on_stall_timer(void *arg);

mst_status red_link_open(redis *r)
{
    r->fd = -1;
    r->random = r->host->now_ns(r->host) | 1;
    r->in = r->host->alloc(r->host, IN_BYTES);
    if (!r->in || r->host->timer_open(r->host, on_connect_timer, r, &r->connect_timer) ||
        r->host->timer_open(r->host, on_stall_timer, r, &r->stall_timer)) {
        return MST_ENOMEM;
    }
    return MST_OK;
}

/* ---- the end of a connection */

static void maybe_stopped(redis *r)
{
    if (r->stopping && !r->closing && !r->resolving) {
        r->stopping = false;
        r->host->stopped(r->host);
    }
}

/* Doubles up to backoff_max, and is somewhere in the upper half of that. A connection that was
 * good for a while is sought again at once. */
static void back_off(redis *r)
{
    uint64_t delay = BACKOFF_FIRST_MS, most = (uint64_t) r->backoff_max_ms;
    for (uint32_t i = 1; i < r->failures && delay < most; i++) {
        delay *= 2;
    }
    delay = delay < most ? delay : most;
    r->random = r->random * 6364136223846793005u + 1442695040888963407u;
    delay = delay / 2 + (r->random >> 33) % (delay / 2 + 1);
    r->host->timer_set(r->connect_timer, delay ? delay : 1);
}

static void connect_next(redis *r);

static void poll_closed(void *arg)
{
    redis *r = arg;
    close(r->fd);
    r->fd = -1;
    r->closing = false;
    if (r->state == RED_CONNECTING) {
        connect_next(r);
    } else if (r->state == RED_RESOLVING) {
        r->state = RED_DOWN;
        red_link_connect(r);
    }
    maybe_stopped(r);
}

static void let_go(redis *r)
{
    if (r->poll) {
        r->closing = true;
        r->watched = 0;
        r->host->poll_close(r->poll, poll_closed);
        r->poll = NULL;
    } else if (r->fd >= 0 && !r->closing) {
        close(r->fd);
        r->fd = -1;
    }
}

static void complain(redis *r, const char *why, const char *detail)
{
    char line[160];
    bool again = r->complaint == why;
    r->complaint = why;
    snprintf(line, sizeof line, "%s%s%s", why, *detail ? ": " : "", detail);
    r->host->log(r->host, again ? MST_LOG_DEBUG : MST_LOG_ERROR, line);
}

void red_link_fail(redis *r, const char *why, const char *detail)
{
    bool was_good = r->state == RED_READY && r->host->now_ms(r->host) - r->ready_ms >= GOOD_MS;
    if (r->state == RED_DOWN || r->state == RED_STOPPED) {
        return;
    }
    r->state = RED_DOWN;
    complain(r, why, detail);
    r->failures = was_good ? 0 : r->failures + 1;
    r->host->timer_set(r->stall_timer, 0);
    let_go(r);
    red_session_close(r);
    if (r->clearing) {
        mst_op *op = r->clearing;
        r->clearing = NULL;
        red_done(r, op, MST_EIO);
    }
    red_fail_waiting(r, MST_EIO);
    if (was_good) {
        red_link_connect(r);
    } else {
        back_off(r);
    }
}

void red_link_stop(redis *r)
{
    r->stopping = true;
    r->state = RED_STOPPED;
    if (r->connect_timer) {
        r->host->timer_close(r->connect_timer);
        r->host->timer_close(r->stall_timer);
    }
    let_go(r);
    red_session_close(r);
    if (r->clearing) {
        mst_op *op = r->clearing;
        r->clearing = NULL;
        red_done(r, op, MST_ECLOSED);
    }
    red_fail_waiting(r, MST_ECLOSED);
    maybe_stopped(r);
}

/* ---- reading, writing */

static void watch(redis *r, int events)
{
    if (r->poll && r->watched != events) {
        r->watched = events;
        if (r->host->poll_set(r->poll, events)) {
            red_link_fail(r, "the descriptor cannot be watched", "");
        }
    }
}

void red_link_flush(redis *r)
{
    struct iovec v[VECTORS];
    while (!red_out_empty(&r->out)) {
        struct msghdr m = {.msg_iov = v, .msg_iovlen = red_out_vectors(&r->out, v, VECTORS)};
        ssize_t n = sendmsg(r->fd, &m, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
            red_link_fail(r, "the connection broke while writing", "");
            return;
        }
        if (n < 0) {
            watch(r, MST_POLL_READ | MST_POLL_WRITE);
            return;
        }
        red_out_wrote(&r->out, (size_t) n);
    }
    watch(r, MST_POLL_READ);
}

static void read_some(redis *r)
{
    for (int i = 0; i < READS_MAX && r->reader; i++) {
        ssize_t n = recv(r->fd, r->in, IN_BYTES, 0);
        if (n > 0) {
            r->heard_ms = r->host->now_ms(r->host);
            red_session_received(r, r->in, (size_t) n);
        } else if (n == 0) {
            red_link_fail(r, "the server closed the connection", "");
        } else if (errno != EINTR) {
            if (errno != EAGAIN && errno != EWOULDBLOCK) {
                red_link_fail(r, "the connection broke while reading", "");
            }
            return;
        }
        if (n < IN_BYTES) {
            return;
        }
    }
}

/* ---- stall: nothing arrives, and the oldest question has waited for as long */

void red_link_expect(redis *r)
{
    r->host->timer_set(r->stall_timer, (uint64_t) r->stall_timeout_ms);
}

static void on_stall_timer(void *arg)
{
    redis *r = arg;
    const red_slot *oldest = red_slot_oldest(r);
    if (!oldest) {
        return;
    }
    uint64_t now = r->host->now_ms(r->host);
    uint64_t since = oldest->since_ms > r->heard_ms ? oldest->since_ms : r->heard_ms;
    uint64_t silent = now > since ? now - since : 0, most = (uint64_t) r->stall_timeout_ms;
    if (silent >= most) {
        red_link_fail(r, "the server does not answer (stall_timeout)", "");
    } else {
        r->host->timer_set(r->stall_timer, most - silent);
    }
}

/* ---- connecting */

static void greet(redis *r)
{
    r->state = RED_GREETING;
    if (red_session_open(r) || !red_session_greet(r) || r->out.failed) {
        red_link_fail(r, "out of memory", "");
        return;
    }
    red_link_flush(r);
}

void red_link_ready(redis *r)
{
    r->state = RED_READY;
    r->ready_ms = r->host->now_ms(r->host);
    r->complaint = NULL;
    r->host->timer_set(r->connect_timer, 0);
    uint64_t before = atomic_fetch_add_explicit(&r->counters.connections, 1, memory_order_relaxed);
    if (before) {
        atomic_fetch_add_explicit(&r->counters.reconnects, 1, memory_order_relaxed);
    }
    r->host->log(r->host, MST_LOG_INFO, "connected");
    red_send_waiting(r);
}

static void on_ready(void *arg, int events, mst_status status)
{
    redis *r = arg;
    if (r->state == RED_CONNECTING) {
        int error = 0;
        socklen_t len = sizeof error;
        if (status || getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &error, &len) || error) {
            let_go(r); /* and then the next address */
        } else {
            greet(r);
        }
        return;
    }
    if (status) {
        red_link_fail(r, "the connection broke", "");
        return;
    }
    if (events & MST_POLL_WRITE) {
        red_link_flush(r);
    }
    if (events & MST_POLL_READ && r->poll) {
        read_some(r);
    }
}

static bool open_socket(redis *r, const struct sockaddr_storage *address, socklen_t len)
{
    int on = 1;
    r->fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (r->fd < 0) {
        return false;
    }
    if (address->ss_family != AF_UNIX) {
        setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(r->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    }
    if (connect(r->fd, (const struct sockaddr *) address, len) && errno != EINPROGRESS) {
        return false;
    }
    return r->host->poll_open(r->host, r->fd, on_ready, r, &r->poll) == MST_OK;
}

static void connect_next(redis *r)
{
    while (r->next_address < r->addresses) {
        size_t i = r->next_address++;
        if (open_socket(r, &r->address[i], r->address_len[i])) {
            watch(r, MST_POLL_WRITE);
            return;
        }
        let_go(r);
    }
    red_link_fail(r, "cannot connect", "");
}

static void found(void *arg, mst_status status, const mst_address *list, size_t n)
{
    redis *r = arg;
    r->resolving = false;
    if (r->state == RED_RESOLVING) {
        r->addresses = 0;
        for (size_t i = 0; !status && i < n && r->addresses < RED_ADDRESSES_MAX; i++) {
            if (list[i].len <= sizeof r->address[0]) {
                memcpy(&r->address[r->addresses], list[i].sockaddr, list[i].len);
                r->address_len[r->addresses++] = list[i].len;
            }
        }
        r->state = RED_CONNECTING;
        r->next_address = 0;
        connect_next(r);
    }
    maybe_stopped(r);
}

static bool unix_address(redis *r)
{
    struct sockaddr_un *u = (struct sockaddr_un *) &r->address[0];
    size_t len = strlen(r->url.path);
    if (len >= sizeof u->sun_path) {
        return false;
    }
    memset(u, 0, sizeof *u);
    u->sun_family = AF_UNIX;
    memcpy(u->sun_path, r->url.path, len);
    r->address_len[0] = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + len + 1);
    r->addresses = 1;
    r->next_address = 0;
    return true;
}

/* The name is resolved again each time: it may point elsewhere by now. */
void red_link_connect(redis *r)
{
    r->state = RED_RESOLVING;
    r->host->timer_set(r->connect_timer, (uint64_t) r->connect_timeout_ms);
    if (r->closing || r->resolving) {
        return; /* goes on when that is over */
    }
    if (!r->url.path) {
        r->resolving = r->host->resolve(r->host, r->url.host, r->url.port, found, r) == MST_OK;
        if (!r->resolving) {
            red_link_fail(r, "the name cannot be resolved", "");
        }
        return;
    }
    r->state = RED_CONNECTING;
    if (unix_address(r)) {
        connect_next(r);
    } else {
        red_link_fail(r, "the path of the unix socket is too long", "");
    }
}

static void on_connect_timer(void *arg)
{
    redis *r = arg;
    if (r->state == RED_DOWN) {
        red_link_connect(r);
    } else if (r->state != RED_READY) {
        red_link_fail(r, "no connection within connect_timeout", "");
    }
}
