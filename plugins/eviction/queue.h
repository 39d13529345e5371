/* queue.h - a queue of entries, for policies: a list through their nodes, whose links are positions
 * (mst_shard_info.node_base) and not pointers, since there are two in each entry. Its place is the
 * first member of a node, so that a pointer to one is a pointer to the other. */
#ifndef EVICTION_QUEUE_H
#define EVICTION_QUEUE_H

#include <memstache/eviction.h>

#include <stdbool.h>

/* Positions; 0 at the ends. */
typedef struct place {
    uint32_t newer, older;
} place;

typedef struct queue {
    uint8_t *base;
    uint32_t unit;
    uint32_t oldest, newest;
} queue;

static inline void queue_init(queue *q, const mst_shard_info *info)
{
    *q = (queue){.base = info->node_base, .unit = info->node_unit};
}

static inline bool queue_is_empty(const queue *q)
{
    return !q->oldest;
}

/* NULL for the end. */
static inline place *queue_at(const queue *q, uint32_t position)
{
    return position ? (place *) (void *) (q->base + ((uint64_t) position << q->unit)) : NULL;
}

/* NULL when it is empty. */
static inline place *queue_oldest(const queue *q)
{
    return queue_at(q, q->oldest);
}

/* NULL after the newest one. */
static inline place *queue_newer(const queue *q, const place *p)
{
    return queue_at(q, p->newer);
}

/* As the newest one. */
static inline void queue_add(queue *q, place *p)
{
    uint32_t position = (uint32_t) ((uint64_t) ((uint8_t *) p - q->base) >> q->unit);
    p->newer = 0;
    p->older = q->newest;
    *(q->newest ? &queue_at(q, q->newest)->newer : &q->oldest) = position;
    q->newest = position;
}

static inline void queue_remove(queue *q, place *p)
{
    *(p->older ? &queue_at(q, p->older)->newer : &q->oldest) = p->newer;
    *(p->newer ? &queue_at(q, p->newer)->older : &q->newest) = p->older;
}

static inline void queue_renew(queue *q, place *p)
{
    if (p->newer) {
        queue_remove(q, p);
        queue_add(q, p);
    }
}

static inline place *queue_take_oldest(queue *q)
{
    place *p = queue_oldest(q);
    if (p) {
        queue_remove(q, p);
    }
    return p;
}

#endif
