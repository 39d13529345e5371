/* proxy.c - see proxy.h. One poll() over the pairs of sockets; each direction has a queue of what
 * was read and when it may go on. */
#define _GNU_SOURCE /* accept4, pipe2 */
#include "proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pipeline/t.h"

enum { PAIRS_MAX = 64, READ_BYTES = 64 * 1024, QUEUED_MAX = 1024 * 1024 };

typedef struct chunk {
    struct chunk *next;
    uint64_t due_ms;
    size_t len, sent;
    char data[];
} chunk;

typedef struct side {
    int fd;
    chunk *first, *last; /* to be written to fd */
    size_t queued;
} side;
typedef struct pair {
    side side[2]; /* the client's, the server's */
} pair;

struct proxy {
    pthread_t thread;
    pthread_mutex_t mutex;
    int listener, port, to_port, wake[2];
    bool ending, reset, hole;
    uint32_t delay_ms;
    pair pair[PAIRS_MAX];
    size_t pairs;
};

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t) port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static void close_side(side *s, bool reset)
{
    const struct linger at_once = {.l_onoff = 1};
    if (reset) {
        setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    close(s->fd);
    while (s->first) {
        chunk *c = s->first;
        s->first = c->next;
        free(c);
    }
}

static void accept_pair(proxy *p)
{
    int on = 1, client = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const struct sockaddr_in a = loopback(p->to_port);
    bool ok = client >= 0 && server >= 0 && p->pairs < PAIRS_MAX;
    ok = ok && (!connect(server, (const struct sockaddr *) &a, sizeof a) || errno == EINPROGRESS);
    if (!ok) {
        close(client);
        close(server);
        return;
    }
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    p->pair[p->pairs++] = (pair){{{.fd = client}, {.fd = server}}};
}

static bool is_due(const proxy *p, const side *s, uint64_t now_ms)
{
    return s->first && !p->hole && s->first->due_ms <= now_ms;
}

static bool pass_in(const proxy *p, side *from, side *to, uint64_t now_ms)
{
    static _Thread_local char bytes[READ_BYTES];
    ssize_t n = recv(from->fd, bytes, sizeof bytes, 0);
    if (n <= 0) {
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    }
    chunk *c = malloc(sizeof *c + (size_t) n);
    REQUIRE(c);
    *c = (chunk){.due_ms = now_ms + p->delay_ms, .len = (size_t) n};
    memcpy(c->data, bytes, (size_t) n);
    if (to->last) {
        to->last->next = c;
    } else {
        to->first = c;
    }
    to->last = c;
    to->queued += (size_t) n;
    return true;
}

static bool pass_out(const proxy *p, side *s, uint64_t now_ms)
{
    while (is_due(p, s, now_ms)) {
        chunk *c = s->first;
        ssize_t n = send(s->fd, c->data + c->sent, c->len - c->sent, MSG_NOSIGNAL);
        if (n < 0) {
            return errno == EAGAIN || errno == EWOULDBLOCK;
        }
        c->sent += (size_t) n;
        s->queued -= (size_t) n;
        if (c->sent == c->len) {
            s->first = c->next;
            s->last = s->first ? s->last : NULL;
            free(c);
        }
    }
    return true;
}

static short events_of(const proxy *p, const pair *at, int i, uint64_t now_ms)
{
    bool reads = !p->hole && at->side[!i].queued < QUEUED_MAX;
    return (short) ((reads ? POLLIN : 0) | (is_due(p, &at->side[i], now_ms) ? POLLOUT : 0));
}

/* False when the pair has ended. */
static bool serve(const proxy *p, pair *at, const struct pollfd polled[2], uint64_t now_ms)
{
    for (int i = 0; i < 2; i++) {
        short seen = polled[i].revents;
        bool ok = !(seen & (POLLERR | POLLNVAL)) && (!(seen & POLLHUP) || seen & POLLIN || p->hole);
        ok = ok && (!(seen & POLLIN) || pass_in(p, &at->side[i], &at->side[!i], now_ms));
        ok = ok && (!(seen & POLLOUT) || pass_out(p, &at->side[i], now_ms));
        if (!ok) {
            return false;
        }
    }
    return true;
}

static int wait_ms(const proxy *p, uint64_t now_ms)
{
    uint64_t next = now_ms + 1000;
    for (size_t i = 0; i < 2 * p->pairs; i++) {
        const chunk *c = p->pair[i / 2].side[i % 2].first;
        next = c && !p->hole && c->due_ms > now_ms && c->due_ms < next ? c->due_ms : next;
    }
    return (int) (next - now_ms);
}

static void serve_all(proxy *p, const struct pollfd *polled, size_t n)
{
    size_t kept = 0, before = p->pairs;
    uint64_t now_ms = t_ms();
    static const struct pollfd nothing[2];
    for (size_t i = 0; i < before; i++) {
        pair *at = &p->pair[i];
        bool ok = !p->reset && serve(p, at, 2 * i < n ? polled + 2 * i : nothing, now_ms);
        if (!ok) {
            close_side(&at->side[0], p->reset);
            close_side(&at->side[1], p->reset);
        } else if (kept++ != i) {
            p->pair[kept - 1] = *at;
        }
    }
    p->pairs = kept;
    p->reset = false;
}

static void *run(void *arg)
{
    proxy *p = arg;
    struct pollfd polled[2 * PAIRS_MAX + 2];
    char bytes[64];
    pthread_mutex_lock(&p->mutex);
    while (!p->ending) {
        uint64_t now_ms = t_ms();
        size_t n = 2;
        polled[0] = (struct pollfd){.fd = p->wake[0], .events = POLLIN};
        polled[1] = (struct pollfd){.fd = p->listener, .events = POLLIN};
        for (size_t i = 0; i < p->pairs; i++) {
            for (int k = 0; k < 2; k++) {
                polled[n++] = (struct pollfd){.fd = p->pair[i].side[k].fd,
                                              .events = events_of(p, &p->pair[i], k, now_ms)};
            }
        }
        int wait = wait_ms(p, now_ms);
        bool hole = p->hole;
        pthread_mutex_unlock(&p->mutex);
        poll(polled, n, wait);
        if (hole) {
            t_nap(); /* ends that are not looked at would wake us again and again */
        }
        pthread_mutex_lock(&p->mutex);
        while (polled[0].revents && read(p->wake[0], bytes, sizeof bytes) == sizeof bytes) {
        }
        serve_all(p, polled + 2, n - 2);
        if (polled[1].revents) {
            accept_pair(p);
        }
    }
    pthread_mutex_unlock(&p->mutex);
    return NULL;
}

proxy *proxy_start(int to_port)
{
    proxy *p = calloc(1, sizeof *p);
    struct sockaddr_in a = loopback(0);
    socklen_t len = sizeof a;
    REQUIRE(p);
    p->to_port = to_port;
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    REQUIRE(p->listener >= 0 && !bind(p->listener, (struct sockaddr *) &a, sizeof a));
    REQUIRE(!listen(p->listener, PAIRS_MAX));
    REQUIRE(!getsockname(p->listener, (struct sockaddr *) &a, &len));
    p->port = ntohs(a.sin_port);
    REQUIRE(!pipe2(p->wake, O_CLOEXEC | O_NONBLOCK));
    pthread_mutex_init(&p->mutex, NULL);
    REQUIRE(!pthread_create(&p->thread, NULL, run, p));
    return p;
}

int proxy_port(const proxy *p)
{
    return p->port;
}

static void wake(proxy *p)
{
    pthread_mutex_unlock(&p->mutex);
    REQUIRE(write(p->wake[1], "", 1) == 1 || errno == EAGAIN);
}

void proxy_reset(proxy *p)
{
    pthread_mutex_lock(&p->mutex);
    p->reset = true;
    wake(p);
}

void proxy_black_hole(proxy *p, bool on)
{
    pthread_mutex_lock(&p->mutex);
    p->hole = on;
    wake(p);
}

void proxy_delay(proxy *p, uint32_t ms)
{
    pthread_mutex_lock(&p->mutex);
    p->delay_ms = ms;
    wake(p);
}

void proxy_end(proxy *p)
{
    pthread_mutex_lock(&p->mutex);
    p->ending = true;
    wake(p);
    pthread_join(p->thread, NULL);
    for (size_t i = 0; i < p->pairs; i++) {
        close_side(&p->pair[i].side[0], true);
        close_side(&p->pair[i].side[1], true);
    }
    close(p->listener);
    close(p->wake[0]);
    close(p->wake[1]);
    pthread_mutex_destroy(&p->mutex);
    free(p);
}
