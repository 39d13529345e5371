/* cli.h - what the files of the memstache command share.
 *
 *   main.c        dispatch, exit code
 *   args.c        options and operands, from one table
 *   session.c     the configuration, the runtime and the cache that a command works on
 *   problems.c    what is wrong with the configuration
 *   answer.c      how the answer for one key is shown: text, --explain, --json, exit code
 *   out.c, json.c, text.c   writing, JSON, durations and names
 *   cmd_*.c       the commands, each group with its table
 *   admin*        what `stat` and `health` print: admin.h
 *   bench*        what `bench` consists of: bench.h
 *   simulate*     what `simulate` consists of: simulate.h
 *
 * The command is a host program like any other: it uses the public headers only.
 */
#ifndef MEMSTACHE_CLI_H
#define MEMSTACHE_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <memstache/memstache.h>

/* Exit codes; memstache(1) lists them. */
enum { CLI_OK = 0, CLI_NO = 1, CLI_USAGE = 2, CLI_CONFIG = 3, CLI_FAILED = 4 };

/* ---- out.c. Standard output with the first error remembered: a full disk or a closed pipe ends
 * in exit code 4, whatever printed last. */
typedef struct cli_out {
    FILE *file;
    int error; /* errno of the first failed write; 0 */
} cli_out;

