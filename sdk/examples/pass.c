/* pass.c - one pass over the tree, in rounds that are bounded in number and in bytes.
 *
 * In a round several threads ask for the same files at the same moment. When all answers are in,
 * the clock stops, and every answer is compared with the file.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "filetree.h"

enum { ROUND_FILES = 64 };
#define ROUND_BYTES ((uint64_t) 64 << 20) /* of answers, unless one file is larger */

typedef struct round round_t;

typedef struct slot { /* one request */
    round_t *round;
    const tree_file *file;
    uint64_t asked, answered; /* ns */
    mst_result result;
} slot;

struct round {
    pass *pass;
    slot *slots; /* the requests for one file stand together */
    size_t count, pending;
    pthread_mutex_t mutex;
    pthread_cond_t all_answered;
};

typedef struct asker {
    round_t *round;
    size_t index;
    pthread_t thread;
    bool started;
} asker;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t) t.tv_sec * 1000000000u + (uint64_t) t.tv_nsec;
}

/* [worker] The value of a key is the file of that name. */
static void load(void *arg, mst_load *what)
{
    mst_slice key = mst_load_key(what);
    char *path = strndup(key.data, key.len);
    mst_input input = {.release = free};
    input.owner = path ? file_read(path, &input.len) : NULL;
    input.data = input.owner;
    free(path);
    if (input.data) {
        mst_load_bytes(what, &input);
    } else {
        mst_load_fail(what, MST_EIO);
    }
}

static void answered(round_t *r)
{
    pthread_mutex_lock(&r->mutex);
    if (--r->pending == 0) {
        pthread_cond_signal(&r->all_answered);
    }
    pthread_mutex_unlock(&r->mutex);
}

/* [loop] Keeps the answer for later: comparing it here would keep the loop from its work. */
static void done(void *arg, mst_result *result)
{
    slot *s = arg;
    s->answered = now_ns();
    s->result = mst_result_take(result);
    answered(s->round);
}

/* A thread's share: every n-th request, so that all threads are at the same file. */
static void *ask(void *arg)
{
    static const mst_loader loader = {.load = load, .flags = MST_LOAD_BLOCKING};
    const asker *a = arg;
    pass *p = a->round->pass;
    for (size_t i = a->index; i < a->round->count; i += p->threads) {
        slot *s = &a->round->slots[i];
        s->asked = now_ns();
        mst_status status =
            mst_get_or_load(p->cache, mst_str(s->file->path), &loader, NULL, &s->result, done, s);
        if (status != MST_PENDING) { /* a hit, or an error: done() will not run */
            s->answered = now_ns();
            s->result.status = status;
            answered(a->round);
        }
    }
    return NULL;
}

static void ask_all(round_t *r)
{
    asker askers[PASS_THREADS_MAX];
    uint64_t began = now_ns();
    r->pending = r->count;
    for (size_t i = 0; i < r->pass->threads; i++) {
        askers[i] = (asker){.round = r, .index = i};
        askers[i].started = pthread_create(&askers[i].thread, NULL, ask, &askers[i]) == 0;
        if (!askers[i].started) {
            ask(&askers[i]);
        }
    }
    for (size_t i = 0; i < r->pass->threads; i++) {
        if (askers[i].started) {
            pthread_join(askers[i].thread, NULL);
        }
    }
    pthread_mutex_lock(&r->mutex);
    while (r->pending) {
        pthread_cond_wait(&r->all_answered, &r->mutex);
    }
    pthread_mutex_unlock(&r->mutex);
    r->pass->spent += now_ns() - began;
}

static void verify(pass *p, slot *s, const void *data, size_t len)
{
    const mst_result *r = &s->result;
    p->latencies[p->answers++] = s->answered - s->asked;
    p->hits += r->status == MST_OK && r->tier >= 0;
    p->loaded += r->why == MST_WHY_LOADED;
    p->waited += r->tier == MST_TIER_LOADER && r->why == MST_WHY_COALESCED;
    if (r->status != MST_OK || !data) {
        p->failed++;
        fprintf(stderr, "%s: %s (%s)\n", s->file->path,
                r->status == MST_OK ? "cannot be read again" : mst_strerror(r->status),
                mst_why_name(r->why));
    } else if (r->len != len || (len && memcmp(r->data, data, len) != 0)) {
        p->different++;
        fprintf(stderr, "%s: the answer differs from the file\n", s->file->path);
    } else {
        p->bytes += len;
    }
    mst_result_release(&s->result);
}

static void verify_all(round_t *r)
{
    void *data = NULL;
    size_t len = 0;
    for (size_t i = 0; i < r->count; i++) {
        slot *s = &r->slots[i];
        if (i % r->pass->requests == 0) {
            free(data);
            data = file_read(s->file->path, &len);
        }
        verify(r->pass, s, data, len);
    }
    free(data);
}

/* Fills the slots with the requests for the files from `from` on; returns where it ended. */
static size_t plan(round_t *r, size_t from)
{
    const pass *p = r->pass;
    uint64_t bytes = 0;
    size_t i = from;
    r->count = 0;
    for (; i < p->tree->count && i - from < ROUND_FILES && bytes < ROUND_BYTES; i++) {
        for (size_t n = 0; n < p->requests; n++) {
            r->slots[r->count++] = (slot){.round = r, .file = &p->tree->files[i]};
        }
        bytes += (uint64_t) p->tree->files[i].size * p->requests;
    }
    return i;
}

/* On a terminal, ten times a second: how far it is. */
static void progress(const pass *p, size_t files, uint64_t *shown)
{
    uint64_t now = now_ns();
    if (isatty(STDERR_FILENO) && (now - *shown > 100000000 || files == p->tree->count)) {
        fprintf(stderr, "\r%s: %zu of %zu files, %zu %%%s", p->name, files, p->tree->count,
                files * 100 / p->tree->count, files == p->tree->count ? "\r\033[K" : "");
        *shown = now;
    }
}

bool pass_run(pass *p)
{
    round_t r = {.pass = p, .mutex = PTHREAD_MUTEX_INITIALIZER};
    uint64_t shown = 0;
    r.slots = calloc(ROUND_FILES * p->requests, sizeof *r.slots);
    if (!r.slots || p->threads > PASS_THREADS_MAX) {
        free(r.slots);
        return false;
    }
    pthread_cond_init(&r.all_answered, NULL);
    for (size_t at = 0; at < p->tree->count;) {
        at = plan(&r, at);
        ask_all(&r);
        verify_all(&r);
        progress(p, at, &shown);
    }
    pthread_cond_destroy(&r.all_answered);
    free(r.slots);
    return true;
}
