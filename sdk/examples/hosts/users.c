/* users.c - see users.h. An injected failure is a real one: a commit hook makes SQLite roll the
 * update back, or the update is made and its answer is lost. */
#include "users.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum fault { FAULT_NONE, FAULT_ROLLED_BACK, FAULT_ANSWER_LOST } fault;

struct users {
    sqlite3 *db;
    _Atomic uint64_t queries;
    _Atomic uint32_t random;
    double failing; /* share of the updates */
    fault fault;    /* of the update that holds the connection */
};

mst_slice user_key(char room[USER_KEY_MAX], int64_t id)
{
    return (mst_slice){room, (size_t) snprintf(room, USER_KEY_MAX, "user:%lld", (long long) id)};
}

int64_t user_id(mst_slice key)
{
    char text[USER_KEY_MAX];
    snprintf(text, sizeof text, "%.*s", (int) key.len, (const char *) key.data);
    const char *colon = strchr(text, ':');
    return colon ? strtoll(colon + 1, NULL, 10) : 0;
}

mst_input user_input(const user *u)
{
    return (mst_input){.data = u, .len = sizeof *u};
}

bool user_take(mst_result *r, user *u)
{
    bool there = r->status == MST_OK && r->len == sizeof *u;
    if (there) {
        memcpy(u, r->data, sizeof *u);
    }
    mst_result_release(r);
    return there;
}

static int on_commit(void *arg)
{
    const users *u = arg;
    return u->fault == FAULT_ROLLED_BACK; /* non-zero: roll back */
}

/* Users are made in one statement, so that they are one transaction. */
static bool fill(sqlite3 *db, int64_t n)
{
    static const char text[] =
        "CREATE TABLE users (id INTEGER PRIMARY KEY, version INTEGER NOT NULL, name TEXT NOT NULL);"
        "WITH RECURSIVE ids(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < %lld)"
        "INSERT INTO users SELECT id, 1, 'user ' || id FROM ids;";
    char *sql = sqlite3_mprintf(text, (long long) n);
    bool ok = sql && sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
    sqlite3_free(sql);
    return ok;
}

users *users_new(const char *path, int64_t n)
{
    users *u = calloc(1, sizeof *u);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
    if (!u) {
        return NULL;
    }
    if (sqlite3_open_v2(path, &u->db, flags, NULL) != SQLITE_OK ||
        sqlite3_exec(u->db, "PRAGMA synchronous = OFF", NULL, NULL, NULL) != SQLITE_OK ||
        !fill(u->db, n)) {
        fprintf(stderr, "%s: %s\n", path, sqlite3_errmsg(u->db));
        users_free(u);
        return NULL;
    }
    sqlite3_commit_hook(u->db, on_commit, u);
    return u;
}

void users_free(users *u)
{
    if (u) {
        sqlite3_close(u->db);
        free(u);
    }
}

/* A statement whose first parameters are n numbers. NULL: it cannot be prepared. */
static sqlite3_stmt *prepare(users *u, const char *sql, const int64_t *numbers, size_t n)
{
    sqlite3_stmt *s = NULL;
    bool ok = sqlite3_prepare_v2(u->db, sql, -1, &s, NULL) == SQLITE_OK;
    for (size_t i = 0; ok && i < n; i++) {
        ok = sqlite3_bind_int64(s, (int) i + 1, numbers[i]) == SQLITE_OK;
    }
    if (!ok) {
        sqlite3_finalize(s);
        return NULL;
    }
    return s;
}

/* id, version, name */
static void read_row(sqlite3_stmt *s, user *found)
{
    *found = (user){.id = sqlite3_column_int64(s, 0), .version = sqlite3_column_int64(s, 1)};
    snprintf(found->name, sizeof found->name, "%s", (const char *) sqlite3_column_text(s, 2));
}

/* Up to `room` rows. */
static mst_status run_query(users *u, sqlite3_stmt *s, user *found, size_t room, size_t *count)
{
    int code = SQLITE_ERROR;
    *count = 0;
    atomic_fetch_add(&u->queries, 1);
    while (s && (code = sqlite3_step(s)) == SQLITE_ROW && *count < room) {
        read_row(s, &found[(*count)++]);
    }
    sqlite3_finalize(s);
    return code == SQLITE_DONE || code == SQLITE_ROW ? MST_OK : MST_EIO;
}

mst_status users_get(users *u, int64_t id, user *found)
{
    size_t count = 0;
    sqlite3_stmt *s = prepare(u, "SELECT id, version, name FROM users WHERE id = ?", &id, 1);
    mst_status status = run_query(u, s, found, 1, &count);
    return status || count ? status : MST_MISS;
}

mst_status users_get_many(users *u, const int64_t *ids, size_t n, user *found, size_t *count)
{
    static const char head[] = "SELECT id, version, name FROM users WHERE id IN (";
    size_t at = sizeof head - 1;
    char *sql = n ? malloc(at + 2 * n + 1) : NULL; /* "?,?,?)" */
    *count = 0;
    if (!sql) {
        return n ? MST_EIO : MST_OK;
    }
    memcpy(sql, head, at);
    for (size_t i = 0; i < n; i++) {
        sql[at++] = '?';
        sql[at++] = i + 1 < n ? ',' : ')';
    }
    sql[at] = '\0';
    sqlite3_stmt *s = prepare(u, sql, ids, n);
    free(sql);
    return run_query(u, s, found, n, count);
}

/* xorshift; anybody may draw. */
static double draw(users *u)
{
    uint32_t old = atomic_load(&u->random), x;
    do {
        x = old;
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
    } while (!atomic_compare_exchange_weak(&u->random, &old, x));
    return (double) x / 4294967296.0;
}

void users_fail(users *u, double share, uint32_t seed)
{
    u->failing = share;
    atomic_store(&u->random, seed ? seed : 1);
}

static fault draw_fault(users *u)
{
    double drawn = u->failing > 0 ? draw(u) : 1;
    return drawn >= u->failing      ? FAULT_NONE
           : drawn < u->failing / 2 ? FAULT_ROLLED_BACK
                                    : FAULT_ANSWER_LOST;
}

mst_status users_update(users *u, user *changed)
{
    static const char sql[] =
        "UPDATE users SET name = ?2, version = version + 1 WHERE id = ?1 RETURNING version";
    fault f = draw_fault(u);
    sqlite3_mutex_enter(sqlite3_db_mutex(u->db)); /* the hook belongs to this update */
    u->fault = f;
    sqlite3_stmt *s = prepare(u, sql, &changed->id, 1);
    int code = SQLITE_ERROR;
    bool found = false;
    if (s && sqlite3_bind_text(s, 2, changed->name, -1, SQLITE_STATIC) == SQLITE_OK) {
        code = sqlite3_step(s);
        if (code == SQLITE_ROW) {
            found = true;
            changed->version = sqlite3_column_int64(s, 0);
            code = sqlite3_step(s); /* commits */
        }
    }
    sqlite3_finalize(s);
    u->fault = FAULT_NONE;
    sqlite3_mutex_leave(sqlite3_db_mutex(u->db));
    if (code != SQLITE_DONE) {
        changed->version = 0;
    }
    if (code != SQLITE_DONE || f == FAULT_ANSWER_LOST) {
        return MST_EIO;
    }
    return found ? MST_OK : MST_MISS;
}

uint64_t users_queries(users *u)
{
    return atomic_load(&u->queries);
}
