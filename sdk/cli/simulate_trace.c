/* simulate_trace.c - the trace in memory. Keys are numbered in the order in which they come first,
 * so that a request is four bytes and the replay looks nothing up by its text. */
#include <stdlib.h>
#include <string.h>

#include "simulate.h"

typedef struct cell {
    uint64_t hash;
    uint64_t at; /* of the key in the bytes: its length, and the key */
    uint32_t number;
    bool used;
} cell;

typedef struct trace_table {
    cell *cells;
    uint64_t mask;
    char *bytes;
    uint64_t used, room;
} trace_table;

enum { FIRST_CELLS = 1 << 16, FIRST_ROOM = 1 << 16 };

/* FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo) with its bits stirred. */
static uint64_t hash_of(const unsigned char *key, size_t len)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < len; i++) {
        h = (h ^ key[i]) * 0x100000001b3u;
    }
    h = (h ^ h >> 32) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

int trace_begin(trace *t)
{
    *t = (trace){.table = calloc(1, sizeof *t->table)};
    if (!t->table) {
        return TRACE_NO_MEMORY;
    }
    t->table->mask = FIRST_CELLS - 1;
    t->table->cells = calloc(FIRST_CELLS, sizeof *t->table->cells);
    return t->table->cells ? TRACE_OK : TRACE_NO_MEMORY;
}

static bool grow_cells(trace_table *table)
{
    uint64_t mask = 2 * table->mask + 1;
    cell *cells = calloc(mask + 1, sizeof *cells);
    if (!cells) {
        return false;
    }
    for (uint64_t i = 0; i <= table->mask; i++) {
        uint64_t at = table->cells[i].hash & mask;
        while (table->cells[i].used && cells[at].used) {
            at = (at + 1) & mask;
        }
        if (table->cells[i].used) {
            cells[at] = table->cells[i];
        }
    }
    free(table->cells);
    table->cells = cells;
    table->mask = mask;
    return true;
}

static bool keep_bytes(trace_table *table, const void *key, size_t len)
{
    if (table->room - table->used < len + sizeof len) {
        uint64_t room = (table->room + len + sizeof len) * 2;
        char *bytes = realloc(table->bytes, room);
        if (!bytes) {
            return false;
        }
        table->bytes = bytes;
        table->room = room;
    }
    memcpy(table->bytes + table->used, &len, sizeof len);
    memcpy(table->bytes + table->used + sizeof len, key, len);
    table->used += len + sizeof len;
    return true;
}

static bool is_key(const trace_table *table, const cell *c, const void *key, size_t len)
{
    size_t its;
    memcpy(&its, table->bytes + c->at, sizeof its);
    return its == len && memcmp(table->bytes + c->at + sizeof its, key, len) == 0;
}

/* The number of a key, a new one when it comes for the first time. */
static int number_of(trace *t, const void *key, size_t len, uint32_t *number)
{
    trace_table *table = t->table;
    uint64_t hash = hash_of(key, len), at = hash & table->mask;
    for (; table->cells[at].used; at = (at + 1) & table->mask) {
        if (table->cells[at].hash == hash && is_key(table, &table->cells[at], key, len)) {
            *number = table->cells[at].number;
            return TRACE_OK;
        }
    }
    if (t->distinct == UINT32_MAX) {
        return TRACE_FULL;
    }
    table->cells[at] = (cell){hash, table->used, t->distinct, true};
    if (!keep_bytes(table, key, len)) {
        return TRACE_NO_MEMORY;
    }
    *number = t->distinct++;
    return (uint64_t) t->distinct * 2 <= table->mask || grow_cells(table) ? TRACE_OK
                                                                          : TRACE_NO_MEMORY;
}

static bool grow_requests(trace *t, bool with_sizes)
{
    uint64_t room = t->count < t->room ? t->room : t->room * 2 + FIRST_ROOM;
    if (room != t->room) {
        uint32_t *keys = realloc(t->keys, room * sizeof *keys);
        if (!keys) {
            return false;
        }
        t->keys = keys;
    }
    if (with_sizes && (!t->sizes || room != t->room)) {
        bool first = !t->sizes;
        uint32_t *sizes = realloc(t->sizes, room * sizeof *sizes);
        if (!sizes) {
            return false;
        }
        for (uint64_t i = 0; first && i < t->count; i++) {
            sizes[i] = 1;
        }
        t->sizes = sizes;
    }
    t->room = room;
    return true;
}

int trace_add(trace *t, const void *key, size_t len, uint32_t size)
{
    uint32_t number;
    if (!grow_requests(t, t->sizes || size != 1)) {
        return TRACE_NO_MEMORY;
    }
    int status = number_of(t, key, len, &number);
    if (status == TRACE_OK) {
        t->keys[t->count] = number;
        if (t->sizes) {
            t->sizes[t->count] = size;
        }
        t->count++;
    }
    return status;
}

void trace_end(trace *t)
{
    if (t->table) {
        free(t->table->cells);
        free(t->table->bytes);
        free(t->table);
        t->table = NULL;
    }
}

void trace_free(trace *t)
{
    trace_end(t);
    free(t->keys);
    free(t->sizes);
    *t = (trace){0};
}
