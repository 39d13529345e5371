/* ask.c - what another program sees: a blocking connection of its own for each server, made when
 * it is first asked and again after it broke. */
#include "server.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_S = 2 };

static void drop(server *s)
{
    if (s->link) {
        redisFree(s->link);
        s->link = NULL;
    }
}

static bool connect_to(server *s)
{
    const struct timeval patience = {PATIENCE_S, 0};
    s->link = redisConnectWithTimeout("127.0.0.1", s->port, patience);
    if (!s->link || s->link->err || redisSetTimeout(s->link, patience)) {
        drop(s);
        return false;
    }
    redisReply *reply = redisCommand(s->link, "AUTH observer observer");
    bool ok = reply && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    if (!ok) {
        drop(s);
    }
    return ok;
}

static redisReply *ask(server *s, const char *format, va_list args)
{
    if (!s->link && !connect_to(s)) {
        return NULL;
    }
    redisReply *reply = redisvCommand(s->link, format, args);
    if (!reply) {
        drop(s);
    }
    return reply;
}

redisReply *server_ask(server *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = ask(s, format, args);
    va_end(args);
    return reply;
}

long long server_integer(server *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = ask(s, format, args);
    va_end(args);
    long long n = reply && reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1000;
    freeReplyObject(reply);
    return n;
}

static bool is_text(const redisReply *reply)
{
    return reply && (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS ||
                     reply->type == REDIS_REPLY_ERROR);
}

bool server_says(server *s, const char *want, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = ask(s, format, args);
    va_end(args);
    bool same = is_text(reply) && (size_t) reply->len == strlen(want) &&
                !memcmp(reply->str, want, (size_t) reply->len);
    freeReplyObject(reply);
    return same;
}

bool server_mentions(server *s, const char *want, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = ask(s, format, args);
    va_end(args);
    bool found = is_text(reply) && strstr(reply->str, want);
    freeReplyObject(reply);
    return found;
}

long long server_info(server *s, const char *section, const char *name)
{
    char line[80];
    long long n = -1;
    redisReply *reply = server_ask(s, "INFO %s", section);
    snprintf(line, sizeof line, "\n%s:", name);
    const char *at = is_text(reply) ? strstr(reply->str, line) : NULL;
    if (at) {
        n = strtoll(at + strlen(line), NULL, 10);
    }
    freeReplyObject(reply);
    return n;
}

long long server_calls(server *s, const char *command)
{
    char line[80];
    long long n = 0;
    redisReply *reply = server_ask(s, "INFO commandstats");
    snprintf(line, sizeof line, "cmdstat_%s:calls=", command);
    const char *at = is_text(reply) ? strstr(reply->str, line) : NULL;
    if (at) {
        n = strtoll(at + strlen(line), NULL, 10);
    }
    freeReplyObject(reply);
    return n;
}
