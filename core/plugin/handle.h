/* handle.h - what an instance has open on its loop: polls, timers, posts, works, resolves. */
#ifndef MSI_HANDLE_H
#define MSI_HANDLE_H

#include "plugin/instance.h"

/* First member of each of them. When the instance goes first, its plugin broke a promise; the
 * handle is then cut off: it closes and frees itself in later turns of the loop and tells nobody.
 * So it has its own copy of the allocator. */
typedef struct msi_handle {
    msi_list link;
    msi_instance *instance; /* NULL: cut off */
    mst_allocator allocator;
    void (*cut)(struct msi_handle *); /* close what must be closed; NULL: it ends by itself */
} msi_handle;

static inline msi_instance *msi_instance_of(const mst_host *host)
{
    return (msi_instance *) (void *) (uintptr_t) host; /* host is the first member */
}

/* Zeroed, in the instance's list; *out begins with a handle. MST_ENOMEM; MST_ENOTSUP without a
 * loop. [loop]; msi_handle_new_locked() is [any-thread] with instance->open_mutex held. */
mst_status msi_handle_new(const mst_host *, size_t size, void (*cut)(msi_handle *), void *out);
mst_status msi_handle_new_locked(msi_instance *, size_t size, void (*cut)(msi_handle *), void *out);
/* [loop] Out of the list: the instance has nothing more to do with it. Safe twice. */
void msi_handle_leave(msi_handle *);
/* [loop] Out of the list and gone. */
void msi_handle_free(msi_handle *);

/* A libuv error as a status. */
mst_status msi_status_of_uv(int error);

/* Fill their part of the table: services.c, calls.c. */
void msi_services_init(mst_host *);
void msi_calls_init(mst_host *);

#endif
