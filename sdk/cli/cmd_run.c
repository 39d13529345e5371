/* cmd_run.c - `run`: commands from a file or standard input, one a line, in one process.
 *
 * All lines share the configuration, the runtime and so the memory tier. A line is split into words
 * as a shell would: blanks, '...', "..." with \n \t \r \\ \" \xNN, a backslash before a single
 * character, # for a comment at the beginning of a word.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "cli.h"

static int hex(const char *p)
{
    char pair[3] = {p[0], p[0] ? p[1] : '\0', '\0'};
    char *end;
    long value = strtol(pair, &end, 16);
    return end == pair + 2 && pair[0] != ' ' && pair[0] != '+' && pair[0] != '-' ? (int) value : -1;
}

/* The character behind a backslash within "..."; *p moves past it. -1: not one. */
static int escaped(const char **p)
{
    static const char names[] = "ntr", codes[] = "\n\t\r";
    const char *name;
    if (**p == 'x') {
        int code = hex(*p + 1);
        *p += code > 0 ? 3 : 0;
        return code > 0 ? code : -1;
    }
    if (**p == '\0') { /* the quote that is not closed is reported */
        return '\\';
    }
    name = strchr(names, **p);
    return name ? ((*p)++, codes[name - names]) : (unsigned char) *(*p)++;
}

/* Copies one word to *to, unquoted. NULL, or what is wrong with it. */
static const char *word(const char **from, char **to)
{
    const char *p = *from;
    char quote = '\0', *out = *to;
    for (; *p && (quote || !strchr(" \t\r\n", *p));) {
        if (quote ? *p == quote : *p == '"' || *p == '\'') {
            quote = quote ? '\0' : *p;
            p++;
        } else if (*p == '\\' && quote == '"') {
            p++;
            int code = escaped(&p);
            if (code < 0) {
                return "\\x wants two hexadecimal digits other than 00";
            }
            *out++ = (char) code;
        } else {
            p += *p == '\\' && !quote && p[1] && p[1] != '\n';
            *out++ = *p++;
        }
    }
    *out++ = '\0';
    *from = p;
    *to = out;
    return quote ? "a quote is not closed" : NULL;
}

/* Splits the line into words; the words lie in `store`, which is as long as the line and its end.
 * NULL, or what is wrong. */
static const char *split(const char *line, char *store, char **words, size_t *count)
{
    *count = 0;
    for (;;) {
        line += strspn(line, " \t\r\n");
        if (*line == '\0' || *line == '#') {
            return NULL;
        }
        words[(*count)++] = store;
        const char *wrong = word(&line, &store);
        if (wrong) {
            return wrong;
        }
    }
}

static int run_words(cli *c, const cli_args *outer, char **words, size_t count, char **operands)
{
    cli_args args = *outer;
    args.operands = operands;
    args.file = args.hex = NULL;
    if (!args_parse(c, words, count, &args)) {
        return CLI_USAGE;
    }
    if (args.given & (ARG_CONFIG | ARG_SET | ARG_VERBOSE)) {
        cli_say(c,
                "--config, --set and --verbose belong before `run`: all lines share one runtime");
        return CLI_USAGE;
    }
    return cli_dispatch(c, &args);
}

static int run_line(cli *c, const cli_args *outer, const char *line, size_t len)
{
    /* Every word but the last is followed by a blank, so half the line is enough for all. */
    size_t most = len / 2 + 2, count = 0;
    char *store = malloc(len + 2);
    char **words = calloc(most, sizeof *words), **operands = calloc(most, sizeof *operands);
    const char **sets = calloc(most, sizeof *sets), **options = calloc(most, sizeof *options);
    int code = CLI_FAILED;
    if (store && words && operands && sets && options) {
        const char *wrong = split(line, store, words, &count);
        cli_args args = *outer;
        args.sets = sets;
        args.set_count = 0;
        args.plugin_options = options;
        if (strlen(line) != len) {
            wrong = "a byte 0 in the line; use set KEY --file F for such values";
        }
        if (wrong) {
            cli_say(c, "%s", wrong);
        }
        code = wrong ? CLI_USAGE : count ? run_words(c, &args, words, count, operands) : CLI_OK;
    } else {
        cli_say(c, "%s", mst_strerror(MST_ENOMEM));
    }
    free(store);
    free(words);
    free(operands);
    free(sets);
    free(options);
    return code;
}

static int run_file(cli *c, const cli_args *args, FILE *file)
{
    bool prompt = isatty(fileno(file)) && isatty(STDERR_FILENO);
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    int worst = CLI_OK;
    for (c->line = 1; !c->out.error; c->line++) {
        if (prompt) {
            fputs("memstache> ", stderr);
        }
        errno = 0;
        len = getline(&line, &cap, file);
        if (len < 0) {
            break;
        }
        int code = run_line(c, args, line, (size_t) len);
        worst = code > worst ? code : worst;
        out_flush(&c->out);
    }
    if (ferror(file) || (!feof(file) && !c->out.error)) {
        cli_say(c, "cannot read: %s", strerror(errno));
        worst = CLI_FAILED;
    }
    free(line);
    return worst;
}

static int run(cli *c, const cli_args *args)
{
    bool standard = args->count == 0 || strcmp(args->operands[0], "-") == 0;
    if (c->batch) {
        cli_say(c, "run: not within run");
        return CLI_USAGE;
    }
    FILE *file = standard ? stdin : fopen(args->operands[0], "r");
    if (!file) {
        cli_say(c, "cannot read %s: %s", args->operands[0], strerror(errno));
        return CLI_FAILED;
    }
    /* Opened here, so that a configuration with problems is reported once and not for each line. */
    c->batch = true;
    c->file = standard ? "-" : args->operands[0];
    int code = session_cache(c, args);
    if (code == CLI_OK) {
        code = run_file(c, args, file);
    }
    if (!standard) {
        fclose(file);
    }
    return code;
}

const cli_command run_commands[] = {
    {"run", "[FILE|-]", "run commands from a file or standard input, one a line, in one process",
     "Words are split at blanks and quoted as in a shell; # begins a comment. Values are followed "
     "by a line end. The exit code is the highest of all lines.",
     0, 0, 1, run},
    {0},
};
