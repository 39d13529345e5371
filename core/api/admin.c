/* admin.c - see admin.h.
 *
 * Sockets under uv_poll, and not uv_pipe: libuv writes to pipes in a way that raises SIGPIPE when
 * the client is gone, and on a lent loop that signal would end the host program.
 *
 * A client can do no harm but to other clients: a line, an answer and the time for both are
 * bounded, and when there are too many connections the oldest one has to go, because an honest
 * client is through in a turn.
 */
#define _GNU_SOURCE /* accept4 */
#include "api/admin.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/report.h"
#include "base/clock.h"
#include "base/error.h"

enum { LINE_MAX_BYTES = 512, CLIENTS_MAX = 16, CLIENT_MS = 5000, PAUSE_MS = 1000 };

struct msi_admin {
    mst_runtime *runtime;
    msi_loop *loop;
    const char *path; /* of the settings */
    uint64_t device, inode;
    uint64_t opened_ms;
    int fd;
    uv_poll_t poll;
    msi_deadline pause; /* before the listener is asked again */
    msi_list clients;   /* the oldest first */
    unsigned client_count;
    unsigned handles; /* open ones, of closing clients as well */
    bool closing;
    void (*then)(void *arg);
    void *arg;
};

typedef struct client {
    msi_list link;
    msi_admin *admin;
    uv_poll_t poll;
    int fd;
    msi_deadline deadline;
    char line[LINE_MAX_BYTES + 1];
    size_t len;
    msi_json answer;
    size_t sent;
} client;

/* ---- the end */

static void one_handle_less(msi_admin *a)
{
    if (--a->handles == 0 && a->closing) {
        void (*then)(void *) = a->then;
        void *arg = a->arg;
        a->runtime->admin = NULL;
        msi_free(&a->runtime->allocator, a);
        then(arg);
    }
}

static void client_closed(uv_handle_t *handle)
{
    client *c = handle->data;
    msi_admin *a = c->admin;
    close(c->fd);
    msi_json_fini(&c->answer);
    msi_free(&a->runtime->allocator, c);
    one_handle_less(a);
}

static void drop(client *c)
{
    msi_loop_disarm(c->admin->loop, &c->deadline);
    msi_list_remove(&c->link);
    c->admin->client_count--;
    uv_close((uv_handle_t *) &c->poll, client_closed);
}

static void listener_closed(uv_handle_t *handle)
{
    msi_admin *a = handle->data;
    close(a->fd);
    one_handle_less(a);
}

void msi_admin_close(msi_admin *a, void (*then)(void *arg), void *arg)
{
    if (!a) {
        then(arg);
        return;
    }
    a->closing = true;
    a->then = then;
    a->arg = arg;
    msi_admin_unlink(a->path, a->device, a->inode);
    msi_loop_disarm(a->loop, &a->pause);
    while (!msi_list_empty(&a->clients)) {
        drop(MSI_CONTAINER(a->clients.next, client, link));
    }
    uv_close((uv_handle_t *) &a->poll, listener_closed);
}

/* ---- a client */

static void on_client(uv_poll_t *poll, int status, int events);

static void answer(client *c)
{
    while (c->sent < c->answer.len) {
        ssize_t n = send(c->fd, c->answer.data + c->sent, c->answer.len - c->sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            uv_poll_start(&c->poll, UV_WRITABLE, on_client);
            return;
        }
        if (n < 0 && errno != EINTR) {
            break;
        }
        c->sent += n > 0 ? (size_t) n : 0;
    }
    drop(c);
}

/* The line has come, or will not: an answer is due in both cases. */
static void ask(client *c)
{
    msi_admin *a = c->admin;
    c->line[c->len] = '\0';
    c->line[strcspn(c->line, "\r\n")] = '\0';
    msi_json_init(&c->answer, &a->runtime->allocator);
    msi_report(a->runtime, c->line, msi_now_ms() - a->opened_ms, &c->answer);
    if (msi_json_ok(&c->answer)) {
        answer(c);
    } else {
        drop(c);
    }
}

