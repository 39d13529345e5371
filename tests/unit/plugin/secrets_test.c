/* host->secret(): where the text comes from, that it is the present one, and that it stays secret.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "assembled.h"
#include "plugin/instance.h"

enum { ROOM = 32 };

static mst_config *config;
static msi_assembly *assembly;
static msi_instance *instance;
static ts_memory memory;
static ts_lines lines;
static char buffer[ROOM];
static char dir[TS_PATH], path[TS_PATH];

/* What the host program's callback answers, and was asked. */
static struct {
    mst_status status;
    const char *text;
    unsigned asked;
    char section[40], option[40];
    size_t size;
} program;

static mst_status ask_program(void *arg, const char *section, const char *option, char *to,
                              size_t size)
{
    cr_assert_eq(arg, &program);
    program.asked++;
    program.size = size;
    ts_format(program.section, sizeof program.section, "%s", section);
    ts_format(program.option, sizeof program.option, "%s", option);
    if (program.text) {
        size_t n = strlen(program.text) + 1;
        memcpy(to, program.text, n < size ? n : size);
    }
    return program.status;
}

static void setup(void)
{
    memset(&program, 0, sizeof program);
    ts_memory_init(&memory);
    cr_assert(ts_make_dir(dir));
    ts_join(path, dir, "password");
}

static void teardown(void)
{
    msi_instance_release(instance);
    msi_assembly_free(assembly);
    mst_config_free(config);
    ts_remove_dir(dir);
    cr_assert_eq(memory.live, 0);
}

TestSuite(secrets, .init = setup, .fini = teardown);

/* provider.memory with this line in its section, and perhaps the callback. */
static const mst_host *host(const char *line, bool callback)
{
    char ini[TS_PATH + 60];
    mst_error error = {.text = ""};
    ts_format(ini, sizeof ini, "[provider.memory]\n%s\n", line);
    assembly = assembled(ini, &config);
    const msi_component *c = cache_at(assembly, 0)->tiers[0];
    msi_grants grants = {
        .secrets = {.bound = c->bound, .count = c->bound_count, .options = c->options}};
    if (callback) {
        grants.secrets.callback = (msi_secret_callback){ask_program, &program};
    }
    msi_log log = ts_log(&lines);
    cr_assert_eq(msi_instance_new_with(&instance, c->plugin, c->section, c->options, &grants, NULL,
                                       &memory.allocator, &log, &error),
                 MST_OK, "%s", error.text);
    return &instance->host;
}

static const mst_host *host_with_file(const char *text, bool callback)
{
    char line[TS_PATH + 20];
    cr_assert(ts_write(dir, "password", text, 0600));
    ts_format(line, sizeof line, "password_file = %s", path);
    return host(line, callback);
}

static mst_status ask(const mst_host *h, const char *option, size_t size)
{
    memset(buffer, 'x', sizeof buffer);
    return h->secret(h, option, buffer, size);
}

/* Nothing of what was there before, nor of half an answer. */
static void expect_wiped(size_t size)
{
    static const char zeros[ROOM];
    cr_expect_eq(memcmp(buffer, zeros, size), 0);
}

static void expect_secret(const mst_host *h, const char *text)
{
    cr_expect_eq(ask(h, "password", ROOM), MST_OK);
    cr_expect_str_eq(buffer, text);
}

static void expect_refusal(const mst_host *h, const char *option, size_t size, mst_status status)
{
    cr_expect_eq(ask(h, option, size), status);
    expect_wiped(size);
}

Test(secrets, plain)
{
    const mst_host *h = host("password = hunter2", false);
    expect_secret(h, "hunter2");
    expect_secret(h, "hunter2");
    cr_expect_eq(lines.count, 0);
}

Test(secrets, plain_and_empty)
{
    expect_secret(host("password =", false), "");
}

Test(secrets, environment)
{
    setenv("MEMSTACHE_PROVIDER_MEMORY_PASSWORD", "hunter3", 1);
    const mst_host *h = host("password = hunter2", false);
    setenv("MEMSTACHE_PROVIDER_MEMORY_PASSWORD", "later", 1);
    expect_secret(h, "hunter3");
}

Test(secrets, environment_names_a_file)
{
    cr_assert(ts_write(dir, "password", "hunter2\n", 0600));
    setenv("MEMSTACHE_PROVIDER_MEMORY_PASSWORD_FILE", path, 1);
    const mst_host *h = host("label = x", false);
    expect_secret(h, "hunter2");
    cr_assert(ts_write(dir, "password", "hunter3", 0600));
    expect_secret(h, "hunter3");
}

/* An option that is not set is not an error; what is no secret option is one. */
Test(secrets, missing)
{
    const mst_host *h = host("label = x", false);
    expect_refusal(h, "password", ROOM, MST_MISS);
    expect_refusal(h, "label", ROOM, MST_ENOTFOUND);
    expect_refusal(h, "password_file", ROOM, MST_ENOTFOUND);
    expect_refusal(h, "timeout", ROOM, MST_ENOTFOUND);
    expect_refusal(h, "", ROOM, MST_ENOTFOUND);
}

/* The file as it is at that moment, trimmed as at open. */
Test(secrets, file_is_read_again)
{
    const mst_host *h = host_with_file("first\n", false);
    expect_secret(h, "first");
    cr_assert(ts_write(dir, "password", " second \r\n", 0600));
    expect_secret(h, " second ");
    char next[TS_PATH];
    ts_join(next, dir, "next");
    cr_assert(ts_write(dir, "next", "third", 0600));
    cr_assert_eq(rename(next, path), 0);
    expect_secret(h, "third");
    cr_expect_eq(lines.count, 0);
}

