/* run.c - one case in a child process.
 *
 * The verdict comes back through memory that both share, so that it survives whatever ends the
 * child, and so that a child which ends without one has been ended by the plugin. What the plugin
 * prints goes to a file. The child has a process group of its own, which is killed in the end: what
 * the plugin started goes with it.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS, strsignal */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

struct check_shared {
    check_outcome outcome;
    _Atomic int claimed; /* somebody writes the outcome */
    _Atomic int decided; /* it is written */
    char doing[256];
};

uint64_t check_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

/* ---- in the child */

_Noreturn static void decide(kit *k, int result, const char *format, va_list args)
{
    check_shared *s = k->shared;
    if (atomic_exchange(&s->claimed, 1)) {
        for (;;) {
            pause(); /* another thread has found something, and is about to end the process */
        }
    }
    s->outcome.result = result;
    if (format) {
        vsnprintf(s->outcome.text, sizeof s->outcome.text, format, args);
    }
    atomic_store(&s->decided, 1);
    _exit(0);
}

void check_fail(kit *k, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    decide(k, CHECK_FAILED, format, args);
}

void check_skip(kit *k, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    decide(k, CHECK_SKIPPED, format, args);
}

void check_unready(kit *k, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    decide(k, CHECK_UNREADY, format, args);
}

_Noreturn static void pass(kit *k, ...)
{
    va_list none;
    va_start(none, k);
    decide(k, CHECK_PASSED, NULL, none);
}

void check_doing(kit *k, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(k->shared->doing, sizeof k->shared->doing, format, args);
    va_end(args);
}

void *check_memory(kit *k, size_t size)
{
    void *p = calloc(1, size ? size : 1);
    if (!p) {
        check_skip(k, "no memory");
    }
    return p;
}

const char *check_was_doing(const kit *k)
{
    return k->shared->doing;
}

void check_detach(kit *k)
{
    k->shared = check_memory(k, sizeof *k->shared);
}

bool check_has_time(const kit *k)
{
    return check_clock_ms() - k->began_ms < (uint64_t) k->setup->limit_ms / 2;
}

_Noreturn static void be_child(const check_case *c, const check_setup *setup, check_shared *shared,
                               int output)
{
    const struct rlimit no_core = {0, 0};
    int nothing = open("/dev/null", O_RDONLY);
    sigset_t none;
    uint64_t name = 0;
    for (const char *p = c->name; *p; p++) {
        name = check_mix(name + (uint8_t) *p);
    }
    kit k = {.setup = setup,
             .case_name = c->name,
             .shared = shared,
             .random = {check_mix(setup->seed) ^ name},
             .began_ms = check_clock_ms()};
    setpgid(0, 0);
    setrlimit(RLIMIT_CORE, &no_core);
    dup2(nothing, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    check_guard_watch(&k);
    c->run(&k);
    fflush(NULL);
    pass(&k);
}

/* ---- in the parent */

/* False when its time is over. */
static bool wait_for(pid_t child, int64_t limit_ms, int *status)
{
    sigset_t set;
    uint64_t end = check_clock_ms() + (uint64_t) limit_ms;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (;;) {
        if (waitpid(child, status, WNOHANG) == child) {
            return true;
        }
        uint64_t now = check_clock_ms();
        if (now >= end) {
            return false;
        }
        const struct timespec left = {(time_t) ((end - now) / 1000),
                                      (long) ((end - now) % 1000) * 1000000};
        sigtimedwait(&set, NULL, &left);
    }
}

/* What the plugin printed: the line that a sanitizer or else whoever wrote first has to say. */
static bool printed(FILE *output, char *line, int size)
{
    bool any = false;
    char next[512];
    rewind(output);
    while (fgets(next, sizeof next, output)) {
        next[strcspn(next, "\n")] = '\0';
        bool report = strstr(next, "Sanitizer") || strstr(next, "runtime error:");
        if (next[0] && (!any || report)) {
            snprintf(line, (size_t) size, "%s", next);
            any = true;
        }
        if (report) {
            break;
        }
    }
    return any;
}

static void judge(const check_setup *setup, const check_shared *s, int status, bool in_time,
                  FILE *output, check_outcome *outcome)
{
    char line[512] = "", doing[300] = "";
    bool wrote = printed(output, line, sizeof line);
    const char *in = wrote ? "; it printed: " : "";
    if (s->doing[0]) {
        snprintf(doing, sizeof doing, " in %s", s->doing);
    }
    if (atomic_load(&s->decided) && (s->outcome.result != CHECK_PASSED || !wrote)) {
        *outcome = s->outcome;
        return;
    }
    outcome->result = CHECK_FAILED;
    if (atomic_load(&s->decided)) {
        snprintf(outcome->text, sizeof outcome->text,
                 "wrote to standard output or standard error: %s", line);
    } else if (!in_time) {
        snprintf(outcome->text, sizeof outcome->text, "was not done after %lld ms%s%s%s",
                 (long long) setup->limit_ms, doing, in, line);
    } else if (WIFSIGNALED(status)) {
        snprintf(outcome->text, sizeof outcome->text, "crashed (signal %d, %s)%s%s%s",
                 WTERMSIG(status), strsignal(WTERMSIG(status)), doing, in, line);
    } else {
        snprintf(outcome->text, sizeof outcome->text, "ended the process with exit(%d)%s%s%s",
                 WEXITSTATUS(status), doing, in, line);
    }
}

static bool start(const check_case *c, const check_setup *setup, check_outcome *outcome)
{
    check_shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    FILE *output = tmpfile();
    fflush(NULL); /* else the child would print it once more */
    pid_t child = shared == MAP_FAILED || !output ? -1 : fork();
    if (child == 0) {
        be_child(c, setup, shared, fileno(output));
    }
    if (child > 0) {
        int status = 0;
        bool in_time = wait_for(child, setup->limit_ms, &status);
        kill(-child, SIGKILL);
        if (!in_time) {
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
        }
        judge(setup, shared, status, in_time, output, outcome);
    }
    if (output) {
        fclose(output);
    }
    if (shared != MAP_FAILED) {
        munmap(shared, sizeof *shared);
    }
    return child > 0;
}

void check_run(const check_case *c, const check_setup *setup, check_outcome *outcome)
{
    uint64_t began = check_clock_ms();
    sigset_t set, previous;
    *outcome = (check_outcome){.result = CHECK_FAILED};
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, &previous);
    if (!start(c, setup, outcome)) {
        snprintf(outcome->text, sizeof outcome->text, "not tried: there is no child process: %s",
                 strerror(errno));
    }
    sigprocmask(SIG_SETMASK, &previous, NULL);
    for (char *p = outcome->text; *p; p++) {
        *p = (unsigned char) *p < ' ' ? ' ' : *p;
    }
    outcome->took_ms = (int64_t) (check_clock_ms() - began);
}
