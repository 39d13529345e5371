/* trio.c - see trio.h. The replicas are in step before the sentinels begin, because a sentinel that
 * finds none would look again only ten seconds later. */
#include "trio.h"

#include <stdlib.h>

#include "pipeline/t.h"

/* Sentinels that begin at the same moment may each vote for themselves, and then try again. */
enum { ELECTIONS_MS = 40000 };

static bool replicates(server *s)
{
    return server_mentions(s, "master_link_status:up", "INFO replication");
}

static void start_servers(trio *t)
{
    char port[16];
    const char *replica[] = {"--replicaof", "127.0.0.1", port, NULL};
    server_prepare(&t->server[0], NULL);
    snprintf(port, sizeof port, "%d", t->server[0].port);
    server_launch(&t->server[0]);
    for (int i = 1; i < TRIO_SERVERS; i++) {
        server_prepare(&t->server[i], &(server_options){.arguments = replica});
        server_launch(&t->server[i]);
    }
    for (int i = 0; i < TRIO_SERVERS; i++) {
        server_wait(&t->server[i]);
        T_UNTIL(i == 0 || replicates(&t->server[i]));
    }
}

static void start_sentinels(trio *t, const char *password)
{
    char monitor[100];
    snprintf(monitor, sizeof monitor, "sentinel monitor " TRIO_NAME " 127.0.0.1 %d 2",
             t->server[0].port);
    const char *lines[] = {
        monitor, "sentinel down-after-milliseconds " TRIO_NAME " 1000",
        "sentinel failover-timeout " TRIO_NAME " 1500", "sentinel parallel-syncs " TRIO_NAME " 2",
        /* as whom they come to each other */
        "sentinel sentinel-user observer", "sentinel sentinel-pass observer", NULL};
    const server_options o = {.sentinel = true, .file_lines = lines, .password = password};
    for (int i = 0; i < TRIO_SENTINELS; i++) {
        server_prepare(&t->sentinel[i], &o);
        server_launch(&t->sentinel[i]);
    }
    for (int i = 0; i < TRIO_SENTINELS; i++) {
        server_wait(&t->sentinel[i]);
    }
}

static long long count_of(server *sentinel, const char *field)
{
    redisReply *r = server_ask(sentinel, "SENTINEL MASTER " TRIO_NAME);
    long long n = -1;
    for (size_t i = 0; r && r->type == REDIS_REPLY_ARRAY && i + 1 < r->elements; i += 2) {
        if (!strcmp(r->element[i]->str, field)) {
            n = strtoll(r->element[i + 1]->str, NULL, 10);
        }
    }
    freeReplyObject(r);
    return n;
}

/* Nobody is taken for dead any more. */
static bool nobody_is_down(server *sentinel)
{
    bool calm = true;
    redisReply *r = server_ask(sentinel, "SENTINEL REPLICAS " TRIO_NAME);
    for (size_t i = 0; r && r->type == REDIS_REPLY_ARRAY && i < r->elements; i++) {
        for (size_t k = 0; k + 1 < r->element[i]->elements; k += 2) {
            calm = calm && (strcmp(r->element[i]->element[k]->str, "flags") != 0 ||
                            !strstr(r->element[i]->element[k + 1]->str, "down"));
        }
    }
    freeReplyObject(r);
    return calm;
}

/* A sentinel that leads a failover names the new master before it is done; to kill that one now
 * would leave it in this state for long. */
static bool is_done(server *sentinel)
{
    bool busy = false;
    redisReply *r = server_ask(sentinel, "SENTINEL MASTER " TRIO_NAME);
    for (size_t i = 0; r && r->type == REDIS_REPLY_ARRAY && i + 1 < r->elements; i += 2) {
        busy = busy ||
               (!strcmp(r->element[i]->str, "flags") && strstr(r->element[i + 1]->str, "failover"));
    }
    freeReplyObject(r);
    return !busy;
}

static bool is_complete(trio *t)
{
    for (int i = 0; i < TRIO_SENTINELS; i++) {
        if (count_of(&t->sentinel[i], "num-slaves") != TRIO_SERVERS - 1 ||
            count_of(&t->sentinel[i], "num-other-sentinels") != TRIO_SENTINELS - 1 ||
            !is_done(&t->sentinel[i]) || !nobody_is_down(&t->sentinel[i])) {
            return false;
        }
    }
    return true;
}

void trio_start(trio *t, const char *sentinel_password)
{
    start_servers(t);
    start_sentinels(t, sentinel_password);
    T_UNTIL(is_complete(t));
}

void trio_end(trio *t)
{
    for (int i = 0; i < TRIO_SENTINELS; i++) {
        server_end(&t->sentinel[i]);
    }
    for (int i = 0; i < TRIO_SERVERS; i++) {
        server_end(&t->server[i]);
    }
}

static long long named_port(server *sentinel)
{
    redisReply *r = server_ask(sentinel, "SENTINEL GET-MASTER-ADDR-BY-NAME " TRIO_NAME);
    long long port = r && r->type == REDIS_REPLY_ARRAY && r->elements == 2
                         ? strtoll(r->element[1]->str, NULL, 10)
                         : -1;
    freeReplyObject(r);
    return port;
}

static bool is_master(server *s)
{
    return s->pid > 0 && !s->paused && server_mentions(s, "role:master", "INFO replication");
}

int trio_master(trio *t)
{
    long long port = 0;
    for (int i = 0; i < TRIO_SENTINELS; i++) {
        if (t->sentinel[i].pid > 0) {
            long long named = named_port(&t->sentinel[i]);
            port = port == 0 || named == port ? named : -1;
        }
    }
    for (int i = 0; i < TRIO_SERVERS; i++) {
        if (t->server[i].port == port) {
            return i;
        }
    }
    return -1;
}

int trio_wait_failover(trio *t, int old)
{
    int now = -1;
    T_UNTIL_MS((now = trio_master(t)) >= 0 && now != old && is_master(&t->server[now]),
               ELECTIONS_MS);
    return now;
}

/* On a busy machine the sentinels may take the new master for dead as well, so who is master is
 * looked up each time. By command: they would watch a master that came back for some ten
 * seconds. */
static bool is_in_place(trio *t, int index)
{
    server *s = &t->server[index];
    int master = trio_master(t);
    if (master < 0 || master == index) {
        return master == index && is_master(s) && is_complete(t);
    }
    char follows[32];
    snprintf(follows, sizeof follows, "master_port:%d\r", t->server[master].port);
    if (!server_mentions(s, follows, "INFO replication")) {
        server_mentions(s, "OK", "REPLICAOF 127.0.0.1 %d", t->server[master].port);
        return false;
    }
    return replicates(s) && is_complete(t);
}

void trio_rejoin(trio *t, int index)
{
    server_restart(&t->server[index]);
    T_UNTIL_MS(is_in_place(t, index), ELECTIONS_MS);
}
