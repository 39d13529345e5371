/* deadline.h - what is to run at a time, in the order of times. One thread.
 *
 * Nearly all deadlines of a loop are "now plus the same timeout", and nearly all are disarmed long
 * before. So they stand in a few lines, each in the order of time because it is only ever appended
 * to: arming and disarming is a step each and takes no memory. A deadline that fits at the end of
 * no line goes into a heap. Four lines have room for as many timeouts side by side. */
#ifndef MSI_DEADLINE_H
#define MSI_DEADLINE_H

#include <stdbool.h>

#include "base/heap.h"
#include "base/list.h"

enum { MSI_DEADLINE_LINES = 4 };

/* Runs once when its time has come. Embed it, zeroed. */
typedef struct msi_deadline {
    msi_list link;      /* in a line; next NULL: in none */
    msi_heap_node node; /* in the heap; its key is the time in both */
    void (*due)(struct msi_deadline *);
} msi_deadline;

typedef struct msi_deadlines {
    msi_list lines[MSI_DEADLINE_LINES];
    msi_heap heap;
} msi_deadlines;

void msi_deadlines_init(msi_deadlines *, const mst_allocator *);
void msi_deadlines_fini(msi_deadlines *);

/* MST_ENOMEM; when armed already, it is moved. */
mst_status msi_deadline_arm(msi_deadlines *, msi_deadline *, uint64_t at);
void msi_deadline_disarm(msi_deadlines *, msi_deadline *); /* safe when not armed */

static inline bool msi_deadline_armed(const msi_deadline *d)
{
    return d->link.next || d->node.place;
}

msi_deadline *msi_deadlines_first(const msi_deadlines *); /* NULL when there is none */

#endif
