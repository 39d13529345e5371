/* ini.c - an INI file into the config, through inih.
 *
 * inih splits "key = value". Left to itself it would also cut long lines and long section names
 * without a word, take an indented line for more of the value before it, skip what it does not
 * understand, and not say in which line it is; and how much of that it does is decided when a
 * distribution compiles it. So it reads from next_line() below, which knows the line, deals with
 * everything but keys itself, and hands over only lines on which all builds of inih agree: no
 * leading blanks, no comment, a separator, and not longer than what inih says it has room for.
 *
 * A fault never stops the reading, and what could be read is kept: the check that comes later then
 * finds the rest of the faults. */
#include <ini.h>
#include <string.h>

#include "config/config.h"
#include "config/file.h"

enum { FILE_MAX = 256 * 1024 };

typedef enum where { BEFORE_SECTIONS, IN_BAD_SECTION, IN_SECTION } where;

typedef struct reader {
    mst_config *config;
    mst_error *error;
    const char *path;
    const char *at, *end; /* not read yet */
    unsigned line;
    char *origin; /* "path:line", composed when needed */
    size_t origin_cap;
    where where;
    msi_section *section; /* IN_SECTION */
    mst_status status;    /* MST_ENOMEM ends the reading */
} reader;

/* A part of the file. */
typedef struct span {
    const char *at;
    size_t len;
} span;

static const char *origin_of(reader *r)
{
    msi_text text;
    msi_text_init(&text, r->origin, r->origin_cap);
    msi_text_add(&text, "%s:%u", r->path, r->line);
    return r->origin;
}

MSI_PRINTF(2, 3) static void complain(reader *r, const char *format, ...)
{
    char memory[512];
    msi_text text;
    va_list args;
    msi_text_init(&text, memory, sizeof memory);
    va_start(args, format);
    msi_text_addv(&text, format, args);
    va_end(args);
    msi_config_problem(r->config, r->error, origin_of(r),
                       r->where == IN_SECTION ? r->section->name : NULL, "%s", memory);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static span trimmed(span s)
{
    while (s.len > 0 && is_blank(s.at[0])) {
        s.at++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.at[s.len - 1])) {
        s.len--;
    }
    return s;
}

/* Without a comment behind the text: a blank, a semicolon, and the rest. */
static span without_comment(span s)
{
    for (size_t i = 1; i < s.len; i++) {
        if (s.at[i] == ';' && is_blank(s.at[i - 1])) {
            return trimmed((span){s.at, i});
        }
    }
    return s;
}

/* ---- names */

enum { NAME_CAP = 80 };

/* Copies a name as far as there is room; longer ones are no names anyway. */
static void copy_name(char out[NAME_CAP], span s)
{
    size_t len = s.len < NAME_CAP - 1 ? s.len : NAME_CAP - 1;
    memcpy(out, s.at, len);
    out[len] = '\0';
}

/* The name that somebody who writes "Max-Bytes" means. */
static void tidy_name(char out[NAME_CAP], const char *name)
{
    size_t i = 0;
    for (; name[i] && i < NAME_CAP - 1; i++) {
        char c = name[i];
        out[i] = c == '-' ? '_' : c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
    }
    out[i] = '\0';
}

static void complain_of_section(reader *r, const char *name)
{
    char tidy[NAME_CAP];
    tidy_name(tidy, name);
    if (!*name) {
        complain(r, "a section needs a name; write [cache]");
    } else if (msi_section_name_ok(tidy)) {
        complain(r, "\"[%s]\" cannot be a section; write [%s]", name, tidy);
    } else {
        complain(r,
                 "\"[%s]\" cannot be a section; write one or two words of a-z 0-9 _, "
                 "like cache or provider.memory",
                 name);
    }
}

static void complain_of_key(reader *r, const char *name)
{
    char tidy[NAME_CAP];
    size_t first = strcspn(name, " \t");
    tidy_name(tidy, name);
    if (!*name) {
        complain(r, "there is no key before the \"=\"");
    } else if (name[first]) {
        complain(r, "there is no \"=\" after \"%.*s\"", (int) first, name); /* rest: the value? */
    } else if (msi_key_name_ok(tidy)) {
        complain(r, "\"%s\" cannot be a key; write %s", name, tidy);
    } else {
        complain(r, "\"%.60s\" cannot be a key; write a word of a-z 0-9 _, like max_bytes", name);
    }
}

/* ---- lines */

static void enter_section(reader *r, const char *name)
{
    r->section = msi_config_section(r->config, name);
    r->where = IN_SECTION;
    if (!r->section) {
        r->section = msi_config_add_section(r->config, name, origin_of(r));
        if (!r->section) {
            r->where = IN_BAD_SECTION;
            r->status = MST_ENOMEM;
            return;
        }
    }
    if (r->section->read == r->config->reads) {
        complain(r, "this section began in line %u already; put all its keys there",
                 r->section->line);
    } else {
        r->section->read = r->config->reads;
        r->section->line = r->line;
    }
}

/* "[cache]"; `s` begins with the bracket. */
static void read_section(reader *r, span s)
{
    char name[NAME_CAP];
    const char *close = memchr(s.at, ']', s.len);
    size_t len = close ? (size_t) (close - s.at) : s.len;
    span rest = close ? trimmed((span){close + 1, s.len - len - 1}) : (span){s.at, 0};
    copy_name(name, trimmed((span){s.at + 1, len - 1}));
    r->where = IN_BAD_SECTION;
    if (!msi_section_name_ok(name)) {
        complain_of_section(r, name);
        return;
    }
    if (!close) {
        complain(r, "\"[%s\" has no closing bracket; write [%s]", name, name);
    } else if (rest.len > 0 && rest.at[0] != ';' && rest.at[0] != '#') {
        complain(r, "nothing but a comment may follow [%s]", name);
    }
    enter_section(r, name);
}

