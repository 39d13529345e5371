/* abi.h - base types shared by the core, every plugin and every host program.
 *
 * Freestanding C11, usable from C++17. Nothing here belongs to libuv, to a
 * plugin's library or to an operating system.
 *
 * Thread tags, used in the comments of every header of this directory:
 *   [any-thread]  any thread, at any time between creation and destruction
 *   [main]        the thread that opens or closes the runtime
 *   [loop]        the loop thread that the object belongs to
 *   [worker]      a thread of the worker pool
 *   [shard-lock]  calls for one shard never overlap; the thread may change
 */
#ifndef MEMSTACHE_ABI_H
#define MEMSTACHE_ABI_H

#include <stddef.h>
#include <stdint.h>

/* Version of the plugin interface. While the major number is 0, host and plugin
 * must agree on both numbers; from 1.0 on the minor one only ever adds.
 * The history is in sdk/docs/abi.md. */
#define MST_ABI_MAJOR 0u
#define MST_ABI_MINOR 6u

/* First four bytes of every module: "MTCH" read as a little-endian number. */
#define MST_MODULE_MAGIC 0x4843544Du

#if defined(_WIN32)
#define MST_EXPORT __declspec(dllexport)
#else
#define MST_EXPORT __attribute__((visibility("default")))
#endif

/* What happened: negative is an error, zero success, positive success with a remark.
 * A miss is not an error. mst_strerror() in memstache.h returns the third column. */
typedef int32_t mst_status;

#define MST_STATUS_MAP(XX)                                                                         \
    XX(MST_OK, 0, "ok")                                                                            \
    XX(MST_MISS, 1, "not in the cache")                                                            \
    XX(MST_PENDING, 2, "not answered yet")                                                         \
    XX(MST_UNCHANGED, 3, "the condition did not hold, nothing was changed")                        \
    XX(MST_ENOMEM, -1, "out of memory")                                                            \
    XX(MST_EINVAL, -2, "invalid argument")                                                         \
    XX(MST_ENOTSUP, -3, "not supported by this component")                                         \
    XX(MST_EIO, -4, "input or output failed")                                                      \
    XX(MST_ETIMEDOUT, -5, "the deadline passed")                                                   \
    XX(MST_ECANCELED, -6, "cancelled")                                                             \
    XX(MST_ECORRUPT, -7, "the stored bytes cannot be decoded")                                     \
    XX(MST_ETOOBIG, -8, "larger than the configured limit")                                        \
    XX(MST_EBUSY, -9, "too many requests in flight")                                               \
    XX(MST_ECLOSED, -10, "closed")                                                                 \
    XX(MST_ECONFIG, -11, "the configuration has errors")                                           \
    XX(MST_EPLUGIN, -12, "a plugin was refused")                                                   \
    XX(MST_EDEADLOCK, -13, "a blocking call on the loop thread that would have to answer it")      \
    XX(MST_ELOAD, -14, "the loader failed")                                                        \
    XX(MST_ENOTFOUND, -15, "no such name")

enum {
#define MST_STATUS_ENUM(name, number, text) name = (number),
    MST_STATUS_MAP(MST_STATUS_ENUM)
#undef MST_STATUS_ENUM
        MST_STATUS_ENUM_END_ = 0x7fff
};

/* Bytes that somebody else owns. `data` may be NULL when `len` is 0. */
typedef struct mst_slice {
    const void *data;
    size_t len;
} mst_slice;

/* Bytes lent by a plugin. The borrower calls release(owner) exactly once, from any
 * thread. release == NULL: nothing to do, the bytes outlive the borrower. */
typedef struct mst_value {
    const void *data;
    size_t len;
    void (*release)(void *owner);
    void *owner;
} mst_value;

/* Is `member` inside the part of *p that its writer was compiled with?
 * (p->struct_size was written by that side.) */
#define MST_HAS(p, member)                                                                         \
    ((p)->struct_size >= offsetof(__typeof__(*(p)), member) + sizeof((p)->member))

#endif
