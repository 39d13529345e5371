/* loop.c - turns of a libuv loop.
 *
 * uv_run() goes: timers, prepare, poll, check. A turn runs in prepare, so that what the loop's own
 * thread asked for leaves before it blocks, and in check, so that what arrived is dealt with at
 * once. A task posted from another thread wakes the poll through uv_async; one posted by the loop's
 * own thread needs no system call, because prepare comes first.
 *
 * The queue of posted tasks is a list under a mutex, not a lock-free one: it is emptied in one swap
 * a turn, keeps the order of posting, and costs about as much as the atomic exchange would.
 */
#include "base/loop.h"

#include <string.h>

#include "base/clock.h"
#include "base/thread.h"

static void run_tasks(msi_loop *l)
{
    if (!atomic_load_explicit(&l->posted, memory_order_acquire)) {
        return;
    }
    pthread_mutex_lock(&l->mutex);
    msi_task *task = l->first;
    l->first = NULL;
    l->last = &l->first;
    atomic_store_explicit(&l->posted, false, memory_order_relaxed);
    pthread_mutex_unlock(&l->mutex);
    while (task) {
        msi_task *next = task->next; /* run() may free or post the task again */
        task->run(task);
        task = next;
    }
}

static void run_deadlines(msi_loop *l)
{
    msi_deadline *d = msi_deadlines_first(&l->deadlines);
    if (!d) {
        return;
    }
    uint64_t now = msi_loop_now(l);
    while (d && d->node.key <= now) {
        msi_deadline_disarm(&l->deadlines, d);
        d->due(d);
        d = msi_deadlines_first(&l->deadlines);
    }
}

static void on_timer(uv_timer_t *t)
{
    ((msi_loop *) t->data)->timer_at = 0; /* the turn that follows looks at the deadlines */
}

/* A timer that fires too early only costs a turn, so it is moved forward but never back. */
static void set_timer(msi_loop *l)
{
    const msi_deadline *first = msi_deadlines_first(&l->deadlines);
    if (!first || l->stopping || (l->timer_at && l->timer_at <= first->node.key)) {
        return;
    }
    uint64_t now = msi_now_ms(), at = first->node.key;
    l->timer_at = at;
    uv_update_time(l->uv);
    uv_timer_start(&l->timer, on_timer, at > now ? at - now + 1 : 0, 0);
}

/* Rounds are bounded, so that callbacks that ask again and again do not keep the loop from I/O. */
enum { ROUNDS_MAX = 8 };

/* Returns true when it has left work for another turn. */
static bool turn(msi_loop *l)
{
    atomic_store(&l->waking, false);
    for (int round = 0; round < ROUNDS_MAX; round++) {
        l->again = false;
        msi_loop_forget_now(l);
        run_tasks(l);
        msi_loop_forget_now(l);
        run_deadlines(l);
        for (msi_list *at = l->hooks.next; at != &l->hooks; at = at->next) {
            msi_hook *hook = MSI_CONTAINER(at, msi_hook, link);
            hook->turn(hook);
        }
        if (!l->again) {
            break;
        }
    }
    msi_loop_forget_now(l);
    set_timer(l);
    return l->again || atomic_load_explicit(&l->posted, memory_order_acquire);
}

static void wake(msi_loop *l)
{
    if (!atomic_exchange(&l->waking, true)) {
        uv_async_send(&l->wake);
    }
}

static void on_idle(uv_idle_t *i)
{
    (void) i; /* being active is what it is for: poll then does not block */
}

/* Poll must not block over work that is left; nor over news for a host that turns its loop by hand
 * until it has its answer. */
static void on_prepare(uv_prepare_t *p)
{
    msi_loop *l = p->data;
    l->told = false;
    if ((turn(l) || (l->told && l->lent)) && !l->stopping) {
        uv_idle_start(&l->idle, on_idle);
    }
}

static void on_check(uv_check_t *c)
{
    msi_loop *l = c->data;
    if (!l->stopping) {
        uv_idle_stop(&l->idle);
    }
    turn(l); /* what is left runs in the next prepare */
}

static void on_wake(uv_async_t *a)
{
    (void) a; /* the check that follows does the work */
}

static mst_status init_handles(msi_loop *l)
{
    if (uv_async_init(l->uv, &l->wake, on_wake)) {
        return MST_ENOMEM;
    }
    uv_check_init(l->uv, &l->check);
    uv_prepare_init(l->uv, &l->prepare);
    uv_idle_init(l->uv, &l->idle);
    uv_timer_init(l->uv, &l->timer);
    l->wake.data = l->check.data = l->prepare.data = l->idle.data = l->timer.data = l;
    l->handles = 5;
    uv_check_start(&l->check, on_check);
    uv_prepare_start(&l->prepare, on_prepare);
    uv_unref((uv_handle_t *) &l->check);
    uv_unref((uv_handle_t *) &l->prepare);
    uv_unref((uv_handle_t *) &l->idle);
    uv_unref((uv_handle_t *) &l->timer);
    if (l->lent) {
        uv_unref((uv_handle_t *) &l->wake); /* msi_loop_keep() */
    }
    return MST_OK;
}

