/* plan.c - one cache of the configuration: its tiers, serializer and compressor; and what several
 * caches may not do to each other. */
#include <string.h>

#include "plugin/assemble.h"

void msi_cache_plan_free(const mst_allocator *a, msi_cache_plan *p)
{
    if (p) {
        msi_free(a, p->section);
        msi_free(a, p->bound);
        msi_free(a, p);
    }
}

static msi_cache_plan *plan_new(const mst_allocator *a, const char *section)
{
    msi_cache_plan *p = msi_zalloc(a, sizeof *p);
    if (!p) {
        return NULL;
    }
    p->section = msi_strdup(a, section);
    if (!p->section) {
        msi_free(a, p);
        return NULL;
    }
    const char *dot = strchr(p->section, '.');
    p->name = dot ? dot + 1 : "";
    return p;
}

static msi_line line_of(const msi_build *b, const msi_cache_plan *p, const char *key)
{
    msi_option_set options = msi_cache_options(NULL);
    return msi_build_line(b, p->section, &options, key);
}

/* ---- tiers */

static mst_status add_tier(msi_build *b, void *plan, msi_line line, const char *name)
{
    msi_cache_plan *p = plan;
    msi_component *tier;
    if (p->tier_count == MSI_TIERS_MAX) {
        msi_build_problem(b, MST_ECONFIG, line, "tiers: \"%s\" is one more than %d", name,
                          MSI_TIERS_MAX);
        return MST_OK;
    }
    mst_status status = msi_build_component(b, MST_KIND_PROVIDER, name, line, &tier);
    if (status || !tier) {
        return status;
    }
    for (unsigned i = 0; i < p->tier_count; i++) {
        if (p->tiers[i] == tier) {
            msi_build_problem(b, MST_ECONFIG, line, "tiers: \"%s\" is named twice", name);
            return MST_OK;
        }
    }
    p->tiers[p->tier_count++] = tier;
    return MST_OK;
}

static mst_status add_tiers(msi_build *b, msi_cache_plan *p)
{
    msi_line line = line_of(b, p, "tiers");
    const char *names = p->settings.tiers ? p->settings.tiers : "";
    if (msi_build_no_names(names)) {
        msi_build_problem(b, MST_ECONFIG, line,
                          "tiers: at least one is needed; the shortest is: tiers = memory");
        return MST_OK;
    }
    return msi_build_each_name(b, line, "tiers", names, add_tier, p);
}

/* ---- codecs */

static mst_status add_codecs(msi_build *b, msi_cache_plan *p)
{
    const char *compressor = p->settings.compressor ? p->settings.compressor : "none";
    mst_status status = msi_build_component(b, MST_KIND_SERIALIZER, p->settings.serializer,
                                            line_of(b, p, "serializer"), &p->serializer);
    if (status || strcmp(compressor, "none") == 0) {
        return status;
    }
    if (p->settings.envelope == MSI_ENVELOPE_NONE) {
        msi_line line = line_of(b, p, "compressor");
        if (!line.origin) {
            line = line_of(b, p, "envelope");
        }
        msi_build_problem(b, MST_ECONFIG, line,
                          "compressor: envelope = none has no place to say that a value is "
                          "compressed; use compressor = none, or envelope = on");
    }
    return msi_build_component(b, MST_KIND_COMPRESSOR, compressor, line_of(b, p, "compressor"),
                               &p->compressor);
}

static uint32_t wire_id(const msi_component *c)
{
    switch (c->kind) {
    case MST_KIND_SERIALIZER:
        return c->plugin->ops.serializer.wire_id;
    case MST_KIND_COMPRESSOR:
        return c->plugin->ops.compressor.wire_id;
    default:
        return 0;
    }
}

/* Two different plugins with one id: a stored value would not say which of them made it. */
static void check_wire_ids(msi_build *b)
{
    const msi_list *all = &b->assembly->components;
    for (msi_list *x = all->next; x != all; x = x->next) {
        const msi_component *first = MSI_CONTAINER(x, msi_component, link);
        for (msi_list *y = x->next; y != all && wire_id(first); y = y->next) {
            const msi_component *c = MSI_CONTAINER(y, msi_component, link);
            if (c->kind == first->kind && wire_id(c) == wire_id(first) &&
                c->plugin != first->plugin) {
                const msi_section *s = msi_config_section(b->config, c->section);
                msi_build_problem(b, MST_ECONFIG, (msi_line){s ? s->origin : NULL, c->section},
                                  "%s \"%s\" has wire id %u, and so has [%s]; stored values could "
                                  "not be told apart",
                                  msi_kind_name(c->kind), c->plugin->plugin->name, wire_id(c),
                                  first->section);
            }
        }
    }
}

