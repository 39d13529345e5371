/* posting.c - threads of a plugin post calls to its loop while the core leaves that loop.
 *
 * Every call that was accepted before runs once, in the order of its thread, on the loop thread;
 * after the leaving nothing is accepted and nothing runs. A plain program, for ThreadSanitizer. */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "plugin/instance.h"

enum { THREADS = 4, ENOUGH = 5000 };

typedef struct poster {
    pthread_t thread;
    uint64_t accepted;          /* by the thread */
    _Atomic uint64_t seen;      /* on the loop */
    mst_status last;            /* why it ended */
    unsigned disorder, strange; /* on the loop */
} poster;

static struct {
    msi_loop loop;
    msi_instance *instance;
    const mst_host *host;
    poster posters[THREADS];
    _Atomic bool left;
    size_t forgotten;
    msi_task leave, close;
} t;

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_PROVIDER,
    .kind_version = 1,
    .name = "poster",
    .version = "1",
    .author = "memstache",
    .license = "MIT",
    .summary = "posts from threads",
};

/* The argument is the number of the call and that of its thread: forgotten ones own nothing. */
static void run(void *arg)
{
    poster *p = &t.posters[(uintptr_t) arg % THREADS];
    p->disorder += (uintptr_t) arg / THREADS != p->seen;
    p->strange += !msi_loop_here(&t.loop) || t.left;
    p->seen++;
}

static void *post_until_refused(void *arg)
{
    poster *p = arg;
    size_t index = (size_t) (p - t.posters);
    while (p->last == MST_OK) {
        p->last = t.host->post(t.host, run, (void *) (uintptr_t) (p->accepted * THREADS + index));
        p->accepted += p->last == MST_OK;
    }
    return NULL;
}

static void leave(msi_task *task)
{
    (void) task;
    t.forgotten = msi_instance_leave_loop(t.instance);
    t.left = true;
}

static void close_loop(msi_task *task)
{
    (void) task;
    msi_loop_close(&t.loop, NULL);
}

static int verdict(void)
{
    uint64_t accepted = 0, seen = 0;
    int failed = 0;
    for (int i = 0; i < THREADS; i++) {
        const poster *p = &t.posters[i];
        accepted += p->accepted;
        seen += p->seen;
        if (p->disorder || p->strange || p->last != MST_ENOTSUP) {
            fprintf(stderr, "posting: thread %d: disorder %u, strange %u, status %d, seen %llu\n",
                    i, p->disorder, p->strange, (int) p->last, (unsigned long long) p->seen);
            failed = 1;
        }
    }
    if (seen + t.forgotten != accepted) {
        fprintf(stderr, "posting: %llu accepted, %llu ran, %zu forgotten\n",
                (unsigned long long) accepted, (unsigned long long) seen, t.forgotten);
        failed = 1;
    }
    return failed;
}

int main(void)
{
    const msi_plugin described = {.plugin = &plugin};
    const msi_log silent = {.write = NULL};
    if (msi_loop_init(&t.loop, NULL, 0, &msi_malloc_allocator) ||
        msi_instance_new(&t.instance, &described, "provider.poster", NULL, &t.loop,
                         &msi_malloc_allocator, &silent, NULL) ||
        msi_loop_start(&t.loop)) {
        fprintf(stderr, "posting: cannot set up\n");
        return 1;
    }
    t.host = &t.instance->host;
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&t.posters[i].thread, NULL, post_until_refused, &t.posters[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        while (t.posters[i].seen < ENOUGH) {
            struct timespec ms = {0, 1000000};
            nanosleep(&ms, NULL);
        }
    }
    t.leave.run = leave;
    msi_loop_post(&t.loop, &t.leave);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(t.posters[i].thread, NULL);
    }
    t.close.run = close_loop;
    msi_loop_post(&t.loop, &t.close);
    msi_loop_join(&t.loop);
    int failed = verdict();
    msi_instance_release(t.instance);
    msi_loop_fini(&t.loop);
    return failed;
}
