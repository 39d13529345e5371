/* thread.h - threads of the library. */
#ifndef MSI_THREAD_H
#define MSI_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* With all signals blocked: they are the host program's. False: the system has no thread to give.
 */
bool msi_thread_start(pthread_t *, void *(*run)(void *), void *arg);

#endif
