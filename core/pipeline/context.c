/* context.c - see context.h. Versions to come may only append to what version 00 says, and are read
 * as that. */
#include "pipeline/context.h"

#include <string.h>

/* The letters are lower-case in that format. */
static int digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Two digits for each byte; false where there are other characters. */
static bool read_hex(const char *text, uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int high = digit(text[2 * i]), low = high < 0 ? -1 : digit(text[2 * i + 1]);
        if (low < 0) {
            return false;
        }
        bytes[i] = (uint8_t) (high << 4 | low);
    }
    return true;
}

static char *write_hex(char *at, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        *at++ = digits[bytes[i] >> 4];
        *at++ = digits[bytes[i] & 15];
    }
    return at;
}

static bool is_zero(const uint8_t *bytes, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

bool msi_context_read(msi_context *context, const char *text)
{
    enum { LENGTH = MSI_TRACEPARENT_SIZE - 1 };
    uint8_t version, flags;
    msi_context c = {.traced = true, .decided = true};
    if (strnlen(text, LENGTH) < LENGTH || text[2] != '-' || text[35] != '-' || text[52] != '-' ||
        !read_hex(text, &version, 1) || !read_hex(text + 3, c.trace_id, sizeof c.trace_id) ||
        !read_hex(text + 36, c.parent_id, sizeof c.parent_id) || !read_hex(text + 53, &flags, 1)) {
        return false;
    }
    bool ends = text[LENGTH] == '\0' || (version != 0 && text[LENGTH] == '-');
    if (!ends || version == 0xff || is_zero(c.trace_id, sizeof c.trace_id) ||
        is_zero(c.parent_id, sizeof c.parent_id)) {
        return false;
    }
    c.sampled = (flags & 1) != 0;
    *context = c;
    return true;
}

void msi_context_write(const msi_context *c, const uint8_t span_id[8],
                       char text[MSI_TRACEPARENT_SIZE])
{
    const uint8_t version = 0, flags = c->sampled;
    char *at = write_hex(text, &version, 1);
    *at++ = '-';
    at = write_hex(at, c->trace_id, sizeof c->trace_id);
    *at++ = '-';
    at = write_hex(at, span_id, 8);
    *at++ = '-';
    at = write_hex(at, &flags, 1);
    *at = '\0';
}
