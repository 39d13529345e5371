/* provider_sqlite.c - values in a table of an SQLite database: a tier that outlives the process.
 *
 * SQLite blocks, so the host calls submit() on a worker thread (MST_CAP_BLOCKING), one batch at a
 * time: one connection, no locks. A batch is one transaction, because what SQLite charges for is
 * the commit. It is a cache: a power cut may cost the last second (synchronous = NORMAL), but
 * nothing that is there is ever wrong.
 */
#include <memstache/provider.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>

/* A space is a cache, with its prefix as a column: clearing one is a single DELETE. `ends` is in
 * milliseconds since 1970, or NEVER, so that a comparison is all there is to expiry. */
static const char schema[] =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = NORMAL;"
    "CREATE TABLE IF NOT EXISTS entries (space BLOB NOT NULL, key BLOB NOT NULL,"
    "  value BLOB NOT NULL, ends INTEGER NOT NULL, PRIMARY KEY (space, key));"
    "CREATE INDEX IF NOT EXISTS entries_ends ON entries (ends);";

static const int64_t NEVER = INT64_MAX;

/* The parameters of every statement; each has those up to the highest that it names. */
enum { SPACE = 1, KEY, NOW, ENDS, VALUE };

#define THIS "space = ?1 AND key = ?2"
#define OVER "SELECT rowid FROM entries WHERE ends <= ?3 LIMIT 100"
#define UPSERT                                                                                     \
    "INSERT INTO entries (space, key, value, ends) VALUES (?1, ?2, ?5, ?4) "                       \
    "ON CONFLICT (space, key) DO UPDATE SET value = ?5, ends = ?4"

enum { GET, PUT, PUT_ABSENT, PUT_PRESENT, DELETE, TOUCH, CLEAR, SWEEP, STATEMENTS };
static const char *const texts[STATEMENTS] = {
    [GET] = "SELECT value, ends FROM entries WHERE " THIS " AND ends > ?3",
    [PUT] = UPSERT,
    [PUT_ABSENT] = UPSERT " WHERE ends <= ?3", /* what is over is not there */
    [PUT_PRESENT] = "UPDATE entries SET value = ?5, ends = ?4 WHERE " THIS " AND ends > ?3",
    [DELETE] = "DELETE FROM entries WHERE " THIS " AND ends > ?3",
    [TOUCH] = "UPDATE entries SET ends = ?4 WHERE " THIS " AND ends > ?3",
    [CLEAR] = "DELETE FROM entries WHERE space = ?1",
    [SWEEP] = "DELETE FROM entries WHERE rowid IN (" OVER ")",
};

typedef struct sqlite {
    const mst_host *host;
    const char *file;
    int64_t busy_ms;
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    int64_t now;      /* of the batch, since 1970 */
    uint64_t host_ms; /* the same on the clock of the ops */
    bool failing;
} sqlite;

static mst_status status_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return MST_OK;
    case SQLITE_NOMEM:
        return MST_ENOMEM;
    case SQLITE_TOOBIG:
        return MST_ETOOBIG;
    case SQLITE_BUSY:
        return MST_ETIMEDOUT;
    default:
        return MST_EIO;
    }
}

/* The first failure of several is worth a line in the log. */
static mst_status report(sqlite *s, int rc)
{
    mst_status status = status_of(rc);
    if (status && !s->failing) {
        s->host->log(s->host, MST_LOG_WARN, sqlite3_errmsg(s->db));
    }
    s->failing = status != MST_OK;
    return status;
}

/* ---- one operation */

/* What is lent is a copy. It may be held longer than the provider runs, so it keeps the instance.
 */
typedef struct lent {
    const mst_host *host;
    char bytes[];
} lent;

static void give_back(void *owner)
{
    lent *l = owner;
    const mst_host *host = l->host;
    host->free(host, l);
    host->release(host);
}

