/* loan.h - what readers hold: pins without a count in the entry.
 *
 * A reader says in a word of its own which entry it uses, and looks once more whether the entry is
 * still where it found it; who takes an entry out of the index looks through all those words before
 * the memory is used again (M. Michael, Hazard Pointers, IEEE TPDS 15(6), 2004). So a hit writes
 * nothing that another processor reads, takes no lock, and has no instruction that would make the
 * processor wait for memory before it begins with the next lookup. The store of the word must be
 * seen before the second look; that barrier is paid by the side that retires entries, by
 * membarrier(2), where there is one.
 *
 * The words (loans) are in blocks of 1 KiB. A thread has one or more of them for each cache, found
 * by a key of pthread_key_create(); when it ends, the next new thread takes them over. A loan is
 * given back by any thread, also after the cache was stopped: the last one frees what is left then.
 *
 * A loan is NULL, or an entry, or one of two marks on its way back to NULL: MEM_LOAN_BACK while who
 * gives it back looks whether the cache was stopped, MEM_LOAN_LATE when it was.
 */
#ifndef MEM_LOAN_H
#define MEM_LOAN_H

#include "entry.h"

#include <pthread.h>
#include <sys/types.h>

enum { MEM_LOANS = 120, MEM_LOANS_BLOCK = 1024, MEM_LOANS_CHARGE = 2080 /* aligned, it is */ };
#define MEM_LOAN_BACK ((mem_entry *) 1)
#define MEM_LOAN_LATE ((mem_entry *) 2)

typedef struct mem_lender mem_lender;
typedef _Atomic(mem_entry *) mem_loan;

/* What only its thread uses is atomic nevertheless, for the thread that takes it over one day. */
typedef struct mem_loans {
    mem_lender *lender;
    struct mem_loans *next;           /* of the lender's, in no order */
    _Atomic(struct mem_loans *) more; /* of the reader's, in a ring */
    _Atomic uint32_t careful;         /* to give back takes more than to say so */
    pid_t thread;                     /* of a reader's first one; 0 of others */
    _Atomic(mem_loan *) spot;         /* of the first one: the loan to try first */
    _Alignas(64) mem_loan loan[MEM_LOANS];
} mem_loans;

struct mem_lender {
    const mst_host *host;
    pthread_key_t key;
    bool has_key;
    bool unlocked;                 /* loans are also taken without the lock that retires entries */
    bool fences;                   /* no membarrier(2): they are not, and to give back is slow */
    _Atomic bool stopped, counted; /* counted: `owed` has all loans of the stopped cache */
    _Atomic uint64_t owed;
    void (*end)(mem_lender *);   /* nothing is owed any more */
    _Atomic(mem_loans *) blocks; /* all; grows under the lock */
    _Atomic uint64_t bytes;      /* charge of the blocks */
    pthread_mutex_t lock;        /* of the list, and of the filter */
    uint64_t *filter;            /* bits; see mem_lender_survey() */
    uint64_t filter_bits;        /* a power of two */
};

/* `unlocked` is only a wish. MST_ENOMEM; MST_EBUSY: the process has no thread-specific key left. */
mst_status mem_lender_init(mem_lender *, const mst_host *, bool unlocked,
                           void (*end)(mem_lender *));
/* No more reader comes. Calls end(), now or with the last loan that is given back. */
void mem_lender_stop(mem_lender *);
/* Frees what it has; in end(), or when init() failed. */
void mem_lender_fini(mem_lender *);

/* This thread's blocks; NULL without memory. */
mem_loans *mem_lender_reader(mem_lender *);
/* A loan that is free; NULL without memory. */
mem_loan *mem_lender_find(mem_lender *);
mem_loan *mem_reader_search(mem_loans *first);

/* Does a survey interrupt other processors? Not when lookups take the lock, nor for a thread that
 * is the only reader. */
bool mem_lender_interrupts(const mem_lender *);
/* Which entries are lent now, as far as they were not linked any more before the call: `lock` is
 * held from survey to done. mem_lender_lends() may be wrong about some that are not. */
void mem_lender_survey(mem_lender *);
bool mem_lender_lends(const mem_lender *, const mem_entry *);
void mem_lender_done(mem_lender *);

/* mst_value.release: of a loan. */
void mem_loan_release(void *loan);

static inline mem_loans *mem_loans_of(mem_loan *loan)
{
    return (mem_loans *) ((uintptr_t) loan & ~(uintptr_t) (MEM_LOANS_BLOCK - 1));
}

/* The next one in the ring. */
static inline mem_loan *mem_loan_after(mem_loan *loan)
{
    mem_loans *b = mem_loans_of(loan);
    return loan == &b->loan[MEM_LOANS - 1]
               ? atomic_load_explicit(&b->more, memory_order_relaxed)->loan
               : loan + 1;
}

static inline bool mem_loan_is_free(const mem_loan *loan)
{
    return !atomic_load_explicit(loan, memory_order_acquire);
}

/* Who gives back before the next lookup always has the same one. */
static inline mem_loan *mem_reader_loan(mem_loans *first)
{
    mem_loan *loan = atomic_load_explicit(&first->spot, memory_order_relaxed);
    return mem_loan_is_free(loan) ? loan : mem_reader_search(first);
}

/* It was taken, and others are wanted before it is given back. */
static inline void mem_reader_pass(mem_loans *first, mem_loan *loan)
{
    atomic_store_explicit(&first->spot, mem_loan_after(loan), memory_order_relaxed);
}

/* The entry is used from now on; look again whether it is where it was. (The cheap half of the
 * barrier between the store and what is read then; the other half is in loan.c.) */
static inline void mem_loan_take(mem_loan *loan, mem_entry *e)
{
    atomic_store_explicit(loan, e, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
}

static inline void mem_loan_drop(mem_loan *loan)
{
    atomic_store_explicit(loan, NULL, memory_order_release);
}

#endif
