/* textfile.h - the page as a file, for the textfile collector of Prometheus' node exporter: written
 * again and again, and a last time at the end. Readers see a whole page or the one before. All of
 * it [loop]. */
#ifndef PROMETHEUS_TEXTFILE_H
#define PROMETHEUS_TEXTFILE_H

#include <stdbool.h>

#include <memstache/metrics.h>
#include <memstache/plugin.h>

typedef struct textfile {
    const mst_host *host;
    const mst_metrics *metrics;
    const char *path;
    int64_t interval_ms;
    mst_timer *timer;           /* NULL: it does not run */
    char *next;                 /* path of the file that is written and then renamed */
    bool writing;               /* a worker has it */
    bool failed;                /* the last one; so that the log says it once */
    char why[160];              /* why, written by the worker */
    void (*stopped)(void *arg); /* not NULL: it is to stop */
    void *arg;
} textfile;

/* Path and interval are set. MST_ENOMEM, MST_EIO with host->set_error() when there cannot be such a
 * file. */
mst_status textfile_start(textfile *);
/* stopped(arg), now or later. Safe when it does not run. */
void textfile_stop(textfile *, void (*stopped)(void *arg), void *arg);
void textfile_fini(textfile *);

#endif
