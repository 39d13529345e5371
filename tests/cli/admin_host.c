/* admin_host.c - a program with a cache, for admin.py: it does what it is told on standard input.
 *
 *   admin_host FILE private|lent
 *     get KEY     ask for a key, and do not wait for the answer
 *     put KEY     store a value, and wait
 *     close       close the runtime, and end
 *
 * Says "ready", then "done" after each line. With `lent` its own thread runs the loop, and SIGPIPE
 * does to it what it does to any program.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include <memstache/memstache.h>

typedef struct host {
    uv_loop_t loop;
    uv_poll_t input;
    mst_runtime *runtime;
    mst_cache *cache;
    bool lent;
    _Atomic unsigned waiting;
    char line[256];
    size_t len;
} host;

static void say(const char *text)
{
    printf("%s\n", text);
    fflush(stdout);
}

static void stored(void *arg, mst_result *result)
{
    host *h = arg;
    (void) result;
    h->waiting--;
}

/* False: no more lines. */
static bool obey(host *h, char *line)
{
    char *key = strchr(line, ' ');
    mst_slice k = mst_str(key ? key + 1 : "");
    if (strncmp(line, "get ", 4) == 0) {
        mst_get(h->cache, k, NULL, NULL, NULL, NULL);
    } else if (strncmp(line, "put ", 4) == 0) {
        const mst_input in = {.data = "value", .len = 5};
        h->waiting++;
        if (mst_set(h->cache, k, &in, NULL, NULL, stored, h) != MST_PENDING) {
            h->waiting--;
        }
        while (h->waiting && h->lent) {
            uv_run(&h->loop, UV_RUN_ONCE);
        }
    } else {
        return false;
    }
    say("done");
    return true;
}

static bool take_lines(host *h)
{
    ssize_t n = read(0, h->line + h->len, sizeof h->line - 1 - h->len);
    char *end;
    h->len += n > 0 ? (size_t) n : 0;
    h->line[h->len] = '\0';
    while ((end = strchr(h->line, '\n')) != NULL) {
        *end = '\0';
        if (!obey(h, h->line)) {
            return false;
        }
        h->len -= (size_t) (end + 1 - h->line);
        memmove(h->line, end + 1, h->len + 1);
    }
    return n > 0;
}

static void on_input(uv_poll_t *poll, int status, int events)
{
    host *h = poll->data;
    (void) events;
    if (status < 0 || !take_lines(h)) {
        uv_close((uv_handle_t *) poll, NULL);
    }
}

static void run(host *h)
{
    say("ready");
    if (h->lent) {
        h->input.data = h;
        uv_poll_init(&h->loop, &h->input, 0);
        uv_poll_start(&h->input, UV_READABLE, on_input);
        uv_run(&h->loop, UV_RUN_DEFAULT);
    } else {
        while (take_lines(h)) {
        }
    }
}

int main(int argc, char **argv)
{
    static host h;
    mst_error error;
    if (argc != 3) {
        return 2;
    }
    h.lent = strcmp(argv[2], "lent") == 0;
    uv_loop_init(&h.loop);
    mst_open_options options = {.loop = h.lent ? &h.loop : NULL};
    if (mst_open_file(argv[1], &options, &h.runtime, &error)) {
        say(error.text);
        return 1;
    }
    h.cache = mst_cache_named(h.runtime, NULL);
    run(&h);
    mst_close_wait(h.runtime);
    say(uv_loop_close(&h.loop) == 0 ? "closed" : "handles are left on the loop");
    return 0;
}
