/* Polls and timers, also of a plugin that does not clean up. */
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "looped.h"

typedef struct watch {
    unsigned calls, closed;
    int events;
    mst_status status;
    int fd;
    mst_poll *poll;
} watch;

static void ready(void *arg, int events, mst_status status)
{
    watch *w = arg;
    w->calls++;
    w->events = events;
    w->status = status;
    if (events & MST_POLL_READ) {
        char byte;
        cr_assert_eq(read(w->fd, &byte, 1), 1);
    }
}

static void closed(void *arg)
{
    ((watch *) arg)->closed++;
}

static void open_pair(looped *l, watch *w, int fds[2])
{
    memset(w, 0, sizeof *w);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    w->fd = fds[0];
    cr_assert_eq(l->host->poll_open(l->host, fds[0], ready, w, &w->poll), MST_OK);
}

Test(services, poll)
{
    looped l;
    watch w;
    int fds[2];
    looped_open(&l);
    open_pair(&l, &w, fds);
    cr_assert_eq(l.instance->handles, 1);
    cr_assert_eq(l.host->poll_set(w.poll, MST_POLL_WRITE), MST_OK);
    looped_run(&l, &w.calls);
    cr_assert_eq(w.events, MST_POLL_WRITE);
    cr_assert_eq(w.status, MST_OK);
    cr_assert_eq(l.host->poll_set(w.poll, MST_POLL_READ), MST_OK);
    w.calls = 0;
    cr_assert_eq(uv_run(&l.uv, UV_RUN_NOWAIT), 0, "a poll does not keep the loop alive");
    cr_assert_eq(w.calls, 0);
    cr_assert_eq(write(fds[1], "x", 1), 1);
    looped_run(&l, &w.calls);
    cr_assert_eq(w.events, MST_POLL_READ);
    cr_assert_eq(l.host->poll_set(w.poll, 0), MST_OK);
    cr_assert_eq(write(fds[1], "x", 1), 1);
    w.calls = 0;
    uv_run(&l.uv, UV_RUN_NOWAIT);
    cr_assert_eq(w.calls, 0);
    l.host->poll_close(w.poll, closed);
    cr_assert_eq(w.closed, 0, "not from inside the call");
    cr_assert_eq(l.host->poll_set(w.poll, MST_POLL_READ), MST_ECLOSED);
    looped_run(&l, &w.closed);
    cr_assert_eq(w.closed, 1);
    cr_assert_eq(w.calls, 0);
    cr_assert_eq(l.instance->handles, 0);
    close(fds[0]);
    close(fds[1]);
    looped_close(&l);
    cr_assert_eq(l.lines.count, 0, "%s", l.lines.text);
}

Test(services, poll_of_what_cannot_be_polled)
{
    looped l;
    mst_poll *poll = NULL, *second = NULL;
    int fds[2];
    looped_open(&l);
    cr_assert_eq(l.host->poll_open(l.host, 1 << 20, ready, NULL, &poll), MST_EINVAL);
    cr_assert_null(poll);
    cr_assert_eq(l.instance->handles, 0);
    l.memory.fail_at = l.memory.calls + 1;
    cr_assert_eq(l.host->poll_open(l.host, 0, ready, NULL, &poll), MST_ENOMEM);
    l.memory.fail_at = 0;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    cr_assert_eq(l.host->poll_open(l.host, fds[0], ready, NULL, &poll), MST_OK);
    cr_assert_eq(l.host->poll_set(poll, MST_POLL_READ), MST_OK);
    cr_assert_eq(l.host->poll_open(l.host, fds[0], ready, NULL, &second), MST_EBUSY);
    l.host->poll_close(poll, NULL);
    looped_close(&l);
    close(fds[0]);
    close(fds[1]);
}

static void count(void *arg)
{
    ++*(unsigned *) arg;
}

