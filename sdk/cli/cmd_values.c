/* cmd_values.c - `set`: the value comes from the line, a file or standard input. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

/* Far beyond any sensible max_value_bytes; keeps `set k < /dev/zero` from eating the machine. */
#define INPUT_MAX ((size_t) 1 << 30)

/* False with errno set. */
static bool read_all(FILE *file, char **data, size_t *len)
{
    size_t cap = 0;
    *data = NULL;
    *len = 0;
    for (;;) {
        if (*len == cap) {
            size_t grown = cap ? cap * 2 : 65536;
            char *more = *len < INPUT_MAX ? realloc(*data, grown) : NULL;
            if (!more) {
                errno = *len < INPUT_MAX ? ENOMEM : EFBIG;
                return false;
            }
            *data = more;
            cap = grown;
        }
        size_t n = fread(*data + *len, 1, cap - *len, file);
        *len += n;
        if (n == 0) {
            return !ferror(file);
        }
    }
}

bool input_read(const cli *c, const char *name, char **data, size_t *len)
{
    bool standard = strcmp(name, "-") == 0;
    FILE *file = standard ? stdin : fopen(name, "rb");
    bool read = file && read_all(file, data, len);
    int error = errno;
    if (file && !standard) {
        fclose(file);
    }
    if (!read) {
        cli_say(c, "cannot read %s: %s", standard ? "standard input" : name,
                error == EFBIG ? "longer than 1 GiB, which no cache should hold" : strerror(error));
        if (file) {
            free(*data);
        }
        *data = NULL;
    }
    return read;
}

/* Where the value comes from: NULL when it is in the line. False after a message. */
static bool source(const cli *c, const cli_args *args, const char **name)
{
    bool in_line = args->count == 2 && strcmp(args->operands[1], "-") != 0;
    *name = args->file ? args->file : in_line ? NULL : "-";
    if (args->file && args->count == 2) {
        cli_say(c, "set: a VALUE and --file at once; leave one out");
        return false;
    }
    if (*name && strcmp(*name, "-") == 0 && c->batch) {
        cli_say(c, "set: no value; in a batch give VALUE or --file F");
        return false;
    }
    if (*name && strcmp(*name, "-") == 0 && isatty(STDIN_FILENO) && args->count == 1) {
        cli_say(c, "set: no value; give VALUE or --file F, or pipe it in");
        return false;
    }
    return true;
}

static int set(cli *c, const cli_args *args)
{
    mst_options options = answer_options(args);
    mst_result result = {0};
    mst_slice key;
    const char *name;
    char *data = NULL;
    mst_input input = {0};
    if (!answer_key(c, args->operands[0], &key) || !source(c, args, &name)) {
        return CLI_USAGE;
    }
    int code = session_cache(c, args);
    if (code != CLI_OK) {
        return code;
    }
    if (name) {
        if (!input_read(c, name, &data, &input.len)) {
            return CLI_FAILED;
        }
        input.data = data;
    } else {
        input.data = args->operands[1];
        input.len = strlen(args->operands[1]);
    }
    result.status = mst_set_wait(c->cache, key, &input, &options, &result);
    code = answer(c, args, "set", key, &result, SHOW_NOTHING);
    mst_result_release(&result);
    free(data);
    return code;
}

const cli_command value_commands[] = {
    {"set", "KEY [VALUE]", "store a value under a key",
     "The value is VALUE, or the contents of a file, or what comes in on standard input when VALUE "
     "is - or left out.",
     ARG_EXPIRE | ARG_SLIDING | ARG_COMPRESS | ARG_IF_ABSENT | ARG_IF_PRESENT | ARG_FILE, 1, 2,
     set},
    {0},
};
