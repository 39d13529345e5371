/* loan.c - see loan.h.
 *
 * A thread that ends says nothing: the destructor of a key may run while the cache is freed, and
 * nothing could wait for it without state that outlives all caches. Instead a new reader looks at a
 * few others, whether their threads still live.
 */
#define _GNU_SOURCE /* syscall */
#include "loan.h"

#include "block.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(sizeof(mem_loans) == MEM_LOANS_BLOCK, "a block of loans is found by its loans");

enum { FILTER_BITS_LEAST = 2048, FILTER_BITS_PER_LOAN = 16, WORD = 64, TRIES = 8, PROBES = 8 };

static bool register_barrier(void)
{
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

/* After it, all loans that were taken before are seen here, or those who took them see what was
 * done here before. False: not even that, since the system does not let us any more. */
static bool barrier(const mem_lender *l)
{
    atomic_thread_fence(memory_order_seq_cst);
    return l->fences || syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
}

static mst_status grow_filter(mem_lender *l, uint64_t blocks)
{
    uint64_t bits = l->filter_bits ? l->filter_bits : FILTER_BITS_LEAST;
    while (bits < blocks * MEM_LOANS * FILTER_BITS_PER_LOAN) {
        bits *= 2;
    }
    if (bits != l->filter_bits) {
        uint64_t *filter = l->host->realloc(l->host, l->filter, bits / 8);
        if (!filter) {
            return MST_ENOMEM;
        }
        l->filter = filter;
        l->filter_bits = bits;
    }
    return MST_OK;
}

mst_status mem_lender_init(mem_lender *l, const mst_host *host, bool unlocked,
                           void (*end)(mem_lender *))
{
    *l = (mem_lender){.host = host, .end = end};
    pthread_mutex_init(&l->lock, NULL);
    l->fences = !register_barrier();
    l->unlocked = unlocked && !l->fences;
    l->has_key = pthread_key_create(&l->key, NULL) == 0;
    return l->has_key ? MST_OK : MST_EBUSY;
}

/* ---- blocks */

/* `thread`: whose first one it is; 0: one more. */
static mem_loans *new_block(mem_lender *l, pid_t thread)
{
    mem_loans *b = mem_aligned_alloc(l->host, MEM_LOANS_BLOCK, MEM_LOANS_BLOCK);
    if (!b) {
        return NULL;
    }
    memset(b, 0, sizeof *b);
    b->lender = l;
    b->thread = thread;
    atomic_store_explicit(&b->careful, l->fences, memory_order_relaxed);
    pthread_mutex_lock(&l->lock);
    uint64_t bytes = atomic_load_explicit(&l->bytes, memory_order_relaxed);
    uint64_t blocks = bytes / MEM_LOANS_CHARGE + 1;
    mst_status s = grow_filter(l, blocks);
    if (s == MST_OK) {
        b->next = atomic_load_explicit(&l->blocks, memory_order_relaxed);
        atomic_store_explicit(&l->blocks, b, memory_order_release);
        atomic_store_explicit(&l->bytes, bytes + MEM_LOANS_CHARGE, memory_order_relaxed);
    }
    pthread_mutex_unlock(&l->lock);
    if (s != MST_OK) {
        mem_aligned_free(l->host, b);
        return NULL;
    }
    return b;
}

/* Signal 0 is not sent, only the thread looked for. */
static bool has_ended(pid_t thread)
{
    int before = errno;
    bool ended = syscall(SYS_tgkill, getpid(), thread, 0) != 0 && errno == ESRCH;
    errno = before;
    return ended;
}

/* Those of a thread that has ended: its successor. */
static mem_loans *reuse(mem_lender *l, pid_t self)
{
    mem_loans *found = NULL;
    int probes = 0;
    pthread_mutex_lock(&l->lock);
    mem_loans *b = atomic_load_explicit(&l->blocks, memory_order_relaxed);
    for (; b && !found && probes < PROBES; b = b->next) {
        if (b->thread) {
            probes++;
            found = b->thread == self || has_ended(b->thread) ? b : NULL;
        }
    }
    if (found) {
        found->thread = self;
    }
    pthread_mutex_unlock(&l->lock);
    return found;
}

static mem_loans *new_reader(mem_lender *l)
{
    pid_t self = (pid_t) syscall(SYS_gettid);
    mem_loans *first = reuse(l, self);
    if (!first) {
        first = new_block(l, self);
        if (!first) {
            return NULL;
        }
        atomic_store_explicit(&first->more, first, memory_order_relaxed);
        atomic_store_explicit(&first->spot, first->loan, memory_order_relaxed);
    }
    if (pthread_setspecific(l->key, first) != 0) {
        return NULL; /* the next try finds it again */
    }
    return first;
}

/* The loan to try first was in use: those after it, then another block. */
mem_loan *mem_reader_search(mem_loans *first)
{
    mem_loan *loan = atomic_load_explicit(&first->spot, memory_order_relaxed);
    for (int i = 0; i < TRIES && atomic_load_explicit(loan, memory_order_acquire); i++) {
        loan = mem_loan_after(loan);
    }
    if (atomic_load_explicit(loan, memory_order_acquire)) {
        mem_loans *b = mem_loans_of(loan), *more = new_block(first->lender, 0);
        if (!more) {
            return NULL;
        }
        mem_loans *after = atomic_load_explicit(&b->more, memory_order_relaxed);
        atomic_store_explicit(&more->more, after, memory_order_relaxed);
        atomic_store_explicit(&b->more, more, memory_order_relaxed);
        loan = more->loan;
    }
    atomic_store_explicit(&first->spot, loan, memory_order_relaxed);
    return loan;
}

mem_loans *mem_lender_reader(mem_lender *l)
{
    mem_loans *first = pthread_getspecific(l->key);
    return first ? first : new_reader(l);
}

mem_loan *mem_lender_find(mem_lender *l)
{
    mem_loans *first = mem_lender_reader(l);
    return first ? mem_reader_loan(first) : NULL;
}

/* ---- what is lent */

static uint64_t filter_bit(const mem_lender *l, const mem_entry *e)
{
    uint64_t mixed = (uint64_t) (uintptr_t) e / 8 * 0x9E3779B97F4A7C15u;
    return mixed >> 20 & (l->filter_bits - 1);
}

static bool interrupts(const mem_lender *l, const mem_loans *first)
{
    bool is_alone = !first->next && l->has_key && first == pthread_getspecific(l->key);
    return l->unlocked && !is_alone;
}

bool mem_lender_interrupts(const mem_lender *l)
{
    const mem_loans *first = atomic_load_explicit(&l->blocks, memory_order_acquire);
    return first && interrupts(l, first);
}

void mem_lender_survey(mem_lender *l)
{
    pthread_mutex_lock(&l->lock);
    mem_loans *b = atomic_load_explicit(&l->blocks, memory_order_acquire);
    if (!b) {
        return;
    }
    bool is_known = !interrupts(l, b) || barrier(l);
    memset(l->filter, is_known ? 0 : 0xff, l->filter_bits / 8); /* all may be lent */
    for (; b; b = b->next) {
        for (int i = 0; i < MEM_LOANS; i++) {
            const mem_entry *e = atomic_load_explicit(&b->loan[i], memory_order_acquire);
            if (e) {
                uint64_t bit = filter_bit(l, e);
                l->filter[bit / WORD] |= (uint64_t) 1 << bit % WORD;
            }
        }
    }
}

bool mem_lender_lends(const mem_lender *l, const mem_entry *e)
{
    if (!l->filter_bits) {
        return false;
    }
    uint64_t bit = filter_bit(l, e);
    return l->filter[bit / WORD] >> bit % WORD & 1;
}

void mem_lender_done(mem_lender *l)
{
    pthread_mutex_unlock(&l->lock);
}

/* ---- the end */

static void settle(mem_lender *l)
{
    if (atomic_fetch_sub_explicit(&l->owed, 1, memory_order_acq_rel) == 1) {
        l->end(l);
    }
}

/* The stop counts those who will see it, and they wait until it has. */
static void give_back_late(mem_lender *l, mem_loan *loan)
{
    atomic_store_explicit(loan, MEM_LOAN_LATE, memory_order_release);
    while (!atomic_load_explicit(&l->counted, memory_order_acquire)) {
        sched_yield();
    }
    settle(l);
}

static __attribute__((noinline)) void give_back_carefully(mem_loan *loan)
{
    mem_lender *l = mem_loans_of(loan)->lender;
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&l->stopped, memory_order_acquire)) {
        give_back_late(l, loan);
    } else {
        mem_loan_drop(loan);
    }
}

