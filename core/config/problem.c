/* problem.c - everything that is wrong with a configuration, one line each.
 *
 * All of it is collected, because a user who fixes one line and is told of the next one ten times
 * gives up. Different floors find problems at different times; a reader wants them in the order of
 * the file, so each is put before the first one that stands further down in the same file.
 */
#include <string.h>

#include "base/error.h"
#include "config/config.h"

enum { PROBLEMS_MAX = 200 }; /* a file of the wrong kind has one in every line */

typedef struct problem {
    msi_list link;
    size_t path_len; /* of the text; 0: not about a line of a file */
    unsigned long line;
    char text[];
} problem;

static problem *problem_of(msi_list *link)
{
    return MSI_CONTAINER(link, problem, link);
}

/* Splits "path:line". */
static size_t split_origin(const char *origin, unsigned long *line)
{
    const char *colon = origin ? strrchr(origin, ':') : NULL;
    *line = 0;
    if (!colon || colon[1] == '\0' || colon[1 + strspn(colon + 1, "0123456789")] != '\0') {
        return 0;
    }
    for (const char *digit = colon + 1; *digit; digit++) {
        *line = *line * 10 + (unsigned long) (*digit - '0');
    }
    return (size_t) (colon - origin);
}

/* The link that the new problem goes before. */
static msi_list *place_of(mst_config *c, const problem *new_one)
{
    for (msi_list *l = c->problems.next; new_one->path_len && l != &c->problems; l = l->next) {
        const problem *p = problem_of(l);
        if (p->path_len == new_one->path_len && p->line > new_one->line &&
            memcmp(p->text, new_one->text, p->path_len) == 0) {
            return l;
        }
    }
    return &c->problems;
}

static void remember(mst_config *c, mst_error *error, const char *origin, const char *text)
{
    size_t size = strlen(text) + 1;
    problem *p =
        c->problem_count < PROBLEMS_MAX ? msi_alloc(&c->allocator, sizeof *p + size) : NULL;
    bool first = msi_list_empty(&c->problems);
    if (!p) {
        c->problems_lost++;
    } else {
        p->path_len = split_origin(origin, &p->line);
        memcpy(p->text, text, size);
        msi_list *place = place_of(c, p);
        first = place == c->problems.next;
        msi_list_append(place, &p->link);
        c->problem_count++;
    }
    if (first) {
        msi_error(error, MST_ECONFIG, "%s", text);
    }
}

void msi_config_problem(mst_config *c, mst_error *error, const char *origin, const char *section,
                        const char *format, ...)
{
    char memory[sizeof error->text];
    msi_text text;
    va_list args;
    msi_text_init(&text, memory, sizeof memory);
    if (origin) {
        msi_text_add(&text, "%s: ", origin);
    }
    if (section) {
        msi_text_add(&text, "[%s] ", section);
    }
    va_start(args, format);
    msi_text_addv(&text, format, args);
    va_end(args);
    /* The line may go to a terminal, and the file may hold anything. */
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char) memory[i] < ' ' || memory[i] == 0x7f) {
            memory[i] = '?';
        }
    }
    remember(c, error, origin, memory);
}

size_t msi_config_problem_count(const mst_config *c)
{
    return c->problem_count + c->problems_lost;
}

void msi_config_clear_problems(mst_config *c)
{
    for (msi_list *l; (l = msi_list_take(&c->problems));) {
        msi_free(&c->allocator, problem_of(l));
    }
    c->problem_count = c->problems_lost = 0;
}

const char *mst_config_problem(const mst_config *c, size_t index)
{
    for (msi_list *l = c->problems.next; l != &c->problems; l = l->next) {
        if (index-- == 0) {
            return problem_of(l)->text;
        }
    }
    return index == 0 && c->problems_lost > 0 ? "more was found than could be listed" : NULL;
}
