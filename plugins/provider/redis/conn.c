/* conn.c - the connection: idle, resolving, connecting, securing, greeting, ready, down, and again.
 *
 * One descriptor at a time: the next attempt waits until the host has let go of the last one. One
 * timer serves the attempt (all of it, from the name to the greeting), the pause after it, and, on
 * a connection that is ready, the look at silence. That look comes every few milliseconds while
 * there is traffic, instead of a timer that is set for each command. */
#include "conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "answers.h"
#include "discover.h"
#include "node.h"
#include "order.h"

enum {
    READS_MAX = 16,
    VECTORS = 64,
    BACKOFF_FIRST_MS = 50,
    GOOD_MS = 1000,   /* a connection that lasted so long is sought again at once */
    IDLE_MS = 60000,  /* connections beyond the first are closed when unused for so long */
    USUAL_TIMES = 8,  /* as long as usual: too long */
    TICKING_MS = 1000 /* after the last command the look at silence goes on for so long */
};

static void on_timer(void *arg);

red_conn *red_conn_new(red_node *node, int which)
{
    redis *r = node->r;
    red_conn *c = r->host->alloc(r->host, sizeof *c);
    if (!c) {
        return NULL;
    }
    memset(c, 0, sizeof *c);
    c->r = r;
    c->node = node;
    c->which = which;
    c->fd = -1;
    red_out_init(&c->out, r->host);
    if (r->host->timer_open(r->host, on_timer, c, &c->timer)) {
        r->host->free(r->host, c);
        return NULL;
    }
    return c;
}

/* Stopped, or idle. */
void red_conn_free(red_conn *c)
{
    const mst_host *host = c->r->host;
    if (c->state != RED_STOPPED) {
        host->timer_close(c->timer);
    }
    red_out_fini(&c->out);
    host->free(host, c->slots);
    host->free(host, c);
}

/* ---- the end of a connection */

/* Doubles up to backoff_max, and is somewhere in the upper half of that. */
static void back_off(red_conn *c)
{
    uint64_t delay = BACKOFF_FIRST_MS, most = (uint64_t) c->r->o.backoff_max_ms;
    for (uint32_t i = 1; i < c->failures && delay < most; i++) {
        delay *= 2;
    }
    delay = delay < most ? delay : most;
    delay = delay / 2 + red_random(c->r, delay / 2 + 1);
    c->r->host->timer_set(c->timer, delay ? delay : 1);
}

static void connect_now(red_conn *c);
static void connect_next(red_conn *c);

void red_conn_let_go_done(redis *r)
{
    r->opening--;
    if (r->stopping && !r->stopped && r->opening == 0) {
        r->stopped = true;
        r->host->stopped(r->host);
    }
}

static void poll_closed(void *arg)
{
    red_conn *c = arg;
    redis *r = c->r;
    close(c->fd);
    c->fd = -1;
    c->closing = false;
    if (c->state == RED_CONNECTING) {
        connect_next(c);
    } else if (c->state == RED_RESOLVING) {
        connect_now(c);
    }
    if (!r->stopping) {
        red_settle(r);
    }
    red_conn_let_go_done(r);
}

static void let_go(red_conn *c)
{
    red_tls_free(c->tls);
    c->tls = NULL;
    if (c->poll) {
        c->closing = true;
        c->watched = 0;
        c->r->opening++;
        c->r->host->poll_close(c->poll, poll_closed);
        c->poll = NULL;
    } else if (c->fd >= 0 && !c->closing) {
        close(c->fd);
        c->fd = -1;
    }
}

static void tell(const red_conn *c, int level, const char *why, const char *detail)
{
    char line[320];
    const red_node *n = c->node;
    snprintf(line, sizeof line, "%.100s%s%s%s: %s%s%s", n->host, n->port ? ":" : "",
             n->port ? n->port : "", n->sentinel ? " (sentinel)" : "", why, *detail ? ": " : "",
             detail);
    c->r->host->log(c->r->host, level, line);
}

/* Everything that hangs on the conversation, and the descriptor. */
static void end(red_conn *c, red_state state)
{
    c->state = state;
    let_go(c);
    red_exchange_close(c);
    red_pump(c->r);
}

