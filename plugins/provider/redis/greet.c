/* greet.c - what is said first on a connection: who we are, which database, and whether the server
 * answers at all. The credentials are asked for each time, because they may have changed. */
#include <string.h>

#include "node.h"

enum { SECRET_MAX = 1024 };

static void wipe(char *text, size_t size)
{
    volatile char *at = text;
    while (size-- > 0) {
        *at++ = '\0';
    }
}

static void fail_with_code(red_conn *c, const char *why, const red_reply *reply)
{
    char code[RED_CODE_MAX] = "";
    if (reply->type == RED_ERROR) {
        red_error_code(reply, code);
    }
    red_conn_fail(c, why, code);
}

static bool is_ok(const red_reply *reply)
{
    return reply->type == RED_STATUS;
}

static void told_auth(red_conn *c, const red_reply *reply)
{
    if (reply && !is_ok(reply)) {
        fail_with_code(c, "the server refused user or password", reply);
    }
}

static void told_select(red_conn *c, const red_reply *reply)
{
    if (reply && !is_ok(reply)) {
        fail_with_code(c, "the server refused the database", reply);
    }
}

static void told_readonly(red_conn *c, const red_reply *reply)
{
    if (reply && !is_ok(reply)) {
        fail_with_code(c, "the replica refused reads", reply);
    }
}

/* The name is a courtesy: old servers, and users without the right to it, go without. */
static void told_name(red_conn *c, const red_reply *reply)
{
    if (reply && reply->type != RED_STATUS && reply->type != RED_ERROR) {
        fail_with_code(c, "an answer to the greeting that is none", reply);
    }
}

/* Behind a sentinel's back the master may have become a replica. */
static void told_role(red_conn *c, const red_reply *reply)
{
    bool master = reply && reply->type == RED_ARRAY && reply->len > 0 &&
                  reply->element[0]->type == RED_STRING && reply->element[0]->len == 6 &&
                  !memcmp(reply->element[0]->bytes, "master", 6);
    if (reply && !master && reply->type != RED_ERROR) {
        red_conn_fail(c, "the server is not the master (yet)", "");
    }
}

/* A user without the right to PING may still get and set. */
static void told_ping(red_conn *c, const red_reply *reply)
{
    char code[RED_CODE_MAX] = "";
    if (!reply) {
        return;
    }
    if (reply->type == RED_ERROR) {
        red_error_code(reply, code);
    }
    if (is_ok(reply) || !strcmp(code, "NOPERM")) {
        red_conn_ready(c);
    } else {
        fail_with_code(c, "the server does not serve", reply);
    }
}

static bool write_auth(redis *r, const red_node *n, red_out *out)
{
    char buffer[SECRET_MAX];
    const red_options *o = &r->o;
    const char *user = n->sentinel ? o->sentinel_username : o->username;
    const char *given = n->sentinel ? o->sentinel_password : o->password;
    const char *password =
        red_secret(r, n->sentinel ? "sentinel_password" : "password", given, buffer, sizeof buffer);
    password = password || n->sentinel ? password : r->url.password;
    user = user || n->sentinel ? user : r->url.username;
    if (password && user) {
        red_out_words(out, "AUTH", user, password);
    } else if (password) {
        red_out_words(out, "AUTH", password, NULL);
    }
    wipe(buffer, sizeof buffer);
    return password != NULL;
}

static int64_t database(const redis *r, const red_node *n)
{
    int64_t number = r->o.database >= 0 ? r->o.database : r->url.database;
    return n->sentinel || r->o.mode == RED_CLUSTER ? 0 : number;
}

size_t red_greet_write(redis *r, const red_node *node, red_out *out, red_told *told[RED_GREET_MAX])
{
    size_t n = 0;
    int64_t number = database(r, node);
    if (write_auth(r, node, out)) {
        told[n++] = told_auth;
    }
    if (number > 0) {
        red_out_count(out, 2);
        red_out_text(out, "SELECT");
        red_out_number(out, (uint64_t) number);
        told[n++] = told_select;
    }
    if (r->o.client_name && *r->o.client_name) {
        red_out_words(out, "CLIENT", "SETNAME", r->o.client_name);
        told[n++] = told_name;
    }
    if (node->replica) {
        red_out_words(out, "READONLY", NULL, NULL);
        told[n++] = told_readonly;
    }
    if (r->o.mode == RED_SENTINEL && !node->sentinel) {
        red_out_words(out, "ROLE", NULL, NULL);
        told[n++] = told_role;
    }
    red_out_words(out, "PING", NULL, NULL);
    told[n++] = told_ping;
    return n;
}

bool red_greet(red_conn *c)
{
    red_told *told[RED_GREET_MAX];
    size_t n = red_greet_write(c->r, c->node, &c->out, told);
    for (size_t i = 0; i < n; i++) {
        if (!red_exchange_ask(c, told[i])) {
            return false;
        }
    }
    return true;
}
