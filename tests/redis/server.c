/* server.c - see server.h. A child of the program, the guardian, does nothing but wait for the
 * program's end, in order to remove the folder: also when the program is killed. */
#define _GNU_SOURCE /* nftw, pipe2 */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pipeline/t.h"

enum { ARGUMENTS_MAX = 80, PORT_TRIES = 50, START_TRIES = 3, GUARDIAN_TRIES = 200 };

static char folder[] = "/tmp/memstache-redis-XXXXXX";
static bool has_folder;
static unsigned servers_made;

/* ---- the folder */

static int remove_one(const char *path, const struct stat *what, int type, struct FTW *where)
{
    (void) what;
    (void) type;
    (void) where;
    remove(path);
    return 0;
}

/* Servers that are dying may still write. */
static void remove_folder(void)
{
    for (int i = 0; i < GUARDIAN_TRIES; i++) {
        nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        if (access(folder, F_OK)) {
            return;
        }
        t_nap();
    }
}

/* In a session of its own, or it would be ended together with the program. */
static void start_guardian(void)
{
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child > 0) {
        close(ends[0]);
        waitpid(child, NULL, 0);
        return;
    }
    if (setsid() < 0 || fork() != 0) {
        _exit(0);
    }
    char byte;
    int nowhere = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++) {
        dup2(nowhere, fd);
    }
    close(ends[1]);
    alarm(0);
    while (read(ends[0], &byte, 1) < 0 && errno == EINTR) {
    }
    remove_folder();
    _exit(0);
}

const char *server_folder(void)
{
    if (!has_folder) {
        REQUIRE(mkdtemp(folder));
        has_folder = true;
        start_guardian();
    }
    return folder;
}

static bool runs(char *const *argv)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, 1);
        dup2(nowhere, 2);
        execvp(argv[0], argv);
        _exit(127);
    }
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

void server_require(void)
{
    char *argv[] = {"redis-server", "--version", NULL};
    if (!runs(argv)) {
        t_skip("there is no redis-server");
    }
    server_folder();
}

const char *server_certificate(const char *file)
{
    static char paths[8][SERVER_PATH_MAX];
    static unsigned next;
    static bool made;
    if (!made) {
        char *version[] = {"openssl", "version", NULL};
        char where[SERVER_PATH_MAX];
        snprintf(where, sizeof where, "%s/tls", server_folder());
        char *make[] = {"sh", REDIS_TESTS "/certificates.sh", where, NULL};
        if (!runs(version)) {
            t_skip("there is no openssl");
        }
        REQUIRE(runs(make));
        made = true;
    }
    char *path = paths[next++ % 8];
    snprintf(path, SERVER_PATH_MAX, "%s/tls/%s", folder, file);
    return path;
}

/* ---- ports */

