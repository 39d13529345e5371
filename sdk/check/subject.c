/* subject.c - the plugin under test: found and accepted by the library's own loader, with options,
 * and as many instances as a case wants. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <memstache/memstache.h>

#include "check.h"

const mst_option *check_option_at(const mst_plugin *plugin, uint32_t i)
{
    return (const void *) ((const char *) plugin->options + (size_t) i * plugin->option_size);
}

bool check_option_given(const check_setup *setup, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < setup->option_count; i++) {
        const char *o = setup->options[i];
        if (strncmp(o, name, len) == 0 && (o[len] == '=' || strncmp(o + len, "_file=", 6) == 0)) {
            return true;
        }
    }
    return false;
}

/* The directory comes first in the search, before anything else of that name. */
static void use_directory(const kit *k)
{
    const char *file = k->setup->file, *slash = strrchr(file, '/');
    char directory[4096];
    snprintf(directory, sizeof directory, "%.*s", slash > file ? (int) (slash - file) : 1, file);
    mst_config_use_environment(k->config, 0);
    mst_config_set(k->config, "plugins", "path", directory);
}

/* Members that the plugin was compiled without stay NULL. */
static void complete_ops(kit *k)
{
    uint32_t size;
    const size_t ours = k->plugin->kind == MST_KIND_SERIALIZER   ? sizeof k->ops.serializer
                        : k->plugin->kind == MST_KIND_COMPRESSOR ? sizeof k->ops.compressor
                        : k->plugin->kind == MST_KIND_PROVIDER   ? sizeof k->ops.provider
                        : k->plugin->kind == MST_KIND_EXPORTER   ? sizeof k->ops.exporter
                                                                 : sizeof k->ops.eviction;
    memcpy(&size, k->plugin->ops, sizeof size);
    memset(&k->ops, 0, sizeof k->ops);
    memcpy(&k->ops, k->plugin->ops, size < ours ? size : ours);
}

mst_status check_find(kit *k, mst_error *error)
{
    mst_plugin_use use;
    *error = (mst_error){0};
    check_doing(k, "loading the file");
    k->config = mst_config_new(NULL);
    if (!k->config) {
        check_skip(k, "no memory");
    }
    use_directory(k);
    mst_status status =
        mst_config_find_plugin(k->config, k->setup->kind_name, k->setup->name, &use, error);
    if (status == MST_OK) {
        k->plugin = use.plugin;
        complete_ops(k);
    } else if (!error->text[0]) {
        snprintf(error->text, sizeof error->text, "%s", mst_strerror(status));
    }
    return status;
}

void check_subject(kit *k)
{
    mst_error error;
    if (check_find(k, &error) != MST_OK) {
        check_skip(k, "the file is refused: see load/accepted");
    }
    check_doing(k, "binding the options");
    k->bound = check_bind(k, NULL, &error);
    if (!k->bound) {
        check_unready(k, "%s", error.text);
    }
    check_doing(k, "%s", "");
}

check_loop *check_subject_loop(kit *k)
{
    int kind = k->plugin->kind;
    return kind == MST_KIND_PROVIDER || kind == MST_KIND_EXPORTER ? check_loop_new(k) : NULL;
}

static void ready(kit *k)
{
    check_subject(k);
}

const check_case check_ready = {"ready", 0, "", ready};

/* ---- instances */

void check_instance_prepare(kit *k, check_instance *i, check_loop *loop)
{
    size_t size = k->plugin->instance_size;
    check_host_init(k, &i->host, loop);
    check_guard_open(k, &i->memory, size + 64, "the instance");
    i->self = check_guard_take(&i->memory, size, 64);
    memcpy(i->self, k->bound, size);
}

mst_status check_instance_init(check_instance *i)
{
    kit *k = i->host.k;
    if (!k->plugin->init) {
        return MST_OK;
    }
    check_doing(k, "init()");
    i->host.may_set_error = true;
    mst_status status = k->plugin->init(i->self, &i->host.host);
    i->host.may_set_error = false;
    return status < 0 ? status : MST_OK;
}

void check_instance_begin(kit *k, check_instance *i, check_loop *loop)
{
    check_instance_prepare(k, i, loop);
    mst_status status = check_instance_init(i);
    if (status != MST_OK) {
        check_fail(k, "init() failed with the options that it has: %s",
                   i->host.error[0] ? i->host.error : check_status(status));
    }
}

void check_instance_end(check_instance *i)
{
    kit *k = i->host.k;
    if (k->plugin->fini) {
        check_doing(k, "fini()");
        k->plugin->fini(i->self);
    }
    check_guard_verify(&i->memory, k->plugin->instance_size);
    check_guard_close(&i->memory);
    check_host_settled(&i->host, "after fini()");
}

const char *check_status(mst_status status)
{
    switch (status) {
#define STATUS_NAME(name, number, text)                                                            \
    case number:                                                                                   \
        return #name;
        MST_STATUS_MAP(STATUS_NAME)
#undef STATUS_NAME
    default:
        return "a status that does not exist";
    }
}