static mst_status lend(const sqlite *s, mst_value *out)
{
    sqlite3_stmt *row = s->statements[GET];
    const void *bytes = sqlite3_column_blob(row, 0); /* NULL: empty, or out of memory */
    size_t len = (size_t) sqlite3_column_bytes(row, 0);
    if (!bytes && sqlite3_errcode(s->db) == SQLITE_NOMEM) {
        return MST_ENOMEM;
    }
    lent *l = s->host->alloc(s->host, sizeof *l + len);
    if (!l) {
        return MST_ENOMEM;
    }
    l->host = s->host;
    s->host->retain(s->host);
    if (len) {
        memcpy(l->bytes, bytes, len);
    }
    *out = (mst_value){l->bytes, len, give_back, l};
    return MST_OK;
}

/* The times of an op are on the host's own clock; those in the file are everybody's. */
static int64_t ends_of(const sqlite *s, const mst_op *op)
{
    uint64_t left = op->sliding_ms;
    if (op->expires_ms) {
        uint64_t most = op->expires_ms > s->host_ms ? op->expires_ms - s->host_ms : 0;
        left = left && left < most ? left : most;
    } else if (!left) {
        return NEVER;
    }
    return left < (uint64_t) (NEVER - s->now) ? s->now + (int64_t) left : NEVER;
}

/* Its parts in one block; NULL: out of memory. */
static char *join(const sqlite *s, const mst_op *op, size_t *len)
{
    *len = 0;
    for (uint32_t i = 0; i < op->value_parts; i++) {
        *len += op->value[i].len;
    }
    char *bytes = s->host->alloc(s->host, *len + 1), *to = bytes; /* NULL would be stored as NULL */
    for (uint32_t i = 0; bytes && i < op->value_parts; to += op->value[i++].len) {
        if (op->value[i].len) {
            memcpy(to, op->value[i].data, op->value[i].len);
        }
    }
    return bytes;
}

static int bind(const sqlite *s, sqlite3_stmt *statement, const mst_op *op, mst_slice value)
{
    int rc = SQLITE_OK;
    for (int i = SPACE; rc == SQLITE_OK && i <= sqlite3_bind_parameter_count(statement); i++) {
        if (i == NOW || i == ENDS) {
            rc = sqlite3_bind_int64(statement, i, i == NOW ? s->now : ends_of(s, op));
        } else {
            mst_slice bytes = i == SPACE ? op->space->prefix : i == KEY ? op->key : value;
            rc = sqlite3_bind_blob64(statement, i, bytes.len ? bytes.data : "", bytes.len,
                                     SQLITE_STATIC);
        }
    }
    return rc;
}

/* *found: a row was read, or changed. */
static mst_status step(sqlite *s, int which, mst_op *op, mst_slice value, bool *found)
{
    sqlite3_stmt *statement = s->statements[which];
    int rc = bind(s, statement, op, value);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(statement);
    }
    mst_status status = report(s, rc);
    *found = rc == SQLITE_ROW || (rc == SQLITE_DONE && which != GET && sqlite3_changes(s->db) > 0);
    if (rc == SQLITE_ROW) {
        int64_t ends = sqlite3_column_int64(statement, 1);
        op->expires_ms = ends == NEVER ? 0 : s->host_ms + (uint64_t) (ends - s->now);
        status = op->code == MST_OP_GET ? lend(s, &op->out) : MST_OK;
    }
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return status;
}

static mst_status set(sqlite *s, mst_op *op)
{
    int which = op->flags & MST_OPF_IF_ABSENT    ? PUT_ABSENT
                : op->flags & MST_OPF_IF_PRESENT ? PUT_PRESENT
                                                 : PUT;
    mst_status status = MST_ENOMEM;
    bool found;
    size_t len;
    char *value = join(s, op, &len);
    if (value) {
        status = step(s, which, op, (mst_slice){value, len}, &found);
        s->host->free(s->host, value);
    }
    if (status == MST_OK) {
        return found ? MST_OK : MST_UNCHANGED;
    }
    step(s, DELETE, op, (mst_slice){0}, &found); /* the old value is out of date all the same */
    return status;
}

static mst_status run(sqlite *s, mst_op *op)
{
    static const int statements[] = {[MST_OP_GET] = GET,
                                     [MST_OP_EXISTS] = GET,
                                     [MST_OP_DEL] = DELETE,
                                     [MST_OP_TOUCH] = TOUCH,
                                     [MST_OP_CLEAR] = CLEAR};
    bool found;
    if (op->code == MST_OP_SET) {
        return set(s, op);
    }
    mst_status status = step(s, statements[op->code], op, (mst_slice){0}, &found);
    return status == MST_OK && !found && op->code != MST_OP_CLEAR ? MST_MISS : status;
}