static int reserve(int family, int port)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t) port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = four.sin_port};
    int on = 1, fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_four = family == AF_INET;
    if (fd < 0) {
        return -1;
    }
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    six.sin6_addr = in6addr_loopback;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, is_four ? (struct sockaddr *) &four : (struct sockaddr *) &six,
             is_four ? sizeof four : sizeof six)) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool has_ipv6(void)
{
    int fd = reserve(AF_INET6, 0);
    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

/* A port that is free on both loopback addresses, held by held[0] and held[1]. */
static int reserve_port(int held[2])
{
    bool both = has_ipv6();
    for (int i = 0; i < PORT_TRIES; i++) {
        struct sockaddr_in a;
        socklen_t len = sizeof a;
        held[0] = reserve(AF_INET, 0);
        REQUIRE(held[0] >= 0 && !getsockname(held[0], (struct sockaddr *) &a, &len));
        held[1] = both ? reserve(AF_INET6, ntohs(a.sin_port)) : -1;
        if (!both || held[1] >= 0) {
            return ntohs(a.sin_port);
        }
        close(held[0]);
    }
    t_give_up(__FILE__, __LINE__, "a free port");
}

/* ---- arguments: one text, a line each, so that a server can be started again */

static void add(server *s, const char *argument)
{
    size_t used = strlen(s->arguments);
    REQUIRE(used + strlen(argument) + 2 < sizeof s->arguments);
    snprintf(s->arguments + used, sizeof s->arguments - used, "%s\n", argument);
}

static void add_two(server *s, const char *name, const char *value)
{
    add(s, name);
    add(s, value);
}

static void add_number(server *s, const char *name, int number)
{
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    add_two(s, name, text);
}

static FILE *open_file(const server *s, const char *suffix, char path[SERVER_PATH_MAX])
{
    snprintf(path, SERVER_PATH_MAX, "%s/%s%s", server_folder(), s->name, suffix);
    FILE *f = fopen(path, "w");
    REQUIRE(f);
    return f;
}

static void add_users(server *s, const server_options *o)
{
    char path[SERVER_PATH_MAX];
    FILE *f = open_file(s, ".acl", path);
    fputs("user observer on >observer ~* &* +@all\n", f);
    if (o->password) {
        fprintf(f, "user default on >%s ~* &* +@all\n", o->password);
    } else if (!o->users || !strstr(o->users, "user default")) {
        fputs("user default on nopass ~* &* +@all\n", f);
    }
    fputs(o->users ? o->users : "", f);
    fclose(f);
    add_two(s, "--aclfile", path);
}

static void add_tls(server *s, const server_options *o)
{
    const char *name = o->certificate ? o->certificate : "good";
    char file[64];
    s->tls_port = reserve_port(&s->held[2]);
    add_number(s, "--tls-port", s->tls_port);
    snprintf(file, sizeof file, "%s.crt", name);
    add_two(s, "--tls-cert-file", server_certificate(file));
    snprintf(file, sizeof file, "%s.key", name);
    add_two(s, "--tls-key-file", server_certificate(file));
    add_two(s, "--tls-ca-cert-file", server_certificate("ca.crt"));
    add_two(s, "--tls-auth-clients", o->asks_for_certificates ? "yes" : "no");
}

static void add_cluster(server *s)
{
    char file[48];
    snprintf(file, sizeof file, "%s.nodes", s->name);
    s->bus_port = reserve_port(&s->held[4]);
    add_two(s, "--cluster-enabled", "yes");
    add_two(s, "--cluster-config-file", file);
    add_number(s, "--cluster-port", s->bus_port);
}

static void add_file(server *s, const char *const *lines)
{
    char path[SERVER_PATH_MAX];
    FILE *f = open_file(s, ".conf", path);
    for (; *lines; lines++) {
        fprintf(f, "%s\n", *lines);
    }
    fclose(f);
    add(s, path);
}

void server_prepare(server *s, const server_options *options)
{
    const server_options none = {0}, *o = options ? options : &none;
    *s = (server){.held = {-1, -1, -1, -1, -1, -1}};
    snprintf(s->name, sizeof s->name, "server%u", ++servers_made);
    s->port = reserve_port(&s->held[0]);
    add(s, "redis-server");
    if (o->file_lines) {
        add_file(s, o->file_lines);
    }
    if (o->sentinel) {
        add(s, "--sentinel");
    }
    add_number(s, "--port", s->port);
    add_two(s, "--bind", "127.0.0.1");
    add(s, "-::1");
    add_two(s, "--dir", server_folder());
    add_users(s, o);
    if (!o->sentinel) {
        snprintf(s->socket, sizeof s->socket, "%s/%s.socket", server_folder(), s->name);
        add_two(s, "--unixsocket", s->socket);
        add_two(s, "--save", "");
        add_two(s, "--repl-diskless-sync-delay", "0");
    }
    if (o->tls) {
        add_tls(s, o);
    }
    if (o->cluster) {
        add_cluster(s);
    }
    for (const char *const *a = o->arguments; a && *a; a++) {
        add(s, *a);
    }
}

/* ---- the process */

/* Cuts the text into its lines, in place; empty ones are empty arguments. */
static void split(char *text, char *argv[ARGUMENTS_MAX])
{
    size_t n = 0;
    for (char *end; (end = strchr(text, '\n')); text = end + 1) {
        *end = '\0';
        REQUIRE(n + 1 < ARGUMENTS_MAX);
        argv[n++] = text;
    }
    argv[n] = NULL;
}

void server_launch(server *s)
{
    char copy[sizeof s->arguments], *argv[ARGUMENTS_MAX], output[SERVER_PATH_MAX];
    REQUIRE(!s->pid);
    memcpy(copy, s->arguments, sizeof copy);
    split(copy, argv);
    snprintf(output, sizeof output, "%s/%s.output", server_folder(), s->name);
    pid_t parent = getpid(), child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int fd = open(output, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(fd, 1);
        dup2(fd, 2);
        if (getppid() == parent) {
            execvp(argv[0], argv);
        }
        _exit(127);
    }
    s->pid = child;
    s->paused = false;
}

static void print_output(const server *s)
{
    char path[SERVER_PATH_MAX], line[300];
    snprintf(path, sizeof path, "%s/%s.output", server_folder(), s->name);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        fputs(line, stderr);
    }
    if (f) {
        fclose(f);
    }
}

static bool has_ended(server *s)
{
    if (s->pid && waitpid(s->pid, NULL, WNOHANG) == s->pid) {
        s->pid = 0;
    }
    return !s->pid;
}

void server_wait(server *s)
{
    uint64_t end = t_ms() + T_PATIENCE_MS;
    for (int tries = 1; !server_says(s, "PONG", "PING"); t_nap()) {
        bool ended = has_ended(s);
        if ((ended && tries == START_TRIES) || t_ms() > end) {
            print_output(s);
            t_give_up(__FILE__, __LINE__, "the server answers");
        }
        if (ended) {
            tries++;
            server_launch(s);
        }
    }
}

void server_start(server *s, const server_options *options)
{
    server_prepare(s, options);
    server_launch(s);
    server_wait(s);
}

void server_kill(server *s)
{
    if (s->link) {
        redisFree(s->link);
        s->link = NULL;
    }
    if (s->pid > 0) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
    }
    s->pid = 0;
    s->paused = false;
}

void server_restart(server *s)
{
    server_launch(s);
    server_wait(s);
}

/* Returns when it has stopped: the signal alone is only a wish. */
void server_pause(server *s)
{
    REQUIRE(s->pid > 0);
    kill(s->pid, SIGSTOP);
    waitpid(s->pid, NULL, WUNTRACED);
    s->paused = true;
}

void server_resume(server *s)
{
    if (s->pid > 0) {
        kill(s->pid, SIGCONT);
    }
    s->paused = false;
}

void server_end(server *s)
{
    if (!s->arguments[0]) {
        return;
    }
    server_kill(s);
    for (size_t i = 0; i < sizeof s->held / sizeof s->held[0]; i++) {
        if (s->held[i] >= 0) {
            close(s->held[i]);
        }
    }
    *s = (server){0};
}