Test(services, timer)
{
    looped l;
    mst_timer *timer;
    unsigned due = 0;
    looped_open(&l);
    cr_assert_eq(l.host->timer_open(l.host, count, &due, &timer), MST_OK);
    uint64_t before = msi_now_ns();
    l.host->timer_set(timer, 20);
    cr_assert_eq(uv_run(&l.uv, UV_RUN_NOWAIT), 0, "a timer does not keep the loop alive");
    looped_run(&l, &due);
    cr_assert_geq(msi_now_ns() - before, UINT64_C(19000000));
    cr_assert_eq(due, 1);
    /* once only; moved; disarmed; closed */
    unsigned other = 0;
    mst_timer *second;
    cr_assert_eq(l.host->timer_open(l.host, count, &other, &second), MST_OK);
    l.host->timer_set(timer, 60000);
    l.host->timer_set(timer, 1);
    l.host->timer_set(timer, 0);
    l.host->timer_set(second, 10);
    looped_run(&l, &other);
    cr_assert_eq(due, 1);
    l.host->timer_set(timer, 1);
    l.host->timer_close(timer);
    l.host->timer_set(timer, 1);
    other = 0;
    l.host->timer_set(second, 10);
    looped_run(&l, &other);
    cr_assert_eq(due, 1);
    l.host->timer_close(second);
    looped_close(&l);
    cr_assert_eq(l.lines.count, 0, "%s", l.lines.text);
}

/* "From now", although the loop has not looked at the clock for a while. */
Test(services, timer_counts_from_the_call)
{
    looped l;
    mst_timer *timer;
    unsigned due = 0;
    looped_open(&l);
    cr_assert_eq(l.host->timer_open(l.host, count, &due, &timer), MST_OK);
    uv_update_time(&l.uv);
    uint64_t begin = msi_now_ns();
    while (msi_now_ns() - begin < UINT64_C(30000000)) {
    }
    begin = msi_now_ns();
    l.host->timer_set(timer, 20);
    looped_run(&l, &due);
    cr_assert_geq(msi_now_ns() - begin, UINT64_C(19000000));
    l.host->timer_close(timer);
    looped_close(&l);
}

/* The plugin forgets everything: nothing of it is called later, everything is freed. */
Test(services, forgotten_handles)
{
    looped l;
    watch w, v;
    int one[2], two[2];
    mst_timer *timer, *over;
    unsigned due = 0;
    looped_open(&l);
    open_pair(&l, &w, one);
    open_pair(&l, &v, two);
    cr_assert_eq(l.host->timer_open(l.host, count, &due, &timer), MST_OK);
    l.host->timer_set(timer, 1);
    l.host->poll_set(w.poll, MST_POLL_WRITE);
    l.host->poll_close(v.poll, closed); /* begun, not over */
    cr_assert_eq(l.host->timer_open(l.host, count, &due, &over), MST_OK);
    l.host->timer_set(over, 1);
    l.host->timer_close(over); /* over as far as the plugin is concerned */
    msi_instance_release(l.instance);
    l.instance = NULL;
    cr_assert_str_eq(l.lines.text, "1 [provider.looped] provider \"looped\" left 3 handles or "
                                   "calls open on its loop\n");
    looped_close(&l);
    cr_assert_eq(w.calls + w.closed + v.calls + v.closed + due, 0);
    close(one[0]);
    close(one[1]);
    close(two[0]);
    close(two[1]);
}

/* The core leaves the loop first, and the instance lives on: a result may still be held. */
Test(services, instance_outlives_its_loop)
{
    looped l;
    mst_timer *timer, *second = NULL;
    unsigned due = 0;
    looped_open(&l);
    cr_assert_eq(l.host->timer_open(l.host, count, &due, &timer), MST_OK);
    l.host->timer_set(timer, 1);
    l.host->retain(l.host);
    cr_assert_eq(msi_instance_leave_loop(l.instance), 1);
    cr_assert_eq(msi_instance_leave_loop(l.instance), 0);
    cr_assert_eq(l.host->timer_open(l.host, count, &due, &second), MST_ENOTSUP);
    cr_assert_eq(l.host->post(l.host, count, &due), MST_ENOTSUP);
    msi_instance *late = l.instance;
    l.instance = NULL;
    msi_instance_release(late);
    msi_loop_close(&l.loop, NULL);
    uv_close((uv_handle_t *) &l.tick, NULL);
    uv_run(&l.uv, UV_RUN_DEFAULT);
    msi_loop_fini(&l.loop);
    cr_assert_eq(uv_loop_close(&l.uv), 0);
    cr_assert_gt(l.memory.live, 0);
    l.host->release(l.host);
    cr_assert_eq(l.memory.live, 0);
    cr_assert_eq(due, 0);
}
