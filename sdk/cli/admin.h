/* admin.h - the parts of `stat` and `health`: cmd_admin.c asks, admin_show.c prints. */
#ifndef MEMSTACHE_CLI_ADMIN_H
#define MEMSTACHE_CLI_ADMIN_H

#include <jansson.h>

#include "cli.h"

/* An answer to `stat` as text; rates since `before`, which may be NULL: since the start. */
void stat_show(cli_out *, const json_t *now, const json_t *before);
/* An answer to `health` as text. */
void health_show(cli_out *, const json_t *answer);

#endif
