/* epoll_loop.c - example: a program that is built around epoll, or any other loop that can watch a
 * file descriptor. A libuv loop with nothing but the runtime on it lives inside.
 *
 *   epoll_loop [--requests N]
 *
 * Three things are all there is to it:
 *   uv_backend_fd()       becomes readable when libuv has something to do
 *   uv_backend_timeout()  how long it can wait at most, for its timers
 *   uv_run(NOWAIT)        before each wait: does what is to be done, and arms what was asked for
 * One handle of the program's own, the anchor, keeps the inner loop alive: libuv does not turn a
 * loop that nothing keeps alive, and other threads' requests may come when nothing is pending.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

#include "mix.h"

enum { VISITS = 200 };

typedef struct program {
    int epoll, work, left; /* eventfds: there is something to do; the visitor has left */
    uv_loop_t loop;
    uv_async_t anchor;
    mst_runtime *runtime;
    mix mix;
    bool visited, closed;
    pthread_t visitor;
    int visits_answered;
    uint64_t waits, waits_of_visits; /* how often the program slept */
} program;

static void tell(int fd)
{
    ssize_t n = write(fd, &(uint64_t){1}, sizeof(uint64_t));
    (void) n; /* a counter that is full is as good */
}

static void hear(int fd)
{
    uint64_t count;
    ssize_t n = read(fd, &count, sizeof count);
    (void) n;
}

static bool watch(int epoll, int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

/* [worker] */
static void load_for_visitor(void *arg, mst_load *what)
{
    mst_load_bytes(what, &(mst_input){.data = "for you", .len = 7});
}

/* Another thread, which asks and waits while the program sleeps. */
static void *visit(void *arg)
{
    static const mst_loader loader = {.load = load_for_visitor, .flags = MST_LOAD_BLOCKING};
    program *p = arg;
    mst_cache *cache = mst_cache_named(p->runtime, NULL);
    for (int i = 0; i < VISITS; i++) {
        char name[32];
        mst_slice key = {name, (size_t) snprintf(name, sizeof name, "visit %d", i)};
        mst_result r;
        mst_get_or_load_wait(cache, key, &loader, NULL, &r);
        p->visits_answered += r.status == MST_OK && r.why == MST_WHY_LOADED;
        mst_result_release(&r);
    }
    tell(p->left);
    return NULL;
}

static void on_closed(void *arg)
{
    program *p = arg;
    p->closed = true;
    uv_close((uv_handle_t *) &p->anchor, NULL);
}

static void on_work(program *p)
{
    hear(p->work);
    if (mix_step(&p->mix)) {
        tell(p->work);
        return;
    }
    p->waits_of_visits = p->waits;
    p->visited = pthread_create(&p->visitor, NULL, visit, p) == 0;
    if (!p->visited) {
        tell(p->left);
    }
}

static void on_left(program *p)
{
    hear(p->left);
    if (p->visited) {
        pthread_join(p->visitor, NULL);
    }
    p->waits_of_visits = p->waits - p->waits_of_visits;
    mst_close(p->runtime, on_closed, p);
}

/* The loop of the program. libuv's descriptor needs no case: uv_run() comes before each wait. */
static void turn_until_closed(program *p)
{
    struct epoll_event events[8];
    for (;;) {
        uv_run(&p->loop, UV_RUN_NOWAIT);
        if (!uv_loop_alive(&p->loop)) {
            return; /* the runtime and the anchor are closed */
        }
        int n = epoll_wait(p->epoll, events, 8, uv_backend_timeout(&p->loop));
        p->waits++;
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == p->work) {
                on_work(p);
            } else if (events[i].data.fd == p->left) {
                on_left(p);
            }
        }
    }
}

static bool open_all(program *p)
{
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    p->work = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    p->left = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return uv_loop_init(&p->loop) == 0 && uv_async_init(&p->loop, &p->anchor, NULL) == 0 &&
           watch(p->epoll, p->work) && watch(p->epoll, p->left) &&
           watch(p->epoll, uv_backend_fd(&p->loop)) && (p->runtime = mix_open(&p->loop)) != NULL;
}

int main(int argc, char **argv)
{
    static program p;
    uint64_t requests = mix_requests(argc, argv);
    if (requests == 0 || !open_all(&p)) {
        return 2;
    }
    mix_begin(&p.mix, mst_cache_named(p.runtime, NULL), requests);
    turn_until_closed(&p);
    bool ok = uv_loop_close(&p.loop) == 0 && p.closed && p.visits_answered == VISITS;
    close(p.epoll);
    close(p.work);
    close(p.left);
    ok = mix_report(&p.mix, "epoll_loop") && ok;
    printf("%d visits of another thread, answered in %llu turns\n", p.visits_answered,
           (unsigned long long) p.waits_of_visits);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
