/* admin_path.c - the file of the admin socket: made with the right mode from the start, taken over
 * from a process that is gone, and removed at the end. */
#include "api/admin.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"

enum { OWNER_ONLY = 0600, BACKLOG = 16 };

static mst_status refuse(mst_error *error, const char *path, const char *why)
{
    return msi_error(error, MST_EIO, "[runtime] admin_socket: %s: %s", path, why);
}

static mst_status refuse_system(mst_error *error, const char *path, int number)
{
    char why[128];
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return refuse(error, path, "its directory does not exist; create it first");
    case EACCES:
    case EPERM:
    case EROFS:
        return refuse(error, path, "this process may not create a file in that directory");
    default:
        uv_strerror_r(uv_translate_sys_error(number), why, sizeof why);
        return refuse(error, path, why);
    }
}

static int new_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Does nobody listen there any more? */
static bool is_left_behind(const struct sockaddr_un *at)
{
    int fd = new_socket();
    bool refused = fd >= 0 && connect(fd, (const struct sockaddr *) at, sizeof *at) != 0 &&
                   errno == ECONNREFUSED;
    if (fd >= 0) {
        close(fd);
    }
    return refused;
}

static mst_status make_room(const struct sockaddr_un *at, mst_error *error)
{
    struct stat s;
    if (lstat(at->sun_path, &s) != 0) {
        return errno == ENOENT ? MST_OK : refuse_system(error, at->sun_path, errno);
    }
    if (!S_ISSOCK(s.st_mode)) {
        return refuse(error, at->sun_path,
                      "is there already and is no socket; remove it, or choose another path");
    }
    if (!is_left_behind(at)) {
        return refuse(error, at->sun_path,
                      "another process answers there; give each process a path of its own");
    }
    return unlink(at->sun_path) == 0 || errno == ENOENT ? MST_OK
                                                        : refuse_system(error, at->sun_path, errno);
}

/* Linux gives the file the mode of the socket; other systems have to be told afterwards. */
static int bind_private(int fd, const struct sockaddr_un *at)
{
    struct stat s;
    fchmod(fd, OWNER_ONLY);
    if (bind(fd, (const struct sockaddr *) at, sizeof *at) != 0) {
        return errno;
    }
    if (lstat(at->sun_path, &s) != 0 ||
        ((s.st_mode & 0777) != OWNER_ONLY && chmod(at->sun_path, OWNER_ONLY) != 0)) {
        return errno;
    }
    return listen(fd, BACKLOG) == 0 ? 0 : errno;
}

mst_status msi_admin_listen(const char *path, int *out, mst_error *error)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof at.sun_path) {
        return msi_error(error, MST_EINVAL,
                         "[runtime] admin_socket: %s: the path has %zu bytes, a socket's may have "
                         "%zu; choose a shorter one",
                         path, len, sizeof at.sun_path - 1);
    }
    memcpy(at.sun_path, path, len + 1);
    mst_status status = make_room(&at, error);
    if (status) {
        return status;
    }
    int fd = new_socket();
    int number = fd < 0 ? errno : bind_private(fd, &at);
    if (number) {
        if (fd >= 0) {
            close(fd);
        }
        return refuse_system(error, path, number);
    }
    *out = fd;
    return MST_OK;
}

void msi_admin_identify(const char *path, uint64_t *device, uint64_t *inode)
{
    struct stat s;
    bool there = lstat(path, &s) == 0;
    *device = there ? (uint64_t) s.st_dev : 0;
    *inode = there ? (uint64_t) s.st_ino : 0;
}

void msi_admin_unlink(const char *path, uint64_t device, uint64_t inode)
{
    uint64_t now_device, now_inode;
    msi_admin_identify(path, &now_device, &now_inode);
    if (inode && now_device == device && now_inode == inode) {
        unlink(path);
    }
}
