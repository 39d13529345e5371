/* log.c - see log.h. */
#include "base/log.h"

#include "base/clock.h"

static void write_line(const msi_log *log, int level, const char *format, va_list args,
                       uint64_t skipped)
{
    char line[1024];
    msi_text text;
    msi_text_init(&text, line, sizeof line);
    msi_text_addv(&text, format, args);
    if (skipped) {
        msi_text_add(&text, " (%llu alike left out)", (unsigned long long) skipped);
    }
    log->write(log->arg, level, line);
}

void msi_log_write(const msi_log *log, int level, const char *format, ...)
{
    if (!log->write) {
        return;
    }
    va_list args;
    va_start(args, format);
    write_line(log, level, format, args, 0);
    va_end(args);
}

void msi_log_limited(const msi_log *log, msi_log_limit *limit, int level, const char *format, ...)
{
    if (!log->write) {
        return;
    }
    uint64_t now = msi_now_ms(), next = atomic_load_explicit(&limit->next_ms, memory_order_relaxed);
    if (now < next || !atomic_compare_exchange_strong(&limit->next_ms, &next, now + 1000)) {
        atomic_fetch_add_explicit(&limit->skipped, 1, memory_order_relaxed);
        return;
    }
    va_list args;
    va_start(args, format);
    write_line(log, level, format, args, atomic_exchange(&limit->skipped, 0));
    va_end(args);
}
