/* yard_handmade.c - the yardstick of what programs write themselves: a hash table of a general
 * library, a list in the order of use, one mutex around both, and values that are copied out.
 *
 * The table is laid out as GLib's GHashTable: open addressing with a growing step over three
 * arrays, of hashes, of keys and of values; the first slot by a remainder of a prime; keys that end
 * with a NUL, hashed byte by byte (D. J. Bernstein's h * 33 + c); twice the size when it is full to
 * 15/16, in one go. Node and key are blocks of their own, as g_strdup() and g_new() make them. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "near.h"

enum { EMPTY = 0, GONE = 1, FIRST_REAL = 2, FIRST_BITS = 3, LAST_BITS = 31 };

typedef struct node {
    struct node *next, *prev; /* of the list */
    char *key;
    char value[NEAR_VALUE];
} node;

struct yard_handmade {
    pthread_mutex_t lock;
    uint64_t max_entries, count, used; /* used: GONE ones as well */
    unsigned bits;
    uint32_t mask, prime;
    uint32_t *hashes;
    char **keys;
    node **nodes;
    node list; /* its own neighbour: next is the one used last */
};

static uint32_t hash_of(const char *key)
{
    uint32_t h = 5381;
    for (const unsigned char *p = (const unsigned char *) key; *p; p++) {
        h = h * 33 + *p;
    }
    return h < FIRST_REAL ? FIRST_REAL : h;
}

static uint32_t prime_below(uint32_t n)
{
    for (;; n--) {
        uint32_t d = 2;
        while ((uint64_t) d * d <= n && n % d) {
            d++;
        }
        if ((uint64_t) d * d > n) {
            return n;
        }
    }
}

/* The slot of the key, or else the one where it should be put. */
static uint32_t slot_of(const yard_handmade *h, const char *key, uint32_t hash)
{
    uint32_t at = hash * 11 % h->prime, step = 0, gone = UINT32_MAX;
    while (h->hashes[at] != EMPTY) {
        if (h->hashes[at] == hash && strcmp(h->keys[at], key) == 0) {
            return at;
        }
        if (h->hashes[at] == GONE && gone == UINT32_MAX) {
            gone = at;
        }
        at = (at + ++step) & h->mask;
    }
    return gone == UINT32_MAX ? at : gone;
}

static void make_table(yard_handmade *h, unsigned bits)
{
    size_t room = (size_t) 1 << bits;
    h->bits = bits;
    h->mask = (uint32_t) (room - 1);
    h->prime = prime_below((uint32_t) room - 1);
    h->used = h->count;
    h->hashes = near_must(calloc(room, sizeof *h->hashes));
    h->keys = near_must(calloc(room, sizeof *h->keys));
    h->nodes = near_must(calloc(room, sizeof *h->nodes));
}

static void free_table(yard_handmade *h)
{
    free(h->hashes);
    free(h->keys);
    free(h->nodes);
}

/* Everything moves at once: that is the pause that others wait for. */
static void grow(yard_handmade *h)
{
    yard_handmade old = *h;
    unsigned bits = FIRST_BITS;
    while (bits < LAST_BITS && (uint64_t) 1 << bits < h->count + h->count / 3) {
        bits++;
    }
    make_table(h, bits);
    for (size_t i = 0; i <= old.mask; i++) {
        if (old.hashes[i] >= FIRST_REAL) {
            uint32_t at = slot_of(h, old.keys[i], old.hashes[i]);
            h->hashes[at] = old.hashes[i];
            h->keys[at] = old.keys[i];
            h->nodes[at] = old.nodes[i];
        }
    }
    free_table(&old);
}

static void unlink_node(node *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
}

static void link_first(yard_handmade *h, node *n)
{
    n->prev = &h->list;
    n->next = h->list.next;
    n->next->prev = n;
    h->list.next = n;
}

static void evict(yard_handmade *h)
{
    node *n = h->list.prev;
    h->hashes[slot_of(h, n->key, hash_of(n->key))] = GONE;
    h->count--;
    unlink_node(n);
    free(n->key);
    free(n);
}

yard_handmade *yard_handmade_new(uint64_t max_entries)
{
    yard_handmade *h = near_must(calloc(1, sizeof *h));
    pthread_mutex_init(&h->lock, NULL);
    h->max_entries = max_entries;
    h->list.next = h->list.prev = &h->list;
    make_table(h, FIRST_BITS);
    return h;
}

void yard_handmade_set(yard_handmade *h, const char *key, const char value[NEAR_VALUE])
{
    pthread_mutex_lock(&h->lock);
    if (h->max_entries && h->count == h->max_entries) {
        evict(h);
    }
    node *n = near_must(malloc(sizeof *n));
    n->key = near_must(strdup(key));
    memcpy(n->value, value, NEAR_VALUE);
    uint32_t hash = hash_of(key), at = slot_of(h, key, hash);
    h->used += h->hashes[at] == EMPTY;
    h->hashes[at] = hash;
    h->keys[at] = n->key;
    h->nodes[at] = n;
    h->count++;
    link_first(h, n);
    if (h->used + h->used / 16 >= (uint64_t) h->mask + 1) {
        grow(h);
    }
    pthread_mutex_unlock(&h->lock);
}

bool yard_handmade_get(yard_handmade *h, const char *key, char value[NEAR_VALUE])
{
    pthread_mutex_lock(&h->lock);
    uint32_t hash = hash_of(key), at = slot_of(h, key, hash);
    bool found = h->hashes[at] == hash;
    if (found) {
        node *n = h->nodes[at];
        unlink_node(n);
        link_first(h, n);
        memcpy(value, n->value, NEAR_VALUE);
    }
    pthread_mutex_unlock(&h->lock);
    return found;
}

void yard_handmade_free(yard_handmade *h)
{
    while (h->list.next != &h->list) {
        node *n = h->list.next;
        unlink_node(n);
        free(n->key);
        free(n);
    }
    free_table(h);
    pthread_mutex_destroy(&h->lock);
    free(h);
}
