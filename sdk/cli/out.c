/* out.c - standard output with its errors remembered, and lines on stderr. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "cli.h"

static void failed(cli_out *out)
{
    if (!out->error) {
        out->error = errno ? errno : EIO;
    }
}

void out_bytes(cli_out *out, const void *data, size_t len)
{
    if (len && fwrite(data, 1, len, out->file) != len) {
        failed(out);
    }
}

void out_text(cli_out *out, const char *text)
{
    if (fputs(text, out->file) < 0) {
        failed(out);
    }
}

void out_format(cli_out *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (vfprintf(out->file, format, args) < 0) {
        failed(out);
    }
    va_end(args);
}

void out_flush(cli_out *out)
{
    if (fflush(out->file)) {
        failed(out);
    }
}

void out_paragraph(cli_out *out, size_t indent, const char *text)
{
    enum { WIDTH = 78 };
    size_t column = 0;
    while (*text) {
        size_t len = strcspn(text, " ");
        if (column && column + 1 + len > WIDTH) {
            out_text(out, "\n");
            column = 0;
        }
        out_format(out, "%*s", column ? 1 : (int) indent, "");
        out_bytes(out, text, len);
        column += len + (column ? 1 : indent);
        text += len;
        text += strspn(text, " ");
    }
    out_text(out, "\n");
}

void out_hex(cli_out *out, const char *indent, const void *data, size_t len)
{
    enum { ROW = 16 };
    const unsigned char *p = data;
    for (size_t at = 0; at < len; at += ROW) {
        size_t n = len - at < ROW ? len - at : ROW;
        out_format(out, "%s%04zx ", indent, at);
        for (size_t i = 0; i < ROW; i++) {
            if (i < n) {
                out_format(out, " %02x", p[at + i]);
            } else {
                out_text(out, "   ");
            }
        }
        out_text(out, "  ");
        for (size_t i = 0; i < n; i++) {
            unsigned char c = p[at + i];
            out_format(out, "%c", c >= 0x20 && c < 0x7f ? c : '.');
        }
        out_text(out, "\n");
    }
}

void cli_say(const cli *c, const char *format, ...)
{
    va_list args;
    /* What was answered so far comes first when both go to one terminal. */
    fflush(c->out.file);
    if (c->batch) {
        fprintf(stderr, "%s:%lu: ", c->file, c->line);
    } else {
        fputs("memstache: ", stderr);
    }
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

void out_progress(const char *format, ...)
{
    fputs("\r\033[K", stderr);
    if (format) {
        va_list args;
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
    }
    fflush(stderr);
}
