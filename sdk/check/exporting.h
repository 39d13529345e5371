/* exporting.h - an exporter that runs: started as the host starts it, stopped as it stops it. */
#ifndef MEMSTACHE_CHECK_EXPORTING_H
#define MEMSTACHE_CHECK_EXPORTING_H

#include "check.h"

typedef struct exporting {
    kit *k;
    check_loop *loop;
    check_instance *instance;
    void *self;
    const mst_exporter_ops *ops;
    check_show *show;
    int walks; /* that it has made, when it has stopped */
} exporting;

/* Skips when nobody has said where it may write. */
void exporting_allowed(kit *);
/* Negative: start() has failed, and only check_instance_end() is due. */
mst_status exporting_start(kit *, exporting *, check_instance *, check_loop *);
/* The subject, its loop, an instance, and start(); skips when that fails. */
void exporting_open(kit *, exporting *);
/* The same, and skips when it takes no spans. */
void exporting_open_for_spans(kit *, exporting *);
/* An hour later, with what that brings about. */
void exporting_wait(exporting *);
/* stop(), until the exporter says that it has stopped. */
void exporting_stop(exporting *);
/* fini(), when it has stopped. */
void exporting_finish(exporting *);
/* The two, one after the other. */
void exporting_close(exporting *);

/* Calls spans(). `after` is what the memory is then: CHECK_READ_ONLY, CHECK_CLOSED. */
void exporting_give(exporting *, check_spans *, int after);

#endif
