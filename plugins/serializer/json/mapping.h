/* mapping.h - protobuf messages as JSON, by the proto3 JSON mapping. What the files share:
 *
 *   names.c   lowerCamelCase names
 *   write.c   a message to JSON text
 *   read.c    a JSON value to a message; number.c  JSON numbers to integers and floats
 *   scan.c    bounds on a text before anything is built from it
 *   base64.c  bytes fields
 */
#ifndef JSON_MAPPING_H
#define JSON_MAPPING_H

#include <jansson.h>

#include "../message/fields.h"

enum { JSON_NAME_MAX = 256, JSON_DEPTH_LIMIT = 400 };

/* The field's name in JSON: composed in `memory`, or the original one when that is too long. */
const char *mst_json_name(const ProtobufCFieldDescriptor *, char memory[JSON_NAME_MAX]);
/* MST_EINVAL: nests deeper than `max_depth`, text that is not UTF-8, a descriptor without names. */
mst_status mst_json_write(const ProtobufCMessage *, unsigned max_depth, mst_sink *);

/* MST_ECORRUPT when `text` nests deeper than messages of `max_depth` can; MST_ETOOBIG when parsing
 * it could take more than `max_memory`. Looks at brackets and strings only. *longest_token: at
 * least as long as the longest string or number. */
mst_status mst_json_scan(mst_slice text, unsigned max_depth, uint64_t max_memory,
                         size_t *longest_token);
/* All memory of the message comes from the arena. */
mst_status mst_json_read(const ProtobufCMessageDescriptor *, const json_t *, unsigned max_depth,
                         mst_arena *, ProtobufCMessage **out);

/* Why jansson refused a text: MST_ENOMEM, else MST_ECORRUPT. */
mst_status mst_json_refusal(const json_error_t *);

/* Integers: a JSON number, or a string with one in it. Signed when min < 0; *out is then the
 * two's complement. MST_ECORRUPT when it is none, or outside of min..max. */
mst_status mst_json_integer(const json_t *, int64_t min, uint64_t max, uint64_t *out);
mst_status mst_json_integer_text(const char *text, int64_t min, uint64_t max, uint64_t *out);
/* Likewise, and "NaN", "Infinity", "-Infinity". */
mst_status mst_json_double(const json_t *, double *out);

/* 4 characters for each 3 bytes, the last ones padded. `out` has room for 4 * ((len + 2) / 3). */
size_t mst_base64_write(const uint8_t *data, size_t len, char *out);
/* Standard or URL-safe alphabet, padded or not. `out` has room for 3 * len / 4 bytes. */
bool mst_base64_read(const char *text, size_t len, uint8_t *out, size_t *out_len);

#endif
