/* url.c - the url is copied once, cut into its parts there, and the parts are decoded in place. */
#include "url.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DATABASE_MAX = 1000000 };

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* %41 becomes A, in place; false for what is no such thing, or would end the text. */
static bool decode(char *text)
{
    char *to = text;
    for (char *at = text; *at; at++) {
        if (*at != '%') {
            *to++ = *at;
            continue;
        }
        int high = digit(at[1]), low = high < 0 ? -1 : digit(at[2]);
        if (low < 0 || high * 16 + low == 0) {
            return false;
        }
        *to++ = (char) (high * 16 + low);
        at += 2;
    }
    *to = '\0';
    return true;
}

static bool read_number(const char *text, int64_t max, int64_t *value)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (digit(*text) < 0 || *end || errno || n > max) {
        return false;
    }
    *value = n;
    return true;
}

static const char *parse_unix(red_url *u, char *rest)
{
    char *query = strchr(rest, '?');
    if (query) {
        *query = '\0';
        if (strncmp(query + 1, "db=", 3) || !read_number(query + 4, DATABASE_MAX, &u->database)) {
            return "after the path there may be ?db=NUMBER";
        }
    }
    if (*rest != '/' || !decode(rest)) {
        return "after unix:// there must be an absolute path";
    }
    u->place[0] = (red_place){rest, NULL};
    u->places = 1;
    return NULL;
}

static const char *parse_user(red_url *u, char *user)
{
    char *password = strchr(user, ':');
    if (password) {
        *password++ = '\0';
        u->password = password;
    }
    if (!decode(user) || (password && !decode(password))) {
        return "a percent sign in user or password must be followed by two digits of base 16";
    }
    u->username = *user ? user : NULL;
    return NULL;
}

/* host, host:port, [IPv6], [IPv6]:port */
static const char *parse_place(red_url *u, char *place, const char *default_port)
{
    char *port;
    int64_t number;
    if (*place == '[') {
        char *end = strchr(++place, ']');
        if (!end || (end[1] && end[1] != ':')) {
            return "after [ there must be an IPv6 address and ]";
        }
        port = end[1] ? end + 1 : NULL;
        *end = '\0';
    } else {
        port = strchr(place, ':');
    }
    if (port) {
        *port++ = '\0';
        if (!read_number(port, 65535, &number) || number == 0) {
            return "the port must be a number from 1 to 65535";
        }
    }
    if (u->places == RED_PLACES_MAX) {
        return "there may be 16 hosts at most";
    }
    u->place[u->places++] = (red_place){*place ? place : "localhost", port ? port : default_port};
    return NULL;
}

static const char *parse_places(red_url *u, char *places, const char *default_port)
{
    const char *why = NULL;
    while (places && !why) {
        char *comma = strchr(places, ',');
        if (comma) {
            *comma++ = '\0';
        }
        why = parse_place(u, places, default_port);
        places = comma;
    }
    return why;
}

static const char *parse_tcp(red_url *u, char *rest, const char *default_port)
{
    const char *why = NULL;
    char *database = strchr(rest, '/');
    if (database) {
        *database++ = '\0';
        if (*database && !read_number(database, DATABASE_MAX, &u->database)) {
            return "after the host there may be /NUMBER, the database";
        }
    }
    char *at = strrchr(rest, '@');
    if (at) {
        *at = '\0';
        why = parse_user(u, rest);
        rest = at + 1;
    }
    return why ? why : parse_places(u, rest, default_port);
}

mst_status red_url_parse(red_url *u, const mst_host *host, const char *text,
                         const char *default_port, const char **why)
{
    size_t size = strlen(text) + 1;
    *u = (red_url){.database = -1};
    u->text = host->alloc(host, size);
    if (!u->text) {
        return MST_ENOMEM;
    }
    memcpy(u->text, text, size);
    if (!strncmp(text, "unix://", 7)) {
        *why = parse_unix(u, u->text + 7);
    } else if (!strncmp(text, "redis://", 8)) {
        *why = parse_tcp(u, u->text + 8, default_port);
    } else if (!strncmp(text, "rediss://", 9)) {
        u->tls = true;
        *why = parse_tcp(u, u->text + 9, default_port);
    } else {
        *why = "must begin with redis://, rediss:// or unix://";
    }
    return *why ? MST_EINVAL : MST_OK;
}

void red_url_fini(red_url *u, const mst_host *host)
{
    host->free(host, u->text);
    *u = (red_url){0};
}
