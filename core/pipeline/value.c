/* value.c - see value.h. */
#include "pipeline/value.h"

#include <string.h>

#include "base/clock.h"

static msi_value *begin(msi_value *v, const mst_allocator *allocator)
{
    if (v) {
        *v = (msi_value){.refs = 1, .memory = *allocator};
    }
    return v;
}

msi_value *msi_value_new(const mst_allocator *allocator)
{
    return begin(msi_alloc(allocator, sizeof(msi_value)), allocator);
}

msi_value *msi_value_retain(msi_value *v)
{
    atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
    return v;
}

static void let_go(msi_value *v)
{
    if (v->object) {
        msi_object_release(v->object);
    }
    if (v->pin.release) {
        v->pin.release(v->pin.owner);
    }
    if (v->release) {
        v->release(v->owner);
    }
    msi_value_release(v->base);
    msi_free(&v->memory, v->owned);
}

void msi_value_release(void *value)
{
    msi_value *v = value;
    if (v && msi_unref(&v->refs)) {
        let_go(v);
        mst_allocator memory = v->memory;
        msi_free(&memory, v);
    }
}

void msi_value_drop(msi_value *v, msi_spares *spares)
{
    if (v && msi_unref(&v->refs)) {
        let_go(v);
        msi_spares_give(spares, v);
    }
}

static void set_payload(msi_value *v, const void *data, size_t len)
{
    v->payload = (mst_slice){data, len};
    v->has_payload = true;
}

mst_status msi_value_need_payload(msi_codec *codec, msi_value *v)
{
    if (v->has_payload) {
        return MST_OK;
    }
    msi_bytes bytes;
    msi_bytes_init(&bytes, &v->memory, codec->max_value_bytes);
    mst_status status = msi_codec_encode(codec, v->object->type, v->object->object, &bytes);
    if (status) {
        msi_bytes_fini(&bytes);
        return status;
    }
    size_t len;
    v->owned = msi_bytes_take(&bytes, &len);
    set_payload(v, v->owned, len);
    v->serializer_id = msi_codec_serializer_id(codec, v->object->type);
    v->schema_id = v->schema_id ? v->schema_id : v->object->type->schema_id;
    return MST_OK;
}

/* ---- from the application */

static mst_status fill_bytes(msi_value *v, const mst_input *in, uint64_t max)
{
    if (in->len > max) {
        return MST_ETOOBIG;
    }
    if (in->release) {
        set_payload(v, in->data, in->len);
        return MST_OK;
    }
    v->owned = msi_alloc(&v->memory, in->len ? in->len : 1);
    if (!v->owned) {
        return MST_ENOMEM;
    }
    if (in->len) {
        memcpy(v->owned, in->data, in->len);
    }
    set_payload(v, v->owned, in->len);
    return MST_OK;
}

/* An object that the application lends is encoded; one that it gives is kept beside its bytes, so
 * that a typed near hit finds it. Its memory is not ours to know: it is charged as its bytes. */
static mst_status fill_object(msi_codec *codec, msi_value *v, const mst_input *in,
                              const mst_type *type)
{
    msi_object lent = {.type = type, .object = (void *) in->object};
    v->object = &lent;
    mst_status status = msi_value_need_payload(codec, v);
    v->object = NULL;
    if (!status && in->release) {
        status = msi_object_new(&v->memory, type, (void *) in->object, v->payload.len, in->release,
                                in->owner, &v->object);
    }
    return status;
}

mst_status msi_value_from_input(msi_codec *codec, const mst_allocator *allocator,
                                const mst_input *in, const mst_type *type, uint64_t max,
                                msi_value **out)
{
    msi_value *v = msi_value_new(allocator);
    mst_status status = MST_ENOMEM;
    if (v) {
        status = type ? fill_object(codec, v, in, type) : fill_bytes(v, in, max);
    }
    if (in->release && (status || !type)) {
        if (status) {
            in->release(in->owner);
        } else {
            v->release = in->release;
            v->owner = in->owner;
        }
    }
    if (status) {
        msi_value_release(v);
        return status;
    }
    *out = v;
    return MST_OK;
}

/* ---- from a tier */

static uint64_t to_monotonic(uint64_t wall_time, uint64_t now, uint64_t wall)
{
    if (wall_time >= wall) {
        return now + (wall_time - wall);
    }
    return now > wall - wall_time ? now - (wall - wall_time) : 1;
}

