/* Reading, setting and binding with the n-th allocation failing, for every n until all succeed.
 * Each time the answer is MST_ENOMEM, or success with a problem that had no room counted, and
 * everything is given back. A plain program, so that leak checkers see it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/base/counting.h"
#include "unit/config/floor.h"

static const char text[] = "[cache]\n"
                           "expire = 30m\n"
                           "jitter = 5\n"   /* a bad value */
                           "exprie = 30m\n" /* an unknown key */
                           "expire = 31m\n" /* a repeated key */
                           "[provider.redis]\n"
                           "url = redis://localhost\n"
                           "password_file = secret.txt\n"
                           "[cache\n"
                           "nothing\n";
enum { PROBLEMS = 6 };

static const char *failure;

static void expect(int condition, const char *what)
{
    if (!condition && !failure) {
        failure = what;
    }
}

static mst_status use(mst_config *c, mst_error *error)
{
    static const int module = 0;
    test_settings settings = {0};
    msi_strings strings = {&c->allocator, NULL};
    msi_bound rows[20] = {{0}};
    mst_status status = msi_ini_parse(c, "x.ini", text, sizeof text - 1, error);
    if (!status) {
        status = mst_config_set(c, "cache.sessions", "expire", "1h");
    }
    if (!status) {
        status = mst_config_set(c, "cache.sessions", "expire", "2h");
    }
    if (!status) {
        status = mst_config_add_module(c, (const struct mst_module *) &module);
    }
    if (!status) {
        status = test_bind_all(c, &settings, &strings, error);
    }
    if (!status) {
        status = test_bind(c, "provider.redis", &settings, &strings, rows, error);
    }
    if (!status) {
        expect(strcmp(settings.redis.password, "correct horse; battery staple") == 0, "password");
        expect(strcmp(rows[8].value, "***") == 0, "row of the password");
        expect(settings.cache.sliding_ms == 5000, "value from the environment");
    }
    msi_strings_free(&strings);
    return status;
}

/* True when nothing failed any more. */
static int attempt(long fail_at)
{
    counting memory;
    mst_error error = {0};
    counting_init(&memory);
    memory.fail_at = fail_at;
    mst_config *c = mst_config_new(&memory.allocator);
    if (!c) {
        expect(fail_at == 1 && memory.blocks == 0, "a config that could not be made");
        return 0;
    }
    mst_status status = use(c, &error);
    expect(status == MST_OK || status == MST_ENOMEM, "a status that is neither ok nor no memory");
    expect(status != MST_OK || msi_config_problem_count(c) == PROBLEMS, "a problem got lost");
    expect(status != MST_OK || error.status == MST_ECONFIG, "no error for the problems");
    expect(memory.calls >= fail_at || status == MST_OK, "it failed without a reason");
    if (status) { /* what is there after a failure is whole: the same calls work now */
        memory.fail_at = 0;
        msi_config_clear_problems(c);
        expect(use(c, &error) == MST_OK, "the config does not work after a failure");
    }
    mst_config_free(c);
    expect(memory.blocks == 0, "memory was not given back");
    return memory.calls < fail_at;
}

/* mst_config_read() with a file, which it reads through the allocator as well. */
static int attempt_read(long fail_at)
{
    counting memory;
    mst_error error = {0};
    counting_init(&memory);
    memory.fail_at = fail_at + 1; /* the config itself succeeds */
    mst_config *c = mst_config_new(&memory.allocator);
    mst_status status = c ? mst_config_read(c, "good.ini", &error) : MST_EINVAL;
    expect(status == (memory.calls > fail_at ? MST_ENOMEM : MST_OK), "the status of a read");
    expect(status == MST_OK || strcmp(error.text, "good.ini: out of memory") == 0, error.text);
    expect(status == error.status, "the status in the error");
    mst_config_free(c);
    expect(memory.blocks == 0, "memory was not given back");
    return memory.calls <= fail_at;
}

int main(void)
{
    long n = 1, m = 1;
    const char *root = getenv("MEMSTACHE_SOURCE_ROOT");
    if (!root || chdir(root) != 0 || chdir("tests/unit/config/ini") != 0) {
        fprintf(stderr, "MEMSTACHE_SOURCE_ROOT must name the sources\n");
        return 1;
    }
    setenv("MEMSTACHE_CACHE_SESSIONS_SLIDING", "5s", 1);
    while (!failure && !attempt(n)) {
        n++;
    }
    while (!failure && !attempt_read(m)) {
        m++;
    }
    if (failure) {
        fprintf(stderr, "failing allocation %ld (%ld of a read): %s\n", n, m, failure);
        return 1;
    }
    if (n < 50 || m < 50) {
        fprintf(stderr, "only %ld and %ld allocations: is anything tested?\n", n, m);
        return 1;
    }
    return 0;
}
