/* option.c - declared options: looking up rows, and turning text into the typed value that a row
 * asks for. Tables are checked once by msi_option_lint() (lint.c); what is read here is what users
 * write. */
#include "config/option.h"

#include <string.h>

#include "config/units.h"

const mst_option *msi_option_at(const msi_option_set *set, uint32_t i)
{
    return (const mst_option *) (const void *) ((const char *) set->table +
                                                (size_t) i * set->stride);
}

const mst_option *msi_option_find(const msi_option_set *set, const char *name)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const mst_option *o = msi_option_at(set, i);
        if (strcmp(o->name, name) == 0) {
            return o;
        }
    }
    return NULL;
}

typedef union value {
    bool yes;
    int64_t number; /* INT, MS */
    uint64_t size;
    double share;
    const char *text;
    int32_t choice;
} value;

MSI_PRINTF(2, 3) static mst_status refuse(msi_text *why, const char *format, ...)
{
    if (why) {
        va_list args;
        va_start(args, format);
        msi_text_addv(why, format, args);
        va_end(args);
    }
    return MST_EINVAL;
}

/* The choice that is written as `text`, by index; -1. */
static int32_t choice_index(const char *choices, const char *text)
{
    size_t len = strlen(text);
    for (int32_t i = 0; choices; i++) {
        const char *end = strchr(choices, '|');
        size_t n = end ? (size_t) (end - choices) : strlen(choices);
        if (n == len && memcmp(choices, text, n) == 0) {
            return i;
        }
        choices = end ? end + 1 : NULL;
    }
    return -1;
}

static mst_status refuse_choice(msi_text *why, const char *choices, const char *text)
{
    refuse(why, "\"%.60s\" is none of ", text);
    for (const char *at = choices; *at;) {
        size_t n = strcspn(at, "|");
        refuse(why, "%s%.*s", at == choices ? "" : ", ", (int) n, at);
        at += n + (at[n] == '|');
    }
    return MST_EINVAL;
}

static mst_status read_value(const mst_option *o, const char *text, value *v, msi_text *why)
{
    if (!*text && o->type != MST_OPT_STR) {
        return refuse(why, "has no value");
    }
    switch (o->type) {
    case MST_OPT_BOOL:
        return msi_read_bool(text, &v->yes, why);
    case MST_OPT_INT:
        return msi_read_int(text, &v->number, why);
    case MST_OPT_SIZE:
        return msi_read_size(text, &v->size, why);
    case MST_OPT_MS:
        return msi_read_ms(text, &v->number, why);
    case MST_OPT_PERCENT:
        return msi_read_percent(text, &v->share, why);
    case MST_OPT_STR:
        v->text = text;
        return MST_OK;
    case MST_OPT_ENUM:
        v->choice = choice_index(o->choices, text);
        return v->choice < 0 ? refuse_choice(why, o->choices, text) : MST_OK;
    default:
        return refuse(why, "has an unknown type (%d)", o->type);
    }
}

/* "never" lasts longer than every duration. */
static uint64_t lasting(int64_t ms)
{
    return ms < 0 ? UINT64_MAX : (uint64_t) ms;
}

static bool less(int type, const value *a, const value *b)
{
    switch (type) {
    case MST_OPT_INT:
        return a->number < b->number;
    case MST_OPT_SIZE:
        return a->size < b->size;
    case MST_OPT_MS:
        return lasting(a->number) < lasting(b->number);
    case MST_OPT_PERCENT:
        return a->share < b->share;
    default:
        return false;
    }
}

static mst_status check_bounds(const mst_option *o, const char *text, const value *v, msi_text *why)
{
    value bound;
    if (o->min && read_value(o, o->min, &bound, NULL) == MST_OK && less(o->type, v, &bound)) {
        return refuse(why, "\"%.60s\" is too little; at least %s", text, o->min);
    }
    if (o->max && read_value(o, o->max, &bound, NULL) == MST_OK && less(o->type, &bound, v)) {
        return refuse(why, "\"%.60s\" is too much; at most %s", text, o->max);
    }
    return MST_OK;
}

static void store(int type, const value *v, void *at)
{
    switch (type) {
    case MST_OPT_BOOL:
        *(bool *) at = v->yes;
        break;
    case MST_OPT_INT:
    case MST_OPT_MS:
        *(int64_t *) at = v->number;
        break;
    case MST_OPT_SIZE:
        *(uint64_t *) at = v->size;
        break;
    case MST_OPT_PERCENT:
        *(double *) at = v->share;
        break;
    case MST_OPT_STR:
        *(const char **) at = v->text;
        break;
    case MST_OPT_ENUM:
        *(int32_t *) at = v->choice;
        break;
    default:
        break;
    }
}

mst_status msi_option_store(const mst_option *o, const char *text, void *target, msi_text *why)
{
    value v;
    mst_status status = read_value(o, text, &v, why);
    if (!status) {
        status = check_bounds(o, text, &v, why);
    }
    if (!status && target) {
        store(o->type, &v, (char *) target + o->offset);
    }
    return status;
}

void msi_option_type_text(const mst_option *o, msi_text *out)
{
    static const char *const words[] = {
        [MST_OPT_BOOL] = "yes|no", [MST_OPT_INT] = "number",         [MST_OPT_SIZE] = "size",
        [MST_OPT_MS] = "duration", [MST_OPT_PERCENT] = "percentage", [MST_OPT_STR] = "text",
    };
    if (o->type == MST_OPT_ENUM) {
        msi_text_add(out, "%s", o->choices);
    } else if (o->type < sizeof words / sizeof *words && words[o->type]) {
        msi_text_add(out, "%s", words[o->type]);
    } else {
        msi_text_add(out, "unknown");
    }
}
