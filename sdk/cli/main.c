/* main.c - the memstache command: finds the command's row, checks what it was given, runs it.
 *
 * All knowledge about a command stands in its row (cmd_*.c): name, operands, options, help,
 * function. Answers go to standard output, everything else to stderr, and the exit code says what
 * happened: memstache(1).
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

const cli_command *const cli_tables[] = {
    value_commands,    key_commands,     config_commands,
    plugin_commands,   inspect_commands, bench_commands,
    simulate_commands,
#ifdef CLI_HAS_JANSSON
    admin_commands,
#endif
    run_commands,      help_commands,    NULL,
};

/* How many words of a command's name the line begins with; 0 unless it is the whole name. */
static size_t match(const char *name, char *const *words, size_t count)
{
    const char *blank = strchr(name, ' ');
    size_t len = blank ? (size_t) (blank - name) : strlen(name);
    if (!count || strlen(words[0]) != len || memcmp(words[0], name, len) != 0) {
        return 0;
    }
    if (!blank) {
        return 1;
    }
    return count > 1 && strcmp(words[1], blank + 1) == 0 ? 2 : 0;
}

const cli_command *cli_find(char *const *words, size_t count, size_t *used)
{
    for (size_t i = 0; cli_tables[i]; i++) {
        for (const cli_command *row = cli_tables[i]; row->name; row++) {
            *used = match(row->name, words, count);
            if (*used) {
                return row;
            }
        }
    }
    return NULL;
}

void cli_unknown(const cli *c, char *const *words, size_t count)
{
    char line[128], second[128] = "";
    size_t len = strlen(words[0]), at = 0;
    text_nearest nearest = {.word = line};
    snprintf(line, sizeof line, "%s%s%s", words[0], count > 1 ? " " : "",
             count > 1 ? words[1] : "");
    for (size_t i = 0; cli_tables[i]; i++) {
        for (const cli_command *row = cli_tables[i]; row->name; row++) {
            if (strncmp(row->name, words[0], len) == 0 && row->name[len] == ' ') {
                int n = snprintf(second + at, sizeof second - at, "%s %s", at ? "," : "",
                                 row->name + len + 1);
                at += n > 0 && at + (size_t) n < sizeof second ? (size_t) n : 0;
            }
            nearest.word = strchr(row->name, ' ') ? line : words[0];
            text_nearest_try(&nearest, row->name);
        }
    }
    if (second[0]) {
        cli_say(c, "%s: say what to do:%s", line, second);
    } else if (nearest.best) {
        cli_say(c, "unknown command %s; did you mean %s?", words[0], nearest.best);
    } else {
        cli_say(c, "unknown command %s; memstache help lists the commands", words[0]);
    }
}

/* The options and operands that were given must be ones that the command takes. */
static bool fits(const cli *c, const cli_command *command, const cli_args *args)
{
    uint64_t extra = args->given & ~(command->options | ARG_EVERYWHERE | ARG_VERSION);
    if (extra) {
        cli_say(c, "%s takes no --%s; see memstache help %s", command->name, args_name(extra),
                command->name);
        return false;
    }
    if (args->count < command->min || args->count > command->max) {
        cli_say(c, "%s: %s; usage: memstache %s %s", command->name,
                args->count < command->min ? "something is missing" : "too many operands",
                command->name, command->operands);
        return false;
    }
    return true;
}

int cli_dispatch(cli *c, cli_args *args)
{
    size_t used = 0;
    if (!args->count) {
        if (args->help) {
            cli_help(&c->out, NULL);
            return CLI_OK;
        }
        cli_say(c, "no command; memstache help lists the commands");
        return CLI_USAGE;
    }
    const cli_command *command = cli_find(args->operands, args->count, &used);
    if (!command) {
        cli_unknown(c, args->operands, args->count);
        return CLI_USAGE;
    }
    if (args->help) {
        cli_help(&c->out, command);
        return CLI_OK;
    }
    args->operands += used;
    args->count -= used;
    return fits(c, command, args) ? command->run(c, args) : CLI_USAGE;
}

static int run_command(cli *c, cli_args *args, char **words, size_t count)
{
    static char *const version[] = {(char *) "version"};
    if (!args_parse(c, words, count, args)) {
        return CLI_USAGE;
    }
    c->verbose = args->verbose;
    if (args->version && !args->count) {
        args->operands[args->count++] = version[0];
    }
    return cli_dispatch(c, args);
}

int main(int argc, char **argv)
{
    cli c = {.out = {.file = stdout}};
    size_t count = argc > 1 ? (size_t) argc - 1 : 0;
    char **operands = calloc(count + 1, sizeof *operands);
    const char **sets = calloc(count + 1, sizeof *sets);
    const char **options = calloc(count + 1, sizeof *options);
    cli_args args = {.operands = operands, .sets = sets, .plugin_options = options};
    int code = CLI_FAILED;
    /* A closed pipe is then an error of the write, and ends in an exit code of ours. */
    signal(SIGPIPE, SIG_IGN);
    if (operands && sets && options) {
        code = run_command(&c, &args, argv + 1, count);
    } else {
        cli_say(&c, "%s", mst_strerror(MST_ENOMEM));
    }
    session_close(&c);
    out_flush(&c.out);
    if (c.out.error) {
        fprintf(stderr, "memstache: cannot write the answer: %s\n", strerror(c.out.error));
        code = CLI_FAILED;
    }
    free(operands);
    free(sets);
    free(options);
    return code;
}
