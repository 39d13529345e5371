/* messages.h - filled messages for the tests of the serializers: every kind of field set. */
#ifndef TEST_MESSAGES_H
#define TEST_MESSAGES_H

#include "legacy.pb-c.h"
#include "test.pb-c.h"

/* The structs point into static memory: one of each at a time, do not free. */
const Memstache__Test__Everything *message_everything(void);
const Memstache__Test__Product *message_product(void);
const Memstache__Test__Legacy *message_legacy(void);

/* Two messages with the same bytes on the wire. */
int message_equal(const ProtobufCMessage *, const ProtobufCMessage *);

#endif
