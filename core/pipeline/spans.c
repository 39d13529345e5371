/* spans.c - a request that was recorded, and its steps, as spans for exporters. */
#include <string.h>

#include "base/clock.h"
#include "pipeline/watch.h"

enum { ATTRIBUTES_MAX = 5 };

/* A span with what it points to. */
typedef struct made {
    mst_span span;
    mst_attribute attributes[ATTRIBUTES_MAX];
    char name[64];
} made;

/* From the monotonic clock to the one of the world, which may have been set meanwhile. */
static uint64_t world_offset(void)
{
    return msi_wall_ns() - msi_now_ns();
}

static void add_text(made *m, const char *name, const char *text)
{
    if (text) {
        m->attributes[m->span.attribute_count++] =
            (mst_attribute){.name = name, .type = MST_ATTRIBUTE_TEXT, .text = {text, strlen(text)}};
    }
}

static void begin(made *m, const msi_context *c, const uint8_t id[8], uint64_t start_ns,
                  uint64_t end_ns, uint64_t offset)
{
    memset(&m->span, 0, sizeof m->span);
    m->span.struct_size = sizeof m->span;
    m->span.kind = MST_SPAN_INTERNAL;
    memcpy(m->span.trace_id, c->trace_id, sizeof c->trace_id);
    memcpy(m->span.span_id, id, sizeof c->span_id);
    m->span.start_ns = start_ns + offset;
    m->span.end_ns = end_ns + offset;
    m->span.attributes = m->attributes;
}

static void set_status(made *m, mst_status status)
{
    if (status < 0) {
        m->span.status = MST_SPAN_ERROR;
        m->span.status_text = mst_strerror(status);
    }
}

static void make_request(made *m, const mst_cache *c, const msi_record *r, uint64_t offset)
{
    begin(m, &r->context, r->context.span_id, r->start_ns, r->end_ns, offset);
    memcpy(m->span.parent_id, r->context.parent_id, sizeof m->span.parent_id);
    m->span.name = r->name;
    set_status(m, r->status);
    if (r->why == MST_WHY_TIER_FAILED && r->status >= 0) {
        m->span.status = MST_SPAN_ERROR;
        m->span.status_text = "a tier failed";
    }
    add_text(m, "memstache.cache", c->section);
    add_text(m, "memstache.why", mst_why_name(r->why));
    add_text(m, "memstache.status", mst_status_name(r->status));
    add_text(m, "memstache.tier", mst_cache_tier_name(c, r->tier));
    add_text(m, c->watch->plain_keys ? "memstache.key" : "memstache.key_hash", r->key);
}

static const char *code_name(unsigned code)
{
    static const char *const names[] = {
        [MST_OP_GET] = "get",       [MST_OP_SET] = "set",     [MST_OP_DEL] = "delete",
        [MST_OP_EXISTS] = "exists", [MST_OP_TOUCH] = "touch", [MST_OP_CLEAR] = "clear"};
    return names[code];
}

/* "redis get" */
static void name_step(made *m, const char *tier, const char *code)
{
    size_t code_size = strlen(code) + 1, len = strnlen(tier, sizeof m->name - code_size - 1);
    memcpy(m->name, tier, len);
    m->name[len] = ' ';
    memcpy(m->name + len + 1, code, code_size);
    m->span.name = m->name;
}

static void make_step(made *m, const msi_trail_more *t, const msi_step *s, uint64_t now,
                      uint64_t offset)
{
    static const char *const names[] = {
        [MSI_STEP_UNPACK] = "unpack", [MSI_STEP_LOAD] = "loader", [MSI_STEP_PACK] = "pack"};
    const mst_cache *c = t->lane->cache;
    uint8_t id[8];
    if (s->kind == MSI_STEP_LOAD && t->calls_loader) {
        memcpy(id, t->load_id, sizeof id);
    } else {
        msi_watch_draw(c->watch, id, sizeof id);
    }
    begin(m, &t->record.context, id, s->start_ns, s->end_ns ? s->end_ns : now, offset);
    memcpy(m->span.parent_id, t->record.context.span_id, sizeof m->span.parent_id);
    if (s->kind == MSI_STEP_TIER) {
        const msi_tier *tier = c->tiers[s->tier];
        name_step(m, tier->name, code_name(s->code));
        m->span.kind = tier->near ? MST_SPAN_INTERNAL : MST_SPAN_CLIENT;
        add_text(m, "memstache.tier", tier->name);
        add_text(m, "memstache.operation", code_name(s->code));
    } else {
        m->span.name = names[s->kind];
    }
    add_text(m, "memstache.status", mst_status_name(s->status));
    set_status(m, s->status);
}

void msi_span_of_request(const mst_cache *c, const msi_record *r)
{
    made m;
    const mst_span *one = &m.span;
    make_request(&m, c, r, world_offset());
    c->watch->spans(c->watch->arg, &one, 1);
}

void msi_spans_of_trail(const msi_trail_more *t)
{
    made all[1 + MSI_STEPS_MAX];
    const mst_span *spans[1 + MSI_STEPS_MAX];
    const mst_cache *c = t->lane->cache;
    uint64_t offset = world_offset(), now = msi_loop_now_ns(t->lane->loop);
    make_request(&all[0], c, &t->record, offset);
    spans[0] = &all[0].span;
    for (unsigned i = 0; i < t->count; i++) {
        make_step(&all[i + 1], t, &t->steps[i], now, offset);
        spans[i + 1] = &all[i + 1].span;
    }
    c->watch->spans(c->watch->arg, spans, 1 + t->count);
}
