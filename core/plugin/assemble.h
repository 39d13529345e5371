/* assemble.h - what the files that make an assembly share. [main]
 *
 * They all go on after a problem, so that a user sees all of them at once; a status that is not
 * MST_OK means that memory ran out, and ends it. */
#ifndef MSI_ASSEMBLE_H
#define MSI_ASSEMBLE_H

#include "base/error.h"
#include "plugin/assembly.h"

typedef struct msi_build {
    mst_config *config;
    msi_assembly *assembly;
    mst_error error;   /* the first problem, in the order of the file */
    mst_status status; /* of it: MST_ECONFIG or MST_EPLUGIN */
} msi_build;

/* The line that selects something: where it is, and its section. */
typedef struct msi_line {
    const char *origin, *section; /* origin NULL: nobody wrote it */
} msi_line;

/* Remembers a problem of a line. `status`: MST_EPLUGIN when a plugin was refused, else MST_ECONFIG.
 */
void msi_build_problem(msi_build *, mst_status status, msi_line, const char *format, ...)
    MSI_PRINTF(4, 5);
/* msi_config_bind(), and *bound with a row for each option: memory of the assembly's allocator. */
mst_status msi_build_bind(msi_build *, const char *section, const msi_option_set *sets, size_t n,
                          msi_bound **bound, size_t *bound_count);
/* The line of a key of the core's own; origin NULL when nobody wrote it. */
msi_line msi_build_line(const msi_build *, const char *section, const msi_option_set *,
                        const char *key);
msi_bound *msi_build_row(msi_bound *bound, size_t count, const char *key); /* NULL */

/* names.c: lists of names, separated by commas. Is there none? add() for each; `key` is for
 * messages. */
bool msi_build_no_names(const char *names);
mst_status msi_build_each_name(msi_build *, msi_line, const char *key, const char *names,
                               mst_status (*add)(msi_build *, void *arg, msi_line,
                                                 const char *name),
                               void *arg);
/* names.c: [runtime] exporters. */
mst_status msi_build_exporters(msi_build *);

/* component.c: the component [kind.name], made when it is the first that asks for it. *out NULL:
 * there was a problem. */
mst_status msi_build_component(msi_build *, int kind, const char *name, msi_line,
                               msi_component **out);
void msi_component_free(const mst_allocator *, msi_component *);

/* plan.c */
mst_status msi_build_caches(msi_build *);
void msi_cache_plan_free(const mst_allocator *, msi_cache_plan *);

/* sections.c */
void msi_build_check_sections(msi_build *);

#endif