void red_conn_fail(red_conn *c, const char *why, const char *detail)
{
    if (c->state == RED_IDLE || c->state == RED_DOWN || c->state == RED_STOPPED) {
        return;
    }
    bool was_good = c->state == RED_READY && red_now(c->r) - c->ready_ms >= GOOD_MS;
    bool again = c->complaint == why;
    c->complaint = why;
    tell(c, again ? MST_LOG_DEBUG : MST_LOG_ERROR, why, detail);
    c->failures = was_good ? 0 : c->failures + 1;
    end(c, RED_DOWN);
    if (c->state != RED_DOWN) {
        return; /* stopped meanwhile */
    }
    red_discover_lost(c);
    if (was_good) {
        connect_now(c);
    } else {
        back_off(c);
    }
}

void red_conn_rest(red_conn *c)
{
    if (c->state == RED_STOPPED) {
        return;
    }
    c->failures = 0;
    c->r->host->timer_set(c->timer, 0);
    end(c, RED_IDLE);
}

void red_conn_stop(red_conn *c)
{
    if (c->state != RED_STOPPED) {
        c->r->host->timer_close(c->timer);
        end(c, RED_STOPPED);
    }
}

bool red_conn_is_coming(const red_conn *c)
{
    return c->state != RED_STOPPED && c->state != RED_READY &&
           (int64_t) c->failures <= c->r->o.connect_retry;
}

/* ---- reading, writing */

static void watch(red_conn *c, int events)
{
    if (c->poll && c->watched != events) {
        c->watched = events;
        if (c->r->host->poll_set(c->poll, events)) {
            red_conn_fail(c, "the descriptor cannot be watched", "");
        }
    }
}

static ssize_t send_some(red_conn *c)
{
    struct iovec v[VECTORS];
    size_t n = red_out_vectors(&c->out, v, VECTORS);
    if (c->tls) {
        return red_tls_write(c->tls, v[0].iov_base, v[0].iov_len);
    }
    struct msghdr m = {.msg_iov = v, .msg_iovlen = n};
    return sendmsg(c->fd, &m, MSG_NOSIGNAL);
}

void red_conn_flush(red_conn *c)
{
    while (c->poll && !red_out_empty(&c->out)) {
        ssize_t n = send_some(c);
        if (n > 0) {
            red_out_wrote(&c->out, (size_t) n);
        } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            watch(c, MST_POLL_READ | MST_POLL_WRITE);
            return;
        } else if (n == 0 || errno != EINTR) {
            red_conn_fail(c, "the connection broke while writing", red_reason(n ? errno : EPIPE));
            return;
        }
    }
    watch(c, MST_POLL_READ);
}

static ssize_t receive_some(red_conn *c)
{
    return c->tls ? red_tls_read(c->tls, c->r->in, RED_IN_BYTES)
                  : recv(c->fd, c->r->in, RED_IN_BYTES, 0);
}

/* The loop belongs to others, too: after so many reads they have their turn. TLS may hold bytes
 * that poll does not know of, so there it is read until nothing is left. */
static void read_some(red_conn *c)
{
    for (int i = 0; (i < READS_MAX || c->tls) && c->reader; i++) {
        ssize_t n = receive_some(c);
        if (n > 0) {
            c->heard_ms = red_now(c->r);
            red_node_heard(c->node);
            red_exchange_received(c, c->r->in, (size_t) n);
        } else if (n == 0) {
            red_conn_fail(c, "the server closed the connection", "");
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (c->tls && red_tls_wants_write(c->tls)) {
                watch(c, MST_POLL_READ | MST_POLL_WRITE);
            }
            return;
        } else if (errno != EINTR) {
            red_conn_fail(c, "the connection broke while reading", red_reason(errno));
        }
        if (!c->tls && n < RED_IN_BYTES) {
            return;
        }
    }
}

/* ---- silence */

static void tick(red_conn *c)
{
    const red_options *o = &c->r->o;
    int64_t span = o->stall_timeout_ms;
    if (span <= 0 || (o->hedge_after_ms > 0 && o->hedge_after_ms < span)) {
        span = o->hedge_after_ms;
    }
    c->ticking = true;
    c->r->host->timer_set(c->timer, span > 0 ? (uint64_t) span / 2 + 1 : TICKING_MS);
}

void red_conn_expect(red_conn *c)
{
    c->used_ms = red_now(c->r);
    if (c->state == RED_READY && !c->ticking) {
        tick(c);
    }
}

void red_conn_touch(red_conn *c)
{
    redis *r = c->r;
    if (!c->dirty) {
        c->dirty = true;
        c->next_dirty = r->dirty;
        r->dirty = c;
    }
}

