/* bench_run.c - the threads of the load, first through a warm-up, then through the measurement.
 *
 * All workers wait at a gate before each phase and after the last. So no request of the warm-up is
 * in flight when the clocks of the measurement start, and they stop when the last answer is there.
 * Who opens the gates does nothing else meanwhile but show the progress.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "bench.h"

enum { PHASES = 2 };

uint64_t bench_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t) t.tv_sec * 1000000000u + (uint64_t) t.tv_nsec;
}

void bench_sleep_until(uint64_t ns)
{
    struct timespec t = {.tv_sec = (time_t) (ns / 1000000000u),
                         .tv_nsec = (long) (ns % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {
    }
}

static double cpu_clock(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return ((double) u.ru_utime.tv_sec + (double) u.ru_stime.tv_sec) * BENCH_SECOND +
           ((double) u.ru_utime.tv_usec + (double) u.ru_stime.tv_usec) * 1e3;
}

/* ---- the gate. Phases are counted from 1. */

static bool gate_pass(bench_run *run, unsigned phase)
{
    pthread_mutex_lock(&run->lock);
    run->waiting++;
    pthread_cond_broadcast(&run->moved);
    while (run->phase < phase && !run->stop) {
        pthread_cond_wait(&run->moved, &run->lock);
    }
    bool go = !run->stop;
    pthread_mutex_unlock(&run->lock);
    return go;
}

static void gate_gather(bench_run *run, size_t workers)
{
    pthread_mutex_lock(&run->lock);
    while (run->waiting < workers) {
        pthread_cond_wait(&run->moved, &run->lock);
    }
    run->waiting = 0;
    pthread_mutex_unlock(&run->lock);
}

/* The time is read here, while nobody works. */
static void gate_open(bench_run *run, double seconds)
{
    pthread_mutex_lock(&run->lock);
    run->begin = bench_clock();
    run->end = run->begin + (uint64_t) (seconds * BENCH_SECOND);
    /* What was due in time may go out late, but not for ever. */
    uint64_t more = run->plan->seconds > 1 ? run->end - run->begin : (uint64_t) BENCH_SECOND;
    run->latest = run->end + (run->plan->rate > 0 ? more : 0);
    run->phase++;
    pthread_cond_broadcast(&run->moved);
    pthread_mutex_unlock(&run->lock);
}

static void gate_stop(bench_run *run)
{
    pthread_mutex_lock(&run->lock);
    run->stop = true;
    pthread_cond_broadcast(&run->moved);
    pthread_mutex_unlock(&run->lock);
}

static void *worker_main(void *arg)
{
    bench_worker *w = arg;
#ifdef __linux__
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* else an open loop is late by 50 us by itself */
#endif
    for (unsigned phase = 1; phase <= PHASES; phase++) {
        if (!gate_pass(w->run, phase)) {
            return NULL;
        }
        bench_work(w);
    }
    gate_pass(w->run, 0);
    return NULL;
}

static void look_on(const bench_run *run, const char *what)
{
    const uint64_t tick = 250000000;
    double seconds = (double) (run->end - run->begin) / BENCH_SECOND;
    uint64_t last = 0;
    for (uint64_t t = run->begin + tick; t < run->end; t += tick) {
        uint64_t ops = 0;
        bench_sleep_until(t);
        for (size_t i = 0; i < run->plan->threads; i++) {
            ops += atomic_load_explicit(&run->workers[i].progress, memory_order_relaxed);
        }
        out_progress("%s %.1f of %.1f s, %.0f ops/s", what,
                     (double) (t - run->begin) / BENCH_SECOND, seconds,
                     ops < last ? 0 : (double) (ops - last) / ((double) tick / BENCH_SECOND));
        last = ops;
    }
    out_progress(NULL);
}

static void *conduct(void *arg)
{
    bench_run *run = arg;
    bench_figures *f = run->figures;
    size_t threads = run->plan->threads;
    gate_gather(run, threads);
    gate_open(run, run->plan->warmup);
    gate_gather(run, threads);
    double cpu = cpu_clock();
    gate_open(run, run->plan->seconds);
    if (run->show_progress) {
        look_on(run, "measuring:");
    }
    gate_gather(run, threads);
    f->wall_ns = (double) (bench_clock() - run->begin);
    f->cpu_ns = cpu_clock() - cpu;
    return NULL;
}

/* The worker is the thread that runs the lent loop, this one: another one opens the gates. */
static int run_here(bench_run *run)
{
    pthread_t conductor;
    int error = pthread_create(&conductor, NULL, conduct, run);
    if (!error) {
        worker_main(&run->workers[0]);
        pthread_join(conductor, NULL);
    }
    return error;
}

static void add_up(const bench_run *run, bench_figures *f)
{
    for (size_t i = 0; i < run->plan->threads; i++) {
        const bench_worker *w = &run->workers[i];
        bench_tally_add(&f->tally, &w->tally);
        bench_hist_merge(&f->hist, w->hist);
        f->unsent += w->unsent;
    }
}

int bench_run_all(cli *c, const bench_plan *plan, bool show_progress, bench_figures *f)
{
    bench_run run = {.c = c, .plan = plan, .show_progress = show_progress, .figures = f};
    size_t started = 0;
    int error = 0;
    run.workers = calloc(plan->threads, sizeof *run.workers);
    bool ready = run.workers != NULL;
    pthread_mutex_init(&run.lock, NULL);
    pthread_cond_init(&run.moved, NULL);
    for (size_t i = 0; ready && i < plan->threads; i++) {
        ready = bench_worker_init(&run.workers[i], &run, i);
    }
    if (ready && c->loop) {
        error = run_here(&run);
    }
    for (; ready && !c->loop && !error && started < plan->threads; started += !error) {
        bench_worker *w = &run.workers[started];
        error = pthread_create(&w->thread, NULL, worker_main, w);
    }
    if (ready && !c->loop && !error) {
        conduct(&run);
    } else if (!ready || error) {
        cli_say(c, "bench: %s", ready ? strerror(error) : mst_strerror(MST_ENOMEM));
        gate_stop(&run);
    }
    for (size_t i = 0; i < started; i++) {
        pthread_join(run.workers[i].thread, NULL);
    }
    if (ready && !error) {
        add_up(&run, f);
    }
    for (size_t i = 0; run.workers && i < plan->threads; i++) {
        bench_worker_free(&run.workers[i]);
    }
    free(run.workers);
    pthread_mutex_destroy(&run.lock);
    pthread_cond_destroy(&run.moved);
    return ready && !error ? CLI_OK : CLI_FAILED;
}
