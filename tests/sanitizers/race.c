/* A planted fault: two threads write one word without telling each other. */
#include <pthread.h>
#include <stddef.h>

static long shared_word;

static void *count(void *arg)
{
    (void) arg;
    for (int i = 0; i < 100000; i++) {
        shared_word++;
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        if (pthread_create(&threads[i], NULL, count, NULL) != 0) {
            return 77;
        }
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    return 0;
}
