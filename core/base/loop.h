/* loop.h - a libuv loop as the core uses it: lent by the host or run by a thread of ours.
 *
 * One turn, after libuv has polled and again before it blocks: tasks posted by any thread, expired
 * deadlines, then the hooks (lanes and ports), again and again while they make work for each other.
 * Nothing of ours runs from inside a plugin's call or a parser's frame; answers are collected and
 * handed out in a turn.
 */
#ifndef MSI_LOOP_H
#define MSI_LOOP_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "base/clock.h"
#include "base/deadline.h"
#include "base/list.h"

typedef struct msi_loop msi_loop;

/* Something to run on a loop thread. Embed it; a task is posted at most once at a time. */
typedef struct msi_task {
    struct msi_task *next;
    void (*run)(struct msi_task *);
} msi_task;

/* Runs once a round of a turn. Who makes work for a hook that has had its round already says
 * msi_loop_again(). */
typedef struct msi_hook {
    msi_list link;
    void (*turn)(struct msi_hook *);
} msi_hook;

struct msi_loop {
    uv_loop_t *uv;
    uv_loop_t own; /* unless lent */
    bool lent, started, stopping;
    unsigned index;
    pthread_t thread;
    const mst_allocator *allocator;
    uv_async_t wake;
    uv_check_t check; /* turn after I/O */
    uv_prepare_t
        prepare;       /* turn before blocking: what timers and callbacks of the host asked for */
    uv_idle_t idle;    /* active: this poll must not block */
    uv_timer_t timer;  /* the first deadline */
    uint64_t timer_at; /* what it is set to; 0: not at all */
    unsigned handles;  /* open ones; the loop is gone when they are closed */
    msi_deadlines deadlines; /* times of msi_now_ms() */
    msi_list hooks;
    uint64_t now_ms, now_ns; /* in this round; 0: nobody has asked */
    bool again;              /* another round is due */
    bool told;               /* callbacks of the host ran in this turn */
    unsigned busy;           /* requests and ops pending: the loop is kept alive while > 0 */
    pthread_mutex_t mutex;
    msi_task *first, **last; /* posted, under the mutex */
    _Atomic bool posted;     /* is there any? read without the mutex */
    _Atomic bool waking;     /* an async_send is on its way: no need for another */
    void (*closed)(msi_loop *);
    void (*ended)(msi_loop *); /* the last thing that a private thread does; may free the loop */
    void *arg;                 /* of the two above */
};

/* [main] `lent` NULL: a private loop, whose thread msi_loop_start() starts. */
mst_status msi_loop_init(msi_loop *, uv_loop_t *lent, unsigned index, const mst_allocator *);
mst_status msi_loop_start(msi_loop *); /* nothing to do for a lent one */

void msi_loop_post(msi_loop *, msi_task *); /* [any-thread] in order; never fails */
void msi_loop_wake(msi_loop *);             /* [any-thread] make it turn soon */
void msi_loop_again(msi_loop *);            /* [loop] another round of hooks, in this turn */
void msi_loop_told(msi_loop *);             /* [loop] callbacks of the host have run */
bool msi_loop_here(const msi_loop *);       /* [any-thread] is this the loop's thread? */

void msi_loop_add_hook(msi_loop *, msi_hook *);                      /* [loop] */
void msi_loop_remove_hook(msi_hook *);                               /* [loop] not in a hook */
mst_status msi_loop_arm(msi_loop *, msi_deadline *, uint64_t at_ms); /* [loop] again: moves it */
void msi_loop_disarm(msi_loop *, msi_deadline *);                    /* [loop] */

/* [loop] msi_now_ms() as it was when it was first asked for in this round of a turn; whoever calls
 * what may take its time makes the loop forget it. */
static inline uint64_t msi_loop_now(msi_loop *l)
{
    l->now_ms = l->now_ms ? l->now_ms : msi_now_ms();
    return l->now_ms;
}

/* [loop] The same for msi_now_ns(), which costs five times as much. */
static inline uint64_t msi_loop_now_ns(msi_loop *l)
{
    l->now_ns = l->now_ns ? l->now_ns : msi_now_ns();
    return l->now_ns;
}

static inline void msi_loop_forget_now(msi_loop *l)
{
    l->now_ms = l->now_ns = 0;
}

/* [loop] A lent loop is kept alive while more keeps than unkeeps were asked for. */
void msi_loop_keep(msi_loop *);
void msi_loop_unkeep(msi_loop *);

/* [loop] Close the handles; `closed` runs in the last close callback. A private loop's thread ends
 * then: msi_loop_join() it and msi_loop_fini(). */
void msi_loop_close(msi_loop *, void (*closed)(msi_loop *));
void msi_loop_join(msi_loop *); /* [main] */
void msi_loop_fini(msi_loop *);

#endif