void out_bytes(cli_out *, const void *data, size_t len);
void out_text(cli_out *, const char *text);
void out_format(cli_out *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void out_flush(cli_out *);
/* Wrapped at blanks. */
void out_paragraph(cli_out *, size_t indent, const char *text);
/* One line on a terminal, again and again; NULL takes it away. */
void out_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Offset, bytes in hex, and as text; `indent` before each line. */
void out_hex(cli_out *, const char *indent, const void *data, size_t len);

/* ---- json.c. One object per answer, on one line. */
typedef struct cli_json {
    cli_out *out;
    bool more; /* a comma is due */
} cli_json;

void json_open(cli_json *, cli_out *);
void json_close(cli_json *);
void json_text(cli_json *, const char *name, const char *text); /* NULL: null */
void json_number(cli_json *, const char *name, int64_t value);
void json_decimal(cli_json *, const char *name, double value); /* finite */
void json_bool(cli_json *, const char *name, bool value);
void json_nothing(cli_json *, const char *name);
/* Text when the bytes are UTF-8; else base64, and `encoding` is a member that says so. */
void json_bytes(cli_json *, const char *name, const char *encoding, const void *data, size_t len);
void json_list_open(cli_json *, const char *name);
void json_item_text(cli_json *, const char *text);
void json_list_close(cli_json *);
void json_item_open(cli_json *); /* an object in a list */
void json_item_close(cli_json *);

/* ---- text.c */
/* "250ms", "5s", "30m", "12h", "7d", "never" (-1). A bare number is taken when `bare` says so. */
bool text_read_ms(const char *text, bool bare, int64_t *ms);
enum { TEXT_MS_MAX = 32, TEXT_KEY_MAX = 80 };
/* The same, backwards: the largest unit that keeps it exact; "never" when negative. */
const char *text_show_ms(int64_t ms, char buffer[TEXT_MS_MAX]);
/* A key for a message: quoted, printable, cut when long. */
const char *text_show_key(mst_slice key, char buffer[TEXT_KEY_MAX]);
/* Keeps the nearest of the candidates seen: start with *best = NULL. */
typedef struct text_nearest {
    const char *word, *best;
    size_t distance;
} text_nearest;
void text_nearest_try(text_nearest *, const char *candidate);

/* ---- args.c */
enum { /* options; which of them a command takes is in its row */
       ARG_CONFIG = 1 << 0,
       ARG_SET = 1 << 1,
       ARG_CACHE = 1 << 2,
       ARG_JSON = 1 << 3,
       ARG_EXPLAIN = 1 << 4,
       ARG_TIMEOUT = 1 << 5,
       ARG_QUIET = 1 << 6,
       ARG_VERBOSE = 1 << 7,
       ARG_HELP = 1 << 8,
       ARG_EVERYWHERE = (1 << 9) - 1,
       ARG_EXPIRE = 1 << 9,
       ARG_SLIDING = 1 << 10,
       ARG_COMPRESS = 1 << 11,
       ARG_IF_ABSENT = 1 << 12,
       ARG_IF_PRESENT = 1 << 13,
       ARG_FILE = 1 << 14,
       ARG_YES = 1 << 15,
       ARG_ALL = 1 << 16,
       ARG_HEX = 1 << 17,
       ARG_VERSION = 1 << 18,
       ARG_WORKLOAD = 1 << 19,
       ARG_KEYS = 1 << 20,
       ARG_VALUE_SIZE = 1 << 21,
       ARG_DEPTH = 1 << 22,
       ARG_THREADS = 1 << 23,
       ARG_BATCH = 1 << 24,
       ARG_DIST = 1 << 25,
       ARG_SECONDS = 1 << 26,
       ARG_RATE = 1 << 27,
       ARG_SIMULATE = 1 << 28, /* all that only `simulate` takes */
       ARG_TRACE_OUT = 1 << 29,
       ARG_ADMIN = 1 << 30,  /* all that only `stat` and `health` take */
       ARG_CHECK = 1u << 31, /* all that only `plugin check` takes */
       ARG_DIR = 1ull << 32
};

typedef struct cli_args {
    uint64_t given; /* ARG_* that were on this line */
    const char *config, *cache, *file, *hex, *dir;
    const char **sets; /* SECTION.KEY=VALUE, room for every word */
    size_t set_count;
    const char **plugin_options; /* KEY=VALUE, likewise */
    size_t plugin_option_count;
    int64_t timeout_ms, expire_ms, sliding_ms; /* 0: not given */
    int compress;                              /* MST_DEFAULT, MST_YES, MST_NO */
    bool json, explain, quiet, verbose, help, version;
    bool if_absent, if_present, yes, all;
    bool in_bytes, recommend, list;
    const char *workload, *dist;
    const char *only;
    const char *socket;
    double watch; /* seconds; 0: look once */
    const char *trace_out, *trace, *format, *policies, *sizes, *svg;
    double keys, value_size, depth, threads, batch, seconds, rate, seed; /* those that were given */
    char **operands;                                                     /* room for every word */
    size_t count;
} cli_args;

typedef struct cli cli;
/* Sorts `words` into *args, on top of what is there. False after a message. */
bool args_parse(const cli *, char *const *words, size_t count, cli_args *args);
/* The name of an option of the set. */
const char *args_name(uint64_t options);
/* The options of the set, one a line, for help. */
void args_help(cli_out *, uint64_t options);

/* ---- commands */
typedef struct cli_command {
    const char *name, *operands, *summary, *details;
    uint64_t options; /* ARG_* beside those that are taken everywhere */
    size_t min, max;  /* operands behind the name */
    int (*run)(cli *, const cli_args *);
} cli_command;
enum { CLI_ANY = 0xffff };

/* Tables end with a row without a name. */
extern const cli_command key_commands[], value_commands[], config_commands[], plugin_commands[],
    inspect_commands[], bench_commands[], simulate_commands[], admin_commands[], run_commands[],
    help_commands[];
extern const cli_command *const cli_tables[]; /* NULL-terminated */

/* Finds and runs the command that args->operands begin with. */
int cli_dispatch(cli *, cli_args *);
/* `help`, `help NAME`, and what a command without operands prints. */
void cli_help(cli_out *, const cli_command *);
/* The command that words begin with; *used: how many words its name takes. NULL. */
const cli_command *cli_find(char *const *words, size_t count, size_t *used);
/* A message about a command that does not exist. */
void cli_unknown(const cli *, char *const *words, size_t count);

/* ---- cmd_plugin.c, plugin_*.c */
const char *kind_name(int number);
int kind_number(const char *name);
/* The kind that `text` begins with, followed by `end`; NULL. */
const char *kind_prefix(const char *text, char end);
/* "KIND NAME", or "KIND_NAME" in one word, of `plugin VERB`. False after a message. */
bool plugin_words(const cli *, const cli_args *, const char *verb, const char **kind,
                  const char **name);
int plugin_info(cli *, const cli_args *);
int plugin_check(cli *, const cli_args *);
int plugin_new(cli *, const cli_args *);

/* ---- cmd_values.c: all of a file, or of standard input ("-"); malloc'd. False after a message. */
bool input_read(const cli *, const char *name, char **data, size_t *len);

/* ---- session.c */
struct cli {
    cli_out out;
    const char *config_file; /* NULL: built-in defaults */
    mst_config *config;
    struct uv_loop_s *loop; /* lent to the runtime; NULL: it has its own */
    mst_runtime *runtime;
    mst_cache *cache;
    char section[256]; /* of the cache: "cache", "cache.NAME" */
    bool verbose;
    bool batch;       /* one of several commands of `memstache run` */
    const char *file; /* run: where the line stands */
    unsigned long line;
};

/* A line on stderr: "memstache: " (in a batch "FILE:LINE: ") and the text. */
void cli_say(const cli *, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Each returns CLI_OK, or the exit code after messages. */
int session_read(cli *, const cli_args *);  /* file and --set; no plugins */
int session_check(cli *, const cli_args *); /* and all of it checked */
int session_cache(cli *, const cli_args *); /* and opened; cli->cache is the one of --cache */
void session_close(cli *);
/* Before the runtime is opened: lend it a loop, which this thread is going to run. The blocking
 * calls do not work then. CLI_OK, or CLI_FAILED after a message. */
int session_lend_loop(cli *);
/* session_check() whose problems go to a function. */
typedef void (*cli_problem_fn)(void *arg, const char *text);
int session_examine(cli *, const cli_args *, cli_problem_fn, void *arg, size_t *problems);

/* ---- problems.c */
typedef struct cli_problems {
    char **texts;
    size_t count;
} cli_problems;
/* What the last call found, at least *error; returns how many. */
size_t problems_keep(cli_problems *, const mst_config *, const mst_error *error);
void problems_free(cli_problems *);
/* Passes both lists on, in the order of the file. */
void problems_merge(const cli_problems *, const cli_problems *, const char *file, cli_problem_fn,
                    void *arg);

/* ---- answer.c */
/* The call's options from the line's. */
mst_options answer_options(const cli_args *);
/* Says so and returns false when it cannot be a key. */
bool answer_key(const cli *, const char *text, mst_slice *key);
/* Shows the answer for one key and returns its exit code. `show`: what goes to standard output
 * when the status is MST_OK (with --json: always an object). */
enum { SHOW_NOTHING, SHOW_VALUE, SHOW_TTL, SHOW_FRAMED };
int answer(cli *, const cli_args *, const char *verb, mst_slice key, const mst_result *, int show);

#endif
