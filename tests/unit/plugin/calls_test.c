/* Posts, works and name resolution. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include "looped.h"

enum { POSTS = 1000 };

typedef struct order {
    unsigned count, done;
    unsigned seen[POSTS];
    pthread_t thread;
} order;

typedef struct item {
    order *order;
    unsigned number;
} item;

static item items[POSTS];

static void note(void *arg)
{
    item *i = arg;
    i->order->thread = pthread_self();
    i->order->seen[i->order->count++] = i->number;
    i->order->done = i->order->count == POSTS;
}

static const mst_host *poster;

static void *post_all(void *arg)
{
    for (unsigned n = 0; n < POSTS; n++) {
        items[n] = (item){arg, n};
        if (poster->post(poster, note, &items[n]) != MST_OK) {
            return arg;
        }
    }
    return NULL;
}

Test(calls, posts_of_another_thread_keep_their_order)
{
    looped l;
    static order o;
    pthread_t thread;
    void *failed = NULL;
    looped_open(&l);
    poster = l.host;
    cr_assert_eq(pthread_create(&thread, NULL, post_all, &o), 0);
    looped_run(&l, &o.done);
    cr_assert_eq(pthread_join(thread, &failed), 0);
    cr_assert_null(failed);
    for (unsigned n = 0; n < POSTS; n++) {
        cr_assert_eq(o.seen[n], n);
    }
    cr_assert(pthread_equal(o.thread, pthread_self()));
    cr_assert_eq(l.instance->handles, 0);
    looped_close(&l);
    cr_assert_eq(l.lines.count, 0, "%s", l.lines.text);
}

static void count(void *arg)
{
    ++*(unsigned *) arg;
}

Test(calls, post_never_runs_inside_the_call)
{
    looped l;
    unsigned ran = 0;
    looped_open(&l);
    cr_assert_eq(l.host->post(l.host, count, &ran), MST_OK);
    cr_assert_eq(ran, 0);
    looped_run(&l, &ran);
    l.memory.fail_at = l.memory.calls + 1;
    cr_assert_eq(l.host->post(l.host, count, &ran), MST_ENOMEM);
    l.memory.fail_at = 0;
    cr_assert_eq(ran, 1);
    looped_close(&l);
}

typedef struct job {
    pthread_t worker, loop;
    unsigned ran, done;
    mst_status status;
} job;

static void work(void *arg)
{
    job *j = arg;
    j->worker = pthread_self();
    j->ran++;
}

static void worked(void *arg, mst_status status)
{
    job *j = arg;
    j->loop = pthread_self();
    j->status = status;
    j->done++;
}

Test(calls, work)
{
    looped l;
    job j = {.status = MST_PENDING};
    looped_open(&l);
    cr_assert_eq(l.host->work(l.host, work, worked, &j), MST_OK);
    looped_run(&l, &j.done);
    cr_assert_eq(j.ran, 1);
    cr_assert_eq(j.done, 1);
    cr_assert_eq(j.status, MST_OK);
    cr_assert(pthread_equal(j.loop, pthread_self()));
    cr_assert_not(pthread_equal(j.worker, j.loop));
    looped_close(&l);
}

typedef struct answer {
    unsigned done;
    mst_status status;
    unsigned v4, v6;
    int family, port;
    char text[64];
} answer;

static void found(void *arg, mst_status status, const mst_address *addresses, size_t n)
{
    answer *a = arg;
    a->done++;
    a->status = status;
    for (size_t i = 0; i < n; i++) {
        const struct sockaddr *sa = addresses[i].sockaddr;
        a->family = sa->sa_family;
        if (sa->sa_family == AF_INET) {
            const struct sockaddr_in *in = addresses[i].sockaddr;
            a->v4++;
            a->port = ntohs(in->sin_port);
            inet_ntop(AF_INET, &in->sin_addr, a->text, sizeof a->text);
        } else {
            const struct sockaddr_in6 *in = addresses[i].sockaddr;
            a->v6++;
            a->port = ntohs(in->sin6_port);
            inet_ntop(AF_INET6, &in->sin6_addr, a->text, sizeof a->text);
        }
    }
}

static answer resolve(looped *l, const char *name, const char *port)
{
    answer a = {.status = MST_PENDING};
    cr_assert_eq(l->host->resolve(l->host, name, port, found, &a), MST_OK);
    cr_assert_eq(a.done, 0, "not from inside the call");
    looped_run(l, &a.done);
    cr_assert_eq(a.done, 1);
    return a;
}

Test(calls, resolve)
{
    looped l;
    looped_open(&l);
    answer a = resolve(&l, "127.0.0.1", "6379");
    cr_assert(a.status == MST_OK && a.v4 == 1 && a.v6 == 0 && a.port == 6379);
    cr_assert_str_eq(a.text, "127.0.0.1");
    a = resolve(&l, "::1", NULL);
    cr_assert(a.status == MST_OK && a.v6 == 1 && a.port == 0);
    cr_assert_str_eq(a.text, "::1");
    a = resolve(&l, "localhost", "80");
    cr_assert(a.status == MST_OK && a.v4 + a.v6 >= 1 && a.port == 80);
    a = resolve(&l, "127.0.0.1", "no-such-service");
    cr_assert_lt(a.status, 0);
    cr_assert_eq(a.v4 + a.v6, 0);
    a = resolve(&l, "no such name", "80"); /* cannot be one: no server is asked */
    cr_assert_lt(a.status, 0);
    cr_assert_eq(l.host->resolve(l.host, NULL, "80", found, &a), MST_EINVAL);
    cr_assert_eq(l.instance->handles, 0);
    looped_close(&l);
    cr_assert_eq(l.lines.count, 0, "%s", l.lines.text);
}

/* Nothing is told to an instance that has gone, and its memory is not touched. */
Test(calls, forgotten_calls)
{
    looped l;
    job j = {.status = MST_PENDING};
    answer a = {.status = MST_PENDING};
    unsigned ran = 0;
    looped_open(&l);
    cr_assert_eq(l.host->post(l.host, count, &ran), MST_OK);
    cr_assert_eq(l.host->work(l.host, work, worked, &j), MST_OK);
    cr_assert_eq(l.host->resolve(l.host, "127.0.0.1", "1", found, &a), MST_OK);
    cr_assert_eq(l.instance->handles, 3);
    msi_instance_release(l.instance);
    l.instance = NULL;
    cr_assert_str_eq(l.lines.text, "1 [provider.looped] provider \"looped\" left 3 handles or "
                                   "calls open on its loop\n");
    uv_run(&l.uv, UV_RUN_DEFAULT);
    looped_close(&l);
    cr_assert_eq(ran + j.done + a.done, 0);
}
