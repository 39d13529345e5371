/* guard.c - memory whose ends cannot be crossed unnoticed.
 *
 * What is taken ends at a page that must not be touched, so that the first byte beyond it is a
 * fault of the processor, in every build, without a sanitizer. The bytes before it hold a pattern.
 * The handler finds out which memory it was and says so; a fault elsewhere is left to whoever
 * handled it before (a sanitizer, say, or the end of the process).
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

enum { PATTERN = 0xc7, AROUND = 256 };

static check_guard *guards; /* of the case that this process runs */
static struct sigaction before[2];

static size_t page(void)
{
    return (size_t) sysconf(_SC_PAGESIZE);
}

static void report(const check_guard *g, const uint8_t *at)
{
    const char *doing = check_was_doing(g->k), *in = doing[0] ? ", in " : "";
    if (at >= g->end) {
        check_fail(g->k, "touched memory beyond the end of %s, by %zu bytes%s%s", g->what,
                   (size_t) (at - g->end) + 1, in, doing);
    }
    check_fail(g->k, "touched %s%s, which it may not%s%s",
               at < g->data ? "memory before the beginning of " : "", g->what, in, doing);
}

static void touched(int signal, siginfo_t *info, void *context)
{
    const uint8_t *at = info->si_addr;
    for (check_guard *g = guards; g; g = g->next) {
        if (at >= g->map && at < g->end + page()) {
            report(g, at);
        }
    }
    sigaction(signal, &before[signal == SIGBUS], NULL); /* and it happens again */
}

void check_guard_watch(kit *k)
{
    static uint8_t stack[64 << 10];
    const stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    action.sa_sigaction = touched;
    sigaltstack(&other, NULL);
    sigaction(SIGSEGV, &action, &before[0]);
    sigaction(SIGBUS, &action, &before[1]);
}

void check_guard_open(kit *k, check_guard *g, size_t capacity, const char *what)
{
    size_t size = (capacity + AROUND + page() - 1) / page() * page();
    uint8_t *map = mmap(NULL, size + 2 * page(), PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED || mprotect(map + page(), size, PROT_READ | PROT_WRITE)) {
        check_skip(k, "no memory for %s", what);
    }
    *g = (check_guard){.k = k,
                       .what = what,
                       .map = map,
                       .end = map + page() + size,
                       .pages_size = size,
                       .data = map + page() + size,
                       .next = guards};
    guards = g;
}

void check_guard_close(check_guard *g)
{
    check_guard **at = &guards;
    while (*at && *at != g) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = g->next;
        munmap(g->map, g->pages_size + 2 * page());
    }
}

void *check_guard_take(check_guard *g, size_t size, size_t align)
{
    uint8_t *data = g->end - size;
    data -= (uintptr_t) data % align;
    size_t room = (size_t) (data - g->map) - page();
    size_t around = room < AROUND ? room : AROUND;
    g->data = data;
    memset(data - around, PATTERN, (size_t) (g->end - data) + around);
    return data;
}

void check_guard_empty(check_guard *g)
{
    g->data = g->end;
}

void *check_guard_lay(check_guard *g, const void *bytes, size_t size, size_t align)
{
    size_t room = (size_t) (g->data - g->map) - page();
    if (size + align > room) {
        check_skip(g->k, "no room for %s", g->what);
    }
    g->data -= size;
    g->data -= (uintptr_t) g->data % align;
    if (size) {
        memcpy(g->data, bytes, size);
    }
    return g->data;
}

void check_guard_verify(check_guard *g, size_t size)
{
    for (const uint8_t *p = g->data + size; p < g->end; p++) {
        if (*p != PATTERN) {
            check_fail(g->k, "wrote beyond the end of %s, by %zu bytes", g->what,
                       (size_t) (p - g->data) - size + 1);
        }
    }
    size_t room = (size_t) (g->data - g->map) - page();
    for (size_t i = 1; i <= (room < AROUND ? room : AROUND); i++) {
        if (g->data[-(ptrdiff_t) i] != PATTERN) {
            check_fail(g->k, "wrote before the beginning of %s, by %zu bytes", g->what, i);
        }
    }
}

void check_guard_protect(check_guard *g, int how)
{
    static const int flags[] = {PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE};
    if (mprotect(g->map + page(), g->pages_size, flags[how])) {
        check_skip(g->k, "cannot protect memory");
    }
}
