/* exporting.c - see exporting.h. */
#include "exporting.h"

#include <stdlib.h>

enum { HOUR_MS = 3600000 };

void exporting_allowed(kit *k)
{
    if (k->plugin->option_count && !k->setup->option_count) {
        check_skip(k, "it works outside of the process: say with --option where it may write");
    }
}

static void stop_showing(exporting *e)
{
    atomic_store(&e->instance->host.show, NULL);
    e->walks = check_show_walks(e->show);
    check_show_free(e->show);
}

mst_status exporting_start(kit *k, exporting *e, check_instance *i, check_loop *loop)
{
    *e = (exporting){k, loop, i, i->self, &k->ops.exporter, check_show_new(k), 0};
    check_doing(k, "start()");
    atomic_store(&i->host.show, e->show);
    atomic_store(&i->host.wrong_threads, true);
    i->host.may_set_error = true;
    mst_status status = e->ops->start(e->self);
    i->host.may_set_error = false;
    if (status < 0) {
        if (check_loop_open(loop)) {
            check_fail(k, "start() has failed, but %s", check_loop_open(loop));
        }
        stop_showing(e);
    }
    return status < 0 ? status : MST_OK;
}

void exporting_open(kit *k, exporting *e)
{
    if (!k->plugin) {
        check_subject(k);
        exporting_allowed(k);
    }
    check_instance *i = check_memory(k, sizeof *i);
    check_loop *loop = check_loop_new(k);
    check_instance_begin(k, i, loop);
    mst_status status = exporting_start(k, e, i, loop);
    if (status != MST_OK) {
        check_skip(k, "start() failed: %s; say with --option what it can use",
                   i->host.error[0] ? i->host.error : check_status(status));
    }
}

void exporting_open_for_spans(kit *k, exporting *e)
{
    exporting_open(k, e);
    if (!e->ops->spans) {
        check_skip(k, "it takes no spans");
    }
}

void exporting_wait(exporting *e)
{
    atomic_fetch_add(&e->instance->host.ahead_ms, HOUR_MS);
    check_loop_turn(e->loop, 0);
    check_loop_turn(e->loop, 1);
}

static void wait_for_stopped(exporting *e)
{
    int64_t patience_ms = e->k->setup->limit_ms / 2;
    uint64_t end = check_clock_ms() + (uint64_t) patience_ms;
    while (!atomic_load(&e->instance->host.stopped)) {
        if (check_clock_ms() >= end) {
            check_fail(e->k, "did not call stopped() within %lld ms after stop()",
                       (long long) patience_ms);
        }
        check_loop_turn(e->loop, 100);
    }
}

void exporting_stop(exporting *e)
{
    if (e->ops->stop) {
        check_doing(e->k, "stop()");
        e->ops->stop(e->self);
        wait_for_stopped(e);
    }
    const char *open = check_loop_open(e->loop);
    if (open) {
        check_fail(e->k, "says that it has stopped, but %s", open);
    }
    stop_showing(e);
    check_loop_turn(e->loop, 0);
    check_loop_turn(e->loop, 0);
}

void exporting_finish(exporting *e)
{
    const char *open = check_loop_open(e->loop);
    if (open) {
        check_fail(e->k, "has stopped, and after spans() %s", open);
    }
    check_instance_end(e->instance);
    check_loop_free(e->loop);
    free(e->instance);
}

void exporting_close(exporting *e)
{
    exporting_stop(e);
    exporting_finish(e);
}

void exporting_give(exporting *e, check_spans *s, int after)
{
    e->ops->spans(e->self, s->list, s->count);
    check_guard_protect(&s->guard, after);
}
