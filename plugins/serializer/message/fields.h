/* fields.h - what the serializers that walk a message field by field know of
 * protobuf-c: names, sizes, presence, and how a message is filled. Both sides of each rule stand
 * here once, so that every serializer stores the same fields and reads the same values. */
#ifndef MESSAGE_FIELDS_H
#define MESSAGE_FIELDS_H

#include <stdbool.h>

#include "arena.h"

/* protobuf-c describes a map as what it is on the wire, a repeated message of key and value. It is
 * told by the name that protoc gives to that message. */
bool mst_field_is_map(const ProtobufCMessageDescriptor *parent, const ProtobufCFieldDescriptor *);
/* What one value of this type takes in the struct or in an array. */
size_t mst_field_size(ProtobufCType);
/* The rules of protobuf_c_message_pack(), so that all serializers store the same fields. */
bool mst_field_is_present(const ProtobufCFieldDescriptor *, const ProtobufCMessage *);

/* Underscores go, and the letter behind each becomes a capital; with `first`, the first one does as
 * well. The length; 0 when it does not fit into `cap` bytes, with its zero. */
size_t mst_field_camel_case(const char *name, bool first, char *out, size_t cap);

/* ---- filling a message: all memory is the arena's, errors are those of the arena */

/* MST_EINVAL: the descriptor is not from protoc-c. */
mst_status mst_message_new(mst_arena *, const ProtobufCMessageDescriptor *, ProtobufCMessage **);
/* An array of `n` values, zeroed, which the repeated field has from now on. */
mst_status mst_message_list(mst_arena *, ProtobufCMessage *, const ProtobufCFieldDescriptor *,
                            size_t n, void **values);
/* Sets what says that the field is there. MST_ECORRUPT: another one of its oneof is. */
mst_status mst_message_mark(ProtobufCMessage *, const ProtobufCFieldDescriptor *);
/* A copy with a zero behind it. MST_ECORRUPT when there is one inside: strings of protobuf-c end at
 * the first one. */
mst_status mst_message_string(mst_arena *, const char *text, size_t len, char **out);
/* The nearest float. MST_ECORRUPT for a number that is beyond all of them. */
mst_status mst_message_float(double, float *out);

#endif
