/* commands.h - operations as commands, on a connection that is ready. */
#ifndef REDIS_COMMANDS_H
#define REDIS_COMMANDS_H

#include "conn.h"

/* Write the op, or gather it: gets that follow each other leave as one MGET. */
void red_command(red_conn *, mst_op *);
/* What was gathered becomes a command. */
void red_command_gets(red_conn *);

#endif
