/* secrets.h - where an instance's secrets come from, for host->secret(): the host program's
 * callback, a file, or the text that was bound. */
#ifndef MSI_SECRETS_H
#define MSI_SECRETS_H

#include "base/log.h"
#include "config/config.h"

/* mst_open_options.secret */
typedef struct msi_secret_callback {
    mst_status (*ask)(void *arg, const char *section, const char *option, char *buffer,
                      size_t size); /* NULL: none */
    void *arg;
} msi_secret_callback;

/* All of it belongs to the assembly and the host program: nothing may be asked when those are gone.
 * Zeroed: there are no secret options. */
typedef struct msi_secrets {
    msi_secret_callback callback;
    const msi_bound *bound; /* rows of the component, `count` of them */
    size_t count;
    const void *options; /* what the rows of the plugin were stored into */
} msi_secrets;

/* See host->secret() in plugin.h. */
mst_status msi_secrets_ask(const msi_secrets *, const mst_allocator *, msi_log *, msi_log_limit *,
                           const char *section, const char *option, char *buffer, size_t size);

#endif
