/* provider_shelf.c - a provider for the tests of the command: one file per value, in a directory.
 *
 * It outlives the process that writes, it lets a test look at what is stored, it fails or dawdles
 * on request, and it has one option of every kind that the command treats in a special way.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <memstache/provider.h>

enum { FAIL_NO = 0, FAIL_ERROR = 1, FAIL_SLOW = 2 };

typedef struct shelf {
    const mst_host *host;
    const char *path, *password, *folder;
    int32_t fail;
    bool pause;
    double share;
} shelf;

static const mst_option options[] = {
    {.name = "path",
     .type = MST_OPT_STR,
     .flags = MST_OPTF_REQUIRED,
     .offset = offsetof(shelf, path),
     .help = "The directory."},
    {.name = "password",
     .type = MST_OPT_STR,
     .flags = MST_OPTF_SECRET,
     .offset = offsetof(shelf, password),
     .help = "Opens nothing."},
    {.name = "folder",
     .type = MST_OPT_STR,
     .flags = MST_OPTF_DEPRECATED,
     .offset = offsetof(shelf, folder),
     .help = "Use path."},
    {.name = "fail",
     .type = MST_OPT_ENUM,
     .offset = offsetof(shelf, fail),
     .def = "no",
     .choices = "no|error|slow",
     .help = "What to do with operations."},
    {.name = "pause",
     .type = MST_OPT_BOOL,
     .offset = offsetof(shelf, pause),
     .def = "off",
     .help = "Take half a second for each operation, and do it."},
    {.name = "share",
     .type = MST_OPT_PERCENT,
     .offset = offsetof(shelf, share),
     .def = "10%",
     .min = "1%",
     .max = "50%",
     .help = "Means nothing."},
};

static mst_status init(void *self, const mst_host *host)
{
    ((shelf *) self)->host = host;
    return MST_OK;
}

/* DIRECTORY/<hex of space and key>; false when it does not fit. */
static int file_name(const shelf *s, const mst_op *op, char *out, size_t cap)
{
    size_t at = (size_t) snprintf(out, cap, "%s/", s->path);
    const mst_slice parts[] = {op->space->prefix, op->key};
    for (size_t i = 0; i < 2; i++) {
        const unsigned char *p = parts[i].data;
        for (size_t j = 0; j < parts[i].len; j++, at += 2) {
            if (at + 3 > cap) {
                return 0;
            }
            snprintf(out + at, 3, "%02x", p[j]);
        }
    }
    return at < cap;
}

static void release(void *owner)
{
    free(owner);
}

static mst_status get(mst_op *op, const char *name)
{
    enum { MOST = 1 << 20 };
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    char *bytes = malloc(MOST);
    ssize_t n = fd >= 0 && bytes ? read(fd, bytes, MOST) : -1;
    if (fd >= 0) {
        close(fd);
    }
    if (n < 0) {
        free(bytes);
        return errno == ENOENT ? MST_MISS : MST_EIO;
    }
    op->out = (mst_value){bytes, (size_t) n, release, bytes};
    return MST_OK;
}

static mst_status set(const mst_op *op, const char *name)
{
    int there = access(name, F_OK) == 0;
    if ((op->flags & MST_OPF_IF_ABSENT && there) || (op->flags & MST_OPF_IF_PRESENT && !there)) {
        return MST_UNCHANGED;
    }
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    mst_status status = fd >= 0 ? MST_OK : MST_EIO;
    for (uint32_t i = 0; i < op->value_parts && status == MST_OK; i++) {
        if (write(fd, op->value[i].data, op->value[i].len) != (ssize_t) op->value[i].len) {
            status = MST_EIO;
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

static mst_status run(const shelf *s, mst_op *op)
{
    char name[4096];
    if (s->fail == FAIL_ERROR) {
        return MST_EIO;
    }
    if (s->fail == FAIL_SLOW || s->pause) { /* the deadlines of the test are a tenth of it */
        nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
    }
    if (!file_name(s, op, name, sizeof name)) {
        return MST_EINVAL;
    }
    switch (op->code) {
    case MST_OP_GET:
        return get(op, name);
    case MST_OP_SET:
        return set(op, name);
    case MST_OP_DEL:
        return unlink(name) == 0 ? MST_OK : MST_MISS;
    default:
        return access(name, F_OK) == 0 ? MST_OK : MST_MISS;
    }
}

static void submit(void *self, mst_op *const *ops, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ops[i]->status = run(self, ops[i]);
    }
}

static const mst_provider_ops ops = {
    .struct_size = sizeof ops,
    .caps = MST_CAP_BLOCKING,
    .op_codes = 1u << MST_OP_GET | 1u << MST_OP_SET | 1u << MST_OP_DEL | 1u << MST_OP_EXISTS |
                1u << MST_OP_TOUCH,
    .submit = submit,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_PROVIDER,
    .kind_version = MST_PROVIDER_VERSION,
    .instance_size = sizeof(shelf),
    .name = "shelf",
    .version = "1.2.3",
    .author = "memstache",
    .license = "MIT",
    .summary = "Files in a directory, for tests",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .option_size = sizeof options[0],
    .init = init,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