static void ping(red_conn *c)
{
    red_out_words(&c->out, "PING", NULL, NULL);
    if (!red_exchange_expect(c, RED_SKIP, NULL, 0)) {
        red_conn_fail(c, "out of memory", "");
        return;
    }
    red_conn_touch(c);
}

static uint64_t left_of(int64_t span, uint64_t gone)
{
    return span <= 0 ? UINT64_MAX : gone < (uint64_t) span ? (uint64_t) span - gone : 0;
}

/* Nothing is pending: look again when the next thing is due. */
static void look_later(red_conn *c, uint64_t now)
{
    const red_options *o = &c->r->o;
    bool extra = c->which != RED_MAIN && (o->idle_timeout_ms <= 0 || o->idle_timeout_ms > IDLE_MS);
    uint64_t rest = left_of(extra ? IDLE_MS : o->idle_timeout_ms, now - c->used_ms);
    uint64_t alive = left_of(o->keep_alive_ms, now - c->heard_ms);
    if (now - c->used_ms < TICKING_MS) {
        tick(c);
    } else if (rest == 0) {
        red_conn_rest(c);
    } else if (alive == 0) {
        tick(c);
        ping(c);
    } else {
        uint64_t next = rest < alive ? rest : alive;
        c->ticking = false;
        c->r->host->timer_set(c->timer, next == UINT64_MAX ? 0 : next);
    }
}

static uint64_t silence(red_conn *c, uint64_t now)
{
    const red_slot *oldest = red_exchange_oldest(c);
    uint64_t since = oldest && oldest->since_ms > c->heard_ms ? oldest->since_ms : c->heard_ms;
    return oldest && now > since ? now - since : 0;
}

bool red_conn_is_slow(red_conn *c)
{
    int64_t least = c->r->o.hedge_after_ms;
    if (c->state != RED_READY || c->slow || c->slot_count == 0 || least <= 0) {
        return c->slow;
    }
    uint64_t usual = c->usual_ms16 * USUAL_TIMES / 16, silent = silence(c, red_now(c->r));
    if (silent >= (uint64_t) least && silent >= usual) {
        c->slow = true;
        if (c->which >= 0) {
            red_exchange_rescue(c);
        }
    }
    return c->slow;
}

static void look_at_silence(red_conn *c)
{
    const red_options *o = &c->r->o;
    uint64_t now = red_now(c->r), silent = silence(c, now);
    if (c->slot_count == 0) {
        look_later(c, now);
        return;
    }
    c->used_ms = now;
    if (o->stall_timeout_ms > 0 && silent >= (uint64_t) o->stall_timeout_ms) {
        red_conn_fail(c, "the server does not answer (stall_timeout)", "");
        return;
    }
    red_conn_is_slow(c);
    tick(c);
}

/* ---- connecting */

static void greet(red_conn *c)
{
    c->state = RED_GREETING;
    if (red_exchange_open(c) || !red_greet(c) || c->out.failed) {
        red_conn_fail(c, "out of memory", "");
        return;
    }
    red_conn_flush(c);
}

static void secure(red_conn *c)
{
    char why[RED_TLS_WHY];
    c->state = RED_SECURING;
    if (!c->tls && !(c->tls = red_tls_new(c->r->tls, c->fd, c->node->host))) {
        red_conn_fail(c, "out of memory", "");
        return;
    }
    int done = red_tls_handshake(c->tls, why);
    if (done < 0) {
        red_conn_fail(c, "no TLS", why);
    } else if (done) {
        greet(c);
    } else {
        watch(c, red_tls_wants_write(c->tls) ? MST_POLL_WRITE : MST_POLL_READ);
    }
}

void red_conn_ready(red_conn *c)
{
    redis *r = c->r;
    c->state = RED_READY;
    c->ready_ms = c->used_ms = red_now(r);
    c->complaint = NULL;
    c->failures = 0;
    tick(c);
    RED_COUNT(r, connections, 1);
    RED_COUNT(r, reconnects, c->was_ready);
    c->was_ready = true;
    tell(c, MST_LOG_INFO, "connected", "");
    red_discover_ready(c);
    red_pump(r);
}

static void connected(red_conn *c)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) || error) {
        c->connect_error = error;
        let_go(c); /* and then the next address */
    } else if (c->r->tls) {
        secure(c);
    } else {
        greet(c);
    }
}

static void act(red_conn *c, int events, mst_status status)
{
    if (c->state == RED_CONNECTING) {
        connected(c);
    } else if (status) {
        red_conn_fail(c, "the connection broke", "");
    } else if (c->state == RED_SECURING) {
        secure(c);
    } else {
        if (events & MST_POLL_WRITE) {
            red_conn_flush(c);
        }
        if (events & MST_POLL_READ && c->poll) {
            read_some(c);
        }
    }
}

