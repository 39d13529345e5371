/* exporter.c - cases of exporters: their life, and the metrics that they are shown. */
#define _GNU_SOURCE
#include <dirent.h>
#include <malloc.h>
#include <poll.h>

#include "cases.h"
#include "exporting.h"

__attribute__((weak)) int __lsan_do_recoverable_leak_check(void);

/* ---- start and stop, many times */

static int entries_of(const char *directory)
{
    int n = 0;
    DIR *d = opendir(directory);
    while (d && readdir(d)) {
        n++;
    }
    if (d) {
        closedir(d);
    }
    return n;
}

typedef struct holdings {
    int descriptors, threads;
    size_t memory; /* of malloc(), which a sanitizer's counts elsewhere */
} holdings;

static holdings count_holdings(void)
{
    return (holdings){entries_of("/proc/self/fd"), entries_of("/proc/self/task"),
                      mallinfo2().uordblks};
}

/* Threads that have been told to end may take a moment. */
static holdings settle(const kit *k, holdings before)
{
    holdings now = count_holdings();
    uint64_t end = check_clock_ms() + (uint64_t) k->setup->limit_ms / 4;
    while (now.threads > before.threads && check_clock_ms() < end) {
        poll(NULL, 0, 5);
        now = count_holdings();
    }
    return now;
}

/* A leak grows all the time. What threads that come and go leave behind varies, and what is kept
 * for the next time grows in the beginning: so the less of both halves counts. */
static void check_memory_of_rounds(kit *k, const size_t *memory, int rounds)
{
    enum { LEAST = 32, SLACK = 4 << 10 };
    size_t first = memory[0], middle = memory[rounds / 2], last = memory[rounds];
    size_t allowed = (size_t) rounds / 2 * LEAST + SLACK;
    if (middle > first + allowed && last > middle + allowed) {
        check_fail(k, "%d rounds of start() and stop() leave %zu bytes more behind, of malloc()",
                   rounds, last - first);
    }
}

void case_exporter_start_stop(kit *k)
{
    enum { FIRST = 5, ROUNDS = 200 };
    size_t memory[ROUNDS + 1];
    exporting e;
    holdings before = {0};
    const check_random same = k->random;
    int rounds = -FIRST;
    for (; rounds < ROUNDS && check_has_time(k); rounds++) {
        if (rounds == 0) {
            before = count_holdings();
            memory[0] = before.memory;
        }
        k->random = same; /* metrics of other lengths would disguise a leak */
        exporting_open(k, &e);
        exporting_close(&e);
        if (rounds >= 0) {
            memory[rounds + 1] = mallinfo2().uordblks;
        }
    }
    if (rounds <= 0) {
        check_skip(k, "one start and stop takes too long: raise --timeout");
    }
    holdings after = settle(k, before);
    if (after.descriptors - before.descriptors >= rounds) {
        check_fail(k, "%d rounds of start() and stop() leave %d descriptors open", rounds,
                   after.descriptors - before.descriptors);
    }
    if (after.threads - before.threads >= rounds) {
        check_fail(k, "%d rounds of start() and stop() leave %d threads running", rounds,
                   after.threads - before.threads);
    }
    if (__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check()) {
        check_fail(k, "LeakSanitizer has found a leak after %d rounds", rounds);
    }
    check_memory_of_rounds(k, memory, rounds);
}

/* ---- stop with work pending */

static void give_some(exporting *e, check_spans *s)
{
    for (unsigned shape = 0; e->ops->spans && shape < CHECK_SPAN_SHAPES; shape++) {
        check_spans_lay(s, &e->k->random, shape);
        check_doing(e->k, "spans() of %s", check_spans_name(shape));
        exporting_give(e, s, CHECK_CLOSED);
    }
}

void case_exporter_stop(kit *k)
{
    enum { ROUNDS = 10 };
    exporting e;
    check_spans s;
    check_spans_open(k, &s);
    for (int round = 0; round < ROUNDS && check_has_time(k); round++) {
        exporting_open(k, &e);
        give_some(&e, &s);
        if (round % 2) {
            exporting_wait(&e); /* and what it has begun is not waited for */
        }
        give_some(&e, &s);
        exporting_close(&e);
    }
}

/* ---- metrics */

void case_exporter_walk(kit *k)
{
    enum { ROUNDS = 30 };
    exporting e;
    int walks = 0;
    for (int round = 0; round < ROUNDS && check_has_time(k); round++) {
        exporting_open(k, &e);
        /* A label that is too long for the block it is copied to is to be found there. */
        atomic_store(&e.instance->host.behind, CHECK_LABEL_MAX + 1);
        check_doing(k, "a walk over metrics of all shapes");
        exporting_wait(&e);
        exporting_close(&e);
        walks += e.walks;
    }
    if (!walks) {
        check_skip(k, "it waits for somebody who asks for metrics");
    }
}

/* ---- one of its allocations has failed */

void scenario_exporter(kit *k, check_instance *i)
{
    static check_spans s;
    exporting e;
    exporting_allowed(k);
    if (!s.guard.map) {
        check_spans_open(k, &s);
    }
    if (exporting_start(k, &e, i, i->host.loop) == MST_OK) {
        give_some(&e, &s);
        exporting_wait(&e);
        exporting_stop(&e);
    }
}
