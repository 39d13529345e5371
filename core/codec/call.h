/* call.h - around each call of a codec plugin: one at a time, unless it is reentrant. */
#ifndef MSI_CALL_H
#define MSI_CALL_H

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

/* The reader of a kind with this wire id, the configured instance `first` before others; NULL. */
msi_instance *msi_codec_reader(const msi_codec *, int kind, uint32_t wire_id, msi_instance *first);

/* Count a stored value that cannot be used, say so at a limited rate, and return its status.
 * `wire_id` is told where the fault is about a component. */
mst_status msi_codec_fault(msi_codec *, msi_envelope_fault, uint32_t wire_id);

#endif
