/* calls.c - calls of the plugin that are made elsewhere: on its loop later, on a worker, in the
 * resolver. Each of the latter two has a thread of its own. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "loop.h"

static check_host *host_of(const mst_host *host)
{
    return (check_host *) (uintptr_t) host;
}

static void arrive(check_call *c)
{
    check_loop *l = c->loop;
    c->next = NULL;
    pthread_mutex_lock(&l->mutex);
    *l->last = c;
    l->last = &c->next;
    check_loop_wake(l);
    pthread_mutex_unlock(&l->mutex);
}

static check_call *call_new(check_host *h)
{
    check_call *c = check_memory(h->k, sizeof *c);
    c->loop = h->loop;
    atomic_fetch_add(&h->loop->waiting, 1);
    return c;
}

static mst_status post(const mst_host *host, void (*fn)(void *), void *arg)
{
    check_host *h = host_of(host);
    check_host_called(h, "post");
    if (!h->loop) {
        check_fail(h->k, "called post(), but its kind of plugin has no loop");
    }
    if (check_host_fails(h)) {
        return MST_ENOMEM;
    }
    check_call *c = call_new(h);
    c->fn = fn;
    c->arg = arg;
    arrive(c);
    return MST_OK;
}

static void *elsewhere(void *arg)
{
    check_call *c = arg;
    if (c->found) {
        const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
        c->error = getaddrinfo(c->name, c->port, &hints, &c->addresses);
    } else {
        c->fn(c->arg);
    }
    arrive(c);
    return NULL;
}

static mst_status start(check_host *h, check_call *c)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attributes, elsewhere, c)) {
        check_skip(h->k, "no thread");
    }
    pthread_attr_destroy(&attributes);
    return MST_OK;
}

static mst_status work(const mst_host *host, void (*fn)(void *), void (*done)(void *, mst_status),
                       void *arg)
{
    check_host *h = host_of(host);
    check_host_on_loop(h, "work");
    if (check_host_fails(h)) {
        return MST_ENOMEM;
    }
    check_call *c = call_new(h);
    c->fn = fn;
    c->done = done;
    c->arg = arg;
    return start(h, c);
}

static mst_status resolve(const mst_host *host, const char *name, const char *port,
                          void (*found)(void *, mst_status, const mst_address *, size_t), void *arg)
{
    check_host *h = host_of(host);
    check_host_on_loop(h, "resolve");
    if (check_host_fails(h)) {
        return MST_ENOMEM;
    }
    if (!name) {
        return MST_EINVAL;
    }
    check_call *c = call_new(h);
    c->found = found;
    c->arg = arg;
    c->name = strdup(name);
    c->port = port ? strdup(port) : NULL;
    return start(h, c);
}

static void tell_found(check_call *c)
{
    mst_address list[16];
    size_t n = 0;
    for (struct addrinfo *a = c->error ? NULL : c->addresses; a && n < 16; a = a->ai_next) {
        list[n++] = (mst_address){a->ai_addr, (uint32_t) a->ai_addrlen};
    }
    c->found(c->arg, n ? MST_OK : MST_ENOTFOUND, list, n);
    if (c->addresses) {
        freeaddrinfo(c->addresses);
    }
    free(c->name);
    free(c->port);
}

void check_call_tell(check_call *c)
{
    atomic_fetch_sub(&c->loop->waiting, 1);
    if (c->found) {
        tell_found(c);
    } else if (c->done) {
        c->done(c->arg, MST_OK);
    } else {
        c->fn(c->arg);
    }
    free(c);
}

void check_calls_services(mst_host *host)
{
    host->post = post;
    host->work = work;
    host->resolve = resolve;
}
