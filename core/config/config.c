/* config.c - sections and keys as text, in the order in which they were given. Nothing here knows
 * which of them exist: that is for the plugins to say, much later. Lists and not tables, because a
 * configuration has tens of keys and is read once. */
#include "config/config.h"

#include <string.h>

#include "base/error.h"

/* A key may be an option's name (31) and "_file". */
enum { SECTION_WORD_MAX = 31, KEY_MAX = 40 };

/* One word of a-z 0-9 _ that begins with a letter; its length, or 0. */
static size_t word_length(const char *text, size_t max)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return len > 0 && len <= max && text[0] >= 'a' && text[0] <= 'z' ? len : 0;
}

bool msi_key_name_ok(const char *name)
{
    size_t len = word_length(name, KEY_MAX);
    return len > 0 && name[len] == '\0';
}

bool msi_section_name_ok(const char *name)
{
    size_t len = word_length(name, SECTION_WORD_MAX);
    if (len > 0 && name[len] == '.') {
        name += len + 1;
        len = word_length(name, SECTION_WORD_MAX);
    }
    return len > 0 && name[len] == '\0';
}

static msi_section *section_of(msi_list *link)
{
    return MSI_CONTAINER(link, msi_section, link);
}

static msi_key *key_of(msi_list *link)
{
    return MSI_CONTAINER(link, msi_key, link);
}

msi_section *msi_config_section(const mst_config *c, const char *name)
{
    for (msi_list *l = c->sections.next; l != &c->sections; l = l->next) {
        if (strcmp(section_of(l)->name, name) == 0) {
            return section_of(l);
        }
    }
    return NULL;
}

static msi_key *find_key(const msi_section *s, const char *name)
{
    for (msi_list *l = s->keys.next; l != &s->keys; l = l->next) {
        if (strcmp(key_of(l)->name, name) == 0) {
            return key_of(l);
        }
    }
    return NULL;
}

const msi_key *msi_section_key(const msi_section *s, const char *name)
{
    return find_key(s, name);
}

/* Any value may be a secret. */
static void free_text(mst_config *c, char *text)
{
    if (text) {
        explicit_bzero(text, strlen(text));
        msi_free(&c->allocator, text);
    }
}

static void free_key(mst_config *c, msi_key *k)
{
    msi_list_remove(&k->link);
    free_text(c, k->name);
    free_text(c, k->value);
    free_text(c, k->origin);
    msi_free(&c->allocator, k);
}

static void free_section(mst_config *c, msi_section *s)
{
    while (!msi_list_empty(&s->keys)) {
        free_key(c, key_of(s->keys.next));
    }
    msi_list_remove(&s->link);
    free_text(c, s->name);
    free_text(c, s->origin);
    msi_free(&c->allocator, s);
}

msi_section *msi_config_add_section(mst_config *c, const char *name, const char *origin)
{
    msi_section *s = msi_config_section(c, name);
    if (s || !(s = msi_zalloc(&c->allocator, sizeof *s))) {
        return s;
    }
    msi_list_init(&s->keys);
    msi_list_append(&c->sections, &s->link);
    s->name = msi_strdup(&c->allocator, name);
    s->origin = msi_strdup(&c->allocator, origin);
    if (!s->name || !s->origin) {
        free_section(c, s);
        return NULL;
    }
    return s;
}

msi_key *msi_config_add_key(mst_config *c, msi_section *s, const char *name, const char *value,
                            const char *origin)
{
    msi_key *k = msi_zalloc(&c->allocator, sizeof *k), *old = find_key(s, name);
    if (!k) {
        return NULL;
    }
    msi_list_append(&s->keys, &k->link);
    k->name = msi_strdup(&c->allocator, name);
    k->value = msi_strdup(&c->allocator, value);
    k->origin = msi_strdup(&c->allocator, origin);
    if (!k->name || !k->value || !k->origin) {
        free_key(c, k);
        return NULL;
    }
    if (old) {
        free_key(c, old);
    }
    return k;
}

/* A section that only the program made goes with its last key. */
static void remove_key(mst_config *c, const char *section, const char *key)
{
    msi_section *s = msi_config_section(c, section);
    msi_key *k = s ? find_key(s, key) : NULL;
    if (k) {
        free_key(c, k);
    }
    if (s && s->read == 0 && msi_list_empty(&s->keys)) {
        free_section(c, s);
    }
}

mst_status msi_config_put(mst_config *c, const char *section, const char *key, const char *value,
                          const char *origin)
{
    if (!section || !key || !msi_section_name_ok(section) || !msi_key_name_ok(key)) {
        return MST_EINVAL;
    }
    if (!value) {
        remove_key(c, section, key);
        return MST_OK;
    }
    msi_section *s = msi_config_add_section(c, section, origin);
    if (s && msi_config_add_key(c, s, key, value, origin)) {
        return MST_OK;
    }
    if (s && s->read == 0 && msi_list_empty(&s->keys)) {
        free_section(c, s);
    }
    return MST_ENOMEM;
}

/* What was resolved before does not hold any more, and it points into `modules`. */
static void forget_assembly(mst_config *c)
{
    if (c->assembly && c->free_assembly) {
        c->free_assembly(c->assembly);
    }
    c->assembly = NULL;
}

mst_config *mst_config_new(const mst_allocator *allocator)
{
    allocator = allocator ? allocator : &msi_malloc_allocator;
    mst_config *c = msi_zalloc(allocator, sizeof *c);
    if (c) {
        c->allocator = *allocator;
        msi_list_init(&c->sections);
        msi_list_init(&c->problems);
        c->environment = true;
    }
    return c;
}

void mst_config_free(mst_config *c)
{
    if (!c) {
        return;
    }
    forget_assembly(c);
    msi_config_clear_problems(c);
    while (!msi_list_empty(&c->sections)) {
        free_section(c, section_of(c->sections.next));
    }
    mst_allocator allocator = c->allocator;
    msi_free(&allocator, c->modules);
    msi_free(&allocator, c);
}

mst_status mst_config_read(mst_config *c, const char *path, mst_error *error)
{
    if (!path || !*path) {
        return msi_error(error, MST_EINVAL, "no file to read is named");
    }
    forget_assembly(c);
    msi_config_clear_problems(c);
    mst_status status = msi_ini_read(c, path, error);
    if (status == MST_ENOMEM) {
        return msi_error(error, status, "%s: out of memory", path);
    }
    if (!status && msi_config_problem_count(c) > 0) {
        status = MST_ECONFIG;
    }
    if (status && error) {
        error->status = status;
    }
    return status;
}

mst_status mst_config_set(mst_config *c, const char *section, const char *key, const char *value)
{
    forget_assembly(c);
    return msi_config_put(c, section, key, value, "program");
}

void mst_config_use_environment(mst_config *c, int on)
{
    forget_assembly(c);
    c->environment = on != 0;
}

mst_status mst_config_add_module(mst_config *c, const struct mst_module *module)
{
    if (!module) {
        return MST_EINVAL;
    }
    forget_assembly(c);
    const struct mst_module **modules =
        msi_realloc(&c->allocator, c->modules, (c->module_count + 1) * sizeof *modules);
    if (!modules) {
        return MST_ENOMEM;
    }
    modules[c->module_count++] = module;
    c->modules = modules;
    return MST_OK;
}
