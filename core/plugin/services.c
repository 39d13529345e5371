/* services.c - polls and timers of an instance, on libuv.
 *
 * They do not keep a lent loop alive: what waits for them is counted where ops are counted. A poll
 * that was given back is over when libuv's close callback has run, not before: until then the
 * descriptor is still known to the kernel's poll set.
 */
#include "plugin/handle.h"

/* ---- polls */

struct mst_poll {
    msi_handle handle;
    uv_poll_t uv;
    void (*ready)(void *arg, int events, mst_status);
    void (*closed)(void *arg);
    void *arg;
};

static void poll_ready(uv_poll_t *uv, int error, int events)
{
    mst_poll *p = uv->data;
    int ours =
        (events & UV_READABLE ? MST_POLL_READ : 0) | (events & UV_WRITABLE ? MST_POLL_WRITE : 0);
    p->ready(p->arg, error ? 0 : ours, error ? MST_EIO : MST_OK);
}

static void poll_closed(uv_handle_t *uv)
{
    mst_poll *p = uv->data;
    if (p->handle.instance && p->closed) {
        p->closed(p->arg);
    }
    msi_handle_free(&p->handle);
}

static void poll_cut(msi_handle *h)
{
    mst_poll *p = (mst_poll *) h;
    if (!uv_is_closing((uv_handle_t *) &p->uv)) {
        uv_close((uv_handle_t *) &p->uv, poll_closed);
    }
}

static mst_status host_poll_open(const mst_host *host, int fd,
                                 void (*ready)(void *arg, int events, mst_status), void *arg,
                                 mst_poll **out)
{
    mst_poll *p;
    *out = NULL;
    mst_status status = msi_handle_new(host, sizeof *p, poll_cut, &p);
    if (status) {
        return status;
    }
    int error = uv_poll_init(msi_instance_of(host)->loop->uv, &p->uv, fd);
    if (error) {
        msi_handle_free(&p->handle);
        return msi_status_of_uv(error);
    }
    uv_unref((uv_handle_t *) &p->uv);
    p->uv.data = p;
    p->ready = ready;
    p->arg = arg;
    *out = p;
    return MST_OK;
}

static mst_status host_poll_set(mst_poll *p, int events)
{
    int theirs =
        (events & MST_POLL_READ ? UV_READABLE : 0) | (events & MST_POLL_WRITE ? UV_WRITABLE : 0);
    if (uv_is_closing((uv_handle_t *) &p->uv)) {
        return MST_ECLOSED;
    }
    return msi_status_of_uv(theirs ? uv_poll_start(&p->uv, theirs, poll_ready)
                                   : uv_poll_stop(&p->uv));
}

static void host_poll_close(mst_poll *p, void (*closed)(void *arg))
{
    if (!uv_is_closing((uv_handle_t *) &p->uv)) {
        p->closed = closed;
        if (!closed) {
            msi_handle_leave(&p->handle); /* nobody waits for it */
        }
        uv_close((uv_handle_t *) &p->uv, poll_closed);
    }
}

/* ---- timers */

struct mst_timer {
    msi_handle handle;
    uv_timer_t uv;
    void (*due)(void *arg);
    void *arg;
};

static void timer_due(uv_timer_t *uv)
{
    mst_timer *t = uv->data;
    t->due(t->arg);
}

static void timer_closed(uv_handle_t *uv)
{
    msi_handle_free(&((mst_timer *) uv->data)->handle);
}

static void host_timer_close(mst_timer *t)
{
    if (!uv_is_closing((uv_handle_t *) &t->uv)) {
        msi_handle_leave(&t->handle);
        uv_close((uv_handle_t *) &t->uv, timer_closed);
    }
}

static void timer_cut(msi_handle *h)
{
    host_timer_close((mst_timer *) h);
}

static mst_status host_timer_open(const mst_host *host, void (*due)(void *arg), void *arg,
                                  mst_timer **out)
{
    mst_timer *t;
    *out = NULL;
    mst_status status = msi_handle_new(host, sizeof *t, timer_cut, &t);
    if (status) {
        return status;
    }
    uv_timer_init(msi_instance_of(host)->loop->uv, &t->uv);
    uv_unref((uv_handle_t *) &t->uv);
    t->uv.data = t;
    t->due = due;
    t->arg = arg;
    *out = t;
    return MST_OK;
}

/* "From now" and not from when this turn of the loop began, which may be long ago. */
static void host_timer_set(mst_timer *t, uint64_t delay_ms)
{
    if (uv_is_closing((uv_handle_t *) &t->uv)) {
        return;
    }
    if (delay_ms == 0) {
        uv_timer_stop(&t->uv);
        return;
    }
    uv_update_time(t->uv.loop);
    uv_timer_start(&t->uv, timer_due, delay_ms, 0);
}

void msi_services_init(mst_host *host)
{
    host->poll_open = host_poll_open;
    host->poll_set = host_poll_set;
    host->poll_close = host_poll_close;
    host->timer_open = host_timer_open;
    host->timer_set = host_timer_set;
    host->timer_close = host_timer_close;
}