mst_status msi_loop_init(msi_loop *l, uv_loop_t *lent, unsigned index,
                         const mst_allocator *allocator)
{
    memset(l, 0, sizeof *l);
    l->allocator = allocator;
    l->index = index;
    l->lent = lent != NULL;
    l->uv = lent ? lent : &l->own;
    l->last = &l->first;
    l->thread = pthread_self();
    msi_list_init(&l->hooks);
    msi_deadlines_init(&l->deadlines, allocator);
    if (!lent && uv_loop_init(&l->own)) {
        return MST_ENOMEM;
    }
    pthread_mutex_init(&l->mutex, NULL);
    mst_status status = init_handles(l);
    if (status) {
        pthread_mutex_destroy(&l->mutex);
        if (!lent) {
            uv_loop_close(&l->own);
        }
    }
    return status;
}

typedef struct start {
    msi_loop *loop;
    uv_sem_t known; /* loop->thread is set: msi_loop_here() may be asked from anywhere */
} start;

static void *run_thread(void *arg)
{
    start *s = arg;
    msi_loop *l = s->loop;
    l->thread = pthread_self();
    uv_sem_post(&s->known);
    uv_run(l->uv, UV_RUN_DEFAULT);
    if (l->ended) {
        l->ended(l);
    }
    return NULL;
}

mst_status msi_loop_start(msi_loop *l)
{
    if (l->lent) {
        l->started = true;
        return MST_OK;
    }
    start s = {.loop = l};
    if (uv_sem_init(&s.known, 0)) {
        return MST_ENOMEM;
    }
    pthread_t thread;
    l->started = msi_thread_start(&thread, run_thread, &s);
    if (l->started) {
        uv_sem_wait(&s.known);
    }
    uv_sem_destroy(&s.known);
    return l->started ? MST_OK : MST_ENOMEM;
}

bool msi_loop_here(const msi_loop *l)
{
    return pthread_equal(pthread_self(), l->thread) != 0;
}

void msi_loop_again(msi_loop *l)
{
    l->again = true;
}

void msi_loop_told(msi_loop *l)
{
    l->told = true;
}

void msi_loop_wake(msi_loop *l)
{
    wake(l);
}

/* Woken under the mutex: as soon as the task can run, it may be the one that ends the loop. */
void msi_loop_post(msi_loop *l, msi_task *task)
{
    task->next = NULL;
    pthread_mutex_lock(&l->mutex);
    *l->last = task;
    l->last = &task->next;
    atomic_store_explicit(&l->posted, true, memory_order_release);
    if (msi_loop_here(l)) {
        l->again = true;
    } else {
        wake(l);
    }
    pthread_mutex_unlock(&l->mutex);
}

void msi_loop_add_hook(msi_loop *l, msi_hook *hook)
{
    msi_list_append(&l->hooks, &hook->link);
}

void msi_loop_remove_hook(msi_hook *hook)
{
    msi_list_remove(&hook->link);
}

mst_status msi_loop_arm(msi_loop *l, msi_deadline *d, uint64_t at_ms)
{
    return msi_deadline_arm(&l->deadlines, d, at_ms);
}

void msi_loop_disarm(msi_loop *l, msi_deadline *d)
{
    msi_deadline_disarm(&l->deadlines, d);
}

void msi_loop_keep(msi_loop *l)
{
    if (l->busy++ == 0 && l->lent) {
        uv_ref((uv_handle_t *) &l->wake);
    }
}

void msi_loop_unkeep(msi_loop *l)
{
    if (--l->busy == 0 && l->lent) {
        uv_unref((uv_handle_t *) &l->wake);
    }
}

static void on_closed(uv_handle_t *handle)
{
    msi_loop *l = handle->data;
    if (--l->handles == 0 && l->closed) {
        l->closed(l);
    }
}

void msi_loop_close(msi_loop *l, void (*closed)(msi_loop *))
{
    l->stopping = true;
    l->closed = closed;
    uv_close((uv_handle_t *) &l->wake, on_closed);
    uv_close((uv_handle_t *) &l->check, on_closed);
    uv_close((uv_handle_t *) &l->prepare, on_closed);
    uv_close((uv_handle_t *) &l->idle, on_closed);
    uv_close((uv_handle_t *) &l->timer, on_closed);
}

void msi_loop_join(msi_loop *l)
{
    if (!l->lent && l->started) {
        pthread_join(l->thread, NULL);
        l->started = false;
    }
}

/* What was posted and found no turn any more still has memory to give back. */
void msi_loop_fini(msi_loop *l)
{
    run_tasks(l);
    if (!l->lent) {
        uv_loop_close(&l->own);
    }
    msi_deadlines_fini(&l->deadlines);
    pthread_mutex_destroy(&l->mutex);
}
