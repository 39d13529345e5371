/* scan.c - jansson parses by recursion and allocates without a limit. Both are bounded here, from
 * the text alone: brackets outside of strings tell the depth, and with the separators the number of
 * values. What one costs is measured generously (jansson 2.14, 64 bits: an empty object 240 bytes,
 * a member 110, an array element 50). */
#include "mapping.h"

enum { CONTAINER_COST = 256, ITEM_COST = 128, BYTE_COST = 2 };

/* Behind the string that begins at `at`; `end` when it does not end. */
static const char *skip_string(const char *at, const char *end)
{
    for (at++; at < end; at++) {
        if (*at == '\\') {
            at++;
        } else if (*at == '"') {
            return at + 1;
        }
    }
    return end;
}

mst_status mst_json_scan(mst_slice text, unsigned max_depth, uint64_t max_memory,
                         size_t *longest_token)
{
    const char *at = text.data, *end = at + text.len, *token = at;
    uint64_t cost = (uint64_t) text.len * BYTE_COST;
    /* The root, two for each message in it (an array or a map, and the message), an array. */
    unsigned depth = 0, limit = 2 * max_depth + 2;
    size_t longest = 0;
    while (at < end) {
        const char *next = at + 1;
        switch (*at) {
        case '"':
            next = skip_string(at, end);
            break;
        case '{':
        case '[':
            if (++depth > limit) {
                return MST_ECORRUPT;
            }
            cost += CONTAINER_COST;
            break;
        case '}':
        case ']':
            depth -= depth > 0;
            break;
        case ',':
        case ':':
            cost += ITEM_COST;
            break;
        default: /* of a number, or a blank */
            at = next;
            continue;
        }
        longest = (size_t) (next - token) > longest ? (size_t) (next - token) : longest;
        token = at = next;
    }
    *longest_token = longest;
    return cost > max_memory ? MST_ETOOBIG : MST_OK;
}
