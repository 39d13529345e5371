/* load.c - running a loader, once, and taking what it made. A loader may end on any thread, before
 * or after its function has returned; the flight waits for both. */
#include "pipeline/flight.h"

static void run_load(uv_work_t *w)
{
    msi_flight *f = w->data;
    f->loader.load(f->loader.arg, &f->load);
}

static void load_returned(uv_work_t *w, int error)
{
    (void) error; /* nobody cancels it */
    msi_flight_release(w->data);
}

static void on_ended(msi_task *task)
{
    msi_flight *f = MSI_CONTAINER(task, mst_load, task)->flight;
    msi_flight_loaded(f);
}

void msi_flight_load(msi_flight *f)
{
    msi_count(&f->cache->counters, MSI_COUNT_loads, 1);
    f->load.began_ns = msi_now_ns();
    f->load.task.run = on_ended;
    if (f->loader.flags & MST_LOAD_BLOCKING) {
        if (!msi_flight_queue(f, run_load, load_returned)) {
            mst_load_fail(&f->load, MST_ENOMEM);
        }
        return;
    }
    f->refs++;
    f->loader.load(f->loader.arg, &f->load);
    msi_loop_forget_now(f->lane->loop);
    msi_flight_release(f);
}

mst_slice mst_load_key(const mst_load *load)
{
    return load->flight->k.key;
}

const mst_type *mst_load_type(const mst_load *load)
{
    return load->flight->type;
}

const char *mst_load_traceparent(const mst_load *load)
{
    const msi_trail_more *m = load->flight->trail.more;
    return m && m->traceparent[0] ? m->traceparent : NULL;
}

mst_entry *mst_load_entry(mst_load *load)
{
    return &load->entry;
}

/* The first end counts. */
static bool begin_end(mst_load *load)
{
    if (!atomic_exchange(&load->ended, true)) {
        return true;
    }
    msi_log_write(&load->flight->cache->log, MST_LOG_ERROR,
                  "a loader ended twice; the second end is ignored");
    return false;
}

/* Posted to the loop; from then on the load belongs to it. */
static void finish(mst_load *load, mst_status status)
{
    msi_flight *f = load->flight;
    load->status = status;
    if (status < 0) {
        msi_count(&f->cache->counters, MSI_COUNT_load_failures, 1);
    }
    msi_loop_post(f->lane->loop, &load->task);
}

static void end_with(mst_load *load, const mst_input *in, const mst_type *type)
{
    msi_flight *f = load->flight;
    if (!begin_end(load)) {
        if (in->release) {
            in->release(in->owner);
        }
        return;
    }
    finish(load, msi_value_from_input(&f->cache->codec, f->cache->allocator, in, type, UINT64_MAX,
                                      &load->value));
}

void mst_load_bytes(mst_load *load, const mst_input *in)
{
    end_with(load, in, NULL);
}

void mst_load_object(mst_load *load, const mst_input *in)
{
    const mst_type *type = load->flight->type;
    if (type) {
        end_with(load, in, type);
        return;
    }
    if (in->release) {
        in->release(in->owner);
    }
    mst_load_fail(load, MST_EINVAL);
}

void mst_load_absent(mst_load *load)
{
    if (begin_end(load)) {
        finish(load, MST_MISS);
    }
}

void mst_load_fail(mst_load *load, mst_status why)
{
    if (begin_end(load)) {
        finish(load, why < 0 ? why : MST_ELOAD);
    }
}
