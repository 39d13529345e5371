/* answers.h - replies as answers. */
#ifndef REDIS_ANSWERS_H
#define REDIS_ANSWERS_H

#include "conn.h"

/* Answers the operations of a slot; takes the reply. */
void red_answer(red_conn *, const red_slot *, red_reply *);
/* The connection is over: they are tried again, or fail with `status`. */
void red_answer_none(redis *, const red_slot *, mst_status);
/* An error reply to a command, for the log: its code, at a limited rate. */
void red_refused(redis *, const red_reply *);

/* clear.c. A CLEAR may begin when the servers that it goes to can be asked, or cannot be hoped for:
 * MST_OK, else MST_PENDING. */
mst_status red_clear_may_begin(redis *);
void red_clear_begin(redis *, mst_op *);

#endif