static void on_poll(void *arg, int events, mst_status status)
{
    red_conn *c = arg;
    act(c, events, status);
    red_settle(c->r);
}

static bool open_socket(red_conn *c, const struct sockaddr_storage *address, socklen_t len)
{
    int on = 1;
    c->fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        return false;
    }
    if (address->ss_family != AF_UNIX) {
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(c->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    }
    if (connect(c->fd, (const struct sockaddr *) address, len) && errno != EINPROGRESS) {
        return false;
    }
    return c->r->host->poll_open(c->r->host, c->fd, on_poll, c, &c->poll) == MST_OK;
}

static void connect_next(red_conn *c)
{
    while (c->next_address < c->addresses) {
        size_t i = c->next_address++;
        if (open_socket(c, &c->address[i], c->address_len[i])) {
            watch(c, MST_POLL_WRITE);
            return;
        }
        c->connect_error = errno;
        let_go(c);
        if (c->closing) {
            return; /* the next one when the host has let go of this one */
        }
    }
    red_conn_fail(c, "cannot connect", red_reason(c->connect_error));
}

static void keep_addresses(red_conn *c, const mst_address *list, size_t n)
{
    c->addresses = 0;
    c->next_address = 0;
    for (size_t i = 0; i < n && c->addresses < RED_ADDRESSES_MAX; i++) {
        if (list[i].len <= sizeof c->address[0]) {
            memcpy(&c->address[c->addresses], list[i].sockaddr, list[i].len);
            c->address_len[c->addresses++] = list[i].len;
        }
    }
}

static void found(void *arg, mst_status status, const mst_address *list, size_t n)
{
    red_conn *c = arg;
    redis *r = c->r;
    c->resolving = false;
    if (c->state == RED_RESOLVING && status) {
        red_conn_fail(c, "the name cannot be resolved", "");
    } else if (c->state == RED_RESOLVING) {
        keep_addresses(c, list, n);
        c->state = RED_CONNECTING;
        connect_next(c);
    }
    if (!r->stopping) {
        red_settle(r);
    }
    red_conn_let_go_done(r);
}

static bool unix_address(red_conn *c)
{
    struct sockaddr_un *u = (struct sockaddr_un *) &c->address[0];
    size_t len = strlen(c->node->host);
    if (len >= sizeof u->sun_path) {
        return false;
    }
    memset(u, 0, sizeof *u);
    u->sun_family = AF_UNIX;
    memcpy(u->sun_path, c->node->host, len);
    c->address_len[0] = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + len + 1);
    c->addresses = 1;
    c->next_address = 0;
    return true;
}

/* The name is resolved again each time: it may point elsewhere by now. */
static void connect_now(red_conn *c)
{
    redis *r = c->r;
    c->state = RED_RESOLVING;
    r->host->timer_set(c->timer, (uint64_t) r->o.connect_timeout_ms);
    if (c->closing || c->resolving) {
        return; /* goes on when that is over */
    }
    if (c->node->port) {
        c->resolving = r->host->resolve(r->host, c->node->host, c->node->port, found, c) == MST_OK;
        r->opening += c->resolving;
        if (!c->resolving) {
            red_conn_fail(c, "the name cannot be resolved", "");
        }
        return;
    }
    c->state = RED_CONNECTING;
    if (unix_address(c)) {
        connect_next(c);
    } else {
        red_conn_fail(c, "the path of the unix socket is too long", "");
    }
}

void red_conn_open(red_conn *c)
{
    if (c->state == RED_IDLE) {
        connect_now(c);
    }
}

static const char *too_slow(red_state state)
{
    switch (state) {
    case RED_RESOLVING:
        return "the name was not resolved within connect_timeout";
    case RED_SECURING:
        return "no TLS within connect_timeout";
    case RED_GREETING:
        return "no answer to the greeting within connect_timeout";
    default:
        return "no connection within connect_timeout";
    }
}

static void on_timer(void *arg)
{
    red_conn *c = arg;
    if (c->state == RED_DOWN) {
        connect_now(c);
    } else if (c->state == RED_READY) {
        look_at_silence(c);
    } else if (c->state != RED_IDLE && c->state != RED_STOPPED) {
        red_conn_fail(c, too_slow(c->state), "");
    }
    red_settle(c->r);
}