/* ---- namespaces */

/* One that nobody wrote is the name of the cache; an empty one that somebody wrote stays empty. */
static void default_namespace(msi_cache_plan *p)
{
    msi_bound *row = msi_build_row(p->bound, p->bound_count, "namespace");
    if (!p->settings.namespace_ || (row && row->origin && strcmp(row->origin, "default") == 0)) {
        p->settings.namespace_ = p->name;
        if (row) {
            row->value = p->name;
        }
    }
}

/* In the process spaces keep keys apart in any case; there, equal namespaces are refused only
 * because they cannot be meant. Outside, the key is text, and one without a namespace can look like
 * any. */
static bool can_collide(const msi_component *tier, const char *one, const char *other)
{
    bool far = !(tier->plugin->ops.provider.caps & MST_CAP_INPROC);
    return strcmp(one, other) == 0 || (far && (!*one || !*other));
}

/* The first tier that both caches use and where their keys could meet. */
static const msi_component *meeting_tier(const msi_cache_plan *p, const msi_cache_plan *q)
{
    for (unsigned i = 0; i < p->tier_count; i++) {
        for (unsigned j = 0; j < q->tier_count; j++) {
            const char *one = p->settings.namespace_, *other = q->settings.namespace_;
            if (p->tiers[i] == q->tiers[j] && can_collide(p->tiers[i], one, other)) {
                return p->tiers[i];
            }
        }
    }
    return NULL;
}

static void namespace_problem(msi_build *b, const msi_cache_plan *first, const msi_cache_plan *p,
                              const msi_component *tier)
{
    msi_line line = line_of(b, p, "namespace");
    const msi_section *s = msi_config_section(b->config, p->section);
    if (!line.origin && s) {
        line.origin = s->origin;
    }
    if (strcmp(first->settings.namespace_, p->settings.namespace_) == 0) {
        msi_build_problem(b, MST_ECONFIG, line,
                          "namespace: \"%s\" is also that of [%s], and both keep their keys in "
                          "[%s]; give one of them another namespace",
                          p->settings.namespace_, first->section, tier->section);
        return;
    }
    msi_build_problem(b, MST_ECONFIG, line,
                      "namespace: [%s] has none and shares [%s] with [%s], so that their keys "
                      "could be the same; give it one",
                      *p->settings.namespace_ ? first->section : p->section, tier->section,
                      *p->settings.namespace_ ? p->section : first->section);
}

static void check_namespaces(msi_build *b)
{
    const msi_list *all = &b->assembly->caches;
    for (msi_list *x = all->next; x != all; x = x->next) {
        const msi_cache_plan *first = MSI_CONTAINER(x, msi_cache_plan, link);
        for (msi_list *y = x->next; y != all; y = y->next) {
            const msi_cache_plan *p = MSI_CONTAINER(y, msi_cache_plan, link);
            const msi_component *tier = meeting_tier(first, p);
            if (tier) {
                namespace_problem(b, first, p, tier);
            }
        }
    }
}

/* ---- all of them */

static mst_status add_cache(msi_build *b, const char *section)
{
    msi_assembly *a = b->assembly;
    msi_cache_plan *p = plan_new(&a->allocator, section);
    if (!p) {
        return MST_ENOMEM;
    }
    msi_list_append(&a->caches, &p->link);
    a->cache_count++;
    msi_option_set options = msi_cache_options(&p->settings);
    mst_status status = msi_build_bind(b, p->section, &options, 1, &p->bound, &p->bound_count);
    if (!status) {
        default_namespace(p);
        status = add_tiers(b, p);
    }
    return status ? status : add_codecs(b, p);
}

mst_status msi_build_caches(msi_build *b)
{
    const msi_list *sections = &b->config->sections;
    mst_status status = MST_OK;
    for (msi_list *at = sections->next; !status && at != sections; at = at->next) {
        const char *name = MSI_CONTAINER(at, msi_section, link)->name;
        if (strcmp(name, "cache") == 0 || strncmp(name, "cache.", 6) == 0) {
            status = add_cache(b, name);
        }
    }
    if (!status && b->assembly->cache_count == 0) {
        status = add_cache(b, "cache");
    }
    if (!status) {
        check_wire_ids(b);
        check_namespaces(b);
    }
    return status;
}
