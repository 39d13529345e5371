/* spans.c - writes a request with spans that the core does not make: lengths of one to three bytes,
 * texts that are cut, numbers of all sizes. The room is what they are said to need, so that
 * AddressSanitizer sees one that is too small. For otlp.py, which knows what is to come out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

enum { LONG = 20000 };

static void *alloc(const mst_host *host, size_t size)
{
    (void) host;
    return malloc(size);
}

static void release(const mst_host *host, void *p)
{
    (void) host;
    free(p);
}

/* n times the same, in UTF-8; it belongs to the caller. */
static char *many(const char *what, size_t n)
{
    size_t len = strlen(what);
    char *text = malloc(n * len + 1);
    for (size_t i = 0; text && i < n; i++) {
        memcpy(text + i * len, what, len + 1);
    }
    return text;
}

static mst_attribute text_of(const char *name, const char *text)
{
    return (mst_attribute){
        .name = name, .type = MST_ATTRIBUTE_TEXT, .text = {text, text ? strlen(text) : 0}};
}

static mst_attribute number(const char *name, uint32_t type, int64_t n)
{
    return (mst_attribute){.name = name, .type = type, .integer = n};
}

int main(void)
{
    const mst_host host = {.alloc = alloc, .free = release};
    const otlp_resource from = {.service_name = "shop", .pid = 1};
    char *texts[] = {many("x", LONG), many("k", 200), many("a", 127), many("a", 128),
                     many("\xe2\x82\xac", 100)};
    const mst_attribute attributes[] = {
        text_of("none", NULL),
        text_of("127", texts[2]),
        text_of("128", texts[3]),
        text_of("cut", texts[0]),
        text_of("euros", texts[4]),
        text_of(texts[1], "under a long name"),
        number("least", MST_ATTRIBUTE_INTEGER, INT64_MIN),
        number("most", MST_ATTRIBUTE_INTEGER, INT64_MAX),
        number("zero", MST_ATTRIBUTE_INTEGER, 0),
        number("yes", MST_ATTRIBUTE_BOOL, 2),
        number("no", MST_ATTRIBUTE_BOOL, 0),
    };
    const mst_span small = {.trace_id = {1}, .span_id = {2}, .start_ns = 1, .name = ""};
    const mst_span large = {.trace_id = {3},
                            .span_id = {4},
                            .parent_id = {5},
                            .kind = MST_SPAN_CLIENT,
                            .status = MST_SPAN_ERROR,
                            .start_ns = 0x0102030405060708,
                            .end_ns = UINT64_MAX,
                            .name = texts[2],
                            .status_text = texts[0],
                            .trace_state = "vendor=1",
                            .attributes = attributes,
                            .attribute_count = sizeof attributes / sizeof attributes[0]};
    otlp_batch *batch = otlp_batch_new(&host, otlp_span_room(&small) + otlp_span_room(&large));
    if (!batch) {
        return 1;
    }
    otlp_batch_add(batch, &small);
    otlp_batch_add(batch, &large);
    ProtobufCBinaryData request = otlp_traces_request(&host, &from, batch);
    size_t written = request.data ? fwrite(request.data, 1, request.len, stdout) : 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        free(texts[i]);
    }
    free(batch);
    free(request.data);
    return written != request.len || !written;
}
