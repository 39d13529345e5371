/* call.h - around each call of a codec plugin: one at a time, unless it is reentrant. */
#ifndef MSI_CALL_H
#define MSI_CALL_H

#include "base/clock.h"
#include "codec/codec.h"

static inline bool msi_call_alone(const msi_instance *instance)
{
    return !(instance->plugin->plugin->flags & MST_PLUGIN_REENTRANT);
}

static inline void msi_call_begin(msi_instance *instance)
{
    if (msi_call_alone(instance)) {
        pthread_mutex_lock(&instance->mutex);
    }
}

static inline void msi_call_end(msi_instance *instance)
{
    if (msi_call_alone(instance)) {
        pthread_mutex_unlock(&instance->mutex);
    }
}

/* The same around what is timed: the start, and what has become of it. */
static inline uint64_t msi_work_begin(msi_instance *instance)
{
    msi_call_begin(instance);
    return msi_now_ns();
}

static inline void msi_work_end(msi_instance *instance, int which, uint64_t began, bool ok,
                                size_t in, size_t out)
{
    msi_work *w = &instance->work[which];
    msi_histogram_record_shared(&w->took, msi_now_ns() - began);
    msi_call_end(instance);
    if (!ok) {
        atomic_fetch_add_explicit(&w->failures, 1, memory_order_relaxed);
        return;
    }
    atomic_fetch_add_explicit(&w->bytes_in, in, memory_order_relaxed);
    atomic_fetch_add_explicit(&w->bytes_out, out, memory_order_relaxed);
}

/* The reader of a kind with this wire id, the configured instance `first` before others; NULL. */
msi_instance *msi_codec_reader(const msi_codec *, int kind, uint32_t wire_id, msi_instance *first);

/* Count a stored value that cannot be used, say so at a limited rate, and return its status.
 * `wire_id` is told where the fault is about a component. */
mst_status msi_codec_fault(msi_codec *, msi_envelope_fault, uint32_t wire_id);

#endif