/* ---- a batch */

static bool writes(const mst_op *op)
{
    return op->code != MST_OP_GET && op->code != MST_OP_EXISTS;
}

/* Takes what is over out of the file, a little with each batch. */
static void sweep(const sqlite *s)
{
    sqlite3_bind_int64(s->statements[SWEEP], NOW, s->now);
    sqlite3_step(s->statements[SWEEP]);
    sqlite3_reset(s->statements[SWEEP]);
}

/* Some errors (a full disk) undo the whole transaction at once. */
static mst_status commit(sqlite *s)
{
    if (sqlite3_get_autocommit(s->db)) {
        return MST_EIO;
    }
    mst_status status = report(s, sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL));
    if (status) {
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return status;
}

static void submit(void *self, mst_op *const *ops, size_t n)
{
    sqlite *s = self;
    bool changes = false;
    for (size_t i = 0; i < n; i++) {
        changes = changes || writes(ops[i]);
    }
    s->now = (int64_t) s->host->wall_ms(s->host);
    s->host_ms = s->host->now_ms(s->host);
    const char *begin = changes ? "BEGIN IMMEDIATE" : "BEGIN";
    mst_status status = report(s, sqlite3_exec(s->db, begin, NULL, NULL, NULL));
    for (size_t i = 0; i < n; i++) {
        ops[i]->status = status ? status : run(s, ops[i]);
    }
    if (status) {
        return;
    }
    if (changes) {
        sweep(s);
    }
    status = commit(s);
    for (size_t i = 0; status && i < n; i++) {
        if (writes(ops[i])) {
            ops[i]->status = status;
        }
    }
}

/* ---- begin and end */

static mst_status fail(const sqlite *s, int rc)
{
    s->host->set_error(s->host, s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc));
    return status_of(rc) < 0 ? status_of(rc) : MST_EIO;
}

static mst_status init(void *self, const mst_host *host)
{
    ((sqlite *) self)->host = host;
    return MST_OK;
}

static mst_status start(void *self, const mst_provider_env *env)
{
    sqlite *s = self;
    int rc = sqlite3_open_v2(
        s->file, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_busy_timeout(s->db, (int) s->busy_ms);
        rc = sqlite3_exec(s->db, schema, NULL, NULL, NULL);
    }
    for (int i = 0; rc == SQLITE_OK && i < STATEMENTS; i++) {
        rc = sqlite3_prepare_v3(s->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &s->statements[i],
                                NULL);
    }
    return rc == SQLITE_OK ? MST_OK : fail(s, rc);
}

static void fini(void *self) /* also when start() failed, or was not called */
{
    sqlite *s = self;
    for (int i = 0; i < STATEMENTS; i++) {
        sqlite3_finalize(s->statements[i]);
    }
    sqlite3_close(s->db);
}

static const mst_option options[] = {
    {.name = "file",
     .type = MST_OPT_STR,
     .flags = MST_OPTF_REQUIRED,
     .offset = offsetof(sqlite, file),
     .help = "The database; it is made when it is not there."},
    {.name = "busy",
     .type = MST_OPT_MS,
     .offset = offsetof(sqlite, busy_ms),
     .def = "1s",
     .min = "0",
     .max = "1m",
     .help = "How long to wait for other processes that write to it."},
};

static const mst_provider_ops ops = {
    .struct_size = sizeof ops,
    .caps = MST_CAP_BLOCKING | MST_CAP_TTL,
    .op_codes = 1u << MST_OP_GET | 1u << MST_OP_SET | 1u << MST_OP_DEL | 1u << MST_OP_EXISTS |
                1u << MST_OP_TOUCH | 1u << MST_OP_CLEAR,
    .start = start,
    .submit = submit,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_PROVIDER,
    .kind_version = MST_PROVIDER_VERSION,
    .instance_size = sizeof(sqlite),
    .name = "sqlite",
    .version = "1.0.0",
    .author = "you",
    .license = "MIT",
    .summary = "Values in an SQLite database",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .option_size = sizeof options[0],
    .init = init,
    .fini = fini,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
