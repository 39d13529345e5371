/* problems.c - what reading the configuration found, and what checking it found, as one list in the
 * order of the file.
 *
 * The library keeps the problems of the last call only. A file with faults in it is checked all the
 * same, so that somebody who mends it hears of everything at once; hence two lists, both in order,
 * to be merged.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* A copy, because the next call on the config takes the texts away. What there is no memory for is
 * left out: the count of the caller says so. */
size_t problems_keep(cli_problems *list, const mst_config *config, const mst_error *error)
{
    size_t n = 0;
    while (mst_config_problem(config, n)) {
        n++;
    }
    list->texts = calloc(n + 1, sizeof *list->texts);
    for (size_t i = 0; list->texts && i < n; i++) {
        list->texts[list->count] = strdup(mst_config_problem(config, i));
        list->count += list->texts[list->count] != NULL;
    }
    if (n == 0 && list->texts) {
        list->texts[0] = strdup(error->text[0] ? error->text : mst_strerror(error->status));
        list->count = list->texts[0] != NULL;
    }
    return n ? n : 1;
}

void problems_free(cli_problems *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->texts[i]);
    }
    free(list->texts);
    *list = (cli_problems){0};
}

/* The number in "file:number: ..."; those that are not about a line of the file stand last. */
static unsigned long line_of(const char *text, const char *file)
{
    size_t len = file ? strlen(file) : 0;
    return file && strncmp(text, file, len) == 0 && text[len] == ':'
               ? strtoul(text + len + 1, NULL, 10)
               : (unsigned long) -1;
}

void problems_merge(const cli_problems *first, const cli_problems *second, const char *file,
                    cli_problem_fn problem, void *arg)
{
    size_t i = 0, j = 0;
    while (i < first->count || j < second->count) {
        bool from_first =
            j == second->count ||
            (i < first->count && line_of(first->texts[i], file) <= line_of(second->texts[j], file));
        problem(arg, from_first ? first->texts[i++] : second->texts[j++]);
    }
}
