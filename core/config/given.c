/* given.c - what was written for one option: in the environment, in the section, or, for a secret,
 * in a file that one of them names. Texts only; bind.c reads them as the option's type. */
#define _GNU_SOURCE /* secure_getenv */
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/secret.h"

enum { NAME_CAP = 160 };

/* Where one text came from. */
typedef struct source {
    mst_config *config;
    mst_error *error;
    const char *section, *key; /* key: as written, with "_file" when that was */
    const char *origin, *place;
    msi_strings *strings;
} source;

static mst_status use(const source *s, const char *text, msi_given *out)
{
    out->origin = msi_strings_keep(s->strings, s->origin);
    out->place = msi_strings_keep(s->strings, s->place);
    out->text = text ? msi_strings_keep(s->strings, text) : NULL;
    return out->origin && out->place && (out->text || !text) ? MST_OK : MST_ENOMEM;
}

/* The secret is what stands in the file `path`. */
static mst_status use_file(const source *s, const char *path, msi_given *out)
{
    char reason[128];
    msi_text why;
    msi_file file;
    msi_text_init(&why, reason, sizeof reason);
    mst_status status = msi_secret_read(&file, s->strings->allocator, path, &why);
    if (status != MST_ENOMEM) {
        if (status) {
            msi_config_problem(s->config, s->error, s->place, s->section,
                               "%s: cannot use the secret in \"%s\": %s", s->key, path, why.data);
        }
        out->file = msi_strings_keep(s->strings, path);
        status = use(s, status ? NULL : file.data, out);
        status = out->file ? status : MST_ENOMEM;
    }
    msi_file_free(&file);
    return status;
}

/* A secret may be given as a text or by the name of a file, not both. */
static mst_status use_either(source *text_source, const char *text, source *file_source,
                             const char *path, msi_given *out)
{
    if (text && path) {
        const source *s = file_source;
        msi_config_problem(s->config, s->error, s->place, s->section,
                           "%s: %s is given as well (%s); keep one of them", s->key,
                           text_source->key, text_source->place);
        return use(s, NULL, out);
    }
    if (path) {
        return use_file(file_source, path, out);
    }
    return text ? use(text_source, text, out) : MST_OK;
}

/* MEMSTACHE_<SECTION>_<KEY>: upper case, dots as underscores. */
static void variable_name(msi_text *out, const char *section, const char *key)
{
    msi_text_add(out, "MEMSTACHE_%s_%s", section, key);
    for (size_t i = 0; i < out->len; i++) {
        char *c = &out->data[i];
        *c = *c == '.' ? '_' : *c >= 'a' && *c <= 'z' ? (char) (*c - 'a' + 'A') : *c;
    }
}

static mst_status from_environment(source s, const mst_option *o, const char *file_key,
                                   msi_given *out)
{
    char name[NAME_CAP], file_name[NAME_CAP];
    msi_text text;
    source file_source = s;
    msi_text_init(&text, name, sizeof name);
    variable_name(&text, s.section, o->name);
    msi_text_init(&text, file_name, sizeof file_name);
    variable_name(&text, s.section, file_key);
    s.key = o->name;
    s.place = name;
    file_source.key = file_key;
    file_source.place = file_name;
    s.origin = file_source.origin = "environment";
    return use_either(&s, secure_getenv(name), &file_source,
                      o->flags & MST_OPTF_SECRET ? secure_getenv(file_name) : NULL, out);
}

static mst_status from_section(source s, const mst_option *o, const char *file_key, msi_given *out)
{
    const msi_section *section = msi_config_section(s.config, s.section);
    const msi_key *key = section ? msi_section_key(section, o->name) : NULL;
    const msi_key *file =
        section && (o->flags & MST_OPTF_SECRET) ? msi_section_key(section, file_key) : NULL;
    source file_source = s;
    s.key = o->name;
    s.origin = s.place = key ? key->origin : NULL;
    file_source.key = file_key;
    file_source.origin = file_source.place = file ? file->origin : NULL;
    return use_either(&s, key ? key->value : NULL, &file_source, file ? file->value : NULL, out);
}

mst_status msi_config_given(mst_config *c, mst_error *error, const char *section,
                            const mst_option *o, msi_strings *strings, msi_given *out)
{
    char file_key[NAME_CAP];
    msi_text text;
    mst_status status = MST_OK;
    source s = {.config = c, .error = error, .section = section, .strings = strings};
    msi_text_init(&text, file_key, sizeof file_key);
    msi_text_add(&text, "%s_file", o->name);
    memset(out, 0, sizeof *out);
    if (c->environment) {
        status = from_environment(s, o, file_key, out);
    }
    if (!status && !out->origin) {
        status = from_section(s, o, file_key, out);
    }
    return status;
}
