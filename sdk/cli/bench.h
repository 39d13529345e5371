/* bench.h - what the files of `memstache bench` share.
 *
 *   cmd_bench.c    the command: its settings, its phases in order
 *   bench_run.c    threads, warm-up and measurement
 *   bench_work.c   one thread: draws keys, sends requests, judges answers
 *   bench_fill.c   stores all keys before, removes them after
 *   bench_draw.c   keys, values, and which key comes next
 *   bench_hist.c   latencies
 *   bench_show.c   the figures as a table or as JSON
 */
#ifndef MEMSTACHE_BENCH_H
#define MEMSTACHE_BENCH_H

#include <pthread.h>
#include <stdatomic.h>

#include "cli.h"

#define BENCH_SECOND 1e9 /* times are nanoseconds of the monotonic clock */

/* ---- settings */
enum { BENCH_GET, BENCH_SET, BENCH_MIXED, BENCH_GET_MANY, BENCH_WORKLOADS };
extern const char *const bench_workloads[BENCH_WORKLOADS];
typedef struct bench_plan {
    int workload;
    uint64_t keys;
    double writes;                            /* the share of sets, 0 to 1 */
    size_t value_size, depth, threads, batch; /* batch: keys of a request, 1 unless get_many */
    const char *dist;                         /* as it was given */
    double zipf;                              /* its exponent; 0: uniform */
    double seconds, warmup;
    double rate; /* operations per second of all threads; 0: closed loop */
    mst_options options;
    FILE *trace; /* where requests are written down; NULL */
} bench_plan;

/* ---- bench_draw.c */
enum { BENCH_KEY = 16, BENCH_STAMP = 8 };
/* "bench:" and ten hexadecimal digits. */
void bench_key(char key[BENCH_KEY], uint64_t number);
/* Bytes that compress to about half; the same ones every time. */
void bench_fill_value(unsigned char *value, size_t len);
/* The number of its key, at both ends of the value; len is at least BENCH_STAMP. */
void bench_stamp(unsigned char *value, size_t len, uint64_t number);
bool bench_stamped(const void *value, size_t len, uint64_t number);

typedef struct bench_draw {
    uint64_t keys, state;
    double exponent, first, last, sure; /* of zipf */
} bench_draw;
void bench_draw_init(bench_draw *, uint64_t keys, double zipf, uint64_t seed);
uint64_t bench_random(bench_draw *);
bool bench_draw_chance(bench_draw *, double share); /* true with this probability */
uint64_t bench_draw_key(bench_draw *); /* 0 to keys - 1; with zipf, 0 is the most frequent */

/* ---- bench_hist.c */
enum { BENCH_HIST_BITS = 7, BENCH_HIST_CELLS = (64 - BENCH_HIST_BITS + 1) << BENCH_HIST_BITS };
typedef struct bench_hist {
    uint64_t total, max;
    uint64_t cells[BENCH_HIST_CELLS];
} bench_hist;
void bench_hist_add(bench_hist *, uint64_t ns);
void bench_hist_merge(bench_hist *, const bench_hist *from);
/* The least latency that `share` of them all do not exceed, within 0.4 %; 0 when there is none. */
uint64_t bench_hist_at(const bench_hist *, double share);

/* ---- bench_work.c */
typedef struct bench_tally {
    uint64_t ops, reads, hits;
    uint64_t refused; /* sets that no tier took: full, and the policy did not let them in */
    uint64_t errors;  /* operations that failed, `wrong` included */
    uint64_t wrong;   /* reads that answered with another value */
    mst_status first_error;
    int first_why;
} bench_tally;
void bench_tally_add(bench_tally *, const bench_tally *more);

typedef struct bench_worker bench_worker;
typedef struct bench_run bench_run;

/* A place for a request in flight. */
typedef struct bench_slot {
    bench_worker *worker;
    struct bench_slot *next;
    uint64_t due, end;
    bool writes;
    bench_tally tally;
    uint64_t *numbers; /* of its keys */
} bench_slot;

struct bench_worker {
    bench_run *run;
    pthread_t thread;
    bench_draw draw;
    uint64_t now;    /* when the clock was read last */
    uint64_t turned; /* when a lent loop was run last */
    double shift;    /* of the first request of an open loop, in intervals */
    size_t flying;   /* requests without an answer */
    bench_slot *slots, *free;
    uint64_t *numbers;
    char *key_bytes;
    mst_slice *keys;
    mst_result *results;
    unsigned char *value;
    bench_tally tally;
    uint64_t unsent; /* operations that were due and never sent: open loop */
    bench_hist *hist;
    _Atomic uint64_t progress; /* operations so far, for whoever looks on */
    /* What loop threads hand back. */
    pthread_mutex_t lock;
    pthread_cond_t answered;
    bench_slot *done;
    _Atomic bool any; /* done != NULL, to be asked without the lock */
};
bool bench_worker_init(bench_worker *, bench_run *, size_t index);
void bench_worker_free(bench_worker *);
/* From run->begin to run->end, and until all is answered. */
void bench_work(bench_worker *);

/* ---- bench_run.c */
typedef struct bench_figures {
    bench_tally tally;
    bench_hist hist;
    uint64_t unsent;
    double wall_ns, cpu_ns;
} bench_figures;

struct bench_run {
    cli *c;
    const bench_plan *plan;
    bool show_progress;
    bench_worker *workers;
    bench_figures *figures;
    uint64_t begin, end, latest; /* of this phase; written while all workers wait */
    /* The gate that workers wait at before each phase. */
    pthread_mutex_t lock;
    pthread_cond_t moved;
    size_t waiting;
    unsigned phase;
    bool stop;
};
uint64_t bench_clock(void);
void bench_sleep_until(uint64_t ns);
/* CLI_OK, or CLI_FAILED after a message. */
int bench_run_all(cli *, const bench_plan *, bool show_progress, bench_figures *);

/* ---- bench_fill.c; the same */
int bench_fill(cli *, const bench_plan *, bool show_progress);
int bench_remove(cli *, const bench_plan *, bool show_progress);

/* ---- bench_show.c */
void bench_show(cli *, const bench_plan *, const bench_figures *);
void bench_show_json(cli *, const bench_plan *, const bench_figures *);

#endif
