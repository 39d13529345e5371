/* secret_test.c - host->secret() in a runtime: a provider whose every value is the secret that the
 * key names, asked for again at each get. */
#include <stdlib.h>
#include <unistd.h>

#include <memstache/provider.h>

#include "env.h"

typedef struct vault {
    const mst_host *host;
    const char *password, *token;
    mst_status at_init; /* what init() got */
    char seen[32];
} vault;

static _Atomic int asked_at_init;

static mst_status vault_init(void *self, const mst_host *host)
{
    vault *v = self;
    v->host = host;
    v->at_init = host->secret(host, "password", v->seen, sizeof v->seen);
    atomic_fetch_add(&asked_at_init, v->at_init == MST_OK && strcmp(v->seen, "first") == 0);
    return MST_OK;
}

static void forget(void *owner)
{
    free(owner);
}

static void vault_submit(void *self, mst_op *const *ops, size_t n)
{
    vault *v = self;
    for (size_t i = 0; i < n; i++) {
        char option[32] = "", *text = calloc(1, 32);
        REQUIRE(text && ops[i]->key.len < sizeof option);
        memcpy(option, ops[i]->key.data, ops[i]->key.len);
        ops[i]->status = v->host->secret(v->host, option, text, 32);
        if (ops[i]->status == MST_OK) {
            ops[i]->out = (mst_value){text, strlen(text), forget, text};
        } else {
            free(text);
        }
    }
}

#define SECRET(name_)                                                                              \
    {                                                                                              \
        .name = #name_, .type = MST_OPT_STR, .flags = MST_OPTF_SECRET,                             \
        .offset = offsetof(vault, name_), .help = "A secret."                                      \
    }
static const mst_option vault_options[] = {SECRET(password), SECRET(token)};
static const mst_provider_ops vault_ops = {.struct_size = sizeof vault_ops,
                                           .caps = MST_CAP_BLOCKING,
                                           .op_codes = 1u << MST_OP_GET,
                                           .submit = vault_submit};
static const mst_plugin vault_plugin = {.struct_size = sizeof vault_plugin,
                                        .kind = MST_KIND_PROVIDER,
                                        .kind_version = MST_PROVIDER_VERSION,
                                        .instance_size = sizeof(vault),
                                        .name = "vault",
                                        .version = "1",
                                        .author = "memstache",
                                        .license = "MIT",
                                        .summary = "gives its secrets away",
                                        .options = vault_options,
                                        .option_count = 2,
                                        .option_size = sizeof(mst_option),
                                        .init = vault_init,
                                        .ops = &vault_ops};
static const mst_plugin *const plugins[] = {&vault_plugin};
static const mst_module module = {
    MST_MODULE_MAGIC, sizeof module, MST_ABI_MAJOR, MST_ABI_MINOR, 0, 1, plugins};

static _Atomic int logged;

static void on_log(void *arg, int level, const char *text)
{
    (void) arg, (void) level;
    atomic_fetch_add(&logged, 1);
    CHECK(!strstr(text, "first") && !strstr(text, "second") && !strstr(text, "third"));
}

static char path[] = "/tmp/memstache-secret-XXXXXX";

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");
    REQUIRE(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static mst_runtime *open_vault(const mst_open_options *options)
{
    mst_runtime *runtime = NULL;
    mst_error error = {0};
    mst_config *config = mst_config_new(NULL);
    REQUIRE(config && !mst_config_add_module(config, &module));
    REQUIRE(!mst_config_set(config, "cache", "tiers", "vault"));
    REQUIRE(!mst_config_set(config, "cache", "envelope", "none"));
    REQUIRE(!mst_config_set(config, "provider.vault", "password_file", path));
    mst_status status = mst_open(config, options, &runtime, &error);
    CHECK_STR(error.text, "");
    REQUIRE(!status);
    mst_config_free(config); /* what the instance needs of it is the runtime's now */
    return runtime;
}

static void expect(mst_runtime *runtime, const char *option, mst_status status, const char *text)
{
    mst_result r = {0};
    CHECK_INT(mst_get_wait(mst_cache_named(runtime, NULL), mst_str(option), NULL, &r), status);
    if (text) {
        CHECK_BYTES(r.data, r.len, text);
    }
    mst_result_release(&r);
}

static void from_a_file(void)
{
    mst_open_options options = {.log = on_log};
    int fd = mkstemp(path);
    REQUIRE(fd >= 0 && !close(fd));
    write_file("first\n");
    atomic_store(&asked_at_init, 0);
    mst_runtime *runtime = open_vault(&options);
    CHECK_INT(atomic_load(&asked_at_init), 1);
    expect(runtime, "password", MST_OK, "first");
    write_file("second\n");
    expect(runtime, "password", MST_OK, "second");
    expect(runtime, "token", MST_MISS, NULL);
    atomic_store(&logged, 0);
    REQUIRE(!unlink(path));
    expect(runtime, "password", MST_MISS, NULL); /* a tier that fails is a miss */
    CHECK(atomic_load(&logged) > 0);
    write_file("third\n");
    expect(runtime, "password", MST_OK, "third");
    mst_close_wait(runtime);
    unlink(path);
}

static mst_status ask(void *arg, const char *section, const char *option, char *buffer, size_t size)
{
    CHECK_STR(section, "provider.vault");
    if (strcmp(option, "token") != 0) {
        return MST_MISS;
    }
    snprintf(buffer, size, "second, asked %d times", atomic_fetch_add((_Atomic int *) arg, 1) + 1);
    return MST_OK;
}

static void from_the_program(void)
{
    _Atomic int asked = 0;
    mst_open_options options = {.log = on_log, .secret = ask, .secret_arg = (void *) &asked};
    write_file("first\n");
    mst_runtime *runtime = open_vault(&options);
    expect(runtime, "password", MST_OK, "first");
    expect(runtime, "token", MST_OK, "second, asked 1 times");
    expect(runtime, "token", MST_OK, "second, asked 2 times");
    mst_close_wait(runtime);
    unlink(path);
}

T_MAIN(T_TEST(from_a_file), T_TEST(from_the_program))
