/* list.h - intrusive containers: a doubly linked list and a FIFO. No allocation, no locks. */
#ifndef MSI_LIST_H
#define MSI_LIST_H

#include <stdbool.h>
#include <stddef.h>

#define MSI_CONTAINER(ptr, type, member)                                                           \
    ((type *) (void *) ((char *) (ptr) -offsetof(type, member)))

/* A head, and a link in each member. A member is in one list or, after init, in none. */
typedef struct msi_list {
    struct msi_list *prev, *next;
} msi_list;

static inline void msi_list_init(msi_list *l)
{
    l->prev = l->next = l;
}

static inline bool msi_list_empty(const msi_list *l)
{
    return l->next == l;
}

static inline void msi_list_append(msi_list *head, msi_list *link)
{
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

/* Safe on a link that is in no list. */
static inline void msi_list_remove(msi_list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    msi_list_init(link);
}

/* The first link, taken out; NULL when empty. */
static inline msi_list *msi_list_take(msi_list *head)
{
    msi_list *first = head->next;
    if (first == head) {
        return NULL;
    }
    msi_list_remove(first);
    return first;
}

/* Move all of `from` behind what `to` has. */
static inline void msi_list_splice(msi_list *to, msi_list *from)
{
    if (msi_list_empty(from)) {
        return;
    }
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    msi_list_init(from);
}

#endif
