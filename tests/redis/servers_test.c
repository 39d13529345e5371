/* servers_test - the servers that other tests rely on: that they start, stop, fail over, and that
 * nothing of them is left. */
#include "cluster.h"
#include "server.h"
#include "trio.h"

#include <stdlib.h>

#include "pipeline/t.h"

static void alone(void)
{
    server s;
    server_start(&s, NULL);
    int port = s.port;
    CHECK(server_says(&s, "OK", "SET a %b", "x\0y", (size_t) 3));
    CHECK_INT(server_integer(&s, "STRLEN a"), 3);
    CHECK_INT(server_calls(&s, "set"), 1);
    server_pause(&s);
    server_resume(&s);
    CHECK(server_says(&s, "PONG", "PING"));
    server_kill(&s);
    CHECK(!server_says(&s, "PONG", "PING"));
    server_restart(&s);
    CHECK_INT(s.port, port);
    CHECK_INT(server_integer(&s, "EXISTS a"), 0);
    server_end(&s);
    server_end(&s);
}

static void with_passwords_and_certificates(void)
{
    server s;
    server_start(&s, &(server_options){.password = "secret",
                                       .users = "user alice on >wonder ~* &* +@all\n",
                                       .tls = true,
                                       .asks_for_certificates = true});
    CHECK(s.tls_port && s.tls_port != s.port);
    CHECK(server_says(&s, "OK", "AUTH alice wonder"));
    CHECK(server_says(&s, "OK", "AUTH secret"));
    CHECK(server_mentions(&s, "WRONGPASS", "AUTH mistaken"));
    server_end(&s);
}

static cluster shards;

static void a_cluster(void)
{
    cluster_start(&shards, NULL);
    int slot = cluster_slot(&shards, "{tag}1"), home = cluster_master_of(&shards, slot);
    CHECK_INT(cluster_slot(&shards, "{tag}2"), slot);
    REQUIRE(home >= 0);
    CHECK(server_says(&shards.node[home], "OK", "SET {tag}1 one"));
    int away = (home + 1) % CLUSTER_SHARDS;
    CHECK(server_mentions(&shards.node[away], "MOVED", "GET {tag}1"));
    cluster_move_begin(&shards, slot, away);
    CHECK(server_mentions(&shards.node[home], "ASK", "GET {tag}2"));
    cluster_move_keys(&shards, slot, away);
    cluster_move_end(&shards, slot, away);
    CHECK(server_says(&shards.node[away], "one", "GET {tag}1"));
    T_UNTIL(server_integer(&shards.node[away], "WAIT 1 100") == 1);
    server_kill(&shards.node[away]);
    int next = cluster_wait_failover(&shards, slot, away);
    CHECK_INT(next, away + CLUSTER_SHARDS);
    CHECK(server_says(&shards.node[next], "one", "GET {tag}1"));
    server_restart(&shards.node[away]);
    cluster_wait_rejoined(&shards, away);
    cluster_end(&shards);
}

static trio three;

static void a_sentinel_trio(void)
{
    trio_start(&three, "watch");
    CHECK_INT(trio_master(&three), 0);
    server_kill(&three.server[0]);
    CHECK(trio_wait_failover(&three, 0) > 0);
    trio_rejoin(&three, 0);
    int now = -1;
    T_UNTIL((now = trio_master(&three)) >= 0 && server_says(&three.server[now], "OK", "SET a 1") &&
            server_says(&three.server[0], "1", "GET a"));
    trio_end(&three);
}

int main(int argc, char **argv)
{
    static const t_test tests[] = {
        T_TEST(alone),
        T_TEST(with_passwords_and_certificates),
        T_TEST(a_cluster),
        T_TEST(a_sentinel_trio),
    };
    server_require();
    return t_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
