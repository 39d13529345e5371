/* bind.c - one section onto the option tables that describe it. It never stops at the first fault:
 * a user wants to hear of all of them at once. */
#include <string.h>

#include "config/config.h"

typedef struct binding {
    mst_config *config;
    mst_error *error;
    const char *section;
    const msi_option_set *sets;
    size_t set_count;
    msi_strings *strings;
} binding;

static mst_status fill_row(const binding *b, msi_bound *row, const mst_option *o, const char *value,
                           const char *origin)
{
    bool hidden = (o->flags & MST_OPTF_SECRET) && value && *value;
    row->option = o;
    row->value = hidden ? "***" : msi_strings_keep(b->strings, value ? value : "");
    row->origin = msi_strings_keep(b->strings, origin);
    return row->value && row->origin ? MST_OK : MST_ENOMEM;
}

static void refuse_value(const binding *b, const mst_option *o, const msi_given *given,
                         const char *why)
{
    if (o->flags & MST_OPTF_SECRET) {
        why = "cannot be used"; /* the reason might quote it */
    }
    msi_config_problem(b->config, b->error, given->place, b->section, "%s: %s", o->name, why);
}

static void report_missing(const binding *b, const mst_option *o)
{
    const msi_section *s = msi_config_section(b->config, b->section);
    msi_config_problem(b->config, b->error, s ? s->origin : NULL, b->section,
                       "required key \"%s\" is missing: %s", o->name, o->help ? o->help : "");
}

static mst_status bind_option(const binding *b, const mst_option *o, void *target, msi_bound *row)
{
    char reason[512];
    msi_text why;
    msi_given given;
    mst_status status = msi_config_given(b->config, b->error, b->section, o, b->strings, &given);
    if (status) {
        return status;
    }
    msi_text_init(&why, reason, sizeof reason);
    bool required = o->flags & MST_OPTF_REQUIRED;
    if (given.text && required && !*given.text) {
        refuse_value(b, o, &given, "is empty, and it is required");
    } else if (given.text && msi_option_store(o, given.text, target, &why) != MST_OK) {
        refuse_value(b, o, &given, reason);
    } else if (!given.origin && required) {
        report_missing(b, o);
    } else if (!given.origin && o->def) {
        msi_option_store(o, o->def, target, NULL);
    }
    if (!row) {
        return MST_OK;
    }
    row->file = given.file;
    return given.origin ? fill_row(b, row, o, given.text, given.origin)
                        : fill_row(b, row, o, o->def, "default");
}

/* Is `key` an option's name, or the name of a secret and "_file"? */
static bool names_option(const mst_option *o, const char *key)
{
    size_t len = strlen(o->name);
    return strncmp(key, o->name, len) == 0 &&
           (key[len] == '\0' || ((o->flags & MST_OPTF_SECRET) && strcmp(key + len, "_file") == 0));
}

static bool is_known(const binding *b, const char *key)
{
    for (size_t i = 0; i < b->set_count; i++) {
        for (uint32_t j = 0; j < b->sets[i].count; j++) {
            if (names_option(msi_option_at(&b->sets[i], j), key)) {
                return true;
            }
        }
    }
    return false;
}

/* All names but the deprecated ones, ended by a NULL; to be freed. NULL: out of memory. */
static const char **known_names(const binding *b, size_t *count)
{
    size_t most = 1;
    for (size_t i = 0; i < b->set_count; i++) {
        most += b->sets[i].count;
    }
    const char **names = msi_zalloc(&b->config->allocator, most * sizeof *names);
    *count = 0;
    for (size_t i = 0; names && i < b->set_count; i++) {
        for (uint32_t j = 0; j < b->sets[i].count; j++) {
            const mst_option *o = msi_option_at(&b->sets[i], j);
            if (!(o->flags & MST_OPTF_DEPRECATED)) {
                names[(*count)++] = o->name;
            }
        }
    }
    return names;
}

enum { LIST_SHORT = 10 }; /* names that are listed beside a good guess */

static void report_unknown(const binding *b, const msi_key *key, const char *const *names,
                           size_t count)
{
    char memory[600];
    msi_text text;
    const char *nearest = msi_nearest(key->name, names);
    msi_text_init(&text, memory, sizeof memory);
    if (nearest) {
        msi_text_add(&text, "; did you mean \"%s\"?", nearest);
    }
    if (!nearest || count <= LIST_SHORT) {
        msi_text_add(&text, "%s known: ", nearest ? "" : ";");
        for (size_t i = 0; i < count; i++) {
            msi_text_add(&text, "%s%s", i ? ", " : "", names[i]);
        }
    }
    msi_config_problem(b->config, b->error, key->origin, b->section, "unknown key \"%s\"%s",
                       key->name, count ? text.data : "; this section has no keys");
}

static mst_status check_keys(const binding *b)
{
    const msi_section *s = msi_config_section(b->config, b->section);
    const char **names = NULL;
    size_t count = 0;
    for (msi_list *l = s ? s->keys.next : NULL; l && l != &s->keys; l = l->next) {
        const msi_key *key = MSI_CONTAINER(l, msi_key, link);
        if (is_known(b, key->name)) {
            continue;
        }
        if (!names && !(names = known_names(b, &count))) {
            return MST_ENOMEM;
        }
        report_unknown(b, key, names, count);
    }
    msi_free(&b->config->allocator, names);
    return MST_OK;
}

mst_status msi_config_bind(mst_config *c, mst_error *error, const char *name,
                           const msi_option_set *sets, size_t n, msi_strings *strings,
                           msi_bound *bound)
{
    const binding b = {c, error, name, sets, n, strings};
    for (size_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j < sets[i].count; j++) {
            mst_status status = bind_option(&b, msi_option_at(&sets[i], j), sets[i].target, bound);
            if (status) {
                return status;
            }
            bound = bound ? bound + 1 : NULL;
        }
    }
    return check_keys(&b);
}
