/* fake_net.c - the thread of the scripted server: one poll() over all connections. A reply waits
 * in the queue of its connection until its time has come, and what is behind it waits with it, as
 * the protocol demands. */
#define _GNU_SOURCE /* accept4 */
#include "fake_net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pipeline/t.h"

enum { READ_BYTES = 64 * 1024 };

/* With SO_REUSEADDR a socket that is bound and does not listen keeps the port from others. */
int fake_open_listener(int port, bool listening, int *found)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t) port)};
    socklen_t len = sizeof a;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    REQUIRE(fd >= 0 && !bind(fd, (struct sockaddr *) &a, sizeof a));
    REQUIRE(!listening || !listen(fd, FAKE_PEERS_MAX));
    REQUIRE(!getsockname(fd, (struct sockaddr *) &a, &len));
    *found = ntohs(a.sin_port);
    return fd;
}

void fake_wake(fake *f)
{
    REQUIRE(write(f->wake[1], "", 1) == 1 || errno == EAGAIN);
}

/* ---- connections */

static void end_peer(fake_peer *p, bool reset)
{
    const struct linger at_once = {.l_onoff = 1};
    if (reset) {
        setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    close(p->fd);
    while (p->first) {
        fake_chunk *c = p->first;
        p->first = c->next;
        free(c);
    }
    fake_text_free(&p->in);
    *p = (fake_peer){.fd = -1};
}

static void accept_peer(fake *f, uint64_t now_ms)
{
    int on = 1, fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    if (f->peers == FAKE_PEERS_MAX) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fake_peer *p = &f->peer[f->peers++];
    *p = (fake_peer){.fd = fd};
    f->connections++;
    const fake_text nothing = {0};
    fake_reply(f, p, NULL, &nothing, now_ms);
}

/* False when the connection has to end; *reset says how. */
static bool send_due(fake *f, fake_peer *p, uint64_t now_ms, bool *reset)
{
    while (p->first && p->first->due_ms <= now_ms && f->stalled_until_ms <= now_ms) {
        fake_chunk *c = p->first;
        ssize_t n =
            c->sent < c->len ? send(p->fd, c->data + c->sent, c->len - c->sent, MSG_NOSIGNAL) : 0;
        if (n < 0) {
            return errno == EAGAIN || errno == EWOULDBLOCK;
        }
        c->sent += (size_t) n;
        if (c->sent < c->len) {
            continue;
        }
        if (c->close) {
            *reset = c->reset;
            return false;
        }
        p->first = c->next;
        p->last = p->first ? p->last : NULL;
        free(c);
    }
    return true;
}

static void execute_all(fake *f, fake_peer *p, uint64_t now_ms)
{
    size_t at = 0;
    while (!p->deaf) {
        long n = fake_parse(&f->request, p->in.data + at, p->in.len - at);
        if (n == 0) {
            break;
        }
        fake_text reply = {0};
        if (n < 0) {
            t_true(__FILE__, __LINE__, "the provider speaks the protocol", false);
            n = (long) (p->in.len - at);
        } else {
            fake_execute(&f->store, &f->request, now_ms, &reply);
            fake_reply(f, p, &f->request, &reply, now_ms);
        }
        at += (size_t) n;
        fake_text_free(&reply);
        if (p->in.len == at) {
            break;
        }
    }
    memmove(p->in.data, p->in.data + at, p->in.len - at);
    p->in.len -= at;
}

static bool read_some(fake *f, fake_peer *p, uint64_t now_ms)
{
    static _Thread_local char bytes[READ_BYTES];
    ssize_t n = recv(p->fd, bytes, sizeof bytes, 0);
    if (n <= 0) {
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    }
    f->bytes += (uint64_t) n;
    fake_text_add(&p->in, bytes, (size_t) n);
    execute_all(f, p, now_ms);
    return true;
}

/* ---- the thread */

static short events_of(const fake *f, const fake_peer *p, uint64_t now_ms)
{
    bool due = p->first && p->first->due_ms <= now_ms && f->stalled_until_ms <= now_ms;
    return (short) ((p->deaf ? 0 : POLLIN) | (due ? POLLOUT : 0));
}

static int wait_ms(const fake *f, uint64_t now_ms)
{
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < f->peers; i++) {
        const fake_chunk *c = f->peer[i].first;
        uint64_t due = !c ? next : c->due_ms;
        due = c && due < f->stalled_until_ms ? f->stalled_until_ms : due;
        next = due > now_ms && due < next ? due : next;
    }
    return next == UINT64_MAX ? -1 : (int) (next - now_ms);
}

static void serve_peers(fake *f, const struct pollfd *polled, size_t n)
{
    uint64_t now_ms = t_ms();
    size_t kept = 0, before = f->peers;
    for (size_t i = 0; i < before; i++) {
        fake_peer *p = &f->peer[i];
        short seen = i < n ? polled[i].revents : 0;
        bool reset = f->drop, ok = !f->drop;
        ok = ok && !(seen & (POLLERR | POLLNVAL)) && (!(seen & POLLHUP) || seen & POLLIN);
        ok = ok && (!(seen & POLLIN) || read_some(f, p, now_ms));
        ok = ok && send_due(f, p, now_ms, &reset);
        if (!ok) {
            end_peer(p, reset);
        } else if (kept++ != i) {
            f->peer[kept - 1] = *p;
        }
    }
    f->peers = kept;
    f->drop = false;
}

static size_t prepare(const fake *f, struct pollfd *polled, uint64_t now_ms)
{
    size_t n = 0;
    polled[n++] = (struct pollfd){.fd = f->wake[0], .events = POLLIN};
    polled[n++] = (struct pollfd){.fd = f->listener, .events = POLLIN};
    for (size_t i = 0; i < f->peers; i++) {
        polled[n++] =
            (struct pollfd){.fd = f->peer[i].fd, .events = events_of(f, &f->peer[i], now_ms)};
    }
    return n;
}

void *fake_thread(void *arg)
{
    fake *f = arg;
    struct pollfd polled[FAKE_PEERS_MAX + 2];
    char bytes[64];
    pthread_mutex_lock(&f->mutex);
    while (!f->ending) {
        uint64_t now_ms = t_ms();
        size_t n = prepare(f, polled, now_ms);
        int wait = wait_ms(f, now_ms);
        pthread_mutex_unlock(&f->mutex);
        poll(polled, n, wait);
        pthread_mutex_lock(&f->mutex);
        while (polled[0].revents && read(f->wake[0], bytes, sizeof bytes) == sizeof bytes) {
        }
        serve_peers(f, polled + 2, n - 2);
        if (polled[1].revents && f->listener >= 0) {
            accept_peer(f, t_ms());
        }
    }
    for (size_t i = 0; i < f->peers; i++) {
        end_peer(&f->peer[i], true);
    }
    pthread_mutex_unlock(&f->mutex);
    return NULL;
}
