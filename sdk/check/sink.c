/* sink.c - see sink.h. */
#include "sink.h"

#include <string.h>

void check_sink_settle(check_sink *s)
{
    if (s->reserved && s->plain) {
        s->len += s->reserved;
        s->reserved = 0;
    } else if (s->reserved) {
        check_guard_verify(&s->room, s->reserved);
        memcpy(s->data + s->len, s->room.data, s->reserved);
        s->len += s->reserved;
        s->reserved = 0;
    }
}

static mst_status sink_write(mst_sink *base, const void *data, size_t len)
{
    check_sink *s = (check_sink *) base;
    check_sink_settle(s);
    if (len && !data) {
        check_fail(s->k, "encode() wrote %zu bytes from NULL", len);
    }
    s->refused |= len > s->cap - s->len;
    if (s->refused) {
        return s->refusal;
    }
    if (len) {
        memcpy(s->data + s->len, data, len);
    }
    s->len += len;
    return MST_OK;
}

static void *sink_reserve(mst_sink *base, size_t len)
{
    check_sink *s = (check_sink *) base;
    check_sink_settle(s);
    s->refused |= len > s->cap - s->len;
    if (s->refused) {
        return NULL;
    }
    s->reserved = len;
    if (s->plain) {
        return s->data + s->len;
    }
    return check_guard_take(&s->room, len, 1);
}

void check_sink_open(kit *k, check_sink *s)
{
    *s = (check_sink){.sink = {sizeof s->sink, sink_write, sink_reserve}, .k = k};
    s->data = check_memory(k, CHECK_PAYLOAD_MAX);
    check_guard_open(k, &s->room, CHECK_PAYLOAD_MAX, "what reserve() gave");
}

void check_sink_empty(check_sink *s, size_t cap, mst_status refusal)
{
    s->len = s->reserved = 0;
    s->cap = cap;
    s->refused = false;
    s->refusal = refusal;
}
