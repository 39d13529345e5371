/* option.h - declared options (mst_option of plugin.h): checking a table, and reading and printing
 * values. The core's own sections and every plugin's use the same tables. */
#ifndef MSI_OPTION_H
#define MSI_OPTION_H

#include <memstache/plugin.h>

#include "base/alloc.h"
#include "base/text.h"

/* A table and the struct that it fills. */
typedef struct msi_option_set {
    const mst_option *table;
    uint32_t count, stride; /* stride: bytes between elements */
    void *target;           /* at least as large as the largest offset needs; NULL: check only */
} msi_option_set;

/* Element i of a table of any stride. */
const mst_option *msi_option_at(const msi_option_set *, uint32_t i);
/* By name; NULL. */
const mst_option *msi_option_find(const msi_option_set *, const char *name);

/* Is the table itself sound? Names, types, offsets inside `target_size`, defaults and bounds that
 * parse, default within bounds, no name twice. The reason is written to `why`. */
mst_status msi_option_lint(const msi_option_set *, size_t target_size, msi_text *why);

/* Read `text` as the option's type, check its bounds, store it at target + offset (target NULL:
 * check only). Strings are not copied: `text` must live as long as the target. On MST_EINVAL `why`
 * says what is wrong and what would be right: `"5x" is not a duration; write 5s, 250ms, 30m`. */
mst_status msi_option_store(const mst_option *, const char *text, void *target, msi_text *why);

/* Its type as a word for help: "size", "duration", "lru|random", ... */
void msi_option_type_text(const mst_option *, msi_text *out);

#endif
