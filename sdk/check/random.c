/* random.c - numbers that follow from the seed, and bytes as values have them. */
#include <string.h>

#include "check.h"

uint64_t check_mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* SplitMix64. */
uint64_t check_draw(check_random *r, uint64_t below)
{
    return check_mix(r->state += 0x9e3779b97f4a7c15u) % below;
}

static void fill_text(check_random *r, uint8_t *bytes, size_t len)
{
    static const char *const words[] = {"the",     "cache",       "key",   "value",    ", ",
                                        "{\"a\":", "\n",          "10023", "entry",    "lifetime",
                                        " ",       "hit or miss", "\"},",  "\xc3\xbc", "remembers"};
    for (size_t at = 0; at < len;) {
        const char *word = words[check_draw(r, sizeof words / sizeof words[0])];
        for (; *word && at < len; word++) {
            bytes[at++] = (uint8_t) *word;
        }
        if (at < len) {
            bytes[at++] = ' ';
        }
    }
}

static void fill_runs(check_random *r, uint8_t *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t n = 1 + check_draw(r, check_draw(r, 4) ? 5 : 400);
        n = n < len - at ? n : len - at;
        memset(bytes + at, (int) check_draw(r, 256), n);
        at += n;
    }
}

void check_fill(check_random *r, unsigned shape, void *memory, size_t len)
{
    uint8_t *bytes = memory;
    switch (shape) {
    case 0:
        if (len) {
            memset(bytes, 0, len);
        }
        break;
    case 1:
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (uint8_t) check_draw(r, 256);
        }
        break;
    case 2:
        fill_text(r, bytes, len);
        break;
    case 3:
        fill_runs(r, bytes, len);
        break;
    default:
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (uint8_t) (i % 4 ? 0 : i / 4);
        }
        break;
    }
}

const char *check_shape_name(unsigned shape)
{
    static const char *const names[CHECK_SHAPES] = {"zeros", "random bytes", "text", "runs",
                                                    "a counter"};
    return names[shape % CHECK_SHAPES];
}
