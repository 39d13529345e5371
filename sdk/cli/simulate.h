/* simulate.h - what the files of `memstache simulate` share.
 *
 *   cmd_simulate.c       the command: its settings, its phases in order
 *   simulate_read.c      requests from a file, a pipe or a packed file
 *   simulate_trace.c     the trace in memory: keys become numbers
 *   simulate_policy.c    a policy, made by the library from the configuration
 *   simulate_replay.c    the trace through a policy
 *   simulate_optimal.c   what is possible at all
 *   simulate_show.c      the figures as a table, as JSON, as lines of a memstache.ini
 *   simulate_svg.c       the figures as a picture
 */
#ifndef MEMSTACHE_SIMULATE_H
#define MEMSTACHE_SIMULATE_H

#include <memstache/eviction.h>

#include "cli.h"

/* ---- simulate_trace.c */
typedef struct trace {
    uint32_t *keys;  /* of each request */
    uint32_t *sizes; /* of each request, in bytes; NULL: none has one */
    uint64_t count;
    uint32_t distinct;
    struct trace_table *table; /* while it is read */
    uint64_t room;
} trace;

enum { TRACE_OK, TRACE_FULL, TRACE_NO_MEMORY };
int trace_begin(trace *);
/* Another request, of any bytes. `size` 1 is that of a request without one. */
int trace_add(trace *, const void *key, size_t len, uint32_t size);
void trace_end(trace *); /* nothing is added any more */
void trace_free(trace *);

/* ---- simulate_read.c */
enum { FORMAT_AUTO, FORMAT_TEXT, FORMAT_ORACLE };
/* Reads all of it. CLI_OK, or the exit code after a message. */
int trace_read(cli *, const char *name, int format, bool show_progress, trace *);

/* ---- simulate_policy.c */
typedef struct policy {
    const char *name;
    mst_evictor evictor;
    cli own; /* the session that made it */
} policy;
/* As [eviction.NAME] describes it. CLI_OK, or the exit code after messages. */
int policy_open(cli *, const cli_args *, const char *name, policy *);
void policy_close(policy *);
/* The names in `list`, separated by commas; NULL: all that lie in the plugin directories. malloc'd,
 * each and all; *count is 0 after a message. */
char **policy_names(cli *, const char *list, size_t *count);
void policy_names_free(char **names, size_t count);

/* ---- simulate_replay.c */
typedef struct outcome {
    uint64_t hits;
    double seconds; /* that the replay took */
} outcome;
/* `size` is a number of entries, or of bytes. */
int replay(cli *, const policy *, const trace *, uint64_t size, bool in_bytes, outcome *);

/* ---- simulate_optimal.c: hits of Belady's algorithm, which knows the future. False: no memory. */
bool optimal_hits(const trace *, uint64_t size, uint64_t *hits);

/* ---- simulate_show.c, simulate_svg.c */
typedef struct study {
    const char *trace_name;
    const trace *trace;
    char **policies;
    size_t policy_count;
    uint64_t *sizes;
    size_t size_count;
    bool in_bytes;
    outcome *outcomes; /* of policy p and size s: [p * size_count + s] */
    uint64_t *optimal; /* hits, by size; NULL: not known */
} study;
double study_ratio(const study *, size_t p, size_t size);
double study_optimal(const study *, size_t size);
void study_show(cli *, const study *);
void study_show_json(cli *, const study *);
void study_recommend(cli *, const study *);
/* CLI_OK, or CLI_FAILED after a message. */
int study_draw(cli *, const study *, const char *file);

#endif
