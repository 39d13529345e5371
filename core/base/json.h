/* json.h - composes one JSON value in memory that grows. The first failed allocation is remembered,
 * and nothing is added after it: who composes asks msi_json_ok() once, at the end. */
#ifndef MSI_JSON_H
#define MSI_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"

typedef struct msi_json {
    const mst_allocator *allocator;
    char *data; /* not NUL-terminated */
    size_t len, cap;
    bool more; /* a comma is due */
    bool failed;
} msi_json;

void msi_json_init(msi_json *, const mst_allocator *);
void msi_json_fini(msi_json *); /* safe on a zeroed one */
static inline bool msi_json_ok(const msi_json *j)
{
    return !j->failed;
}

/* `name` is that of a member; NULL in a list, and for the outermost value. Strings are taken as
 * bytes: what is no printable ASCII is escaped, so that the result is valid in any case. */
void msi_json_open(msi_json *, const char *name, char bracket); /* '{' or '[' */
void msi_json_close(msi_json *, char bracket);                  /* '}' or ']' */
void msi_json_text(msi_json *, const char *name, const char *text);
void msi_json_number(msi_json *, const char *name, uint64_t value);
void msi_json_end_line(msi_json *);

#endif