static void receive(client *c)
{
    ssize_t n = recv(c->fd, c->line + c->len, LINE_MAX_BYTES - c->len, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return;
    }
    c->len += n > 0 ? (size_t) n : 0;
    if (memchr(c->line, '\n', c->len) || c->len == LINE_MAX_BYTES) {
        ask(c);
    } else if (n <= 0) {
        drop(c);
    }
}

static void on_client(uv_poll_t *poll, int status, int events)
{
    client *c = poll->data;
    if (status < 0) {
        drop(c);
    } else if (events & UV_WRITABLE) {
        answer(c);
    } else {
        receive(c);
    }
}

static void too_slow(msi_deadline *d)
{
    drop(MSI_CONTAINER(d, client, deadline));
}

/* False: the descriptor is still the caller's. */
static bool take_client(msi_admin *a, int fd)
{
    client *c = msi_zalloc(&a->runtime->allocator, sizeof *c);
    if (!c || uv_poll_init(a->loop->uv, &c->poll, fd)) {
        msi_free(&a->runtime->allocator, c);
        return false;
    }
    if (a->client_count == CLIENTS_MAX) {
        drop(MSI_CONTAINER(a->clients.next, client, link));
    }
    c->admin = a;
    c->fd = fd;
    c->poll.data = c;
    c->deadline.due = too_slow;
    msi_list_append(&a->clients, &c->link);
    a->client_count++;
    a->handles++;
    uv_unref((uv_handle_t *) &c->poll);
    if (msi_loop_arm(a->loop, &c->deadline, msi_now_ms() + CLIENT_MS) ||
        uv_poll_start(&c->poll, UV_READABLE, on_client)) {
        drop(c);
    }
    return true;
}

static void on_listener(uv_poll_t *poll, int status, int events)
{
    msi_admin *a = poll->data;
    (void) events;
    int fd = status < 0 ? -1 : accept4(a->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0 && !take_client(a, fd)) {
        close(fd);
    }
    bool none = fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED;
    if (status < 0 || none) { /* no descriptors left, say: do not ask again and again */
        uv_poll_stop(&a->poll);
        msi_loop_arm(a->loop, &a->pause, msi_now_ms() + PAUSE_MS);
    }
}

static void listen_again(msi_deadline *d)
{
    msi_admin *a = MSI_CONTAINER(d, msi_admin, pause);
    uv_poll_start(&a->poll, UV_READABLE, on_listener);
}

/* ---- the beginning */

static mst_status start(msi_admin *a, mst_error *error)
{
    mst_status status = msi_admin_listen(a->path, &a->fd, error);
    if (status) {
        return status;
    }
    msi_admin_identify(a->path, &a->device, &a->inode);
    if (uv_poll_init(a->loop->uv, &a->poll, a->fd)) {
        msi_admin_unlink(a->path, a->device, a->inode);
        close(a->fd);
        return msi_error(error, MST_EIO, "[runtime] admin_socket: cannot watch %s", a->path);
    }
    a->handles = 1;
    a->poll.data = a;
    uv_unref((uv_handle_t *) &a->poll);
    uv_poll_start(&a->poll, UV_READABLE, on_listener);
    return MST_OK;
}

mst_status msi_admin_open(mst_runtime *rt, mst_error *error)
{
    if (!rt->assembly->runtime.admin_socket[0]) {
        return MST_OK;
    }
    msi_admin *a = msi_zalloc(&rt->allocator, sizeof *a);
    if (!a) {
        return msi_error(error, MST_ENOMEM, "out of memory");
    }
    a->runtime = rt;
    a->loop = &rt->loops[0];
    a->path = rt->assembly->runtime.admin_socket;
    a->opened_ms = msi_now_ms();
    a->pause.due = listen_again;
    msi_list_init(&a->clients);
    mst_status status = start(a, error);
    if (status) {
        msi_free(&rt->allocator, a);
    } else {
        rt->admin = a;
    }
    return status;
}
