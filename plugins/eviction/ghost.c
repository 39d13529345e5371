/* ghost.c - see ghost.h. There are half as many cells again as keys to remember, because lines are
 * not all equally full. A policy that ticks more often than it said loses its oldest keys early. */
#include "ghost.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { PAGE_LINES = 64, WORD_BITS = 64, KEYS_MAX = 1 << 26, EPOCHS_MIN = 64, EPOCHS_MAX = 16384 };

static size_t lines_size(const ghost *g)
{
    return g->lines * sizeof *g->line;
}

static size_t ready_words(const ghost *g)
{
    return g->lines / PAGE_LINES / WORD_BITS + 1;
}

/* With what it takes to begin at a cache line. */
uint64_t ghost_footprint(const ghost *g)
{
    return lines_size(g) + ready_words(g) * sizeof *g->ready + g->epochs * sizeof *g->counts +
           _Alignof(ghost_line);
}

mst_status ghost_init(ghost *g, const mst_host *host, uint64_t keys, uint32_t ticks)
{
    keys = keys < KEYS_MAX ? keys : KEYS_MAX;
    *g = (ghost){.lines = (uint32_t) (keys * 3 / 2 / GHOST_CELLS + 1), .epochs = EPOCHS_MIN};
    while (g->epochs < EPOCHS_MAX && g->epochs < ticks * keys) {
        g->epochs *= 2;
    }
    while ((uint64_t) g->epochs << g->epoch_shift < ticks * keys) {
        g->epoch_shift++;
    }
    g->memory = host->alloc(host, ghost_footprint(g));
    if (!g->memory) {
        return MST_ENOMEM;
    }
    uintptr_t skip = -(uintptr_t) g->memory % _Alignof(ghost_line);
    g->line = (ghost_line *) (void *) ((char *) g->memory + skip);
    g->ready = (uint64_t *) (void *) ((char *) g->line + lines_size(g));
    g->counts = (uint16_t *) (g->ready + ready_words(g));
    memset(g->ready, 0, (char *) (g->counts + g->epochs) - (char *) g->ready);
    return MST_OK;
}

void ghost_fini(ghost *g, const mst_host *host)
{
    host->free(host, g->memory);
    g->memory = NULL;
}

static uint16_t now(const ghost *g)
{
    return (uint16_t) (g->ticks >> g->epoch_shift);
}

static uint16_t *count_of(const ghost *g, uint16_t epoch)
{
    return &g->counts[epoch & (g->epochs - 1)];
}

/* ---- a line: a bit for each cell */

#ifdef __SSE2__
static uint32_t bits_of(__m128i low, __m128i high)
{
    return (uint32_t) _mm_movemask_epi8(_mm_packs_epi16(low, high));
}

static uint32_t with_tag(const ghost_line *line, uint16_t tag)
{
    const __m128i *tags = (const __m128i *) (const void *) line->tag;
    __m128i all = _mm_set1_epi16((short) tag);
    return bits_of(_mm_cmpeq_epi16(tags[0], all), _mm_cmpeq_epi16(tags[1], all));
}

/* Those whose epoch is one of the `n` from `first` on, as all ones. */
static __m128i are_remembered(__m128i epochs, uint16_t first, uint16_t n)
{
    __m128i begin = _mm_set1_epi16((short) first), last = _mm_set1_epi16((short) (n - 1));
    __m128i beyond = _mm_subs_epu16(_mm_sub_epi16(epochs, begin), last);
    return _mm_cmpeq_epi16(beyond, _mm_setzero_si128());
}

static uint32_t remembered(const ghost_line *line, uint16_t first, uint16_t n)
{
    const __m128i *epochs = (const __m128i *) (const void *) line->epoch;
    return bits_of(are_remembered(epochs[0], first, n), are_remembered(epochs[1], first, n));
}

static void forget_others(ghost_line *line, uint16_t first, uint16_t n)
{
    __m128i *epochs = (__m128i *) (void *) line->epoch, none = _mm_set1_epi16((short) (first - 1));
    for (int i = 0; i < 2; i++) {
        __m128i kept = are_remembered(epochs[i], first, n);
        epochs[i] = _mm_or_si128(_mm_and_si128(kept, epochs[i]), _mm_andnot_si128(kept, none));
    }
}
#else
static uint32_t with_tag(const ghost_line *line, uint16_t tag)
{
    uint32_t found = 0;
    for (int i = 0; i < GHOST_CELLS; i++) {
        found |= (uint32_t) (line->tag[i] == tag) << i;
    }
    return found;
}

