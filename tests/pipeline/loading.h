/* loading.h - a loader that a test controls. */
#ifndef LOADING_H
#define LOADING_H

#include "env.h"

typedef enum t_load_how {
    T_LOAD_NOW,    /* answers inside load() */
    T_LOAD_HOLD,   /* answers from a thread of its own, when told */
    T_LOAD_ABSENT, /* the three below inside load(), or when told */
    T_LOAD_FAIL,
    T_LOAD_RELEASE, /* bytes that the library takes over */
} t_load_how;

enum { T_LOADS = 64 };

typedef struct t_loader {
    mst_loader loader; /* to be given to mst_get_or_load() */
    t_load_how how;
    bool hold; /* with ABSENT, FAIL, RELEASE: only when told */
    const char *value;
    mst_status why;                    /* of FAIL */
    void (*prepare)(mst_entry *entry); /* changes the options; NULL */
    _Atomic int calls, ended, given_back;
    pthread_t last_thread; /* of the last load() */
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    mst_load *waiting[T_LOADS];
    int waiting_count;
    char keys[T_LOADS][64]; /* asked for, in order */
    pthread_t thread;
    bool thread_started, quit;
} t_loader;

void t_loader_init(t_loader *, t_load_how, const char *value);
/* Ends the loads that wait, and those to come, on a thread of the loader. */
void t_loader_let_go(t_loader *);
/* Ends them here, on this thread. */
void t_loader_end_here(t_loader *);
/* How many wait. */
int t_loader_waiting(t_loader *);
/* After the last load has ended. */
void t_loader_fini(t_loader *);

#endif
