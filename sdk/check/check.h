/* check.h - the conformance kit behind `memstache plugin check`.
 *
 *   cases.c       the table of all cases, and which of them a plugin gets
 *   run.c         one case in a child process, with a time limit
 *   subject.c     the plugin under test: loaded, its options bound, instances of it
 *   bind.c        options as the library reads them
 *   host.c        what the plugin gets for a host: memory that is counted and can run out, clocks
 *   loop.c        its loop: polls, timers; calls.c: calls on other threads
 *   guard.c       memory whose ends cannot be crossed unnoticed
 *   random.c      draws from the seed; bytes of several kinds
 *   symbols.c     what the file exports and needs, without loading it
 *   load.c, life.c, oom.c          cases of every kind of plugin
 *   compressor.c, serializer.c     cases of codecs; sample.c, sink.c: objects, and where they go
 *   policy.c                       cases of eviction policies; field.c: entries and their model
 *   provider*.c                    cases of providers; rig.c: operations, model.c: their model
 *   exporter*.c                    cases of exporters; exporting.c: one that runs, spans.c: what
 * they are given, metrics.c: what every plugin can see and count
 *
 * A case runs in a process of its own and ends at the first fault. So a plugin may crash, hang or
 * call exit(), and nobody has to clean up after a failure. The kit uses the public headers only.
 */
#ifndef MEMSTACHE_CHECK_H
#define MEMSTACHE_CHECK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <memstache/codec.h>
#include <memstache/config.h>
#include <memstache/exporter.h>
#include <memstache/provider.h>

#define CHECK_PRINTF(text, first) __attribute__((format(printf, text, first)))

/* ---- what the command asks for */

typedef struct check_setup {
    const char *file; /* <kind>_<name>.so with its directory */
    const char *kind_name, *name;
    int kind;                   /* MST_KIND_* */
    const char *const *options; /* "key=value" of the plugin's section */
    size_t option_count;
    uint64_t seed;
    int64_t limit_ms; /* of each case */
} check_setup;

typedef struct kit kit;

typedef struct check_case {
    const char *name;     /* group/what-it-is */
    unsigned kinds;       /* CHECK_KIND() of those that have it */
    const char *sentence; /* what is right */
    void (*run)(kit *);   /* in the child; returns when nothing was found */
} check_case;
#define CHECK_KIND(kind) (1u << (kind))

enum { CHECK_PASSED, CHECK_FAILED, CHECK_SKIPPED, CHECK_UNREADY /* the options are wrong */ };

typedef struct check_outcome {
    int result;
    char text[1024]; /* the fault, or why it was skipped; one line */
    int64_t took_ms;
} check_outcome;

extern const check_case check_cases[]; /* ends with a row without a name */
/* Can the plugin be made with these options? Not in the table: it is asked before the others, and
 * what is wrong with anything else is left to them. */
extern const check_case check_ready;

/* Runs the case in a child. CHECK_FAILED as well when there is no child to be had. */
void check_run(const check_case *, const check_setup *, check_outcome *);

/* ---- random.c */

typedef struct check_random {
    uint64_t state;
} check_random;

uint64_t check_draw(check_random *, uint64_t below);
uint64_t check_mix(uint64_t);
/* `len` bytes; shapes: zeros, random, text, runs, a counter. */
enum { CHECK_SHAPES = 5 };
void check_fill(check_random *, unsigned shape, void *bytes, size_t len);
const char *check_shape_name(unsigned shape);

/* ---- the child's side of run.c */

typedef struct check_shared check_shared; /* what the two processes share */
struct check_host;

struct kit {
    const check_setup *setup;
    const char *case_name;
    check_shared *shared;
    check_random random;
    uint64_t began_ms;
    mst_config *config; /* that the plugin was found with */
    const mst_plugin *plugin;
    union { /* complete: what the plugin was compiled without is NULL */
        mst_serializer_ops serializer;
        mst_compressor_ops compressor;
        mst_provider_ops provider;
        mst_eviction_ops eviction;
        mst_exporter_ops exporter;
    } ops;
    void *bound; /* instance_size bytes with the options stored */
};

/* The end of the case: a fault; no way to try it here; options that cannot be. From any thread. */
_Noreturn void check_fail(kit *, const char *format, ...) CHECK_PRINTF(2, 3);
_Noreturn void check_skip(kit *, const char *format, ...) CHECK_PRINTF(2, 3);
_Noreturn void check_unready(kit *, const char *format, ...) CHECK_PRINTF(2, 3);
/* What the plugin is about to be asked, for the message should it never come back. */
void check_doing(kit *, const char *format, ...) CHECK_PRINTF(2, 3);
const char *check_was_doing(const kit *);
/* From now on this process, a child of the case's own, decides nothing. */
void check_detach(kit *);
/* Memory, or the end of the case. */
void *check_memory(kit *, size_t size);
uint64_t check_clock_ms(void);
/* False when half of the time limit is over: loops that could go on end then. */
bool check_has_time(const kit *);
const char *check_status(mst_status); /* "MST_EIO" */

/* ---- guard.c: memory between two pages that must not be touched. A touch ends the case with a
 * message that names `what`, how far outside it was, and what the plugin was doing. */

typedef struct check_guard {
    kit *k;
    const char *what;
    uint8_t *map, *end;
    size_t pages_size; /* between the two */
    uint8_t *data;     /* last taken */
    struct check_guard *next;
} check_guard;

