/* cmd_help.c - `help` and `version`; all help comes from the tables of the commands. */
#include "cli.h"

static void overview(cli_out *out)
{
    out_text(out, "usage: memstache [OPTION]... COMMAND [OPERAND]...\n\n");
    for (size_t i = 0; cli_tables[i]; i++) {
        for (const cli_command *row = cli_tables[i]; row->name; row++) {
            char head[40];
            snprintf(head, sizeof head, "%s %s", row->name, row->operands);
            out_format(out, "  %-21s  %s\n", head, row->summary);
        }
    }
    out_text(out, "\noptions of every command:\n");
    args_help(out, ARG_EVERYWHERE);
    out_text(out, "\nmemstache help COMMAND tells more; memstache(1) tells all.\n");
}

void cli_help(cli_out *out, const cli_command *command)
{
    if (!command) {
        overview(out);
        return;
    }
    out_format(out, "usage: memstache [OPTION]... %s%s%s\n\n%s.\n", command->name,
               command->operands[0] ? " " : "", command->operands, command->summary);
    out_paragraph(out, 0, command->details);
    if (command->options) {
        out_text(out, "\noptions:\n");
        args_help(out, command->options);
    }
    out_text(out, "\noptions of every command:\n");
    args_help(out, ARG_EVERYWHERE);
}

static int help(cli *c, const cli_args *args)
{
    size_t used = 0;
    const cli_command *command = NULL;
    if (args->count) {
        command = cli_find(args->operands, args->count, &used);
        if (!command) {
            cli_unknown(c, args->operands, args->count);
            return CLI_USAGE;
        }
    }
    cli_help(&c->out, command);
    return CLI_OK;
}

static void ignore(void *arg, const char *problem)
{
}

static int version(cli *c, const cli_args *args)
{
    cli_json json;
    const char *dir;
    size_t problems;
    /* Versions are what one asks for when something is wrong: problems must not hide them. */
    session_examine(c, args, ignore, NULL, &problems);
    if (!args->json) {
        out_format(&c->out, "memstache %s\nlibrary   %s\nABI       %u.%u\n", MST_VERSION,
                   mst_version(), MST_ABI_MAJOR, MST_ABI_MINOR);
        for (size_t i = 0; (dir = mst_config_plugin_dir(c->config, i)) != NULL; i++) {
            out_format(&c->out, "plugins   %s\n", dir);
        }
        return CLI_OK;
    }
    json_open(&json, &c->out);
    json_text(&json, "command", MST_VERSION);
    json_text(&json, "library", mst_version());
    json_number(&json, "abi_major", MST_ABI_MAJOR);
    json_number(&json, "abi_minor", MST_ABI_MINOR);
    json_list_open(&json, "plugin_directories");
    for (size_t i = 0; (dir = mst_config_plugin_dir(c->config, i)) != NULL; i++) {
        json_item_text(&json, dir);
    }
    json_list_close(&json);
    json_close(&json);
    return CLI_OK;
}

const cli_command help_commands[] = {
    {"version", "", "print the versions, and where plugins are looked for",
     "Of the command, of the library that runs, and of the plugin interface.", 0, 0, 0, version},
    {"help", "[COMMAND]", "print help", "For one command, or an overview.", 0, 0, 2, help},
    {0},
};
