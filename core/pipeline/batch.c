/* batch.c - results of many keys, told in one call when the last one is there. */
#include <string.h>

#include "pipeline/request.h"

msi_batch *msi_batch_new(mst_cache *c, size_t n, mst_done_many done, void *arg)
{
    msi_batch *b = n > (SIZE_MAX - sizeof *b) / sizeof b->results[0]
                       ? NULL
                       : msi_zalloc(c->allocator, sizeof *b + n * sizeof b->results[0]);
    if (b) {
        b->cache = c;
        b->done = done;
        b->arg = arg;
        b->n = n;
    }
    return b;
}

static void tell(msi_batch *b, msi_lane *lane)
{
    if (b->done) {
        b->done(b->arg, b->results, b->n);
    }
    for (size_t i = 0; i < b->n; i++) {
        msi_lane_drop_result(lane, &b->results[i]);
    }
    msi_free(b->cache->allocator, b);
}

static bool last(msi_batch *b)
{
    return atomic_fetch_sub_explicit(&b->left, 1, memory_order_acq_rel) == 1;
}

void msi_batch_count_down(msi_batch *b, msi_lane *lane)
{
    if (last(b)) {
        tell(b, lane);
    }
}

static void tell_later(msi_task *task)
{
    msi_batch *b = MSI_CONTAINER(task, msi_batch, task);
    msi_lane *lane = &b->cache->lanes[0];
    tell(b, lane);
    atomic_fetch_sub(&lane->visitors, 1);
}

void msi_batch_posted(msi_batch *b)
{
    msi_lane *lane = &b->cache->lanes[0];
    atomic_fetch_add(&lane->visitors, 1); /* closing waits for the task */
    if (last(b)) {
        b->task.run = tell_later;
        msi_loop_post(lane->loop, &b->task);
    } else {
        atomic_fetch_sub(&lane->visitors, 1);
    }
}
