/* admin.h - answers to `memstache stat` and `memstache health`: [runtime] admin_socket.
 *
 * A client writes one line, gets one line of JSON (report.h), and the connection is closed. */
#ifndef MSI_ADMIN_H
#define MSI_ADMIN_H

#include "api/runtime.h"

typedef struct msi_admin msi_admin;

/* [loop], of loop 0. Nothing to do without a path in the settings. */
mst_status msi_admin_open(mst_runtime *, mst_error *);
/* [loop] Close everything and remove the file; then(arg) runs when no handle is open, maybe at
 * once. Safe on NULL. */
void msi_admin_close(msi_admin *, void (*then)(void *arg), void *arg);

/* admin_path.c: a listening socket at `path`, with rights for its owner only. What a process that
 * is gone has left there is replaced. */
mst_status msi_admin_listen(const char *path, int *fd, mst_error *);
/* Removes the file, unless another one has taken its place since. */
void msi_admin_unlink(const char *path, uint64_t device, uint64_t inode);
/* Which file it is. */
void msi_admin_identify(const char *path, uint64_t *device, uint64_t *inode);

#endif
