/* loading.c - which file is taken, and what loading does to the process.
 *
 * A plain program: Criterion would run each test in a child, and hide what is left behind. */
#define _GNU_SOURCE /* RTLD_NOLOAD */
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memstache/codec.h>
#include <memstache/config.h>

#include "support.h"

#define CHECK(condition, text)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "loading: %s:%d: %s: %s\n", __func__, __LINE__, #condition, text);     \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

static bool put(const char *dir, const char *file)
{
    char from[TS_PATH];
    ts_join(from, TEST_MODULES, file);
    return ts_copy(from, dir, file);
}

static mst_status find(const char *path, const char *name, mst_config **c, mst_plugin_use *use,
                       mst_error *error)
{
    *c = mst_config_new(NULL);
    memset(error, 0, sizeof *error);
    mst_config_set(*c, "plugins", "path", path);
    return mst_config_find_plugin(*c, "compressor", name, use, error);
}

static bool begins(const char *text, const char *dir)
{
    return text && strncmp(text, dir, strlen(dir)) == 0 && text[strlen(dir)] == '/';
}

/* The configuration's directories come before those of the environment, each in order. */
static int order(void)
{
    char a[TS_PATH], b[TS_PATH], both[3 * TS_PATH];
    mst_plugin_use use;
    mst_error error;
    mst_config *c;
    CHECK(ts_make_dir(a) && ts_make_dir(b), "");
    CHECK(put(a, "compressor_good.so") && put(b, "compressor_good.so"), "");
    setenv("MEMSTACHE_PLUGIN_PATH", a, 1);
    CHECK(find(b, "good", &c, &use, &error) == MST_OK, error.text);
    CHECK(begins(use.file, b), use.file);
    CHECK(strcmp(mst_config_plugin_dir(c, 0), b) == 0, mst_config_plugin_dir(c, 0));
    CHECK(strcmp(mst_config_plugin_dir(c, 1), a) == 0, mst_config_plugin_dir(c, 1));
    CHECK(strcmp(mst_config_plugin_dir(c, 2), MSI_PLUGIN_DIR) == 0, mst_config_plugin_dir(c, 2));
    CHECK(mst_config_plugin_dir(c, 3) == NULL, "");
    mst_config_free(c);
    ts_format(both, sizeof both, "%s:%s", a, b);
    unsetenv("MEMSTACHE_PLUGIN_PATH");
    CHECK(find(both, "good", &c, &use, &error) == MST_OK, error.text);
    CHECK(begins(use.file, a), use.file);
    CHECK(strcmp(use.section, "compressor.good") == 0, use.section);
    CHECK(strcmp(use.plugin->name, "good") == 0, use.plugin->name);
    mst_config_free(c);
    setenv("MEMSTACHE_PLUGIN_PATH", both, 1);
    CHECK(find("", "good", &c, &use, &error) == MST_OK, error.text);
    CHECK(begins(use.file, a), use.file);
    mst_config_free(c);
    ts_remove_dir(a);
    ts_remove_dir(b);
    return 0;
}

/* A relative directory of the environment begins where the program was started. */
static int relative(void)
{
    char a[TS_PATH], sub[TS_PATH], before[TS_PATH];
    mst_plugin_use use;
    mst_error error;
    mst_config *c;
    CHECK(getcwd(before, sizeof before) && ts_make_dir(a), "");
    ts_join(sub, a, "plugins");
    CHECK(mkdir(sub, 0755) == 0 && put(sub, "compressor_good.so") && chdir(a) == 0, "");
    setenv("MEMSTACHE_PLUGIN_PATH", "plugins", 1);
    CHECK(find("", "good", &c, &use, &error) == MST_OK, error.text);
    CHECK(begins(use.file, sub), use.file);
    mst_config_free(c);
    CHECK(find("plugins", "good", &c, &use, &error) == MST_ECONFIG, error.text);
    CHECK(strcmp(error.text, "plugin directory \"plugins\" is not absolute; write it from the "
                             "root: /usr/lib/...") == 0,
          error.text);
    mst_config_free(c);
    CHECK(chdir(before) == 0, "");
    unsetenv("MEMSTACHE_PLUGIN_PATH");
    ts_remove_dir(a);
    return 0;
}

/* What the program itself contains is found before any file, even one that would be refused. */
static int registered(void)
{
    char a[TS_PATH];
    mst_plugin_use use;
    mst_error error = {.status = MST_OK};
    CHECK(ts_make_dir(a) && ts_write(a, "compressor_pack.so", "no object", 0666), "");
    mst_config *c = mst_config_new(NULL);
    mst_config_set(c, "plugins", "path", a);
    CHECK(mst_config_add_module(c, &ts_module) == MST_OK, "");
    CHECK(mst_config_find_plugin(c, "compressor", "pack", &use, &error) == MST_OK, error.text);
    CHECK(use.file == NULL && use.plugin == ts_module.plugins[3], "");
    mst_config_free(c);
    ts_remove_dir(a);
    return 0;
}

