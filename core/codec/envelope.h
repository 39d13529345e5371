/* envelope.h - the stored form of a value, version 1. Little-endian; at most 24 bytes before an
 * uncompressed payload. tests/corpus/envelope holds golden files that must stay readable for ever.
 *
 *   offset size
 *   0      1    magic 0xC1: never begins UTF-8 text, never a MessagePack value
 *   1      1    version << 4 | flags
 *   2      1-2  serializer id: 7 bits; when bit 7 is set, bits 7..14 follow in a second byte. Not 0
 *   +0     6    created: milliseconds since 1970, wall clock
 *   +6     4    check: low 32 bits of XXH3-64 of the payload, seeded with the XXH3-64 (seed 0) of
 *               the header with these four bytes zero
 *   flag 1      compressed: compressor id 1-2 bytes as above, raw length 4 bytes
 *   flag 2      schema id 4 bytes
 *   flag 4      expiry 5 bytes: milliseconds after `created`; gone from then on
 *   flag 8      sliding window 2 bytes: bits 0..12 times 16 to the power of bits 13..15, in
 *               milliseconds, rounded up (by at most 1 in 512)
 *   ...         payload
 *
 * Every value has one spelling: a two-byte id is at least 128, the exponent of a sliding window is
 * the least that is large enough, a compressed payload is not empty. Other spellings are refused.
 * A serializer id above 127, which is not one of ours, makes it 25 bytes.
 */
#ifndef MSI_ENVELOPE_H
#define MSI_ENVELOPE_H

#include <memstache/memstache.h>

enum { MSI_ENVELOPE_MAX = 31, MSI_ENVELOPE_MIN = 13, MSI_ENVELOPE_VERSION = 1 };
/* 34.8 years in milliseconds; a longer life is stored as never. */
#define MSI_ENVELOPE_EXPIRY_MAX ((UINT64_C(1) << 40) - 1)

/* Why bytes are not an envelope that we can use; the index of a counter and of a message. */
typedef enum msi_envelope_fault {
    MSI_ENVELOPE_OK = 0,
    MSI_ENVELOPE_TRUNCATED,
    MSI_ENVELOPE_NO_MAGIC,
    MSI_ENVELOPE_VERSION_UNKNOWN,
    MSI_ENVELOPE_CHECK_FAILED,
    MSI_ENVELOPE_MALFORMED,     /* intact, but no writer of this version spells it so */
    MSI_ENVELOPE_TOO_BIG,       /* raw length above the limit */
    MSI_ENVELOPE_CODEC_UNKNOWN, /* no component with such a wire id is loaded; see codec.h */
    MSI_ENVELOPE_FAULTS
} msi_envelope_fault;
/* A sentence; MSI_ENVELOPE_FAULTS is "the payload cannot be decoded". */
const char *msi_envelope_fault_text(msi_envelope_fault);

/* Writes the header for `payload` into dst (MSI_ENVELOPE_MAX bytes); returns its length, also in
 * *e. version, header_len and payload_len of *e are set, the rest is read. */
size_t msi_envelope_write(uint8_t *dst, mst_envelope *e, mst_slice payload);
/* Reads and verifies. `max_raw` bounds raw_len; nothing is allocated. */
msi_envelope_fault msi_envelope_parse(mst_slice bytes, uint64_t max_raw, mst_envelope *e);
/* The raw length that the header of a compressed payload claims, unverified; else 0. */
uint64_t msi_envelope_inflates(mst_slice bytes);

#endif