void check_guard_open(kit *, check_guard *, size_t capacity, const char *what);
void check_guard_close(check_guard *);
/* `size` bytes, filled with a pattern, that end where touching ends, but for what `align` needs. */
void *check_guard_take(check_guard *, size_t size, size_t align);
/* The memory around what was taken is as it was? Else the end of the case. */
void check_guard_verify(check_guard *, size_t size);
/* The other way to fill it: copies from the end downwards, the first of them where touching ends.
 */
void check_guard_empty(check_guard *);
void *check_guard_lay(check_guard *, const void *bytes, size_t size, size_t align);
enum { CHECK_OPEN, CHECK_READ_ONLY, CHECK_CLOSED };
void check_guard_protect(check_guard *, int how);
/* Installs what notices touches; `k` is the case of this process. */
void check_guard_watch(kit *);

/* ---- host.c */

typedef struct check_loop check_loop;

typedef struct check_host {
    mst_host host; /* first */
    kit *k;
    check_loop *loop;            /* NULL: there is none */
    _Atomic int64_t blocks;      /* allocated and not given back */
    _Atomic int64_t bytes, peak; /* as asked for */
    _Atomic int64_t calls;       /* that can fail for want of memory, so far */
    _Atomic int64_t fail_in;     /* so many of them succeed, then one fails; negative: none does */
    _Atomic uint64_t ahead_ms;   /* of the real clock */
    _Atomic int retained;
    _Atomic bool stopped;
    _Atomic(const char *) silence; /* who may not call the host now; NULL */
    _Atomic bool wrong_threads;    /* a [loop] service on another thread is a fault */
    _Atomic size_t behind;         /* bytes of pattern behind each block from now on, at least 1 */
    bool may_set_error;
    bool mapped; /* each block in pages of its own, for check_host_protect() */
    struct check_block *blocks_mapped;
    struct mst_meter *_Atomic meters; /* that the plugin has made */
    struct check_show *_Atomic show;  /* what a walk shows; NULL: nothing yet, or any more */
    char error[256];
} check_host;

void check_host_init(kit *, check_host *, check_loop *);
/* All memory that was taken while `mapped` was set. */
void check_host_protect(check_host *, int how);
/* One more call that needs memory: true when it is the one to fail. */
bool check_host_fails(check_host *);
/* A service of the loop: there has to be one, and this its thread. */
void check_host_on_loop(check_host *, const char *service);
/* Any service: may it be called now? */
void check_host_called(check_host *, const char *service);
/* The end of the case unless all memory was given back. */
void check_host_settled(check_host *, const char *when);
/* What completes ops, set by rig.c. */
void check_host_set_ops(check_host *, void (*done)(mst_op *, mst_status),
                        void (*done_mt)(mst_op *, mst_status));

/* ---- metrics.c: the extension MST_METRICS_ID */

typedef struct check_show check_show;

/* Bytes of the longest value of a label, without its NUL. */
enum { CHECK_LABEL_MAX = 10000 };

const mst_metrics *check_metrics(void);
void check_meters_free(check_host *);
/* Metrics of all shapes, others in each walk. */
check_show *check_show_new(kit *);
int check_show_walks(const check_show *); /* so far, those that came to their end */
void check_show_free(check_show *);

/* ---- spans.c: spans in memory that can be taken away */

enum { CHECK_SPANS_MAX = 100, CHECK_SPAN_SHAPES = 5 };
typedef struct check_spans {
    check_guard guard;
    const mst_span *const *list; /* of count */
    size_t count;
} check_spans;

void check_spans_open(kit *, check_spans *);
void check_spans_lay(check_spans *, check_random *, unsigned shape);
const char *check_spans_name(unsigned shape);

/* ---- loop.c: runs on the thread that turns it */

check_loop *check_loop_new(kit *);
void check_loop_free(check_loop *);
void check_loop_services(mst_host *);
/* Waits at most so long for something to happen, and lets it happen. */
void check_loop_turn(check_loop *, int64_t wait_ms);
void check_loop_wake(check_loop *);          /* [any-thread] */
bool check_loop_is_here(const check_loop *); /* on its thread */
/* Open polls and timers, calls that were not answered; in words, NULL when there is nothing. */
const char *check_loop_open(check_loop *);

/* ---- subject.c */

/* Finds the plugin and binds its options. Skips when the file is refused. */
void check_subject(kit *);
/* Only finds it: MST_OK, or the refusal in *error. */
mst_status check_find(kit *, mst_error *error);
/* bind.c: an instance's bytes as the library fills them. `extra` is one more "key=value"; NULL. */
void *check_bind(kit *, const char *extra, mst_error *error);
/* What instances of its kind run on; NULL: there is none. */
check_loop *check_subject_loop(kit *);
/* Was this option given? */
bool check_option_given(const check_setup *, const char *name);
const mst_option *check_option_at(const mst_plugin *, uint32_t i);

/* One instance, with its host. */
typedef struct check_instance {
    check_host host;
    void *self;
    check_guard memory;
} check_instance;

/* Everything but init(). */
void check_instance_prepare(kit *, check_instance *, check_loop *);
/* Negative: it failed; check_instance_end() is due in any case. */
mst_status check_instance_init(check_instance *);
/* Both, where a failure is a fault. */
void check_instance_begin(kit *, check_instance *, check_loop *);
/* fini(), and everything must have come back. */
void check_instance_end(check_instance *);

#endif
