/* ghost.c - see ghost.h. There are half as many cells again as keys to remember, because lines are
 * not all equally full. A policy that ticks more often than it said loses its oldest keys early. */
#include "ghost.h"

#include <string.h>

enum { PAGE_LINES = 64, WORD_BITS = 64, KEYS_MAX = 1 << 26, EPOCHS_MIN = 64, EPOCHS_MAX = 16384 };

static size_t cells_size(const ghost *g)
{
    return (size_t) g->lines * GHOST_LINE_CELLS * sizeof *g->cells;
}

static size_t ready_words(const ghost *g)
{
    return g->lines / PAGE_LINES / WORD_BITS + 1;
}

uint64_t ghost_footprint(const ghost *g)
{
    return cells_size(g) + ready_words(g) * sizeof *g->ready + g->epochs * sizeof *g->counts;
}

mst_status ghost_init(ghost *g, const mst_host *host, uint64_t keys, uint32_t ticks)
{
    keys = keys < KEYS_MAX ? keys : KEYS_MAX;
    *g = (ghost){.lines = (uint32_t) (keys * 3 / 2 / GHOST_LINE_CELLS + 1), .epochs = EPOCHS_MIN};
    while (g->epochs < EPOCHS_MAX && g->epochs < ticks * keys) {
        g->epochs *= 2;
    }
    while ((uint64_t) g->epochs << g->epoch_shift < ticks * keys) {
        g->epoch_shift++;
    }
    size_t cells = cells_size(g), rest = ghost_footprint(g) - cells;
    g->cells = host->alloc(host, cells + rest);
    if (!g->cells) {
        return MST_ENOMEM;
    }
    g->ready = (uint64_t *) ((char *) g->cells + cells);
    g->counts = (uint16_t *) (g->ready + ready_words(g));
    memset(g->ready, 0, rest);
    return MST_OK;
}

void ghost_fini(ghost *g, const mst_host *host)
{
    host->free(host, g->cells);
    g->cells = NULL;
}

static uint16_t now(const ghost *g)
{
    return (uint16_t) (g->ticks >> g->epoch_shift);
}

static uint16_t *count_of(const ghost *g, uint16_t epoch)
{
    return &g->counts[epoch & (g->epochs - 1)];
}

static bool is_there(const ghost *g, const ghost_cell *c)
{
    return (uint16_t) (c->epoch - g->first) <= (uint16_t) (now(g) - g->first) &&
           *count_of(g, c->epoch) > 0;
}

static void clear(const ghost *g, ghost_cell *c)
{
    c->epoch = (uint16_t) (g->first - 1);
}

static void forget(ghost *g, ghost_cell *c)
{
    *count_of(g, c->epoch) -= 1;
    g->keys--;
    clear(g, c);
}

static uint32_t forget_first(ghost *g)
{
    uint32_t n = *count_of(g, g->first);
    *count_of(g, g->first) = 0;
    g->keys -= n;
    g->first++;
    return n;
}

uint16_t ghost_tick(ghost *g)
{
    g->ticks++;
    if ((uint16_t) (now(g) - g->first) >= g->epochs) {
        forget_first(g);
    }
    return now(g);
}

/* A cache that never fills never touches this memory. */
static void make_ready(const ghost *g, uint32_t page)
{
    uint32_t first = page * PAGE_LINES;
    uint32_t lines = g->lines - first < PAGE_LINES ? g->lines - first : PAGE_LINES;
    memset(g->cells + (size_t) first * GHOST_LINE_CELLS, 0,
           lines * GHOST_LINE_CELLS * sizeof *g->cells);
    g->ready[page / WORD_BITS] |= (uint64_t) 1 << page % WORD_BITS;
}

/* The upper bits choose the line. */
static ghost_cell *line_of(const ghost *g, uint32_t trace)
{
    uint32_t line = (uint32_t) ((uint64_t) trace * g->lines >> 32), page = line / PAGE_LINES;
    if (!(g->ready[page / WORD_BITS] >> page % WORD_BITS & 1)) {
        make_ready(g, page);
    }
    return g->cells + (size_t) line * GHOST_LINE_CELLS;
}

/* NULL: it is not there. */
static ghost_cell *find(const ghost *g, uint32_t trace)
{
    ghost_cell *line = line_of(g, trace);
    for (int i = 0; i < GHOST_LINE_CELLS; i++) {
        if (line[i].tag == (uint16_t) trace && is_there(g, &line[i])) {
            return &line[i];
        }
    }
    return NULL;
}

/* One that is free, else the oldest. What is free is cleared, long before its epoch comes round. */
static ghost_cell *make_room(ghost *g, uint32_t trace)
{
    ghost_cell *line = line_of(g, trace), *free = NULL, *oldest = line;
    for (int i = 0; i < GHOST_LINE_CELLS; i++) {
        if (!is_there(g, &line[i])) {
            free = &line[i];
            clear(g, free);
        }
        oldest = ghost_before(line[i].epoch, oldest->epoch) ? &line[i] : oldest;
    }
    if (!free) {
        forget(g, oldest);
    }
    return free ? free : oldest;
}

void ghost_add(ghost *g, uint32_t trace, uint16_t epoch)
{
    if (ghost_before(epoch, g->first)) {
        return;
    }
    ghost_cell *c = find(g, trace);
    if (c) {
        forget(g, c);
    } else {
        c = make_room(g, trace);
    }
    *c = (ghost_cell){(uint16_t) trace, epoch};
    *count_of(g, epoch) += 1;
    g->keys++;
}

bool ghost_take(ghost *g, uint32_t trace)
{
    ghost_cell *c = g->keys ? find(g, trace) : NULL;
    if (c) {
        forget(g, c);
    }
    return c;
}

uint32_t ghost_keep(ghost *g, uint64_t keep)
{
    uint32_t n = 0;
    while (g->keys > keep) {
        n += forget_first(g);
    }
    return n;
}

uint32_t ghost_forget_before(ghost *g, uint16_t epoch)
{
    uint32_t n = 0;
    while (ghost_before(g->first, epoch)) {
        n += forget_first(g);
    }
    return n;
}