static void expect_logged(const char *end)
{
    char expected[TS_PATH + 120];
    ts_format(expected, sizeof expected,
              "[provider.memory] password_file: cannot use the secret in \"%s\": %s", path, end);
    cr_expect_eq(lines.count, 1);
    cr_expect_not_null(strstr(lines.text, expected), "%s", lines.text);
    cr_expect_null(strstr(lines.text, "hunter2"));
}

Test(secrets, file_is_gone)
{
    const mst_host *h = host_with_file("hunter2", false);
    cr_assert_eq(unlink(path), 0);
    expect_refusal(h, "password", ROOM, MST_EIO);
    expect_logged("no such file or directory");
    expect_refusal(h, "password", ROOM, MST_EIO);
    cr_expect_eq(lines.count, 1, "not at every attempt");
    cr_assert(ts_write(dir, "password", "back", 0600));
    expect_secret(h, "back");
}

Test(secrets, file_is_empty)
{
    const mst_host *h = host_with_file("hunter2", false);
    cr_assert(ts_write(dir, "password", "\n", 0600));
    expect_refusal(h, "password", ROOM, MST_EIO);
    expect_logged("it is empty");
}

/* One byte too many is refused, the rest is not given away, and nothing is logged. */
Test(secrets, too_long)
{
    const mst_host *h = host_with_file("0123456789\n", false);
    cr_expect_eq(ask(h, "password", 11), MST_OK);
    cr_expect_str_eq(buffer, "0123456789");
    expect_refusal(h, "password", 10, MST_ETOOBIG);
    expect_refusal(h, "password", 1, MST_ETOOBIG);
    expect_refusal(h, "password", 0, MST_ETOOBIG);
    cr_expect_eq(buffer[0], 'x', "no room at all");
    cr_expect_eq(lines.count, 0);
}

Test(secrets, plain_too_long)
{
    const mst_host *h = host("password = 0123456789", false);
    expect_refusal(h, "password", 10, MST_ETOOBIG);
}

Test(secrets, out_of_memory)
{
    const mst_host *h = host_with_file("hunter2", false);
    memory.fail_at = memory.calls + 1;
    expect_refusal(h, "password", ROOM, MST_ENOMEM);
    memory.fail_at = 0;
    expect_secret(h, "hunter2");
}

/* ---- the host program */

Test(secrets, program_comes_first)
{
    const mst_host *h = host_with_file("hunter2", true);
    program.text = "from the vault";
    expect_secret(h, "from the vault");
    cr_expect_eq(program.asked, 1);
    cr_expect_str_eq(program.section, "provider.memory");
    cr_expect_str_eq(program.option, "password");
    cr_expect_eq(program.size, ROOM);
    program.text = "rotated";
    expect_secret(h, "rotated");
}

Test(secrets, program_leaves_it_to_the_configuration)
{
    const mst_host *h = host_with_file("hunter2", true);
    program.status = MST_MISS;
    program.text = "not this";
    expect_secret(h, "hunter2");
    cr_expect_eq(program.asked, 1);
}

Test(secrets, program_knows_one_that_nobody_configured)
{
    const mst_host *h = host("label = x", true);
    program.text = "from the vault";
    expect_secret(h, "from the vault");
    program.status = MST_MISS;
    expect_refusal(h, "password", ROOM, MST_MISS);
    expect_refusal(h, "label", ROOM, MST_ENOTFOUND);
    cr_expect_eq(program.asked, 2, "not about what is no secret");
}

/* What it says is not covered up by an older secret. */
Test(secrets, program_fails)
{
    static const struct {
        mst_status said, want;
    } cases[] = {{MST_ETOOBIG, MST_ETOOBIG}, {MST_ENOMEM, MST_ENOMEM}, {MST_ETIMEDOUT, MST_EIO},
                 {MST_PENDING, MST_EIO},     {MST_EIO, MST_EIO},       {-12345, MST_EIO}};
    const mst_host *h = host("password = hunter2", true);
    program.text = "half of i";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        program.status = cases[i].said;
        expect_refusal(h, "password", ROOM, cases[i].want);
    }
    cr_expect_eq(lines.count, 1, "%s", lines.text);
    cr_expect_not_null(strstr(lines.text, "[provider.memory] password: the program cannot give "
                                          "the secret: the deadline passed"),
                       "%s", lines.text);
    cr_expect_null(strstr(lines.text, "half"));
}

Test(secrets, program_forgets_the_end)
{
    const mst_host *h = host("password = hunter2", true);
    program.text = "0123456789";
    expect_refusal(h, "password", 10, MST_EIO);
    cr_expect_not_null(strstr(lines.text, "its answer has no end"), "%s", lines.text);
    cr_expect_null(strstr(lines.text, "0123"));
    cr_expect_eq(ask(h, "password", 11), MST_OK);
}

/* An instance that outlives its runtime must not ask what is gone. */
Test(secrets, abandoned)
{
    const mst_host *h = host("password = hunter2", true);
    program.text = "from the vault";
    h->retain(h);
    msi_instance_abandon(instance);
    expect_refusal(h, "password", ROOM, MST_ENOTFOUND);
    cr_expect_eq(program.asked, 0);
}
