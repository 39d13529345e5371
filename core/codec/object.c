/* object.c - decoded values: shared by near tiers and readers, gone with the last of them. A result
 * may outlive the runtime: so the object has a copy of the allocator, and holds its serializer. */
#include "codec/call.h"

static msi_object *from_base(mst_object *base)
{
    return MSI_CONTAINER(base, msi_object, base);
}

static void base_retain(mst_object *base)
{
    msi_object_retain(from_base(base));
}

static void base_release(mst_object *base)
{
    msi_object_release(from_base(base));
}

mst_status msi_object_new(const mst_allocator *allocator, const mst_type *type, void *object,
                          size_t bytes, void (*release)(void *), void *owner, msi_object **out)
{
    msi_object *o = msi_zalloc(allocator, sizeof *o);
    *out = o;
    if (!o) {
        return MST_ENOMEM;
    }
    o->base = (mst_object){base_retain, base_release, sizeof *o + bytes};
    atomic_init(&o->refs, 1);
    o->memory = *allocator;
    o->allocator = &o->memory;
    o->type = type;
    o->object = object;
    o->release = release;
    o->owner = owner;
    return MST_OK;
}

void msi_object_retain(msi_object *o)
{
    atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
}

void msi_object_release(msi_object *o)
{
    if (atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (o->serializer) {
        msi_instance *s = o->serializer;
        msi_call_begin(s);
        s->plugin->ops.serializer.destroy(s->self, o->type->descriptor, o->object);
        msi_call_end(s);
        msi_instance_release(s);
    } else if (o->release) {
        o->release(o->owner);
    }
    mst_allocator memory = o->memory;
    msi_free(&memory, o);
}
