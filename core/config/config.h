/* config/config.h - the text of a configuration: sections, keys, values, and where each came from.
 *
 *   ini.c, file.c  inih underneath, with line numbers and without silent cuts
 *   config.c       the sections and keys; mst_config_* of the public header
 *   problem.c      what was found wrong, in the order of the files
 *   bind.c, given.c, secret.c  one section onto option tables: environment, secrets from files,
 *                  defaults
 *   strings.c      memory for bound texts
 *   option.c, lint.c, units.c  declared options, their tables and their values
 *   settings.c     the core's own sections
 */
#ifndef MSI_CONFIG_H
#define MSI_CONFIG_H

#include <memstache/config.h>

#include "base/list.h"
#include "config/option.h"

typedef struct msi_key {
    msi_list link;
    char *name, *value, *origin; /* origin: "file:line" or "program" */
    unsigned read, line;         /* which mst_config_read() set it, where; 0: the program */
} msi_key;

typedef struct msi_section {
    msi_list link;
    char *name, *origin; /* origin: where it was first named */
    msi_list keys;       /* msi_key, in the order given */
    unsigned read, line; /* the last mst_config_read() that named it, where; 0: the program */
} msi_section;

struct mst_config {
    mst_allocator allocator;
    msi_list sections; /* msi_section, in the order given */
    msi_list problems; /* private to problem.c */
    size_t problem_count, problems_lost;
    unsigned reads; /* mst_config_read() calls so far */
    bool environment;
    const struct mst_module **modules; /* registered by the program */
    size_t module_count;
    struct msi_assembly *assembly; /* of the last check, for mst_config_each(); plugin floor */
    void (*free_assembly)(struct msi_assembly *);
};

msi_section *msi_config_section(const mst_config *, const char *name); /* NULL */
const msi_key *msi_section_key(const msi_section *, const char *name); /* NULL */
/* One word of a-z 0-9 _ that begins with a letter; for a section, or two with a dot between. */
bool msi_section_name_ok(const char *name);
bool msi_key_name_ok(const char *name);
/* The section, made when there is none. NULL: out of memory. */
msi_section *msi_config_add_section(mst_config *, const char *name, const char *origin);
/* Sets a key of a section; replaces value and origin. NULL: out of memory, nothing changed. */
msi_key *msi_config_add_key(mst_config *, msi_section *, const char *name, const char *value,
                            const char *origin);
/* As mst_config_set(), with an origin. */
mst_status msi_config_put(mst_config *, const char *section, const char *key, const char *value,
                          const char *origin);

/* Remember a problem: "origin: [section] text". `origin` and `section` may be NULL. Problems of one
 * file are kept in the order of its lines. Fills *error (may be NULL) when it is the first then.
 * Control characters become '?'. */
void msi_config_problem(mst_config *, mst_error *error, const char *origin, const char *section,
                        const char *format, ...) MSI_PRINTF(5, 6);
size_t msi_config_problem_count(const mst_config *);
void msi_config_clear_problems(mst_config *);

/* Reads one INI file into the config; problems are remembered. MST_OK even then: count them.
 * MST_ENOMEM or MST_EIO (which is remembered as a problem, too). */
mst_status msi_ini_read(mst_config *, const char *path, mst_error *error);
/* The same from memory; `path` is for messages. */
mst_status msi_ini_parse(mst_config *, const char *path, const char *data, size_t len,
                         mst_error *error);

/* Memory for bound strings; wiped and freed at once. Zeroed but for the allocator to start with. */
typedef struct msi_strings {
    const mst_allocator *allocator;
    struct msi_string *first;
} msi_strings;
const char *msi_strings_keep(msi_strings *, const char *text); /* NULL: out of memory */
void msi_strings_free(msi_strings *);

/* One bound key, as it came out; for mst_config_each(). All strings are kept in the msi_strings. */
typedef struct msi_bound {
    const mst_option *option;
    const char *value, *origin; /* a secret that is set is "***" */
    const char *file;           /* of a secret that was read from one; else NULL */
} msi_bound;

/* What was written for an option, before it is read as its type. */
typedef struct msi_given {
    const char *text;   /* NULL: nothing usable */
    const char *origin; /* "file:line", "program", "environment"; NULL: nothing was written */
    const char *place;  /* for problems: the origin, or the variable's name */
    const char *file;   /* the text is, or was to be, what stands in this file; else NULL */
} msi_given;

/* The environment, else the key, and for a secret the file that one of them names; all strings are
 * kept. What was written but cannot be used becomes a problem, and out->text NULL. MST_ENOMEM. */
mst_status msi_config_given(mst_config *, mst_error *error, const char *section, const mst_option *,
                            msi_strings *, msi_given *out);

/* Fill the targets of `sets` from section `name` (which need not exist): for each option the
 * environment, else the key (or for a secret `<key>_file`, read and trimmed of its line end), else
 * the default. Unknown keys, bad values, missing required options become problems with their
 * origin and the nearest valid name; binding goes on. `bound` (may be NULL) gets one row per
 * option, in order; it has room for all. MST_ENOMEM only. */
mst_status msi_config_bind(mst_config *, mst_error *error, const char *name,
                           const msi_option_set *sets, size_t n, msi_strings *, msi_bound *bound);

#endif
