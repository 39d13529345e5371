/* cmd_keys.c - commands that ask about keys or remove them: no value goes in. */
#include <stdlib.h>

#include "cli.h"

typedef mst_status (*ask_fn)(mst_cache *, mst_slice, const mst_options *, mst_result *);

static int ask(cli *c, const cli_args *args, const char *verb, const char *text, ask_fn fn,
               int show)
{
    mst_options options = answer_options(args);
    mst_result result = {0};
    mst_slice key;
    if (!answer_key(c, text, &key)) {
        return CLI_USAGE;
    }
    result.status = fn(c->cache, key, &options, &result);
    int code = answer(c, args, verb, key, &result, show);
    mst_result_release(&result);
    return code;
}

static int ask_first(cli *c, const cli_args *args, const char *verb, ask_fn fn, int show)
{
    int code = session_cache(c, args);
    return code == CLI_OK ? ask(c, args, verb, args->operands[0], fn, show) : code;
}

/* Asks for every operand; prints for how many the answer is yes. */
static int ask_all(cli *c, const cli_args *args, const char *verb, ask_fn fn)
{
    size_t yes = 0;
    int worst = session_cache(c, args);
    if (worst != CLI_OK) {
        return worst;
    }
    for (size_t i = 0; i < args->count; i++) {
        int code = ask(c, args, verb, args->operands[i], fn, SHOW_NOTHING);
        yes += code == CLI_OK;
        worst = code > worst ? code : worst;
    }
    if (!args->json) {
        out_format(&c->out, "%zu\n", yes);
    }
    return worst;
}

static int get(cli *c, const cli_args *args)
{
    return ask_first(c, args, "get", mst_get_wait, SHOW_VALUE);
}

static int ttl(cli *c, const cli_args *args)
{
    return ask_first(c, args, "ttl", mst_exists_wait, SHOW_TTL);
}

static int touch(cli *c, const cli_args *args)
{
    return ask_first(c, args, "touch", mst_touch_wait, SHOW_NOTHING);
}

static int del(cli *c, const cli_args *args)
{
    return ask_all(c, args, "del", mst_remove_wait);
}

static int exists(cli *c, const cli_args *args)
{
    return ask_all(c, args, "exists", mst_exists_wait);
}

static int mget_keys(cli *c, const cli_args *args, mst_slice *keys, mst_result *results)
{
    mst_options options = answer_options(args);
    int worst = CLI_OK;
    for (size_t i = 0; i < args->count; i++) {
        if (!answer_key(c, args->operands[i], &keys[i])) {
            return CLI_USAGE;
        }
        results[i].status = MST_PENDING;
    }
    mst_status status = mst_get_many_wait(c->cache, keys, args->count, &options, results);
    for (size_t i = 0; i < args->count; i++) {
        if (results[i].status == MST_PENDING) { /* the call failed before it got there */
            results[i].status = status;
        }
        int code = answer(c, args, "mget", keys[i], &results[i], SHOW_FRAMED);
        worst = code > worst ? code : worst;
        mst_result_release(&results[i]);
    }
    return worst;
}

static int mget(cli *c, const cli_args *args)
{
    int code = session_cache(c, args);
    if (code != CLI_OK) {
        return code;
    }
    mst_slice *keys = calloc(args->count, sizeof *keys);
    mst_result *results = calloc(args->count, sizeof *results);
    if (keys && results) {
        code = mget_keys(c, args, keys, results);
    } else {
        cli_say(c, "mget: %s", mst_strerror(MST_ENOMEM));
        code = CLI_FAILED;
    }
    free(keys);
    free(results);
    return code;
}

static int clear(cli *c, const cli_args *args)
{
    mst_options options = answer_options(args);
    mst_result result = {0};
    if (!args->yes) {
        cli_say(c, "clear removes every key of the cache from all its tiers; add --yes to do it");
        return CLI_USAGE;
    }
    int code = session_cache(c, args);
    if (code != CLI_OK) {
        return code;
    }
    result.status = mst_clear_wait(c->cache, &options, &result);
    code = answer(c, args, "clear", mst_str(c->section), &result, SHOW_NOTHING);
    mst_result_release(&result);
    return code;
}

const cli_command key_commands[] = {
    {"get", "KEY", "print the value of a key",
     "The bytes as they are; a line end follows on a terminal and in a batch only.", 0, 1, 1, get},
    {"del", "KEY...", "remove keys", "Prints how many were there.", 0, 1, CLI_ANY, del},
    {"exists", "KEY...", "ask whether keys are there", "Prints how many are.", 0, 1, CLI_ANY,
     exists},
    {"ttl", "KEY", "print how long a key will live",
     "As 1500ms, 5m or never, which --expire takes back.", 0, 1, 1, ttl},
    {"touch", "KEY", "give a key a new life",
     "Without options the life that is configured. The value stays.", ARG_EXPIRE | ARG_SLIDING, 1,
     1, touch},
    {"mget", "KEY...", "print the values of several keys",
     "For each key a line \"KEY LENGTH\", the value and a line end; \"KEY -\" when it is not "
     "there.",
     0, 1, CLI_ANY, mget},
    {"clear", "", "remove every key of the cache",
     "From all tiers, of this cache's namespace only. Does nothing without --yes.", ARG_YES, 0, 0,
     clear},
    {0},
};
