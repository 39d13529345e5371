/* t.c - see t.h. A test that hangs is ended by an alarm that names it. */
#include "t.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "server.h"

enum { LIMIT_S = 120 };

static _Atomic int failures;
static const char *current = "";
static _Thread_local char about[200];

#if defined(__SANITIZE_THREAD__)
/* libuv closes descriptors by a system call that ThreadSanitizer does not see, so that whoever gets
 * the same number next seems to race with the last owner. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race_top:epoll_create1\nrace_top:eventfd\nrace_top:pipe2\n";
}
#endif

static void on_alarm(int number)
{
    (void) number;
    static const char text[] = ": still running, the test program gives up\n";
    if (write(2, current, strlen(current)) >= 0 && write(2, text, sizeof text - 1) >= 0) {
        _exit(1);
    }
    _exit(1);
}

static void say(const char *file, int line, const char *text)
{
    atomic_fetch_add(&failures, 1);
    fprintf(stderr, "%s:%d: %s%s%s%s: %s", file, line, current, about[0] ? " (" : "", about,
            about[0] ? ")" : "", text);
}

bool t_true(const char *file, int line, const char *text, bool ok)
{
    if (!ok) {
        say(file, line, text);
        fputs(" does not hold\n", stderr);
    }
    return ok;
}

bool t_int(const char *file, int line, const char *text, int64_t got, int64_t want)
{
    if (got != want) {
        say(file, line, text);
        fprintf(stderr, " is %" PRId64 ", expected %" PRId64 "\n", got, want);
    }
    return got == want;
}

bool t_str(const char *file, int line, const char *text, const char *got, const char *want)
{
    bool ok = got && want ? !strcmp(got, want) : got == want;
    if (!ok) {
        say(file, line, text);
        fprintf(stderr, " is \"%s\", expected \"%s\"\n", got ? got : "(null)",
                want ? want : "(null)");
    }
    return ok;
}

bool t_bytes(const char *file, int line, const char *text, const void *got, size_t got_len,
             const void *want, size_t want_len)
{
    bool ok = got_len == want_len && (!got_len || (got && !memcmp(got, want, got_len)));
    if (!ok) {
        say(file, line, text);
        fprintf(stderr, " is %zu bytes \"%.*s\", expected %zu \"%.*s\"\n", got_len,
                got ? (int) (got_len < 60 ? got_len : 60) : 0, got ? (const char *) got : "",
                want_len, (int) (want_len < 60 ? want_len : 60), (const char *) want);
    }
    return ok;
}

void t_about(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(about, sizeof about, format, args);
    va_end(args);
}

void t_give_up(const char *file, int line, const char *text)
{
    say(file, line, text);
    fputs(" does not hold, the test program cannot go on\n", stderr);
    _exit(1);
}

void t_skip(const char *why)
{
    fprintf(stderr, "skipped: %s\n", why);
    exit(77);
}

void t_keep_going(void)
{
    alarm(LIMIT_S);
}

uint64_t t_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t) t.tv_sec * 1000 + (uint64_t) t.tv_nsec / 1000000;
}

void t_nap(void)
{
    struct timespec t = {0, 200000};
    nanosleep(&t, NULL);
}

void t_sleep_until(uint64_t ms)
{
    while (t_ms() < ms) {
        t_nap();
    }
}

static void run(const t_test *test)
{
    int before = atomic_load(&failures);
    unsigned faults = fx_faults();
    current = test->name;
    about[0] = 0;
    uint64_t start = t_ms();
    alarm(LIMIT_S);
    test->run();
    alarm(0);
    t_about("after the test");
    CHECK_INT(fx_faults() - faults, 0);
    CHECK_INT(fx_lent(), 0);
    fprintf(stderr, "%-6s %s (%" PRIu64 " ms)\n",
            atomic_load(&failures) == before ? "ok" : "FAILED", test->name, t_ms() - start);
}

int t_main(int argc, char **argv, const t_test *tests, size_t n)
{
    signal(SIGALRM, on_alarm);
    size_t runs = 0;
    for (size_t i = 0; i < n; i++) {
        bool wanted = argc < 2;
        for (int k = 1; k < argc; k++) {
            wanted = wanted || !strcmp(argv[k], tests[i].name);
        }
        if (argc == 2 && !strcmp(argv[1], "-l")) {
            printf("%s\n", tests[i].name);
            runs++;
        } else if (wanted) {
            run(&tests[i]);
            runs++;
        }
    }
    if (!runs) {
        fprintf(stderr, "no such test\n");
        return 1;
    }
    return atomic_load(&failures) ? 1 : 0;
}