mst_status msi_value_open(msi_codec *codec, const mst_allocator *allocator, msi_spares *spares,
                          mst_value *pin, uint64_t now, msi_value **out)
{
    msi_value *v = spares ? begin(msi_spares_take(spares), allocator) : msi_value_new(allocator);
    if (!v) {
        if (pin->release) {
            pin->release(pin->owner);
        }
        *pin = (mst_value){0};
        return MST_ENOMEM;
    }
    v->pin = *pin;
    *pin = (mst_value){0};
    msi_meta meta = {0};
    v->envelope = (mst_slice){v->pin.data, v->pin.len};
    mst_status status = msi_codec_open(codec, v->envelope, &meta, &v->payload, &v->owned);
    if (status) {
        msi_value_release(v);
        return status;
    }
    v->has_payload = true;
    v->serializer_id = meta.serializer_id == MSI_WIRE_RAW ? 0 : meta.serializer_id;
    v->schema_id = meta.schema_id;
    v->sliding_ms = meta.sliding_ms;
    uint64_t wall = meta.created_ms || meta.expires_ms ? msi_wall_ms() : 0;
    v->created_ms = meta.created_ms ? to_monotonic(meta.created_ms, now, wall) : 0;
    v->expires_ms = meta.expires_ms ? to_monotonic(meta.expires_ms, now, wall) : 0;
    *out = v;
    return MST_OK;
}

/* ---- views */

/* A schema that is 0 on either side asks for no check. */
static bool same_schema(uint32_t stored, const mst_type *type)
{
    return !stored || !type->schema_id || stored == type->schema_id;
}

bool msi_object_is(const msi_object *o, uint32_t schema_id, const mst_type *type)
{
    return o->type->descriptor == type->descriptor && same_schema(schema_id, type);
}

/* Another value over the same bytes, with the same facts. */
static msi_value *derive(msi_value *from)
{
    msi_value *v = msi_value_new(&from->memory);
    if (v) {
        v->base = msi_value_retain(from);
        v->has_payload = from->has_payload;
        v->payload = from->payload;
        v->serializer_id = from->serializer_id;
        v->schema_id = from->schema_id;
        v->created_ms = from->created_ms;
        v->expires_ms = from->expires_ms;
        v->sliding_ms = from->sliding_ms;
    }
    return v;
}

/* A view of bytes for a value that so far is only an object. */
static mst_status as_bytes(msi_codec *codec, msi_value *v, msi_value **out)
{
    msi_value *view = derive(v);
    if (!view) {
        return MST_ENOMEM;
    }
    msi_object_retain(v->object);
    view->object = v->object;
    mst_status status = msi_value_need_payload(codec, view);
    if (status) {
        msi_value_release(view);
        return status;
    }
    *out = view;
    return MST_OK;
}

static mst_status decode(msi_codec *codec, msi_value *v, const mst_type *type, msi_object **out)
{
    if (!same_schema(v->schema_id, type)) {
        atomic_fetch_add_explicit(&codec->faults[MSI_ENVELOPE_FAULTS], 1, memory_order_relaxed);
        return MST_ECORRUPT;
    }
    return msi_codec_decode(codec, v->serializer_id, type, v->payload, out);
}

mst_status msi_value_as(msi_codec *codec, msi_value *v, const mst_type *type, msi_value **out)
{
    if (type ? v->object && msi_object_is(v->object, v->schema_id, type) : v->has_payload) {
        *out = msi_value_retain(v);
        return MST_OK;
    }
    if (!type) {
        return as_bytes(codec, v, out);
    }
    msi_value *bytes;
    mst_status status = v->has_payload ? MST_OK : as_bytes(codec, v, &bytes);
    if (status) {
        return status;
    }
    bytes = v->has_payload ? msi_value_retain(v) : bytes;
    msi_object *object = NULL;
    status = decode(codec, bytes, type, &object);
    if (!status && !bytes->object) {
        bytes->object = object; /* the next one who wants this type need not decode */
        *out = bytes;
        return MST_OK;
    }
    msi_value *view = status ? NULL : derive(bytes);
    if (view) {
        view->object = object;
        *out = view;
    } else if (!status) {
        msi_object_release(object);
        status = MST_ENOMEM;
    }
    msi_value_release(bytes);
    return status;
}

void msi_value_to_result(msi_value *v, const mst_type *type, uint64_t now, mst_result *r)
{
    if (type) {
        r->object = v->object->object;
    } else {
        r->data = v->payload.data;
        r->len = v->payload.len;
    }
    r->age_ms = v->created_ms && now >= v->created_ms ? (int64_t) (now - v->created_ms) : -1;
    if (v->created_ms > now) {
        r->age_ms = 0; /* clocks of two machines */
    }
    r->ttl_ms = v->expires_ms ? (int64_t) (v->expires_ms > now ? v->expires_ms - now : 0) : -1;
    r->release = msi_value_release;
    r->owner = v;
}
