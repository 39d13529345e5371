/* simulate_read.c - requests from a file: a line each, or 24 bytes each in libCacheSim's form
 * "oracleGeneral" (time, key, size, when it is asked for next; packed, little-endian).
 *
 * Packed files are unpacked by the program that packs them, which writes into a pipe; it is chosen
 * by the first bytes of the file, whatever its name is.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "simulate.h"

enum { BLOCK = 1 << 20, ORACLE_BYTES = 24, KEY_MAX = 65535, PROGRESS_EVERY = 1 << 20 };

extern char **environ;

typedef struct source {
    cli *c;
    const char *name;
    const char *unpacker; /* a program; NULL */
    pid_t child;
    int fd;
    char *block;
    size_t at, end;
    bool ended, progress;
    uint64_t line; /* or record */
} source;

static int fail(const source *s, const char *what)
{
    cli_say(s->c, "%s: %s", s->name, what);
    return CLI_FAILED;
}

static int fail_line(const source *s, const char *what)
{
    cli_say(s->c, "%s:%llu: %s", s->name, (unsigned long long) s->line, what);
    return CLI_FAILED;
}

/* ---- opening */

static const char *unpacker_for(const unsigned char *magic)
{
    static const struct {
        const char *program, *magic;
        size_t len;
    } rows[] = {{"xz",
                 "\xfd"
                 "7zXZ",
                 5},
                {"gzip", "\x1f\x8b", 2},
                {"zstd", "\x28\xb5\x2f\xfd", 4}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (memcmp(magic, rows[i].magic, rows[i].len) == 0) {
            return rows[i].program;
        }
    }
    return NULL;
}

