/* closing.h - the state of a runtime that is being closed; see close.c. */
#ifndef MSI_CLOSING_H
#define MSI_CLOSING_H

#include "api/runtime.h"

typedef struct msi_closing msi_closing;

/* One loop's part. */
typedef struct msi_closing_step {
    msi_task task;
    msi_hook hook; /* watches the lanes */
    msi_closing *closing;
    msi_loop *loop;
    bool drained, stopped, through; /* the steps that the loop has done */
    uint64_t answered_ms;           /* since when every request is answered; 0: not yet */
    msi_deadline patience;          /* with what is stored without anybody waiting */
    unsigned stopping;              /* ports of this loop that have not stopped */
} msi_closing_step;

struct msi_closing {
    mst_runtime *runtime;
    msi_task begun;
    void (*closed)(void *arg);
    void *arg;
    bool joined;              /* mst_close_wait() joins the first thread and frees */
    unsigned near_stopping;   /* [loop 0] in-process tiers that have not stopped */
    unsigned through;         /* [loop 0] loops that are through the present step */
    msi_closing_step steps[]; /* one per loop */
};

mst_status msi_closing_new(mst_runtime *);

#endif
