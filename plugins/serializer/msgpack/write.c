/* write.c - a message to MessagePack, straight into the sink, by the packer of libmsgpack: it knows
 * the shortest spelling of each number and length. */
#include <string.h>

#include "mapping.h"

#include <msgpack/pack.h>

typedef struct writer {
    mst_sink *sink;
    msgpack_packer packer;
    unsigned left;     /* levels that may still be opened */
    bool names;        /* else numbers */
    mst_status status; /* of the first failure; nothing is written after it */
    size_t used;
    char buffer[512];
} writer;

static void fail(writer *w, mst_status status)
{
    if (w->status == MST_OK) {
        w->status = status;
    }
}

static void flush(writer *w)
{
    if (w->status == MST_OK && w->used) {
        fail(w, w->sink->write(w->sink, w->buffer, w->used));
    }
    w->used = 0;
}

/* What the packer writes with. */
static int put(void *arg, const char *data, size_t len)
{
    writer *w = arg;
    if (len > sizeof w->buffer - w->used) {
        flush(w);
    }
    if (len <= sizeof w->buffer) {
        memcpy(w->buffer + w->used, data, len);
        w->used += len;
    } else if (w->status == MST_OK) {
        fail(w, w->sink->write(w->sink, data, len));
    }
    return w->status ? -1 : 0;
}

/* Whether the format can say so many. */
static bool is_length(writer *w, size_t n)
{
    if (n > UINT32_MAX) {
        fail(w, MST_ETOOBIG);
    }
    return n <= UINT32_MAX;
}

static void put_text(writer *w, const char *text)
{
    size_t len = strlen(text);
    if (is_length(w, len)) {
        msgpack_pack_str(&w->packer, len);
        put(w, text, len);
    }
}

static void put_bytes(writer *w, const ProtobufCBinaryData *bytes)
{
    if (is_length(w, bytes->len)) {
        msgpack_pack_bin(&w->packer, bytes->len);
        if (bytes->len) { /* else the data may be NULL */
            put(w, (const char *) bytes->data, bytes->len);
        }
    }
}

static void put_enum(writer *w, const ProtobufCEnumDescriptor *type, int32_t number)
{
    const ProtobufCEnumValue *value =
        w->names ? protobuf_c_enum_descriptor_get_value(type, number) : NULL;
    if (value && value->name) {
        put_text(w, value->name);
    } else {
        msgpack_pack_int32(&w->packer, number);
    }
}

static void put_message(writer *w, const ProtobufCMessage *);

/* A NULL string or message, which protobuf-c allows where one must be, is an empty one. */
static void put_value(writer *w, const ProtobufCFieldDescriptor *field, const void *at)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        msgpack_pack_int32(&w->packer, *(const int32_t *) at);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        msgpack_pack_int64(&w->packer, *(const int64_t *) at);
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        msgpack_pack_uint32(&w->packer, *(const uint32_t *) at);
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        msgpack_pack_uint64(&w->packer, *(const uint64_t *) at);
        break;
    case PROTOBUF_C_TYPE_FLOAT:
        msgpack_pack_float(&w->packer, *(const float *) at);
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
        msgpack_pack_double(&w->packer, *(const double *) at);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        if (*(const protobuf_c_boolean *) at) {
            msgpack_pack_true(&w->packer);
        } else {
            msgpack_pack_false(&w->packer);
        }
        break;
    case PROTOBUF_C_TYPE_ENUM:
        put_enum(w, field->descriptor, *(const int32_t *) at);
        break;
    case PROTOBUF_C_TYPE_STRING:
        put_text(w, *(const char *const *) at ? *(const char *const *) at : "");
        break;
    case PROTOBUF_C_TYPE_BYTES:
        put_bytes(w, at);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        if (*(const ProtobufCMessage *const *) at) {
            put_message(w, *(const ProtobufCMessage *const *) at);
        } else {
            msgpack_pack_map(&w->packer, 0);
        }
        break;
    }
}

static void put_array(writer *w, const ProtobufCFieldDescriptor *field, size_t n,
                      const char *values)
{
    size_t size = mst_field_size(field->type);
    msgpack_pack_array(&w->packer, n);
    for (size_t i = 0; i < n && w->status == MST_OK; i++) {
        put_value(w, field, values + i * size);
    }
}

static void put_map(writer *w, const ProtobufCMessageDescriptor *entry, size_t n,
                    const char *const *entries)
{
    const ProtobufCFieldDescriptor *key = &entry->fields[0], *value = &entry->fields[1];
    msgpack_pack_map(&w->packer, n);
    for (size_t i = 0; i < n && w->status == MST_OK; i++) {
        put_value(w, key, entries[i] + key->offset);
        put_value(w, value, entries[i] + value->offset);
    }
}

static void put_field(writer *w, const ProtobufCMessage *message,
                      const ProtobufCFieldDescriptor *field)
{
    const char *start = (const char *) message, *at = start + field->offset;
    if (!w->names) {
        msgpack_pack_uint32(&w->packer, field->id);
    } else if (field->name) {
        put_text(w, field->name);
    } else { /* optimize_for = CODE_SIZE drops the names */
        fail(w, MST_EINVAL);
    }
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        put_value(w, field, at);
        return;
    }
    size_t n = *(const size_t *) (start + field->quantifier_offset);
    const char *values = *(const char *const *) at;
    if (!is_length(w, n)) {
        return;
    }
    if (mst_field_is_map(message->descriptor, field)) {
        put_map(w, field->descriptor, n, (const char *const *) values);
    } else {
        put_array(w, field, n, values);
    }
}

static void put_message(writer *w, const ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;
    unsigned present = 0;
    if (w->left == 0) {
        fail(w, MST_EINVAL);
        return;
    }
    for (unsigned i = 0; i < type->n_fields; i++) {
        present += mst_field_is_present(&type->fields[i], message);
    }
    w->left--;
    msgpack_pack_map(&w->packer, present);
    for (unsigned i = 0; i < type->n_fields && w->status == MST_OK; i++) {
        if (mst_field_is_present(&type->fields[i], message)) {
            put_field(w, message, &type->fields[i]);
        }
    }
    w->left++;
}

mst_status mst_msgpack_write(const ProtobufCMessage *message, bool names, unsigned max_depth,
                             mst_sink *sink)
{
    writer w = {.sink = sink, .left = max_depth + 1, .names = names};
    msgpack_packer_init(&w.packer, &w, put);
    put_message(&w, message);
    flush(&w);
    return w.status;
}
