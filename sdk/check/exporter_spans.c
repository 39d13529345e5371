/* exporter_spans.c - cases of exporters that take spans. */
#include <pthread.h>

#include "cases.h"
#include "exporting.h"

static void take_all_shapes(kit *k, int after)
{
    enum { PLACES = 5, ROUNDS = 300 };
    static check_spans places[PLACES];
    exporting e;
    exporting_open_for_spans(k, &e);
    for (int i = 0; i < PLACES; i++) {
        check_spans_open(k, &places[i]);
    }
    for (unsigned round = 0; round < ROUNDS && check_has_time(k); round++) {
        check_spans *s = &places[round % PLACES];
        unsigned shape = round < CHECK_SPAN_SHAPES ? round : (unsigned) check_draw(&k->random, 100);
        check_spans_lay(s, &k->random, shape);
        check_doing(k, "spans() of %s", check_spans_name(shape));
        exporting_give(&e, s, after);
        check_doing(k, "what follows spans() of %s", check_spans_name(shape));
        if (round % 8 == 7) {
            exporting_wait(&e);
        }
    }
    exporting_close(&e);
}

void case_exporter_shapes(kit *k)
{
    take_all_shapes(k, CHECK_READ_ONLY);
}

void case_exporter_copied(kit *k)
{
    take_all_shapes(k, CHECK_CLOSED);
}

/* The loop stands still: what could be sent there is not. */
void case_exporter_bounded(kit *k)
{
    enum { CALLS = 1000, A_SPAN = 16 };
    exporting e;
    check_spans s;
    int64_t bytes[2];
    exporting_open_for_spans(k, &e);
    check_spans_open(k, &s);
    check_spans_lay(&s, &k->random, CHECK_SPAN_SHAPES - 1);
    check_doing(k, "spans() of %d spans, one call after the other", 2 * CALLS * CHECK_SPANS_MAX);
    for (int half = 0; half < 2; half++) {
        for (int i = 0; i < CALLS; i++) {
            exporting_give(&e, &s, CHECK_READ_ONLY);
        }
        bytes[half] = atomic_load(&e.instance->host.bytes);
    }
    if (bytes[1] - bytes[0] >= CALLS * CHECK_SPANS_MAX * A_SPAN) {
        check_fail(k, "holds %lld bytes after %d spans, and %lld after twice as many",
                   (long long) bytes[0], CALLS * CHECK_SPANS_MAX, (long long) bytes[1]);
    }
    exporting_close(&e);
}

/* ---- several threads */

enum { THREADS = 4, CALLS_MAX = 300 };

typedef struct sender {
    exporting *e;
    check_spans spans;
    check_random random;
    pthread_t thread;
    int calls;             /* at most; 0: until it is told */
    _Atomic(bool) *enough; /* of all */
    _Atomic(int) *running;
} sender;

static void *send(void *arg)
{
    sender *s = arg;
    for (int i = 0; (!s->calls || i < s->calls) && !atomic_load(s->enough); i++) {
        check_spans_lay(&s->spans, &s->random, (unsigned) check_draw(&s->random, 100));
        exporting_give(s->e, &s->spans, CHECK_CLOSED);
    }
    atomic_fetch_sub(s->running, 1);
    return NULL;
}

static void start_senders(exporting *e, sender *all, int calls)
{
    static _Atomic(bool) enough;
    static _Atomic(int) running;
    atomic_store(&enough, false);
    atomic_store(&running, THREADS);
    for (int i = 0; i < THREADS; i++) {
        all[i] = (sender){.e = e, .calls = calls, .enough = &enough, .running = &running};
        all[i].random.state = check_draw(&e->k->random, UINT64_MAX);
        check_spans_open(e->k, &all[i].spans);
    }
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&all[i].thread, NULL, send, &all[i])) {
            check_skip(e->k, "no thread");
        }
    }
}

static void end_senders(sender *all)
{
    for (int i = 0; i < THREADS; i++) {
        pthread_join(all[i].thread, NULL);
        check_guard_close(&all[i].spans.guard);
    }
}

void case_exporter_concurrent(kit *k)
{
    sender all[THREADS];
    exporting e;
    exporting_open_for_spans(k, &e);
    check_doing(k, "spans() on %d threads at once", THREADS);
    start_senders(&e, all, CALLS_MAX);
    while (atomic_load(all->running)) {
        atomic_store(all->enough, !check_has_time(k));
        exporting_wait(&e);
    }
    end_senders(all);
    exporting_close(&e);
}

void case_exporter_late(kit *k)
{
    enum { ROUNDS = 10 };
    sender all[THREADS];
    exporting e;
    check_spans last;
    check_spans_open(k, &last);
    for (int round = 0; round < ROUNDS && check_has_time(k); round++) {
        exporting_open_for_spans(k, &e);
        start_senders(&e, all, 0);
        exporting_stop(&e);
        atomic_store(all->enough, true);
        end_senders(all);
        check_spans_lay(&last, &k->random, (unsigned) round);
        check_doing(k, "spans() after stopped()");
        exporting_give(&e, &last, CHECK_CLOSED);
        exporting_finish(&e);
    }
}