/* Those whose epoch is one of the `n` from `first` on. */
static uint32_t remembered(const ghost_line *line, uint16_t first, uint16_t n)
{
    uint32_t found = 0;
    for (int i = 0; i < GHOST_CELLS; i++) {
        found |= (uint32_t) ((uint16_t) (line->epoch[i] - first) < n) << i;
    }
    return found;
}

static void forget_others(ghost_line *line, uint16_t first, uint16_t n)
{
    for (int i = 0; i < GHOST_CELLS; i++) {
        bool kept = (uint16_t) (line->epoch[i] - first) < n;
        line->epoch[i] = kept ? line->epoch[i] : (uint16_t) (first - 1);
    }
}
#endif

enum { ALL = (1 << GHOST_CELLS) - 1 };

static uint16_t epochs_remembered(const ghost *g)
{
    return (uint16_t) (now(g) - g->first + 1);
}

/* The cells in use. */
static uint32_t used(const ghost *g, const ghost_line *line)
{
    return remembered(line, g->first, epochs_remembered(g));
}

/* ---- cells */

static void clear(const ghost *g, ghost_line *line, int cell)
{
    line->epoch[cell] = (uint16_t) (g->first - 1);
}

static void forget(ghost *g, ghost_line *line, int cell)
{
    uint16_t *count = count_of(g, line->epoch[cell]);
    if (*count) {
        *count -= 1;
        g->keys--;
    }
    clear(g, line, cell);
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
    for (uint32_t i = 0; i < lines * GHOST_CELLS; i++) {
        clear(g, &g->line[first + i / GHOST_CELLS], (int) (i % GHOST_CELLS));
    }
    g->ready[page / WORD_BITS] |= (uint64_t) 1 << page % WORD_BITS;
}

/* The upper bits choose the line. */
static ghost_line *line_of(const ghost *g, uint32_t trace)
{
    uint32_t line = (uint32_t) ((uint64_t) trace * g->lines >> 32), page = line / PAGE_LINES;
    if (!(g->ready[page / WORD_BITS] >> page % WORD_BITS & 1)) {
        make_ready(g, page);
    }
    return &g->line[line];
}

/* -1: it is not there. */
static int find(const ghost_line *line, uint32_t used_cells, uint32_t trace)
{
    uint32_t found = with_tag(line, (uint16_t) trace) & used_cells;
    return found ? __builtin_ctz(found) : -1;
}

static int oldest_of(const ghost *g, const ghost_line *line)
{
    int oldest = 0;
    for (int i = 1; i < GHOST_CELLS; i++) {
        if ((uint16_t) (line->epoch[i] - g->first) < (uint16_t) (line->epoch[oldest] - g->first)) {
            oldest = i;
        }
    }
    return oldest;
}

void ghost_add(ghost *g, uint32_t trace, uint16_t epoch)
{
    if (ghost_before(epoch, g->first)) {
        return;
    }
    ghost_line *line = line_of(g, trace);
    uint32_t used_cells = used(g, line), free_cells = ~used_cells & ALL;
    int cell = find(line, used_cells, trace);
    /* An epoch comes round again after 65536 of them; what is free is cleared long before. */
    forget_others(line, g->first, epochs_remembered(g));
    if (cell < 0) {
        cell = free_cells ? __builtin_ctz(free_cells) : oldest_of(g, line);
    }
    if (used_cells >> cell & 1) {
        forget(g, line, cell);
    }
    line->tag[cell] = (uint16_t) trace;
    line->epoch[cell] = epoch;
    *count_of(g, epoch) += 1;
    g->keys++;
}

bool ghost_take(ghost *g, uint32_t trace)
{
    if (!g->keys) {
        return false;
    }
    ghost_line *line = line_of(g, trace);
    int cell = find(line, used(g, line), trace);
    if (cell >= 0) {
        forget(g, line, cell);
    }
    return cell >= 0;
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
