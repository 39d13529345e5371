/* args.c - options and operands, from one table that also prints the help.
 *
 * Not getopt: the lines of `memstache run` are parsed again and again, options may stand anywhere,
 * and a misspelt one is answered with the nearest name. An option means the same for every command;
 * which of them a command takes is in the command's row.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { FLAG, TEXT, DURATION, MILLISECONDS, YES_NO, MANY, OPTIONS, WHOLE, REAL };

typedef struct option_row {
    const char *name;
    char letter;
    int type;
    uint64_t bit;
    size_t offset;
    const char *value, *help;
} option_row;

#define AT(member) offsetof(cli_args, member)
static const option_row table[] = {
    {"config", 'c', TEXT, ARG_CONFIG, AT(config), "FILE",
     "INI file; else $MEMSTACHE_CONFIG, ./memstache.ini, defaults"},
    {"set", 0, MANY, ARG_SET, 0, "SECTION.KEY=VALUE", "change one key of the configuration"},
    {"cache", 0, TEXT, ARG_CACHE, AT(cache), "NAME", "work on [cache.NAME] instead of [cache]"},
    {"timeout", 0, MILLISECONDS, ARG_TIMEOUT, AT(timeout_ms), "MS",
     "deadline of the request, as 250 or 5s; never"},
    {"json", 0, FLAG, ARG_JSON, AT(json), NULL, "one JSON object per answer"},
    {"explain", 0, FLAG, ARG_EXPLAIN, AT(explain), NULL,
     "say on stderr which tier answered, why, how old the value is"},
    {"quiet", 'q', FLAG, ARG_QUIET, AT(quiet), NULL, "no notes on stderr, errors only"},
    {"verbose", 'v', FLAG, ARG_VERBOSE, AT(verbose), NULL, "all log lines on stderr"},
    {"help", 'h', FLAG, ARG_HELP, AT(help), NULL, "help for the command"},
    {"version", 0, FLAG, ARG_VERSION, AT(version), NULL, "the same as the command version"},
    {"expire", 0, DURATION, ARG_EXPIRE, AT(expire_ms), "D",
     "longest life of the entry: 250ms, 5s, 30m, 12h, 7d, never"},
    {"sliding", 0, DURATION, ARG_SLIDING, AT(sliding_ms), "D",
     "gone after so long without a read; never: no such limit"},
    {"compress", 0, YES_NO, ARG_COMPRESS, AT(compress), "yes|no",
     "compress the value, or do not, whatever is configured"},
    {"if-absent", 0, FLAG, ARG_IF_ABSENT, AT(if_absent), NULL, "only when the key is not there"},
    {"if-present", 0, FLAG, ARG_IF_PRESENT, AT(if_present), NULL, "only when the key is there"},
    {"file", 0, TEXT, ARG_FILE, AT(file), "F", "take the value from a file"},
    {"yes", 0, FLAG, ARG_YES, AT(yes), NULL, "really do it"},
    {"all", 0, FLAG, ARG_ALL, AT(all), NULL, "also what lies in the plugin directories"},
    {"dir", 0, TEXT, ARG_DIR, AT(dir), "DIR", "the directory to make; else the name of the plugin"},
    {"hex", 0, TEXT, ARG_HEX, AT(hex), "TEXT", "the bytes, as pairs of hexadecimal digits"},
    {"workload", 0, TEXT, ARG_WORKLOAD, AT(workload), "W",
     "get, set, get_many, mixed (10 % sets) or mixed:P (P %); else get"},
    {"keys", 0, WHOLE, ARG_KEYS, AT(keys), "N", "how many keys; else 10000"},
    {"value-size", 0, WHOLE, ARG_VALUE_SIZE, AT(value_size), "B", "bytes of a value; else 100"},
    {"depth", 0, WHOLE, ARG_DEPTH, AT(depth), "D", "requests in flight, per thread; else 1"},
    {"threads", 0, WHOLE, ARG_THREADS, AT(threads), "T", "threads that ask; else 1"},
    {"batch", 0, WHOLE, ARG_BATCH, AT(batch), "K", "keys of a get_many; else 16"},
    {"dist", 0, TEXT, ARG_DIST, AT(dist), "DIST",
     "which keys: uniform, or zipf:A with the exponent A; else uniform"},
    {"seconds", 0, REAL, ARG_SECONDS, AT(seconds), "S", "how long to measure; else 5"},
    {"rate", 0, REAL, ARG_RATE, AT(rate), "R",
     "operations per second, of all threads; else as fast as it goes"},
    {"trace-out", 0, TEXT, ARG_TRACE_OUT, AT(trace_out), "FILE",
     "write down which keys are asked for, as simulate reads it"},
    {"trace", 0, TEXT, ARG_SIMULATE, AT(trace), "FILE",
     "the requests, a key on each line; - is standard input"},
    {"format", 0, TEXT, ARG_SIMULATE, AT(format), "F",
     "text, oracle (libCacheSim's oracleGeneral), auto; else auto"},
    {"policies", 0, TEXT, ARG_SIMULATE, AT(policies), "P,P...",
     "eviction plugins; else all in the plugin directories"},
    {"sizes", 0, TEXT, ARG_SIMULATE, AT(sizes), "N,N...",
     "entries, as 10000 or 10k, or shares of the keys, as 5%; else four"},
    {"max-bytes", 0, FLAG, ARG_SIMULATE, AT(in_bytes), NULL,
     "sizes are bytes, as 64MiB, and values have those of the trace"},
    {"svg", 0, TEXT, ARG_SIMULATE, AT(svg), "FILE", "also draw the miss ratios"},
    {"socket", 0, TEXT, ARG_ADMIN, AT(socket), "PATH",
     "admin socket of the process; else the one of the configuration"},
    {"watch", 0, REAL, ARG_ADMIN, AT(watch), "SEC", "stat: look again every so many seconds"},
    {"recommend", 0, FLAG, ARG_SIMULATE, AT(recommend), NULL,
     "print the lines for memstache.ini instead"},
    {"only", 0, TEXT, ARG_CHECK, AT(only), "GLOB", "only these cases, as codec/* or *bit-flips"},
    {"seed", 0, WHOLE, ARG_CHECK, AT(seed), "N", "repeat what the seed N found; else a new one"},
    {"option", 0, OPTIONS, ARG_CHECK, 0, "KEY=VALUE", "an option of the plugin; repeatable"},
    {"list", 0, FLAG, ARG_CHECK, AT(list), NULL, "print the cases, run none"},
};
enum { ROWS = sizeof table / sizeof table[0] };

static const option_row *by_name(const char *name, size_t len)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (strlen(table[i].name) == len && memcmp(table[i].name, name, len) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static const option_row *by_letter(char letter)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (table[i].letter == letter) {
            return &table[i];
        }
    }
    return NULL;
}

static bool unknown(const cli *c, const char *word)
{
    text_nearest nearest = {.word = word + strspn(word, "-")};
    for (size_t i = 0; i < ROWS && word[1] == '-'; i++) {
        text_nearest_try(&nearest, table[i].name);
    }
    if (nearest.best) {
        cli_say(c, "unknown option %s; did you mean --%s?", word, nearest.best);
    } else {
        cli_say(c,
                "unknown option %s; see memstache help, or write -- before a word that begins "
                "with a dash",
                word);
    }
    return false;
}

static bool store_ms(const cli *c, const option_row *row, const char *value, int64_t *ms)
{
    if (!text_read_ms(value, row->type == MILLISECONDS, ms)) {
        cli_say(c, "--%s: \"%s\" is not a duration; write %s250ms, 5s, 30m, 12h, 7d or never",
                row->name, value, row->type == MILLISECONDS ? "milliseconds, or " : "");
        return false;
    }
    if (*ms == 0) {
        cli_say(c, "--%s: 0 is no duration; leave the option out for what is configured",
                row->name);
        return false;
    }
    return true;
}

static bool store_number(const cli *c, const option_row *row, const char *value, double *number)
{
    /* Digits and a point only: strtod() would also take blanks, signs, 0x10, inf and nan. */
    const char *allowed = row->type == WHOLE ? "0123456789" : "0123456789.";
    char *end;
    *number = strtod(value, &end);
    if (*value == '\0' || value[strspn(value, allowed)] != '\0' || *end != '\0') {
        cli_say(c, "--%s: \"%s\" is not a %snumber", row->name, value,
                row->type == WHOLE ? "whole " : "");
        return false;
    }
    return true;
}

