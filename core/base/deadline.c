/* deadline.c - see deadline.h. A deadline joins the first line that it fits behind, which sorts the
 * timeouts by themselves: the longest takes the first line, the next one the second. */
#include "base/deadline.h"

void msi_deadlines_init(msi_deadlines *d, const mst_allocator *allocator)
{
    for (int i = 0; i < MSI_DEADLINE_LINES; i++) {
        msi_list_init(&d->lines[i]);
    }
    msi_heap_init(&d->heap, allocator);
}

void msi_deadlines_fini(msi_deadlines *d)
{
    msi_heap_fini(&d->heap);
}

static msi_deadline *of_link(msi_list *link)
{
    return MSI_CONTAINER(link, msi_deadline, link);
}

mst_status msi_deadline_arm(msi_deadlines *all, msi_deadline *d, uint64_t at)
{
    msi_deadline_disarm(all, d);
    for (int i = 0; i < MSI_DEADLINE_LINES; i++) {
        msi_list *line = &all->lines[i];
        if (msi_list_empty(line) || of_link(line->prev)->node.key <= at) {
            d->node.key = at;
            msi_list_append(line, &d->link);
            return MST_OK;
        }
    }
    return msi_heap_insert(&all->heap, &d->node, at);
}

void msi_deadline_disarm(msi_deadlines *all, msi_deadline *d)
{
    if (d->link.next) {
        msi_list_remove(&d->link);
        d->link.next = NULL;
    } else {
        msi_heap_remove(&all->heap, &d->node);
    }
}

msi_deadline *msi_deadlines_first(const msi_deadlines *all)
{
    msi_heap_node *node = msi_heap_first(&all->heap);
    msi_deadline *first = node ? MSI_CONTAINER(node, msi_deadline, node) : NULL;
    for (int i = 0; i < MSI_DEADLINE_LINES; i++) {
        const msi_list *line = &all->lines[i];
        if (!msi_list_empty(line) && (!first || of_link(line->next)->node.key < first->node.key)) {
            first = of_link(line->next);
        }
    }
    return first;
}
