/* ghost.c - see ghost.h. The table has twice the cells that it was asked for, so that the lines,
 * which are not all equally full, seldom forget too early. */
#include "ghost.h"

#include <string.h>

enum { LINE_CELLS = 8, LINES_MAX = 1 << 24 };

mst_status ghost_init(ghost *g, const mst_host *host, uint64_t keys)
{
    *g = (ghost){.lines = 1};
    while (g->lines < LINES_MAX && g->lines * LINE_CELLS < 2 * keys) {
        g->lines *= 2;
    }
    size_t size = (size_t) g->lines * LINE_CELLS * sizeof *g->cells;
    g->cells = host->alloc(host, size);
    if (!g->cells) {
        return MST_ENOMEM;
    }
    memset(g->cells, 0, size);
    return MST_OK;
}

void ghost_fini(ghost *g, const mst_host *host)
{
    host->free(host, g->cells);
    g->cells = NULL;
}

/* The traces are parts of a good hash; the low bits choose the line. */
static ghost_cell *line_of(const ghost *g, uint32_t trace)
{
    return g->cells + (trace & (g->lines - 1)) * LINE_CELLS;
}

/* How many were added since; a number that came round is as old as can be. */
static uint32_t age(const ghost *g, const ghost_cell *c)
{
    return c->number ? g->last - c->number : UINT32_MAX;
}

void ghost_add(ghost *g, uint32_t trace)
{
    ghost_cell *line = line_of(g, trace), *to = line;
    for (int i = 0; i < LINE_CELLS; i++) {
        if (line[i].number && line[i].trace == trace) {
            to = &line[i];
            break;
        }
        to = age(g, &line[i]) > age(g, to) ? &line[i] : to;
    }
    g->last += g->last == UINT32_MAX ? 2 : 1; /* 0 means empty */
    *to = (ghost_cell){trace, g->last};
}

bool ghost_take(ghost *g, uint32_t trace, uint64_t recent)
{
    ghost_cell *line = line_of(g, trace);
    for (int i = 0; i < LINE_CELLS; i++) {
        if (line[i].number && line[i].trace == trace) {
            bool found = age(g, &line[i]) < recent;
            line[i].number = 0;
            return found;
        }
    }
    return false;
}