static int registered_bad(void)
{
    mst_module bad = ts_module;
    mst_error error = {.status = MST_OK};
    bad.abi_minor = MST_ABI_MINOR + 1;
    mst_config *c = mst_config_new(NULL);
    CHECK(mst_config_add_module(c, &bad) == MST_OK, "");
    CHECK(mst_config_check(c, &error) == MST_EPLUGIN, error.text);
    CHECK(strcmp(error.text, "module of the program: built for ABI 0.7, this host speaks 0.6; "
                             "rebuild the plugin") == 0,
          error.text);
    mst_config_free(c);
    return 0;
}

/* Two plugins with the same global symbol, in one process: each keeps its own. */
static int clash(void)
{
    char a[TS_PATH];
    mst_plugin_use one, two;
    mst_error error;
    mst_config *c;
    CHECK(ts_make_dir(a) && put(a, "compressor_clash1.so") && put(a, "compressor_clash2.so"), "");
    CHECK(find(a, "clash1", &c, &one, &error) == MST_OK, error.text);
    CHECK(mst_config_find_plugin(c, "compressor", "clash2", &two, &error) == MST_OK, error.text);
    const mst_compressor_ops *first = one.plugin->ops, *second = two.plugin->ops;
    CHECK(first->bound(NULL, 0) == 1, "clash1 calls the other's function");
    CHECK(second->bound(NULL, 0) == 2, "clash2 calls the other's function");
    mst_config_free(c);
    ts_remove_dir(a);
    return 0;
}

/* An accepted plugin stays, also for a second config and after the last one has gone. */
static int pinned(void)
{
    char a[TS_PATH], file[TS_PATH];
    mst_plugin_use use, again;
    mst_error error;
    mst_config *c, *d;
    CHECK(ts_make_dir(a) && put(a, "compressor_good.so"), "");
    ts_join(file, a, "compressor_good.so");
    CHECK(find(a, "good", &c, &use, &error) == MST_OK, error.text);
    CHECK(find(a, "good", &d, &again, &error) == MST_OK, error.text);
    CHECK(use.plugin == again.plugin, "loaded twice");
    const mst_plugin *plugin = use.plugin;
    mst_config_free(c);
    mst_config_free(d);
    CHECK(strcmp(plugin->name, "good") == 0, plugin->name);
    for (int i = 0; i < 8; i++) { /* take away whatever references there are */
        void *handle = dlopen(file, RTLD_NOW | RTLD_NOLOAD);
        CHECK(handle != NULL, "was unloaded");
        dlclose(handle);
        dlclose(handle);
    }
    CHECK(strcmp(plugin->name, "good") == 0, plugin->name);
    ts_remove_dir(a);
    return 0;
}

/* Only what is asked for is opened, although others lie beside it. */
static int nothing_else(void)
{
    char a[TS_PATH];
    mst_plugin_use use;
    mst_error error;
    mst_config *c;
    CHECK(ts_make_dir(a) && put(a, "compressor_good.so") && put(a, "compressor_taken.so"), "");
    unsetenv("MEMSTACHE_TEST_CONSTRUCTED_taken");
    CHECK(find(a, "goo", &c, &use, &error) == MST_ENOTFOUND, error.text);
    CHECK(strstr(error.text, "did you mean \"good\"?"), error.text);
    const char *names = strstr(error.text, "there are:");
    CHECK(names && strstr(names, " good") && strstr(names, " taken"), error.text);
    CHECK(mst_config_find_plugin(c, "compressor", "good", &use, &error) == MST_OK, error.text);
    CHECK(!getenv("MEMSTACHE_TEST_CONSTRUCTED_taken"), "was opened without need");
    mst_config_free(c);
    ts_remove_dir(a);
    return 0;
}

/* A thread that used the plugin ends after everything was closed: the destructor of its
 * thread-specific value is in the plugin. */
typedef struct user {
    const mst_compressor_ops *ops;
    sem_t used, end;
    size_t got;
} user;

static void *use_plugin(void *arg)
{
    user *u = arg;
    u->got = u->ops->bound(NULL, 0);
    sem_post(&u->used);
    sem_wait(&u->end);
    return NULL;
}

static int after_close(void)
{
    char a[TS_PATH];
    mst_plugin_use use;
    mst_error error;
    mst_config *c;
    pthread_t thread;
    user u = {.got = 0};
    CHECK(ts_make_dir(a) && put(a, "compressor_clash1.so"), "");
    CHECK(find(a, "clash1", &c, &use, &error) == MST_OK, error.text);
    u.ops = use.plugin->ops;
    sem_init(&u.used, 0, 0);
    sem_init(&u.end, 0, 0);
    CHECK(pthread_create(&thread, NULL, use_plugin, &u) == 0, "");
    sem_wait(&u.used);
    mst_config_free(c);
    sem_post(&u.end);
    CHECK(pthread_join(thread, NULL) == 0 && u.got == 1, "");
    sem_destroy(&u.used);
    sem_destroy(&u.end);
    ts_remove_dir(a);
    return 0;
}

int main(void)
{
    unsetenv("MEMSTACHE_PLUGIN_PATH");
    int failed = order() + relative() + registered() + registered_bad() + clash() + pinned() +
                 nothing_else() + after_close();
    return failed ? 1 : 0;
}
