/* handle.c - the list of what an instance has open on its loop, so that nothing of it can be called
 * after the instance has gone. */
#include "plugin/handle.h"

#include <string.h>
#include <uv.h>

mst_status msi_handle_new_locked(msi_instance *i, size_t size, void (*cut)(msi_handle *), void *out)
{
    msi_handle *h = i->loop ? msi_zalloc(&i->allocator, size) : NULL;
    memcpy(out, &h, sizeof h);
    if (!h) {
        return i->loop ? MST_ENOMEM : MST_ENOTSUP;
    }
    h->instance = i;
    h->allocator = i->allocator;
    h->cut = cut;
    msi_list_append(&i->open, &h->link);
    atomic_fetch_add(&i->handles, 1);
    return MST_OK;
}

mst_status msi_handle_new(const mst_host *host, size_t size, void (*cut)(msi_handle *), void *out)
{
    msi_instance *i = msi_instance_of(host);
    pthread_mutex_lock(&i->open_mutex);
    mst_status status = msi_handle_new_locked(i, size, cut, out);
    pthread_mutex_unlock(&i->open_mutex);
    return status;
}

void msi_handle_leave(msi_handle *h)
{
    msi_instance *i = h->instance;
    if (i) {
        pthread_mutex_lock(&i->open_mutex);
        msi_list_remove(&h->link);
        pthread_mutex_unlock(&i->open_mutex);
        atomic_fetch_sub(&i->handles, 1);
        h->instance = NULL;
    }
}

void msi_handle_free(msi_handle *h)
{
    mst_allocator allocator = h->allocator;
    msi_handle_leave(h);
    msi_free(&allocator, h);
}

size_t msi_instance_leave_loop(msi_instance *i)
{
    size_t n = 0;
    msi_handle *h;
    do {
        pthread_mutex_lock(&i->open_mutex);
        i->loop = NULL;
        msi_list *link = i->open.next;
        pthread_mutex_unlock(&i->open_mutex);
        h = link == &i->open ? NULL : MSI_CONTAINER(link, msi_handle, link);
        if (h) {
            n++;
            msi_handle_leave(h);
            if (h->cut) {
                h->cut(h);
            }
        }
    } while (h);
    if (n) {
        msi_log_write(&i->log, MST_LOG_ERROR,
                      "%s \"%s\" left %zu handles or calls open on its loop",
                      msi_kind_name(i->plugin->plugin->kind), i->plugin->plugin->name, n);
    }
    return n;
}

mst_status msi_status_of_uv(int error)
{
    switch (error) {
    case 0:
        return MST_OK;
    case UV_ENOMEM:
    case UV_EAI_MEMORY:
        return MST_ENOMEM;
    case UV_EINVAL:
    case UV_EBADF:
    case UV_ENAMETOOLONG:
        return MST_EINVAL;
    case UV_EEXIST:
        return MST_EBUSY;
    case UV_ECANCELED:
    case UV_EAI_CANCELED:
        return MST_ECANCELED;
    case UV_EAI_NONAME:
    case UV_EAI_NODATA:
        return MST_ENOTFOUND;
    default:
        return MST_EIO;
    }
}
