/* loop.c - the loop of the plugin's host: descriptors, timers, and what arrives from other threads.
 *
 * On poll(2), because a case turns it by hand and wants to know what is open. What arrives is told
 * in the next turn, never from within the call that asked for it.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop.h"

struct mst_poll {
    struct mst_poll *next;
    check_host *host;
    int fd, events;
    bool closing;
    void (*ready)(void *arg, int events, mst_status);
    void (*closed)(void *arg);
    void *arg;
};

struct mst_timer {
    struct mst_timer *next;
    check_host *host;
    uint64_t due_ms; /* 0: not armed */
    bool closing;
    void (*due)(void *arg);
    void *arg;
};

static check_host *host_of(const mst_host *host)
{
    return (check_host *) (uintptr_t) host;
}

bool check_loop_is_here(const check_loop *l)
{
    return pthread_equal(pthread_self(), l->thread);
}

check_loop *check_loop_new(kit *k)
{
    check_loop *l = check_memory(k, sizeof *l);
    l->k = k;
    l->thread = pthread_self();
    l->last = &l->first;
    pthread_mutex_init(&l->mutex, NULL);
    if (pipe(l->wake) || fcntl(l->wake[1], F_SETFL, O_NONBLOCK)) {
        check_skip(k, "no pipe: %s", strerror(errno));
    }
    return l;
}

void check_loop_free(check_loop *l)
{
    close(l->wake[0]);
    close(l->wake[1]);
    pthread_mutex_destroy(&l->mutex);
    free(l);
}

const char *check_loop_open(check_loop *l)
{
    const mst_poll *p = l->polls;
    const mst_timer *t = l->timers;
    while (p && p->closing) {
        p = p->next;
    }
    while (t && t->closing) {
        t = t->next;
    }
    return p                          ? "a poll is open"
           : t                        ? "a timer is open"
           : atomic_load(&l->waiting) ? "a call of post(), work() or resolve() is under way"
                                      : NULL;
}

void check_loop_wake(check_loop *l)
{
    while (write(l->wake[1], "", 1) < 0 && errno == EINTR) {
    }
}

/* ---- polls */

static mst_status poll_open(const mst_host *host, int fd, void (*ready)(void *, int, mst_status),
                            void *arg, mst_poll **out)
{
    check_host *h = host_of(host);
    *out = NULL;
    check_host_on_loop(h, "poll_open");
    if (check_host_fails(h)) {
        return MST_ENOMEM;
    }
    mst_poll *p = check_memory(h->k, sizeof *p);
    *p = (mst_poll){.next = h->loop->polls, .host = h, .fd = fd, .ready = ready, .arg = arg};
    h->loop->polls = p;
    *out = p;
    return MST_OK;
}

static mst_status poll_set(mst_poll *p, int events)
{
    check_host_on_loop(p->host, "poll_set");
    if (p->closing) {
        check_fail(p->host->k, "called poll_set() for a poll that it has closed");
    }
    p->events = events;
    return MST_OK;
}

static void poll_close(mst_poll *p, void (*closed)(void *))
{
    check_host_on_loop(p->host, "poll_close");
    if (p->closing) {
        check_fail(p->host->k, "called poll_close() twice");
    }
    p->closing = true;
    p->closed = closed;
}

/* ---- timers, on the clock of their host */

static uint64_t clock_of(const mst_timer *t)
{
    return check_clock_ms() + atomic_load(&t->host->ahead_ms);
}

static mst_status timer_open(const mst_host *host, void (*due)(void *), void *arg, mst_timer **out)
{
    check_host *h = host_of(host);
    *out = NULL;
    check_host_on_loop(h, "timer_open");
    if (check_host_fails(h)) {
        return MST_ENOMEM;
    }
    mst_timer *t = check_memory(h->k, sizeof *t);
    *t = (mst_timer){.next = h->loop->timers, .host = h, .due = due, .arg = arg};
    h->loop->timers = t;
    *out = t;
    return MST_OK;
}

static void timer_set(mst_timer *t, uint64_t delay_ms)
{
    check_host_on_loop(t->host, "timer_set");
    if (t->closing) {
        check_fail(t->host->k, "called timer_set() for a timer that it has closed");
    }
    t->due_ms = delay_ms ? clock_of(t) + delay_ms : 0;
}

