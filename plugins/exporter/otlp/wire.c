/* wire.c - see wire.h. */
#include "wire.h"

#include <string.h>

ProtobufCBinaryData otlp_pack(const mst_host *host, const ProtobufCMessage *message)
{
    size_t room = protobuf_c_message_get_packed_size(message) + 1;
    ProtobufCBinaryData packed = {.data = host->alloc(host, room)};
    if (packed.data) {
        packed.len = protobuf_c_message_pack(message, packed.data);
    }
    return packed;
}

static void grow(otlp_pile *p)
{
    size_t room = p->room ? 2 * p->room : 64;
    void *grown = p->host->realloc(p->host, p->items, room * sizeof *p->items);
    if (grown) {
        p->items = grown;
        p->room = room;
    }
}

void otlp_pile_add(otlp_pile *p, const ProtobufCMessage *message)
{
    if (p->count == p->room) {
        grow(p);
    }
    p->no_memory = p->no_memory || p->count == p->room;
    if (!p->no_memory) {
        p->items[p->count] = otlp_pack(p->host, message);
        p->no_memory = !p->items[p->count].data;
        p->count += !p->no_memory;
    }
}

void otlp_pile_clear(otlp_pile *p)
{
    for (size_t i = 0; i < p->count; i++) {
        p->host->free(p->host, p->items[i].data);
    }
    p->count = 0;
}

void otlp_pile_free(otlp_pile *p)
{
    if (p->host) {
        otlp_pile_clear(p);
        p->host->free(p->host, p->items);
        *p = (otlp_pile){.host = NULL};
    }
}

/* ---- the requests */

typedef struct around {
    Otlp__AnyValue values[3];
    Otlp__KeyValue pairs[3];
    Otlp__KeyValue *attributes[3];
    Otlp__Resource resource;
    Otlp__Scope scope;
} around;

static void fill(around *a, const otlp_resource *from)
{
    static const char *const names[] = {"service.name", "process.pid", "telemetry.sdk.language"};
    otlp__resource__init(&a->resource);
    otlp__scope__init(&a->scope);
    for (int i = 0; i < 3; i++) {
        otlp__any_value__init(&a->values[i]);
        otlp__key_value__init(&a->pairs[i]);
        a->values[i].value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
        a->pairs[i].key = (char *) names[i];
        a->pairs[i].value = &a->values[i];
        a->attributes[i] = &a->pairs[i];
    }
    a->values[0].string_value = (char *) from->service_name;
    a->values[1].value_case = OTLP__ANY_VALUE__VALUE_INT_VALUE;
    a->values[1].int_value = from->pid;
    a->values[2].string_value = (char *) "c";
    a->resource.attributes = a->attributes;
    a->resource.n_attributes = 3;
    a->scope.name = (char *) OTLP_SCOPE;
}

ProtobufCBinaryData otlp_traces_request(const mst_host *host, const otlp_resource *from,
                                        otlp_batch *spans)
{
    around a;
    Otlp__ResourceSpans resource = OTLP__RESOURCE_SPANS__INIT, *resources = &resource;
    Otlp__TracesRequest request = OTLP__TRACES_REQUEST__INIT;
    fill(&a, from);
    resource.resource = &a.resource;
    resource.scope_spans = (ProtobufCBinaryData){spans->len, spans->message};
    request.resource_spans = &resources;
    request.n_resource_spans = 1;
    return otlp_pack(host, &request.base);
}

ProtobufCBinaryData otlp_metrics_request(const mst_host *host, const otlp_resource *from,
                                         const otlp_pile *metrics)
{
    around a;
    Otlp__ScopeMetrics scope = OTLP__SCOPE_METRICS__INIT, *scopes = &scope;
    Otlp__ResourceMetrics resource = OTLP__RESOURCE_METRICS__INIT, *resources = &resource;
    Otlp__MetricsRequest request = OTLP__METRICS_REQUEST__INIT;
    fill(&a, from);
    scope.scope = &a.scope;
    scope.metrics = metrics->items;
    scope.n_metrics = metrics->count;
    resource.resource = &a.resource;
    resource.scope_metrics = &scopes;
    resource.n_scope_metrics = 1;
    request.resource_metrics = &resources;
    request.n_resource_metrics = 1;
    return otlp_pack(host, &request.base);
}
