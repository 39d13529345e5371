/* queue.h - a queue of entries, for policies: a circular list through their nodes. Its place is the
 * first member of a node, so that a pointer to one is a pointer to the other. */
#ifndef EVICTION_QUEUE_H
#define EVICTION_QUEUE_H

#include <memstache/eviction.h>

#include <stdbool.h>

typedef struct place {
    struct place *newer, *older;
} place;

typedef struct queue {
    place end; /* newer: the oldest entry, older: the newest one */
} queue;

static inline void queue_init(queue *q)
{
    q->end.newer = q->end.older = &q->end;
}

static inline bool queue_is_empty(const queue *q)
{
    return q->end.newer == &q->end;
}

/* NULL when it is empty. */
static inline place *queue_oldest(queue *q)
{
    return queue_is_empty(q) ? NULL : q->end.newer;
}

/* As the newest one. */
static inline void queue_add(queue *q, place *p)
{
    p->newer = &q->end;
    p->older = q->end.older;
    p->older->newer = q->end.older = p;
}

static inline void queue_remove(place *p)
{
    p->older->newer = p->newer;
    p->newer->older = p->older;
}

static inline void queue_renew(queue *q, place *p)
{
    if (q->end.older != p) {
        queue_remove(p);
        queue_add(q, p);
    }
}

static inline place *queue_take_oldest(queue *q)
{
    place *p = queue_oldest(q);
    if (p) {
        queue_remove(p);
    }
    return p;
}

#endif
