/* lint.c - is an option table sound? Plugins come from strangers: a wrong offset would let the core
 * write outside the instance, a default that does not parse would fail at every user instead of at
 * its author. Checked once per plugin, before any of its options is stored. */
#include <string.h>

#include "config/option.h"

enum { NAME_MAX_LEN = 31 };

static bool name_ok(const char *name)
{
    if (!name || name[0] < 'a' || name[0] > 'z' || strlen(name) > NAME_MAX_LEN) {
        return false;
    }
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

/* Size of what a type stores, which is also its alignment; 0: no such type. */
static size_t stored_size(int type)
{
    switch (type) {
    case MST_OPT_BOOL:
        return sizeof(bool);
    case MST_OPT_INT:
    case MST_OPT_MS:
        return sizeof(int64_t);
    case MST_OPT_SIZE:
        return sizeof(uint64_t);
    case MST_OPT_PERCENT:
        return sizeof(double);
    case MST_OPT_STR:
        return sizeof(const char *);
    case MST_OPT_ENUM:
        return sizeof(int32_t);
    default:
        return 0;
    }
}

static bool has_bounds(int type)
{
    return type == MST_OPT_INT || type == MST_OPT_SIZE || type == MST_OPT_MS ||
           type == MST_OPT_PERCENT;
}

/* Not empty, and neither is one of them. */
static bool choices_ok(const char *choices)
{
    size_t len = choices ? strlen(choices) : 0;
    return len > 0 && choices[0] != '|' && choices[len - 1] != '|' && !strstr(choices, "||");
}

MSI_PRINTF(3, 4)
static mst_status refuse(msi_text *why, const mst_option *o, const char *format, ...)
{
    if (why) {
        va_list args;
        msi_text_add(why, "option \"%s\": ", o->name);
        va_start(args, format);
        msi_text_addv(why, format, args);
        va_end(args);
    }
    return MST_EINVAL;
}

static mst_status lint_place(const mst_option *o, size_t target_size, msi_text *why)
{
    size_t size = stored_size(o->type);
    if (size == 0) {
        return refuse(why, o, "unknown type %d", o->type);
    }
    if (size > target_size || o->offset > target_size - size) {
        return refuse(why, o, "offset %lu is outside the instance of %lu bytes",
                      (unsigned long) o->offset, (unsigned long) target_size);
    }
    if (o->offset % size != 0) {
        return refuse(why, o, "offset %lu is not aligned", (unsigned long) o->offset);
    }
    if (o->type == MST_OPT_ENUM && !choices_ok(o->choices)) {
        return refuse(why, o, "choices must be written like \"a|b\"");
    }
    if ((o->min || o->max) && !has_bounds(o->type)) {
        return refuse(why, o, "its type has no bounds");
    }
    if ((o->flags & MST_OPTF_SECRET) && o->type != MST_OPT_STR) {
        return refuse(why, o, "a secret must be a text");
    }
    return MST_OK;
}

/* One of `def`, `min`, `max`. A bound is checked without bounds, the default with them. */
static mst_status lint_text(const mst_option *o, const char *what, const char *text, bool bounds,
                            msi_text *why)
{
    char reason_memory[256];
    msi_text reason;
    mst_option alone = *o;
    if (!text) {
        return MST_OK;
    }
    if (!bounds) {
        alone.min = alone.max = NULL;
    }
    msi_text_init(&reason, reason_memory, sizeof reason_memory);
    if (msi_option_store(&alone, text, NULL, &reason) != MST_OK) {
        return refuse(why, o, "%s %s", what, reason.data);
    }
    return MST_OK;
}

static mst_status lint_values(const mst_option *o, msi_text *why)
{
    if (o->def && (o->flags & MST_OPTF_REQUIRED)) {
        return refuse(why, o, "is required and has a default");
    }
    mst_status status = lint_text(o, "smallest value", o->min, false, why);
    if (!status) {
        status = lint_text(o, "largest value", o->max, false, why);
    }
    if (!status && o->min && o->max) {
        mst_option upwards = *o;
        upwards.min = NULL;
        if (msi_option_store(&upwards, o->min, NULL, NULL) != MST_OK) {
            status = refuse(why, o, "smallest value %s is above the largest, %s", o->min, o->max);
        }
    }
    return status ? status : lint_text(o, "default", o->def, true, why);
}

/* Another row of this name before row i, or a secret whose "<name>_file" is this row? */
static bool name_taken(const msi_option_set *set, uint32_t i)
{
    const char *name = msi_option_at(set, i)->name;
    size_t len = strlen(name);
    for (uint32_t j = 0; j < set->count; j++) {
        const mst_option *other = msi_option_at(set, j);
        size_t other_len = other->name ? strlen(other->name) : 0;
        if (j < i && other_len == len && strcmp(other->name, name) == 0) {
            return true;
        }
        if (other_len > 0 && (other->flags & MST_OPTF_SECRET) &&
            len == other_len + strlen("_file") && memcmp(name, other->name, other_len) == 0 &&
            strcmp(name + other_len, "_file") == 0) {
            return true;
        }
    }
    return false;
}

mst_status msi_option_lint(const msi_option_set *set, size_t target_size, msi_text *why)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const mst_option *o = msi_option_at(set, i);
        if (!name_ok(o->name)) {
            if (why) {
                msi_text_add(why, "option %lu: its name \"%.60s\" may contain only a-z 0-9 _",
                             (unsigned long) i + 1, o->name ? o->name : "");
            }
            return MST_EINVAL;
        }
        if (name_taken(set, i)) {
            return refuse(why, o, "is declared twice");
        }
        mst_status status = lint_place(o, target_size, why);
        if (!status) {
            status = lint_values(o, why);
        }
        if (status) {
            return status;
        }
    }
    return MST_OK;
}
