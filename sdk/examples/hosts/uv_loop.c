/* uv_loop.c - example: a program that is built around a libuv loop of its own.
 *
 *   uv_loop [--requests N]
 *
 * The runtime lives on the program's loop: no other thread is started, and answers come between the
 * program's own events. Its handles do not keep the loop alive, so uv_run() returns when the
 * program's work and the requests are done.
 */
#include <stdlib.h>
#include <uv.h>

#include "mix.h"

typedef struct program {
    mst_runtime *runtime;
    mix mix;
    uv_idle_t work; /* what the program does whenever the loop turns */
    bool closed;
} program;

static void on_closed(void *arg)
{
    program *p = arg;
    p->closed = true;
}

static void on_turn(uv_idle_t *work)
{
    program *p = work->data;
    if (!mix_step(&p->mix)) {
        uv_close((uv_handle_t *) work, NULL);
        mst_close(p->runtime, on_closed, p); /* on this thread, and not to be waited for */
    }
}

int main(int argc, char **argv)
{
    static program p;
    uv_loop_t loop;
    uint64_t requests = mix_requests(argc, argv);
    if (requests == 0 || uv_loop_init(&loop) != 0) {
        return 2;
    }
    p.runtime = mix_open(&loop);
    if (!p.runtime) {
        return 2;
    }
    mix_begin(&p.mix, mst_cache_named(p.runtime, NULL), requests);
    uv_idle_init(&loop, &p.work);
    p.work.data = &p;
    uv_idle_start(&p.work, on_turn);
    uv_run(&loop, UV_RUN_DEFAULT);
    bool ok = uv_loop_close(&loop) == 0 && p.closed; /* nothing was left on it */
    return mix_report(&p.mix, "uv_loop") && ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
