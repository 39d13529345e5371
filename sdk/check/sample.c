/* sample.c - bytes, as `raw` takes them, and a protobuf-c message, whose descriptor stands here as
 * protoc-c would have written it. The headers of protobuf-c are enough for that, its library is not
 * needed. */
#include <stdlib.h>
#include <string.h>

#include "sample.h"

static size_t length(check_random *r)
{
    return check_draw(r, check_draw(r, 5) ? 30 : check_draw(r, 5) ? 500 : 20000);
}

/* ---- bytes */

static void *bytes_make(kit *k, check_random *r)
{
    size_t len = length(r);
    mst_slice *s = check_memory(k, sizeof *s + len);
    check_fill(r, (unsigned) check_draw(r, CHECK_SHAPES), s + 1, len);
    *s = (mst_slice){s + 1, len};
    return s;
}

static bool bytes_same(const void *a_, const void *b_)
{
    const mst_slice *a = a_, *b = b_;
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static bool bytes_plausible(const void *made_, const void *original_)
{
    const mst_slice *made = made_, *original = original_;
    size_t apart =
        made->len > original->len ? made->len - original->len : original->len - made->len;
    return apart <= 64 && (made->len == 0 || made->data);
}

/* `type` is never NULL, and nobody may look at it. */
static const uint64_t bytes_type[64];
static const check_sample bytes_sample = {"bytes (mst_slice)", bytes_type,     bytes_make, free,
                                          bytes_same,          bytes_plausible};

/* ---- a message */

#ifdef CHECK_PROTOBUF
#include <protobuf-c/protobuf-c.h>

static char *text_of(kit *k, check_random *r, size_t len)
{
    char *text = check_memory(k, len + 1);
    for (size_t i = 0; i < len; i++) {
        text[i] = (char) (check_draw(r, 20) ? 'a' + (int) check_draw(r, 26)
                                            : " \"\\{}[]:,/\n"[check_draw(r, 11)]);
    }
    return text;
}

typedef struct message {
    ProtobufCMessage base;
    int64_t number;
    char *text;
    ProtobufCBinaryData data;
    size_t n_list;
    uint32_t *list;
    struct message *inner;
    double real;
    protobuf_c_boolean flag;
    uint64_t big;
} message;

static const char no_text[] = "";
static const ProtobufCMessageDescriptor message_type;

#define FIELD(name, id, label, type, quantifier, member, descriptor, def, flags)                   \
    {                                                                                              \
        (name), (id), (label), (type), (quantifier), offsetof(message, member), (descriptor),      \
            (def), (flags), 0, NULL, NULL                                                          \
    }
static const ProtobufCFieldDescriptor message_fields[] = {
    FIELD("number", 1, PROTOBUF_C_LABEL_NONE, PROTOBUF_C_TYPE_INT64, 0, number, NULL, NULL, 0),
    FIELD("text", 2, PROTOBUF_C_LABEL_NONE, PROTOBUF_C_TYPE_STRING, 0, text, NULL, no_text, 0),
    FIELD("data", 3, PROTOBUF_C_LABEL_NONE, PROTOBUF_C_TYPE_BYTES, 0, data, NULL, NULL, 0),
    FIELD("list", 4, PROTOBUF_C_LABEL_REPEATED, PROTOBUF_C_TYPE_UINT32, offsetof(message, n_list),
          list, NULL, NULL, PROTOBUF_C_FIELD_FLAG_PACKED),
    FIELD("inner", 5, PROTOBUF_C_LABEL_NONE, PROTOBUF_C_TYPE_MESSAGE, 0, inner, &message_type, NULL,
          0),
    FIELD("real", 6, PROTOBUF_C_LABEL_NONE, PROTOBUF_C_TYPE_DOUBLE, 0, real, NULL, NULL, 0),
    FIELD("flag", 7, PROTOBUF_C_LABEL_NONE, PROTOBUF_C_TYPE_BOOL, 0, flag, NULL, NULL, 0),
    FIELD("big", 8, PROTOBUF_C_LABEL_NONE, PROTOBUF_C_TYPE_FIXED64, 0, big, NULL, NULL, 0),
};
static const unsigned message_by_name[] = {7, 2, 6, 4, 3, 0, 5, 1};
static const ProtobufCIntRange message_ranges[] = {{1, 0}, {0, 8}};

static void message_init(ProtobufCMessage *base)
{
    *(message *) base = (message){.base = {.descriptor = &message_type}, .text = (char *) no_text};
}

static const ProtobufCMessageDescriptor message_type = {
    PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
    "memstache.check.Sample",
    "Sample",
    "Memstache__Check__Sample",
    "memstache.check",
    sizeof(message),
    8,
    message_fields,
    message_by_name,
    1,
    message_ranges,
    message_init,
    NULL,
    NULL,
    NULL,
};

static message *message_new(kit *k, check_random *r, int depth)
{
    static const double reals[] = {0, 0.5, -1.25, 1e100, 3.0};
    message *m = check_memory(k, sizeof *m);
    message_init(&m->base);
    m->number = (int64_t) check_draw(r, UINT64_MAX) >> check_draw(r, 64);
    m->text = text_of(k, r, length(r));
    m->data.len = length(r);
    m->data.data = check_memory(k, m->data.len);
    check_fill(r, (unsigned) check_draw(r, CHECK_SHAPES), m->data.data, m->data.len);
    m->n_list = check_draw(r, 20);
    m->list = check_memory(k, m->n_list * sizeof *m->list);
    for (size_t i = 0; i < m->n_list; i++) {
        m->list[i] = (uint32_t) check_draw(r, UINT32_MAX);
    }
    m->inner = depth < 4 && check_draw(r, 2) ? message_new(k, r, depth + 1) : NULL;
    m->real = reals[check_draw(r, 5)];
    m->flag = check_draw(r, 2) == 1;
    m->big = check_draw(r, 3) ? check_draw(r, UINT64_MAX) : 0;
    return m;
}

static void *message_make(kit *k, check_random *r)
{
    return message_new(k, r, 0);
}

static void message_drop(void *object)
{
    message *m = object;
    if (m->inner) {
        message_drop(m->inner);
    }
    free(m->text);
    free(m->data.data);
    free(m->list);
    free(m);
}

static bool message_same(const void *a_, const void *b_)
{
    const message *a = a_, *b = b_;
    if (!a || !b) {
        return a == b;
    }
    return a->base.descriptor == b->base.descriptor && a->number == b->number &&
           strcmp(a->text ? a->text : "", b->text ? b->text : "") == 0 &&
           a->data.len == b->data.len &&
           (a->data.len == 0 || memcmp(a->data.data, b->data.data, a->data.len) == 0) &&
           a->n_list == b->n_list &&
           (a->n_list == 0 || memcmp(a->list, b->list, a->n_list * sizeof *a->list) == 0) &&
           memcmp(&a->real, &b->real, sizeof a->real) == 0 && !a->flag == !b->flag &&
           a->big == b->big && message_same(a->inner, b->inner);
}

static bool message_plausible(const void *made, const void *original)
{
    return ((const ProtobufCMessage *) made)->descriptor == &message_type;
}

static const check_sample message_sample = {"a protobuf-c message", &message_type,
                                            message_make,           message_drop,
                                            message_same,           message_plausible};
#endif

const check_sample *const check_samples[] = {
#ifdef CHECK_PROTOBUF
    &message_sample,
#endif
    &bytes_sample,
    NULL,
};
