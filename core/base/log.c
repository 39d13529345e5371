/* log.c - see log.h. Two threads that write at once may both get past a limit, or be counted one
 * line late: nothing waits here for anybody. */
#include "base/log.h"

#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

void msi_log_init(msi_log *log, const msi_log *like, const char *category)
{
    memset(log, 0, sizeof *log);
    log->write = like->write;
    log->arg = like->arg;
    log->level = like->level;
    log->category = category;
}

static bool is_told(const msi_log *log, int level)
{
    return log->write && (log->level == 0 || level <= log->level);
}

/* True once a period; *skipped is what was refused since then. */
static bool passes(msi_log_limit *limit, uint64_t now, uint64_t *skipped)
{
    uint64_t next = atomic_load_explicit(&limit->next_ms, memory_order_relaxed);
    if (now < next ||
        !atomic_compare_exchange_strong(&limit->next_ms, &next, now + MSI_LOG_PERIOD_MS)) {
        atomic_fetch_add_explicit(&limit->skipped, 1, memory_order_relaxed);
        return false;
    }
    *skipped = atomic_exchange(&limit->skipped, 0);
    return true;
}

/* Has the category lines left in this second? *left_out: those that had none. */
static bool has_room(msi_log *log, uint64_t now, uint64_t *left_out)
{
    uint64_t end = atomic_load_explicit(&log->period_end_ms, memory_order_relaxed);
    if (now >= end &&
        atomic_compare_exchange_strong(&log->period_end_ms, &end, now + MSI_LOG_PERIOD_MS)) {
        atomic_store(&log->lines, 0);
    }
    if (atomic_fetch_add(&log->lines, 1) >= MSI_LOG_LINES_MAX) {
        atomic_fetch_add_explicit(&log->left_out, 1, memory_order_relaxed);
        return false;
    }
    *left_out = atomic_exchange(&log->left_out, 0);
    return true;
}

/* Was this very line written a moment ago? A line with the same place takes it over. */
static bool is_repeated(msi_log *log, const msi_text *line, uint64_t now, uint64_t *alike)
{
    uint64_t hash = msi_hash(line->data, line->len, 0);
    unsigned at = (unsigned) (hash % MSI_LOG_RECENT);
    if (atomic_exchange(&log->recent[at].hash, hash) != hash) {
        atomic_store(&log->recent[at].limit.next_ms, 0);
        atomic_store(&log->recent[at].limit.skipped, 0);
    }
    return !passes(&log->recent[at].limit, now, alike);
}

static void compose(const msi_log *log, msi_text *line, const char *format, va_list args)
{
    if (log->category) {
        msi_text_add(line, "[%s] ", log->category);
    }
    msi_text_addv(line, format, args);
}

static void emit(msi_log *log, int level, msi_text *line, uint64_t now, uint64_t alike)
{
    uint64_t left_out;
    if (!has_room(log, now, &left_out)) {
        return;
    }
    if (alike) {
        msi_text_add(line, " (%llu alike left out)", (unsigned long long) alike);
    }
    if (left_out) {
        msi_text_add(line, " (%llu others left out)", (unsigned long long) left_out);
    }
    log->write(log->arg, level, line->data);
}

void msi_log_write(msi_log *log, int level, const char *format, ...)
{
    char memory[1024];
    msi_text line;
    uint64_t now = msi_now_ms(), alike;
    if (!is_told(log, level)) {
        return;
    }
    msi_text_init(&line, memory, sizeof memory);
    va_list args;
    va_start(args, format);
    compose(log, &line, format, args);
    va_end(args);
    if (!is_repeated(log, &line, now, &alike)) {
        emit(log, level, &line, now, alike);
    }
}

void msi_log_limited(msi_log *log, msi_log_limit *limit, int level, const char *format, ...)
{
    char memory[1024];
    msi_text line;
    uint64_t now = msi_now_ms(), alike;
    if (!is_told(log, level) || !passes(limit, now, &alike)) {
        return;
    }
    msi_text_init(&line, memory, sizeof memory);
    va_list args;
    va_start(args, format);
    compose(log, &line, format, args);
    va_end(args);
    emit(log, level, &line, now, alike);
}
