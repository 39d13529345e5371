/* cmd_admin.c - `stat` and `health`: asking a process that runs, through its admin socket.
 *
 * One line there, one line of JSON back; jansson reads it. --json passes it on as it is.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "admin.h"

enum { ANSWER_MAX = 64 << 20, PATIENCE_MS = 5000 };

/* ---- where */

static int find_path(void *arg, const mst_setting *setting)
{
    char **path = arg;
    if (strcmp(setting->section, "runtime") == 0 && strcmp(setting->key, "admin_socket") == 0) {
        *path = strdup(setting->value);
        return 1;
    }
    return 0;
}

/* malloc'd; NULL after a message, and *code then. */
static char *socket_path(cli *c, const cli_args *args, int *code)
{
    char *path = NULL;
    *code = CLI_USAGE;
    if (args->socket) {
        path = strdup(args->socket);
    } else {
        int checked = session_check(c, args);
        if (checked != CLI_OK) {
            *code = checked;
            return NULL;
        }
        mst_config_each(c->config, find_path, &path, NULL);
    }
    if (!path || !path[0]) {
        cli_say(c, "which process? Give --socket PATH, or a configuration with admin_socket in "
                   "[runtime]");
        free(path);
        return NULL;
    }
    return path;
}

/* ---- asking */

static int open_socket(const cli *c, const char *path, int64_t timeout_ms)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct timeval wait = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    size_t len = strlen(path);
    if (len >= sizeof at.sun_path) {
        cli_say(c, "%s: longer than the %zu bytes that a socket's path may have", path,
                sizeof at.sun_path - 1);
        return -1;
    }
    memcpy(at.sun_path, path, len + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    }
    if (fd < 0 || connect(fd, (const struct sockaddr *) &at, sizeof at) != 0) {
        bool left = errno == ECONNREFUSED;
        cli_say(c, "%s: %s", path,
                left ? "nobody answers there; the process that made it has gone" : strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

static bool send_all(int fd, const char *text, size_t len)
{
    while (len) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
        if (n <= 0 && errno != EINTR) {
            return false;
        }
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t) n : 0;
    }
    return true;
}

/* All that comes until the other side closes, as a string; NULL. */
static char *receive_all(int fd)
{
    size_t len = 0, cap = 4096;
    char *data = malloc(cap);
    while (data) {
        ssize_t n = recv(fd, data + len, cap - len - 1, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0 || cap > ANSWER_MAX) {
            break;
        }
        len += (size_t) n;
        if (len + 1 == cap) {
            char *grown = realloc(data, cap *= 2);
            if (!grown) {
                free(data);
                return NULL;
            }
            data = grown;
        }
    }
    if (data) {
        data[len] = '\0';
    }
    if (data && (len == 0 || data[len - 1] != '\n')) {
        free(data);
        return NULL;
    }
    return data;
}

static json_t *ask(const cli *c, const char *path, const char *line, const cli_args *args,
                   char **text)
{
    int64_t patience = args->timeout_ms > 0 ? args->timeout_ms : PATIENCE_MS;
    int fd = open_socket(c, path, patience);
    *text = NULL;
    if (fd < 0) {
        return NULL;
    }
    *text = send_all(fd, line, strlen(line)) ? receive_all(fd) : NULL;
    close(fd);
    json_t *answer = *text ? json_loads(*text, 0, NULL) : NULL;
    if (!answer) {
        cli_say(c, "%s: no answer within %lld ms", path, (long long) patience);
        free(*text);
        *text = NULL;
    }
    return answer;
}

/* What the other side refuses is said; *code is CLI_OK else. */
static json_t *ask_and_check(cli *c, const char *path, const char *line, const cli_args *args,
                             int *code)
{
    char *text;
    json_t *answer = ask(c, path, line, args, &text);
    const char *error = json_string_value(json_object_get(answer, "error"));
    *code = !answer ? CLI_USAGE : error ? CLI_NO : CLI_OK;
    if (error) {
        cli_say(c, "%s: %s", path, error);
        json_decref(answer);
        answer = NULL;
    } else if (answer && args->json) {
        out_text(&c->out, text);
        out_flush(&c->out);
    }
    free(text);
    return answer;
}

/* ---- stat */

static void pause_for(double seconds)
{
    struct timespec left = {.tv_sec = (time_t) seconds};
    left.tv_nsec = (long) ((seconds - (double) left.tv_sec) * 1e9);
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static int stat_rounds(cli *c, const cli_args *args, const char *path, const char *line)
{
    json_t *before = NULL;
    int code;
    for (;;) {
        json_t *now = ask_and_check(c, path, line, args, &code);
        if (now && !args->json) {
            stat_show(&c->out, now, before);
            out_flush(&c->out);
        }
        json_decref(before);
        before = now;
        if (!now || args->watch <= 0 || c->out.error) {
            break;
        }
        pause_for(args->watch);
    }
    json_decref(before);
    return code;
}

static int run_stat(cli *c, const cli_args *args)
{
    char line[512];
    int code;
    int n = snprintf(line, sizeof line, "stat%s%s\n", args->count ? " " : "",
                     args->count ? args->operands[0] : "");
    if (n < 0 || (size_t) n >= sizeof line || strchr(line, '\n') != line + n - 1) {
        cli_say(c, "stat: that cannot be the name of a cache");
        return CLI_USAGE;
    }
    char *path = socket_path(c, args, &code);
    if (path) {
        code = stat_rounds(c, args, path, line);
    }
    free(path);
    return code;
}

/* ---- health */

static int run_health(cli *c, const cli_args *args)
{
    int code;
    if (args->watch > 0) {
        cli_say(c, "health takes no --watch; see memstache help health");
        return CLI_USAGE;
    }
    char *path = socket_path(c, args, &code);
    json_t *answer = path ? ask_and_check(c, path, "health\n", args, &code) : NULL;
    if (answer) {
        const char *status = json_string_value(json_object_get(answer, "status"));
        code = status && strcmp(status, "ok") == 0 ? CLI_OK : CLI_NO;
        if (!args->json) {
            health_show(&c->out, answer);
        }
    }
    json_decref(answer);
    free(path);
    return code;
}

const cli_command admin_commands[] = {
    {"stat", "[CACHE]", "print the counters of a running process",
     "Asks the process at --socket, or at admin_socket in [runtime] of the configuration. Rates "
     "are "
     "those since its start; with --watch those since the last look. Of one cache, when it is "
     "named.",
     ARG_ADMIN, 0, 1, run_stat},
    {"health", "", "ask a running process whether all is well",
     "Prints ok, or degraded and why: a breaker is open, the runtime is closing, nearly as many "
     "requests are pending as may be. Exit code 0: ok; 1: degraded; 2: nobody answers.",
     ARG_ADMIN, 0, 0, run_health},
    {0},
};
