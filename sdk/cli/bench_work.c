/* bench_work.c - one thread of the load: draws keys, sends requests, judges the answers.
 *
 * A request that is answered at once never leaves the thread. Others take a slot with them, and the
 * loop thread that answers judges it, takes the time, and puts the slot on a list; the worker takes
 * that list as a whole. So nobody but the worker touches its histogram and its counts, and the time
 * of an answer is the time when it came, not when the worker looked.
 *
 * A single worker in a closed loop is the loop thread itself: it runs a loop that it lent to the
 * runtime, as a program does that is built around one, and no thread waits for another. It turns
 * the loop when all its slots are taken, and every TURN_NS while there are answers to come, so that
 * those do not wait for as long as a near tier has the next ones at once.
 *
 * Closed loop: the next request goes out when a slot is free, and its latency counts from there,
 * not from when its turn came to be sent: so depth is throughput times latency. To read the clock
 * once per request, that is the end of the request before, when both were answered at once: drawing
 * and writing the key, some ten nanoseconds, is then part of the latency.
 *
 * Open loop: request i is due at begin + i * interval, and its latency counts from there even when
 * it went out late, because all slots were taken or the thread did not run.
 */
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "bench.h"

enum { TURN_NS = 250000 };

void bench_tally_add(bench_tally *t, const bench_tally *more)
{
    if (!t->errors && more->errors) {
        t->first_error = more->first_error;
        t->first_why = more->first_why;
    }
    t->ops += more->ops;
    t->reads += more->reads;
    t->hits += more->hits;
    t->refused += more->refused;
    t->errors += more->errors;
    t->wrong += more->wrong;
}

static void judge_error(bench_tally *t, uint64_t n, mst_status status, int why)
{
    if (!t->errors) {
        t->first_error = status;
        t->first_why = why;
    }
    t->errors += n;
}

static void judge_one(bench_slot *s, size_t i, const mst_result *r)
{
    const bench_plan *plan = s->worker->run->plan;
    bench_tally *t = &s->tally;
    bool plain_miss = r->status == MST_MISS && r->why == MST_WHY_MISS;
    if (s->writes && r->status == MST_UNCHANGED) {
        t->refused++;
    } else if (s->writes || r->status != MST_OK) {
        if (r->status != MST_OK && (s->writes || !plain_miss)) {
            judge_error(t, 1, r->status, r->why);
        }
    } else if (r->len == plan->value_size && bench_stamped(r->data, r->len, s->numbers[i])) {
        t->hits++;
    } else {
        t->wrong++;
        judge_error(t, 1, MST_OK, r->why);
    }
}

static void judge(bench_slot *s, const mst_result *results, size_t n)
{
    s->tally = (bench_tally){.ops = n, .reads = s->writes ? 0 : n};
    for (size_t i = 0; i < n; i++) {
        judge_one(s, i, &results[i]);
    }
    s->end = bench_clock();
}

static void hand_back(bench_slot *s)
{
    bench_worker *w = s->worker;
    if (w->run->c->loop) {
        s->next = w->done;
        w->done = s;
        return;
    }
    pthread_mutex_lock(&w->lock);
    s->next = w->done;
    w->done = s;
    atomic_store_explicit(&w->any, true, memory_order_relaxed);
    pthread_cond_signal(&w->answered);
    pthread_mutex_unlock(&w->lock);
}

static void on_done(void *arg, mst_result *result)
{
    judge(arg, result, 1);
    hand_back(arg);
}

static void on_done_many(void *arg, mst_result *results, size_t n)
{
    judge(arg, results, n);
    hand_back(arg);
}

static void settle(bench_worker *w, bench_slot *s)
{
    bench_hist_add(w->hist, s->end > s->due ? s->end - s->due : 0);
    bench_tally_add(&w->tally, &s->tally);
    atomic_store_explicit(&w->progress, w->tally.ops, memory_order_relaxed);
    s->next = w->free;
    w->free = s;
}