static void timer_close(mst_timer *t)
{
    check_host_on_loop(t->host, "timer_close");
    if (t->closing) {
        check_fail(t->host->k, "called timer_close() twice");
    }
    t->closing = true;
    t->due_ms = 0;
}

void check_loop_services(mst_host *host)
{
    host->poll_open = poll_open;
    host->poll_set = poll_set;
    host->poll_close = poll_close;
    host->timer_open = timer_open;
    host->timer_set = timer_set;
    host->timer_close = timer_close;
    check_calls_services(host);
}

/* ---- a turn */

enum { POLLS_MAX = 256 };

static int wait_of(const check_loop *l, int64_t wait_ms)
{
    for (const mst_timer *t = l->timers; t; t = t->next) {
        if (t->due_ms) {
            uint64_t now = clock_of(t);
            int64_t left = t->due_ms > now ? (int64_t) (t->due_ms - now) : 0;
            wait_ms = left < wait_ms ? left : wait_ms;
        }
    }
    for (const mst_poll *p = l->polls; p; p = p->next) {
        wait_ms = p->closing ? 0 : wait_ms;
    }
    return (int) wait_ms;
}

static void tell_ready(mst_poll *p, int revents)
{
    int events = (revents & (POLLIN | POLLHUP) ? MST_POLL_READ : 0) |
                 (revents & POLLOUT ? MST_POLL_WRITE : 0);
    if (revents & (POLLERR | POLLNVAL)) {
        p->ready(p->arg, 0, MST_EIO);
    } else if (events & p->events) {
        p->ready(p->arg, events & p->events, MST_OK);
    }
}

static void watch(check_loop *l, int64_t wait_ms)
{
    struct pollfd fds[POLLS_MAX] = {{l->wake[0], POLLIN, 0}};
    mst_poll *polls[POLLS_MAX] = {NULL};
    nfds_t n = 1;
    char bytes[64];
    for (mst_poll *p = l->polls; p && n < POLLS_MAX; p = p->next) {
        short events = (short) ((p->events & MST_POLL_READ ? POLLIN : 0) |
                                (p->events & MST_POLL_WRITE ? POLLOUT : 0));
        if (!p->closing && events) {
            polls[n] = p;
            fds[n++] = (struct pollfd){p->fd, events, 0};
        }
    }
    if (poll(fds, n, wait_of(l, wait_ms)) <= 0) {
        return;
    }
    if (fds[0].revents && read(l->wake[0], bytes, sizeof bytes) < 0) {
        check_skip(l->k, "the loop cannot be woken: %s", strerror(errno));
    }
    for (nfds_t i = 1; i < n; i++) {
        if (fds[i].revents && !polls[i]->closing) {
            tell_ready(polls[i], fds[i].revents);
        }
    }
}

/* What was closed goes at the end of a turn, when nobody walks the lists. */
static void sweep(check_loop *l)
{
    for (mst_timer **at = &l->timers; *at;) {
        mst_timer *t = *at;
        if (t->closing) {
            *at = t->next;
            free(t);
        } else {
            at = &t->next;
        }
    }
    for (mst_poll **at = &l->polls; *at;) {
        mst_poll *p = *at;
        if (!p->closing) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        if (p->closed) {
            p->closed(p->arg);
            at = &l->polls; /* it may have opened and closed others */
        }
        free(p);
    }
}

void check_loop_turn(check_loop *l, int64_t wait_ms)
{
    watch(l, wait_ms);
    pthread_mutex_lock(&l->mutex);
    check_call *arrived = l->first;
    l->first = NULL;
    l->last = &l->first;
    pthread_mutex_unlock(&l->mutex);
    while (arrived) {
        check_call *c = arrived;
        arrived = c->next;
        check_call_tell(c);
    }
    for (mst_timer *t = l->timers; t; t = t->next) {
        if (t->due_ms && t->due_ms <= clock_of(t)) {
            t->due_ms = 0;
            t->due(t->arg);
        }
    }
    sweep(l);
}