/* A line without "=". What stands in it is not repeated: it may be a password. */
static void complain_of_line(reader *r, span s, bool indented)
{
    char name[NAME_CAP];
    size_t word = 0;
    while (word < s.len && !is_blank(s.at[word])) {
        word++;
    }
    copy_name(name, (span){s.at, word});
    if (indented) {
        complain(r, "there is no \"=\" in the line, and a value cannot go on in a second one");
    } else if (msi_key_name_ok(name) && word < s.len) {
        complain(r, "there is no \"=\" after \"%s\"", name);
    } else {
        complain(r, "this is neither \"key = value\" nor \"[section]\" nor a comment");
    }
}

static span take_line(reader *r)
{
    const char *newline = memchr(r->at, '\n', (size_t) (r->end - r->at));
    const char *end = newline ? newline : r->end;
    span line = {r->at, (size_t) (end - r->at)};
    r->at = newline ? newline + 1 : r->end;
    r->line++;
    return line;
}

/* The next line with a key, for inih; `room` is the size of its buffer. */
static char *next_line(char *out, int room, void *stream)
{
    reader *r = stream;
    while (r->status == MST_OK && r->at < r->end) {
        span line = take_line(r), s = trimmed(line);
        if (s.len == 0 || s.at[0] == ';' || s.at[0] == '#') {
            continue;
        }
        s = without_comment(s);
        if (memchr(s.at, '\0', s.len)) {
            complain(r, "there is a NUL byte in the line; is this a text file?");
        } else if (s.at[0] == '[') {
            read_section(r, s);
        } else if (!memchr(s.at, '=', s.len) && !memchr(s.at, ':', s.len)) {
            complain_of_line(r, s, s.at != line.at);
        } else if (s.len + 2 > (size_t) room) { /* with a line end and a NUL */
            complain(r, "the line is %lu bytes long; at most %d can be read", (unsigned long) s.len,
                     room - 2);
        } else {
            memcpy(out, s.at, s.len);
            memcpy(out + s.len, "\n", 2);
            return out;
        }
    }
    return NULL;
}

static void read_pair(reader *r, const char *name, const char *value)
{
    const msi_key *old = r->where == IN_SECTION ? msi_section_key(r->section, name) : NULL;
    if (!msi_key_name_ok(name)) {
        complain_of_key(r, name);
    } else if (r->where == BEFORE_SECTIONS) {
        complain(r, "key \"%s\" stands before the first section; write [cache] above it", name);
    } else if (old && old->read == r->config->reads) {
        complain(r, "key \"%s\" was given in line %u already", name, old->line);
    } else if (r->where == IN_SECTION) {
        msi_key *key = msi_config_add_key(r->config, r->section, name, value, origin_of(r));
        if (key) {
            key->read = r->config->reads;
            key->line = r->line;
        } else {
            r->status = MST_ENOMEM;
        }
    }
}

/* From inih. Some builds pass the line number as well, some report sections with a NULL name. */
#if INI_HANDLER_LINENO
static int on_pair(void *user, const char *section, const char *name, const char *value, int lineno)
#else
static int on_pair(void *user, const char *section, const char *name, const char *value)
#endif
{
    if (name) {
        read_pair(user, name, value ? value : "");
    }
    return 1;
}

static bool begins_with(const reader *r, const char *bytes, size_t n)
{
    return (size_t) (r->end - r->at) >= n && memcmp(r->at, bytes, n) == 0;
}

static void parse(reader *r)
{
    if (begins_with(r, "\xff\xfe", 2) || begins_with(r, "\xfe\xff", 2)) {
        r->line = 1;
        complain(r, "this file is UTF-16; save it as UTF-8");
        return;
    }
    if (begins_with(r, "\xef\xbb\xbf", 3)) {
        r->at += 3;
    }
    int result = ini_parse_stream(next_line, r, on_pair, r);
    if (result < 0) {
        r->status = MST_ENOMEM;
    } else if (result > 0 && !r->status) {
        complain(r, "inih did not understand the file");
    }
}

mst_status msi_ini_parse(mst_config *c, const char *path, const char *data, size_t len,
                         mst_error *error)
{
    reader r = {.config = c, .error = error, .path = path, .at = data, .end = data + len};
    r.origin_cap = strlen(path) + 16;
    r.origin = msi_alloc(&c->allocator, r.origin_cap);
    if (!r.origin) {
        return MST_ENOMEM;
    }
    c->reads++;
    parse(&r);
    msi_free(&c->allocator, r.origin);
    return r.status;
}

mst_status msi_ini_read(mst_config *c, const char *path, mst_error *error)
{
    char reason[128];
    msi_text why;
    msi_file file;
    msi_text_init(&why, reason, sizeof reason);
    mst_status status = msi_file_read(&file, &c->allocator, path, FILE_MAX, &why);
    if (!status) {
        status = msi_ini_parse(c, path, file.data, file.len, error);
    } else if (status == MST_EIO) {
        msi_config_problem(c, error, path, NULL, "cannot be read: %s", why.data);
    } else if (status == MST_ETOOBIG) {
        msi_config_problem(c, error, path, NULL, "is larger than 256KiB; is this an INI file?");
        status = MST_OK;
    }
    msi_file_free(&file);
    return status;
}
