/* simulate_policy.c - a policy without a cache around it.
 *
 * The library makes it, with the keys of its section checked and filled in, for a provider that
 * evicts. That provider is registered here, and does nothing but note the policy that it was given:
 * so the policies of the simulation are those of the program, whatever they are made of.
 */
#define _POSIX_C_SOURCE 200809L /* strndup */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include <memstache/provider.h>

#include "simulate.h"

static mst_evictor noted; /* by the provider's start(), within policy_open() */

static mst_status note_policy(void *self, const mst_provider_env *env)
{
    noted = env->evictor ? *env->evictor : (mst_evictor){NULL, NULL};
    return MST_OK;
}

static void answer_nothing(void *self, mst_op *const *ops, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ops[i]->status = MST_MISS;
    }
}

static const mst_provider_ops ops = {
    .struct_size = sizeof ops,
    .caps = MST_CAP_INPROC | MST_CAP_EVICTION,
    .op_codes = 1u << MST_OP_GET,
    .start = note_policy,
    .submit = answer_nothing,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_PROVIDER,
    .kind_version = MST_PROVIDER_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .name = "simulator",
    .version = "0.1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "Takes the policy for a simulation",
    .option_size = sizeof(mst_option),
    .ops = &ops,
};

static const mst_plugin *const plugins[] = {&plugin};
static const mst_module module = {
    MST_MODULE_MAGIC, sizeof module, MST_ABI_MAJOR, MST_ABI_MINOR, 0, 1, plugins};

/* ---- one policy */

static int make(cli *own, const cli_args *args, const char *name)
{
    static const char *const keys[][2] = {{"cache", "tiers"}, {"provider.simulator", "eviction"}};
    const char *const values[] = {"simulator", name};
    cli_args quiet = *args;
    quiet.quiet = true;
    quiet.cache = NULL;
    int code = session_read(own, args);
    mst_status status = code == CLI_OK ? mst_config_add_module(own->config, &module) : MST_OK;
    for (size_t i = 0; code == CLI_OK && status == MST_OK && i < 2; i++) {
        status = mst_config_set(own->config, keys[i][0], keys[i][1], values[i]);
    }
    if (status != MST_OK) {
        cli_say(own, "policy %s: %s", name, mst_strerror(status));
        return status == MST_EINVAL ? CLI_USAGE : CLI_FAILED;
    }
    noted = (mst_evictor){NULL, NULL};
    return code == CLI_OK ? session_cache(own, &quiet) : code;
}

int policy_open(cli *c, const cli_args *args, const char *name, policy *p)
{
    *p = (policy){.name = name, .own = {.out = c->out, .verbose = c->verbose}};
    int code = make(&p->own, args, name);
    p->evictor = noted;
    if (code == CLI_OK && !p->evictor.ops) {
        cli_say(c, "policy %s: the environment changes [cache] tiers, so it cannot be tried", name);
        code = CLI_CONFIG;
    }
    if (code != CLI_OK) {
        policy_close(p);
    }
    return code;
}

void policy_close(policy *p)
{
    session_close(&p->own);
}

/* ---- their names */

static bool add_name(char ***names, size_t *count, const char *name, size_t len)
{
    for (size_t i = 0; i < *count; i++) {
        if (strlen((*names)[i]) == len && memcmp((*names)[i], name, len) == 0) {
            return true;
        }
    }
    char **more = realloc(*names, (*count + 1) * sizeof *more);
    if (!more) {
        return false;
    }
    *names = more;
    more[*count] = strndup(name, len);
    *count += more[*count] != NULL;
    return more[*count - 1] != NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}

static bool add_directory(const char *dir, char ***names, size_t *count)
{
    static const char before[] = "eviction_", after[] = ".so";
    DIR *d = opendir(dir);
    bool enough = true;
    for (struct dirent *entry; d && enough && (entry = readdir(d)) != NULL;) {
        const char *name = entry->d_name;
        size_t len = strlen(name), least = sizeof before - 1 + sizeof after - 1;
        if (len > least && strncmp(name, before, sizeof before - 1) == 0 &&
            strcmp(name + len - (sizeof after - 1), after) == 0) {
            enough = add_name(names, count, name + sizeof before - 1, len - least);
        }
    }
    if (d) {
        closedir(d);
    }
    return enough;
}

static bool add_list(const char *list, char ***names, size_t *count)
{
    bool enough = true;
    while (*list && enough) {
        size_t len = strcspn(list, ",");
        enough = !len || add_name(names, count, list, len);
        list += len + (list[len] == ',');
    }
    return enough;
}

/* What cannot be used is left out: it was not asked for. */
static void keep_usable(cli *c, char **names, size_t *count)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        mst_plugin_use use;
        mst_error error = {0};
        if (mst_config_find_plugin(c->config, "eviction", names[i], &use, &error) == MST_OK) {
            names[kept++] = names[i];
        } else {
            cli_say(c, "note: %s is left out: %s", names[i], error.text);
            free(names[i]);
        }
    }
    *count = kept;
}

char **policy_names(cli *c, const char *list, size_t *count)
{
    char **names = NULL;
    const char *dir;
    bool enough = true;
    *count = 0;
    if (list) {
        enough = add_list(list, &names, count);
    }
    for (size_t i = 0; !list && enough && (dir = mst_config_plugin_dir(c->config, i)); i++) {
        enough = add_directory(dir, &names, count);
    }
    if (!list && *count) {
        qsort(names, *count, sizeof *names, by_name);
        keep_usable(c, names, count);
    }
    if (!enough || !*count) {
        cli_say(c, "simulate: %s",
                !enough ? "out of memory"
                : list  ? "no name in --policies"
                        : "there is no eviction plugin in the plugin directories; name those that "
                          "are linked in with --policies");
        policy_names_free(names, *count);
        *count = 0;
        return NULL;
    }
    return names;
}

void policy_names_free(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
}
