/* value.h - a value on its way through the pipeline: bytes or a decoded object or both, and what is
 * known about it. Shared by all who wait for it; immutable once shared; may outlive the runtime. */
#ifndef MSI_VALUE_H
#define MSI_VALUE_H

#include <stdatomic.h>

#include "base/spares.h"
#include "codec/codec.h"

typedef struct msi_value {
    _Atomic uint32_t refs;
    mst_allocator memory; /* a copy: results may outlive the runtime */
    bool has_payload;
    mst_slice payload;  /* serialized bytes */
    mst_slice envelope; /* as a far tier lent it; for tiers in between. May be empty */
    msi_object *object; /* NULL: not decoded */
    /* what keeps the bytes alive, any of: */
    mst_value pin;                /* lent by a provider */
    uint8_t *owned;               /* inflated, or copied */
    void (*release)(void *owner); /* of the application */
    void *owner;
    struct msi_value *base; /* another value with the same bytes */
    /* about it; times on msi_now_ms() */
    uint32_t serializer_id, schema_id; /* 0: plain bytes */
    uint64_t created_ms;               /* 0: unknown */
    uint64_t expires_ms;               /* 0: never */
    uint64_t sliding_ms;               /* 0: none */
    /* as the in-process tier holds one that slides, to put it back the same way */
    uint64_t limit_ms, held_sliding_ms;
} msi_value;

msi_value *msi_value_new(const mst_allocator *); /* one reference; NULL */
msi_value *msi_value_retain(msi_value *);
void msi_value_release(void *value); /* NULL is fine; void *, to be a release function */
/* The same on the thread of the spares, which keep its memory. */
void msi_value_drop(msi_value *, msi_spares *);

/* From what an application gave. Bytes are copied unless input->release is set; an object is
 * encoded (and kept as it is when input->release is set). In every case, also of failure,
 * input->release is called in the end. More than `max` bytes: MST_ETOOBIG. */
mst_status msi_value_from_input(msi_codec *, const mst_allocator *, const mst_input *,
                                const mst_type *, uint64_t max, msi_value **out);

/* What a far or a sealed near tier lent: takes over *pin (also when it fails). Inflates. `spares`
 * NULL: not on their thread. MST_ECORRUPT, MST_ETOOBIG, MST_ENOMEM. */
mst_status msi_value_open(msi_codec *, const mst_allocator *, msi_spares *spares, mst_value *pin,
                          uint64_t now, msi_value **out);

/* Make sure that there are bytes: encodes the object. Not on a shared value. */
mst_status msi_value_need_payload(msi_codec *, msi_value *);

/* The value as `type` sees it (NULL: bytes), as one more reference or a new value. MST_ECORRUPT
 * when it is not such a thing (counted as a decode miss by the codec). */
mst_status msi_value_as(msi_codec *, msi_value *, const mst_type *, msi_value **out);

/* Is the object, stored with `schema_id`, what a reader of `type` wants? */
bool msi_object_is(const msi_object *, uint32_t schema_id, const mst_type *);

/* Fill data/object, age and life of a result; takes over the reference. */
void msi_value_to_result(msi_value *, const mst_type *, uint64_t now, mst_result *);

/* The 64 bits that a near tier keeps beside the value. */
static inline uint64_t msi_tag(uint32_t serializer_id, uint32_t schema_id)
{
    return (uint64_t) schema_id << 32 | serializer_id;
}

#endif
