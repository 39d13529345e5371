/* simulate_optimal.c - the hits that no policy can exceed (L. A. Belady, IBM Systems Journal 1966):
 * what goes is what is asked for again last. Every miss is kept, as the policies have to.
 *
 * The entries are a heap by the moment of their next request. One that is asked for gets another
 * moment and is pushed again; its old place, which is in the past by then, is never the top.
 */
#include <stdlib.h>

#include "simulate.h"

typedef struct moment {
    uint64_t next; /* request; UINT64_MAX: none */
    uint32_t key;
} moment;

typedef struct heap {
    moment *at;
    uint64_t count;
} heap;

static void push(heap *h, moment m)
{
    uint64_t i = h->count++;
    while (i && h->at[(i - 1) / 2].next < m.next) {
        h->at[i] = h->at[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    h->at[i] = m;
}

static moment pop(heap *h)
{
    moment top = h->at[0], last = h->at[--h->count];
    uint64_t i = 0;
    for (uint64_t child; (child = 2 * i + 1) < h->count; i = child) {
        child += child + 1 < h->count && h->at[child + 1].next > h->at[child].next;
        if (h->at[child].next <= last.next) {
            break;
        }
        h->at[i] = h->at[child];
    }
    h->at[i] = last;
    return top;
}

/* next[i]: the request after i for the same key. */
static void find_next(const trace *t, uint64_t *next, uint64_t *last)
{
    for (uint32_t key = 0; key < t->distinct; key++) {
        last[key] = UINT64_MAX;
    }
    for (uint64_t i = t->count; i-- > 0;) {
        next[i] = last[t->keys[i]];
        last[t->keys[i]] = i;
    }
}

static uint64_t play(const trace *t, uint64_t size, const uint64_t *next, heap *h, bool *is_in)
{
    uint64_t hits = 0, taken = 0;
    for (uint64_t i = 0; i < t->count; i++) {
        uint32_t key = t->keys[i];
        if (is_in[key]) {
            hits++;
        } else if (taken < size) {
            taken++;
        } else {
            is_in[pop(h).key] = false;
        }
        is_in[key] = true;
        push(h, (moment){next[i], key});
    }
    return hits;
}

bool optimal_hits(const trace *t, uint64_t size, uint64_t *hits)
{
    heap h = {.at = malloc(t->count * sizeof *h.at)};
    uint64_t *next = malloc(t->count * sizeof *next);
    uint64_t *last = malloc(t->distinct * sizeof *last);
    bool *is_in = calloc(t->distinct, sizeof *is_in);
    bool enough = h.at && next && last && is_in;
    if (enough) {
        find_next(t, next, last);
        *hits = play(t, size, next, &h, is_in);
    }
    free(h.at);
    free(next);
    free(last);
    free(is_in);
    return enough;
}