/* The unpacker reads from `file` and writes into the pipe that s->fd becomes. */
static int start_unpacker(source *s, int file)
{
    char *const words[] = {(char *) (uintptr_t) s->unpacker, (char[]){"-dc"}, NULL};
    posix_spawn_file_actions_t actions;
    int ends[2], error;
    if (pipe(ends) != 0) {
        return fail(s, strerror(errno));
    }
    error = posix_spawn_file_actions_init(&actions);
    if (!error) {
        posix_spawn_file_actions_adddup2(&actions, file, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
        posix_spawn_file_actions_addclose(&actions, ends[0]);
        error = posix_spawnp(&s->child, s->unpacker, &actions, NULL, words, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    close(ends[1]);
    s->fd = ends[0];
    if (error) {
        s->child = 0;
        cli_say(s->c, "%s: cannot run %s, which unpacks it: %s%s", s->name, s->unpacker,
                strerror(error), error == ENOENT ? "; install it, or unpack the file first" : "");
        return CLI_FAILED;
    }
    return CLI_OK;
}

static int open_source(source *s)
{
    unsigned char magic[8] = {0};
    if (strcmp(s->name, "-") == 0) {
        s->name = "standard input";
        s->fd = STDIN_FILENO;
        return CLI_OK;
    }
    int file = open(s->name, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return fail(s, strerror(errno));
    }
    ssize_t n = pread(file, magic, sizeof magic, 0); /* -1 for a pipe, which is taken as it is */
    s->unpacker = n > 0 ? unpacker_for(magic) : NULL;
    if (!s->unpacker) {
        s->fd = file;
        return CLI_OK;
    }
    int code = start_unpacker(s, file);
    close(file);
    return code;
}

/* The unpacker must have come to a good end, too. */
static int close_source(source *s, int code)
{
    int status = 0;
    if (s->fd > STDIN_FILENO) {
        close(s->fd);
    }
    free(s->block);
    if (s->child > 0) {
        while (waitpid(s->child, &status, 0) < 0 && errno == EINTR) {
        }
        if (code == CLI_OK && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
            cli_say(s->c, "%s: %s could not unpack it", s->name, s->unpacker);
            return CLI_FAILED;
        }
    }
    return code;
}

/* ---- reading */

/* More bytes behind those that are left; CLI_OK at the end as well. */
static int refill(source *s)
{
    memmove(s->block, s->block + s->at, s->end - s->at);
    s->end -= s->at;
    s->at = 0;
    while (!s->ended && s->end < BLOCK) {
        ssize_t n = read(s->fd, s->block + s->end, BLOCK - s->end);
        if (n < 0 && errno != EINTR) {
            return fail(s, strerror(errno));
        }
        s->ended = n == 0;
        s->end += n > 0 ? (size_t) n : 0;
    }
    return CLI_OK;
}

static int add(source *s, trace *t, const void *key, size_t len, uint32_t size)
{
    int status = trace_add(t, key, len, size);
    if (status == TRACE_FULL) {
        return fail_line(s, "more than 4294967295 different keys");
    }
    if (status == TRACE_NO_MEMORY) {
        return fail_line(s, "out of memory; take a part of the trace");
    }
    if (s->progress && t->count % PROGRESS_EVERY == 0) {
        out_progress("reading: %llu requests of %u keys", (unsigned long long) t->count,
                     t->distinct);
    }
    return CLI_OK;
}

/* Digits only, at most UINT32_MAX; 0 for what is not. */
static uint32_t read_size(const char *text, size_t len)
{
    uint64_t size = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || size > UINT32_MAX) {
            return 0;
        }
        size = size * 10 + (uint64_t) (text[i] - '0');
    }
    return size <= UINT32_MAX ? (uint32_t) size : 0;
}

static size_t span(const char *text, size_t len, bool blank)
{
    size_t n = 0;
    while (n < len && (text[n] == ' ' || text[n] == '\t' || text[n] == ',') == blank) {
        n++;
    }
    return n;
}

/* KEY, or KEY SIZE; blanks, tabs or a comma between them. */
static int read_line(source *s, trace *t, const char *line, size_t len)
{
    uint32_t size = 1;
    len -= len && line[len - 1] == '\r';
    size_t key = span(line, len, false), gap = span(line + key, len - key, true);
    const char *rest = line + key + gap;
    size_t digits = span(rest, len - key - gap, false);
    if (!len || line[0] == '#') {
        return CLI_OK;
    }
    if (!key || key > KEY_MAX) {
        return fail_line(s, key ? "a key of more than 65535 bytes" : "no key before the blank");
    }
    if (digits) {
        size = read_size(rest, digits);
    }
    if (!size || span(rest + digits, len - key - gap - digits, true) != len - key - gap - digits) {
        return fail_line(s, "behind the key may stand its size in bytes, from 1 to 4294967295, "
                            "and nothing else");
    }
    return add(s, t, line, key, size);
}

static int read_text(source *s, trace *t)
{
    int code = CLI_OK;
    while (code == CLI_OK && s->at < s->end) {
        char *line = s->block + s->at;
        char *newline = memchr(line, '\n', s->end - s->at);
        s->line++;
        if (!newline && !s->ended) {
            code = s->at ? CLI_OK : fail_line(s, "a line of more than a million bytes");
            s->line--;
            code = code == CLI_OK ? refill(s) : code;
            continue;
        }
        size_t len = newline ? (size_t) (newline - line) : s->end - s->at;
        code = read_line(s, t, line, len);
        s->at += len + (newline != NULL);
        if (code == CLI_OK && s->at == s->end) {
            code = refill(s);
        }
    }
    return code;
}

static uint64_t little_endian(const char *p, size_t bytes)
{
    uint64_t x = 0;
    for (size_t i = bytes; i-- > 0;) {
        x = x << 8 | (unsigned char) p[i];
    }
    return x;
}

static int read_oracle(source *s, trace *t)
{
    int code = CLI_OK;
    while (code == CLI_OK && s->at < s->end) {
        if (s->end - s->at < ORACLE_BYTES) {
            code = refill(s);
            if (code == CLI_OK && s->end - s->at < ORACLE_BYTES && s->end > 0) {
                s->line++;
                return fail_line(s, "the last record is cut: each has 24 bytes");
            }
            continue;
        }
        const char *record = s->block + s->at;
        uint32_t size = (uint32_t) little_endian(record + 12, 4);
        s->line++;
        code = add(s, t, record + 4, 8, size ? size : 1);
        s->at += ORACLE_BYTES;
    }
    return code;
}

int trace_read(cli *c, const char *name, int format, bool show_progress, trace *t)
{
    source s = {.c = c, .name = name, .fd = -1, .progress = show_progress};
    s.block = malloc(BLOCK);
    if (!s.block || trace_begin(t) != TRACE_OK) {
        free(s.block);
        cli_say(c, "simulate: %s", mst_strerror(MST_ENOMEM));
        return CLI_FAILED;
    }
    int code = open_source(&s);
    if (code == CLI_OK) {
        code = refill(&s);
    }
    if (code == CLI_OK) {
        bool binary =
            format == FORMAT_AUTO ? memchr(s.block, '\0', s.end) != NULL : format == FORMAT_ORACLE;
        code = binary ? read_oracle(&s, t) : read_text(&s, t);
    }
    if (show_progress) {
        out_progress(NULL);
    }
    trace_end(t);
    code = close_source(&s, code);
    if (code == CLI_OK && !t->count) {
        code = fail(&s, "there is no request in it");
    }
    return code;
}