/* Nothing of the cache is touched after the last store: it may be gone then. */
void mem_loan_release(void *owner)
{
    mem_loan *loan = owner;
    atomic_store_explicit(loan, MEM_LOAN_BACK, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&mem_loans_of(loan)->careful, memory_order_acquire)) {
        give_back_carefully(loan);
    } else {
        mem_loan_drop(loan);
    }
}

/* Will it be given back by somebody who sees the stop? */
static bool is_owed(mem_loan *loan)
{
    mem_entry *e = atomic_load_explicit(loan, memory_order_acquire);
    while (e == MEM_LOAN_BACK) {
        sched_yield();
        e = atomic_load_explicit(loan, memory_order_acquire);
    }
    return e;
}

void mem_lender_stop(mem_lender *l)
{
    if (l->has_key) {
        pthread_key_delete(l->key);
        l->has_key = false;
    }
    uint64_t owed = 1;
    atomic_store_explicit(&l->stopped, true, memory_order_seq_cst);
    mem_loans *blocks = atomic_load_explicit(&l->blocks, memory_order_acquire);
    for (mem_loans *b = blocks; b; b = b->next) {
        atomic_store_explicit(&b->careful, 1, memory_order_release);
    }
    if (blocks) {
        barrier(l);
    }
    for (mem_loans *b = blocks; b; b = b->next) {
        for (int i = 0; i < MEM_LOANS; i++) {
            owed += is_owed(&b->loan[i]);
        }
    }
    atomic_store_explicit(&l->owed, owed, memory_order_relaxed);
    atomic_store_explicit(&l->counted, true, memory_order_release);
    settle(l);
}

void mem_lender_fini(mem_lender *l)
{
    mem_loans *b = atomic_load_explicit(&l->blocks, memory_order_acquire);
    while (b) {
        mem_loans *next = b->next;
        mem_aligned_free(l->host, b);
        b = next;
    }
    if (l->has_key) {
        pthread_key_delete(l->key);
    }
    l->host->free(l->host, l->filter);
    pthread_mutex_destroy(&l->lock);
}
