/* depth.h - how deep does a packed message nest? */
#ifndef PROTOBUF_DEPTH_H
#define PROTOBUF_DEPTH_H

#include <memstache/codec.h>
#include <protobuf-c/protobuf-c.h>

enum { DEPTH_LIMIT = 400 };

/* MST_OK when submessages nest at most `max` deep (at most DEPTH_LIMIT); MST_ECORRUPT when deeper,
 * or when the bytes are no message at all. Needs no memory and no recursion. */
mst_status mst_protobuf_depth(const ProtobufCMessageDescriptor *, mst_slice packed, unsigned max);

#endif
