/* base64.c - RFC 4648; jansson has none. */
#include <string.h>

#include "mapping.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t mst_base64_write(const uint8_t *data, size_t len, char *out)
{
    char *at = out;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t group = (uint32_t) data[i] << 16 | (left > 1 ? (uint32_t) data[i + 1] << 8 : 0) |
                         (left > 2 ? data[i + 2] : 0);
        *at++ = alphabet[group >> 18];
        *at++ = alphabet[group >> 12 & 63];
        *at++ = left > 1 ? alphabet[group >> 6 & 63] : '=';
        *at++ = left > 2 ? alphabet[group & 63] : '=';
    }
    return (size_t) (at - out);
}

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    if (c == '+' || c == '-') {
        return 62;
    }
    return c == '/' || c == '_' ? 63 : -1;
}

bool mst_base64_read(const char *text, size_t len, uint8_t *out, size_t *out_len)
{
    uint32_t bits = 0;
    unsigned have = 0;
    uint8_t *at = out;
    if (len % 4 == 0) {
        for (int i = 0; i < 2 && len > 0 && text[len - 1] == '='; i++) {
            len--;
        }
    }
    for (size_t i = 0; i < len; i++) {
        int d = digit(text[i]);
        if (d < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t) d;
        have += 6;
        if (have >= 8) {
            have -= 8;
            *at++ = (uint8_t) (bits >> have);
        }
    }
    *out_len = (size_t) (at - out);
    return have < 6 && (bits & ((1u << have) - 1)) == 0;
}
