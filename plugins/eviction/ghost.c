/* ghost.c - see ghost.h. The table has at least twice the cells that it was asked for, so that the
 * lines, which are not all equally full, seldom forget too early. */
#include "ghost.h"

#include <string.h>

enum { LINE_CELLS = 8, LINES_MIN = 8, LINES_MAX = 1 << 24, WORD_BITS = 64 };

static uint32_t cells(const ghost *g)
{
    return (uint32_t) g->lines * LINE_CELLS;
}

mst_status ghost_init(ghost *g, const mst_host *host, uint64_t keys)
{
    *g = (ghost){.lines = LINES_MIN};
    while (g->lines < LINES_MAX && cells(g) < 2 * keys) {
        g->lines *= 2;
    }
    size_t size = cells(g) * sizeof *g->cells + cells(g) / 8;
    g->cells = host->alloc(host, size);
    if (!g->cells) {
        return MST_ENOMEM;
    }
    memset(g->cells, 0, size);
    g->bits = (uint64_t *) (g->cells + cells(g));
    return MST_OK;
}

void ghost_fini(ghost *g, const mst_host *host)
{
    host->free(host, g->cells);
    g->cells = NULL;
}

static bool is_there(const ghost *g, uint32_t number)
{
    uint32_t at = number & (cells(g) - 1);
    return number - g->first < g->next - g->first && g->bits[at / WORD_BITS] >> at % WORD_BITS & 1;
}

static void set(ghost *g, uint32_t number, bool there)
{
    uint32_t at = number & (cells(g) - 1);
    uint64_t bit = (uint64_t) 1 << at % WORD_BITS;
    g->bits[at / WORD_BITS] = (g->bits[at / WORD_BITS] & ~bit) | (there ? bit : 0);
    g->count += there ? 1 : UINT32_MAX;
}

static void forget_first(ghost *g)
{
    if (is_there(g, g->first)) {
        set(g, g->first, false);
    }
    g->first++;
}

/* The traces are parts of a good hash; the low bits choose the line. */
static ghost_cell *line_of(const ghost *g, uint32_t trace)
{
    return g->cells + (trace & (g->lines - 1)) * LINE_CELLS;
}

/* The trace itself, else a cell that is free, else the oldest one. */
static ghost_cell *cell_for(const ghost *g, uint32_t trace)
{
    ghost_cell *line = line_of(g, trace), *best = line;
    uint32_t oldest = 0;
    for (int i = 0; i < LINE_CELLS; i++) {
        uint32_t age = is_there(g, line[i].number) ? g->next - line[i].number : UINT32_MAX;
        if (line[i].trace == trace && age != UINT32_MAX) {
            return &line[i];
        }
        if (age > oldest) {
            oldest = age;
            best = &line[i];
        }
    }
    return best;
}

void ghost_add(ghost *g, uint32_t trace, uint64_t keep)
{
    ghost_cell *to = cell_for(g, trace);
    if (is_there(g, to->number)) {
        set(g, to->number, false);
    }
    if (g->next - g->first == cells(g)) {
        forget_first(g);
    }
    *to = (ghost_cell){trace, g->next};
    g->next++;
    set(g, to->number, true);
    while (g->count > keep) {
        forget_first(g);
    }
}

bool ghost_take(ghost *g, uint32_t trace)
{
    ghost_cell *line = line_of(g, trace);
    for (int i = 0; i < LINE_CELLS; i++) {
        if (line[i].trace == trace && is_there(g, line[i].number)) {
            set(g, line[i].number, false);
            return true;
        }
    }
    return false;
}
