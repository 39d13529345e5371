/* calls.c - calls that an instance has made elsewhere: on its loop thread, on a worker, in the
 * resolver. Each is freed before its callback runs, because the callback may be the one that ends
 * the instance. */
#include <netdb.h>
#include <string.h>

#include "plugin/handle.h"

/* ---- calls on the loop thread */

typedef struct post {
    msi_handle handle;
    msi_task task;
    void (*fn)(void *arg);
    void *arg;
} post;

static void post_run(msi_task *task)
{
    post *p = MSI_CONTAINER(task, post, task);
    bool live = p->handle.instance != NULL;
    void (*fn)(void *) = p->fn;
    void *arg = p->arg;
    msi_handle_free(&p->handle); /* first: fn() may be the one that ends the instance's life */
    if (live) {
        fn(arg);
    }
}

/* The lock is held over the posting, so that the loop cannot be left in between. */
static mst_status host_post(const mst_host *host, void (*fn)(void *arg), void *arg)
{
    msi_instance *i = msi_instance_of(host);
    post *p;
    pthread_mutex_lock(&i->open_mutex);
    mst_status status = msi_handle_new_locked(i, sizeof *p, NULL, &p);
    if (!status) {
        p->fn = fn;
        p->arg = arg;
        p->task.run = post_run;
        msi_loop_post(i->loop, &p->task);
    }
    pthread_mutex_unlock(&i->open_mutex);
    return status;
}

/* ---- calls on a worker thread */

typedef struct work {
    msi_handle handle;
    uv_work_t uv;
    void (*fn)(void *arg);
    void (*done)(void *arg, mst_status);
    void *arg;
} work;

static void work_run(uv_work_t *uv)
{
    work *w = uv->data;
    w->fn(w->arg);
}

static void work_done(uv_work_t *uv, int error)
{
    work *w = uv->data;
    bool live = w->handle.instance != NULL;
    void (*done)(void *, mst_status) = w->done;
    void *arg = w->arg;
    msi_handle_free(&w->handle);
    if (live) {
        done(arg, msi_status_of_uv(error));
    }
}

static void work_cut(msi_handle *h)
{
    uv_cancel((uv_req_t *) &((work *) h)->uv); /* in vain when it already runs */
}

static mst_status host_work(const mst_host *host, void (*fn)(void *arg),
                            void (*done)(void *arg, mst_status), void *arg)
{
    work *w;
    mst_status status = msi_handle_new(host, sizeof *w, work_cut, &w);
    if (status) {
        return status;
    }
    w->fn = fn;
    w->done = done;
    w->arg = arg;
    w->uv.data = w;
    int error = uv_queue_work(msi_instance_of(host)->loop->uv, &w->uv, work_run, work_done);
    if (error) {
        msi_handle_free(&w->handle);
    }
    return msi_status_of_uv(error);
}

/* ---- names */

enum { ADDRESSES_MAX = 64 };

typedef struct resolve {
    msi_handle handle;
    uv_getaddrinfo_t uv;
    void (*found)(void *arg, mst_status, const mst_address *, size_t n);
    void *arg;
} resolve;

static void resolve_done(uv_getaddrinfo_t *uv, int error, struct addrinfo *list)
{
    resolve *r = uv->data;
    bool live = r->handle.instance != NULL;
    void (*found)(void *, mst_status, const mst_address *, size_t) = r->found;
    void *arg = r->arg;
    mst_address addresses[ADDRESSES_MAX];
    size_t n = 0;
    for (const struct addrinfo *at = error ? NULL : list; at && n < ADDRESSES_MAX;
         at = at->ai_next) {
        addresses[n++] = (mst_address){at->ai_addr, (uint32_t) at->ai_addrlen};
    }
    msi_handle_free(&r->handle);
    if (live) {
        found(arg, error || n ? msi_status_of_uv(error) : MST_ENOTFOUND, addresses, n);
    }
    uv_freeaddrinfo(list);
}

static void resolve_cut(msi_handle *h)
{
    uv_cancel((uv_req_t *) &((resolve *) h)->uv);
}

static mst_status host_resolve(const mst_host *host, const char *name, const char *port,
                               void (*found)(void *arg, mst_status, const mst_address *, size_t n),
                               void *arg)
{
    /* One answer per address; without AI_ADDRCONFIG, under which a machine with nothing but a
     * loopback interface cannot resolve "localhost". */
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    resolve *r;
    mst_status status = name ? msi_handle_new(host, sizeof *r, resolve_cut, &r) : MST_EINVAL;
    if (status) {
        return status;
    }
    r->found = found;
    r->arg = arg;
    r->uv.data = r;
    int error =
        uv_getaddrinfo(msi_instance_of(host)->loop->uv, &r->uv, resolve_done, name, port, &hints);
    if (error) {
        msi_handle_free(&r->handle);
    }
    return msi_status_of_uv(error);
}

void msi_calls_init(mst_host *host)
{
    host->post = host_post;
    host->work = host_work;
    host->resolve = host_resolve;
}