static bench_slot *take_lent(bench_worker *w, bool wait)
{
    bool due = w->flying && w->now - w->turned >= TURN_NS;
    if (wait || due) {
        do {
            uv_run(w->run->c->loop, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
        } while (wait && !w->done);
        w->now = w->turned = bench_clock();
    }
    bench_slot *done = w->done;
    w->done = NULL;
    return done;
}

static bench_slot *take(bench_worker *w, bool wait)
{
    bench_slot *done;
    if (!wait && !atomic_load_explicit(&w->any, memory_order_relaxed)) {
        return NULL;
    }
    pthread_mutex_lock(&w->lock);
    while (wait && !w->done) {
        pthread_cond_wait(&w->answered, &w->lock);
    }
    done = w->done;
    w->done = NULL;
    atomic_store_explicit(&w->any, false, memory_order_relaxed);
    pthread_mutex_unlock(&w->lock);
    return done;
}

/* Takes back what was answered; waits for something when `wait`. */
static void collect(bench_worker *w, bool wait)
{
    bench_slot *done = w->run->c->loop ? take_lent(w, wait) : take(w, wait);
    if (!done) {
        return;
    }
    while (done) {
        bench_slot *next = done->next;
        settle(w, done);
        w->flying--;
        done = next;
    }
    w->now = bench_clock();
}

static mst_status ask(bench_worker *w, bench_slot *s)
{
    const bench_plan *plan = w->run->plan;
    mst_cache *cache = w->run->c->cache;
    if (s->writes) {
        mst_input input = {.data = w->value, .len = plan->value_size};
        bench_stamp(w->value, plan->value_size, s->numbers[0]);
        return mst_set(cache, w->keys[0], &input, &plan->options, w->results, on_done, s);
    }
    if (plan->workload == BENCH_GET_MANY) {
        return mst_get_many(cache, w->keys, plan->batch, &plan->options, w->results, on_done_many,
                            s);
    }
    return mst_get(cache, w->keys[0], &plan->options, w->results, on_done, s);
}

static void send_one(bench_worker *w, bench_slot *s, uint64_t due)
{
    const bench_plan *plan = w->run->plan;
    size_t n = plan->batch;
    for (size_t i = 0; i < n; i++) {
        s->numbers[i] = bench_draw_key(&w->draw);
        bench_key(w->key_bytes + i * BENCH_KEY, s->numbers[i]);
        if (plan->trace) {
            fprintf(plan->trace, "%.*s %zu\n", BENCH_KEY, w->key_bytes + i * BENCH_KEY,
                    plan->value_size);
        }
    }
    s->due = due;
    s->writes = plan->workload == BENCH_SET ||
                (plan->workload == BENCH_MIXED && bench_draw_chance(&w->draw, plan->writes));
    mst_status status = ask(w, s);
    if (status == MST_PENDING) { /* the slot may be back already */
        w->flying++;
        w->now = plan->rate > 0 ? bench_clock() : w->now;
        return;
    }
    if (n > 1 && status < 0) { /* refused as a whole, there are no results */
        s->tally = (bench_tally){.ops = n, .reads = n};
        judge_error(&s->tally, n, status, MST_WHY_REJECTED);
        s->end = bench_clock();
    } else {
        judge(s, w->results, n);
        for (size_t i = 0; i < n; i++) {
            mst_result_release(&w->results[i]);
        }
    }
    w->now = s->end;
    settle(w, s);
}

static void wait_until(bench_worker *w, uint64_t due)
{
    if (w->now < due) {
        bench_sleep_until(due);
        w->now = bench_clock();
    }
}

static bool clock_says_go(bench_worker *w, uint64_t due)
{
    return due < w->run->end && w->now < w->run->latest;
}

/* Requests of this thread that are due from `due` to the end. */
static uint64_t unsent_from(const bench_run *run, uint64_t due, double interval)
{
    return due < run->end ? (uint64_t) ((double) (run->end - due - 1) / interval) + 1 : 0;
}

void bench_work(bench_worker *w)
{
    const bench_plan *plan = w->run->plan;
    bench_run *run = w->run;
    double each = (double) plan->batch * (double) plan->threads; /* operations of one round */
    double interval = plan->rate > 0 ? each / plan->rate * BENCH_SECOND : 0;
    w->tally = (bench_tally){0};
    w->unsent = 0;
    memset(w->hist, 0, sizeof *w->hist);
    w->now = bench_clock();
    for (double i = w->shift;; i++) {
        uint64_t due = run->begin + (uint64_t) (i * interval);
        if (interval > 0 && due < run->end) {
            wait_until(w, due);
        }
        collect(w, !w->free);
        due = interval > 0 ? due : w->now;
        if (!clock_says_go(w, due)) {
            w->unsent = interval > 0 ? unsent_from(run, due, interval) * plan->batch : 0;
            wait_until(w, run->end);
            break;
        }
        bench_slot *s = w->free;
        w->free = s->next;
        send_one(w, s, due);
    }
    while (w->flying) {
        collect(w, true);
    }
}

bool bench_worker_init(bench_worker *w, bench_run *run, size_t index)
{
    const bench_plan *plan = run->plan;
    w->run = run;
    w->shift = (double) index / (double) plan->threads;
    bench_draw_init(&w->draw, plan->keys, plan->zipf, index + 1);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->answered, NULL);
    w->slots = calloc(plan->depth, sizeof *w->slots);
    w->numbers = calloc(plan->depth * plan->batch, sizeof *w->numbers);
    w->key_bytes = calloc(plan->batch, BENCH_KEY);
    w->keys = calloc(plan->batch, sizeof *w->keys);
    w->results = calloc(plan->batch, sizeof *w->results);
    w->value = malloc(plan->value_size);
    w->hist = calloc(1, sizeof *w->hist);
    if (!w->slots || !w->numbers || !w->key_bytes || !w->keys || !w->results || !w->value ||
        !w->hist) {
        return false;
    }
    bench_fill_value(w->value, plan->value_size);
    for (size_t i = 0; i < plan->batch; i++) {
        w->keys[i] = (mst_slice){w->key_bytes + i * BENCH_KEY, BENCH_KEY};
    }
    for (size_t i = 0; i < plan->depth; i++) {
        w->slots[i] =
            (bench_slot){.worker = w, .next = w->free, .numbers = w->numbers + i * plan->batch};
        w->free = &w->slots[i];
    }
    return true;
}

void bench_worker_free(bench_worker *w)
{
    if (w->run) { /* else it was never begun */
        pthread_mutex_destroy(&w->lock);
        pthread_cond_destroy(&w->answered);
    }
    free(w->slots);
    free(w->numbers);
    free(w->key_bytes);
    free(w->keys);
    free(w->results);
    free(w->value);
    free(w->hist);
}