static bool store(const cli *c, const option_row *row, const char *value, cli_args *args)
{
    void *at = (char *) args + row->offset;
    switch (row->type) {
    case FLAG:
        *(bool *) at = true;
        return true;
    case TEXT:
        *(const char **) at = value;
        return true;
    case MANY:
        args->sets[args->set_count++] = value;
        return true;
    case OPTIONS:
        args->plugin_options[args->plugin_option_count++] = value;
        return true;
    case YES_NO:
        *(int *) at = strcmp(value, "yes") == 0 ? MST_YES : MST_NO;
        if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0) {
            cli_say(c, "--%s: \"%s\" is neither yes nor no", row->name, value);
            return false;
        }
        return true;
    case WHOLE:
    case REAL:
        return store_number(c, row, value, at);
    default:
        return store_ms(c, row, value, at);
    }
}

/* One option at words[*at], its value in the same word or in the next one. */
static bool option(const cli *c, char *const *words, size_t count, size_t *at, cli_args *args)
{
    const char *word = words[*at], *value = NULL;
    const option_row *row;
    if (word[1] == '-') {
        size_t len = strcspn(word + 2, "=");
        row = by_name(word + 2, len);
        value = word[2 + len] ? word + 2 + len + 1 : NULL;
    } else {
        row = by_letter(word[1]);
        value = word[2] ? word + 2 : NULL;
    }
    if (!row || (row->type == FLAG && value && word[1] != '-')) {
        return unknown(c, word);
    }
    if (row->type == FLAG && value) {
        cli_say(c, "--%s takes no value", row->name);
        return false;
    }
    if (row->type != FLAG && !value) {
        if (++*at == count) {
            cli_say(c, "--%s needs a value: %s", row->name, row->value);
            return false;
        }
        value = words[*at];
    }
    args->given |= row->bit;
    return store(c, row, value, args);
}

bool args_parse(const cli *c, char *const *words, size_t count, cli_args *args)
{
    bool options = true;
    args->given = 0;
    args->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (options && strcmp(words[i], "--") == 0) {
            options = false;
        } else if (!options || words[i][0] != '-' || words[i][1] == '\0') {
            args->operands[args->count++] = words[i];
        } else if (!option(c, words, count, &i, args)) {
            return false;
        }
    }
    return true;
}

const char *args_name(uint64_t options)
{
    size_t i = 0;
    while (i + 1 < ROWS && !(table[i].bit & options)) {
        i++;
    }
    return table[i].name;
}

void args_help(cli_out *out, uint64_t options)
{
    for (size_t i = 0; i < ROWS; i++) {
        const option_row *row = &table[i];
        if (!(row->bit & options)) {
            continue;
        }
        char head[48];
        snprintf(head, sizeof head, "--%s %s", row->name, row->value ? row->value : "");
        if (row->letter) {
            out_format(out, "  -%c, %-26s %s\n", row->letter, head, row->help);
        } else {
            out_format(out, "      %-26s %s\n", head, row->help);
        }
    }
}
