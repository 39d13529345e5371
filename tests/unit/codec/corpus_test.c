/* corpus_test.c - what was stored once must stay readable for ever: the golden files. */
#include "corpus.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <string.h>

#include "codec_floor.h"

static corpus golden;

static void setup(void)
{
    const char *wrong = corpus_load(&golden);
    cr_assert_null(wrong, "%s", wrong);
    cr_assert_geq(golden.count, 43);
}

static void teardown(void)
{
    corpus_free(&golden);
}

Test(corpus, every_header_reads_as_written, .init = setup, .fini = teardown)
{
    unsigned flags_seen = 0;
    for (size_t i = 0; i < golden.count; i++) {
        const corpus_file *f = &golden.files[i];
        mst_envelope e;
        mst_error error = {0, ""};
        cr_assert_eq(mst_envelope_read((mst_slice){f->bytes, f->len}, &e, &error), MST_OK, "%s: %s",
                     f->name, error.text);
        cr_assert_eq(memcmp(&e, &f->expected, sizeof e), 0, "%s", f->name);
        flags_seen |= 1u << (f->bytes[1] & 15);
    }
    cr_assert_eq(flags_seen, 0xFFFF, "every combination of flags has a file");
}

/* The writer of today spells the same values in the same bytes. */
Test(corpus, every_header_is_written_the_same, .init = setup, .fini = teardown)
{
    for (size_t i = 0; i < golden.count; i++) {
        const corpus_file *f = &golden.files[i];
        uint8_t header[MSI_ENVELOPE_MAX];
        mst_envelope e = f->expected;
        mst_slice payload = {f->bytes + e.header_len, e.payload_len};
        cr_assert_eq(msi_envelope_write(header, &e, payload), f->expected.header_len, "%s",
                     f->name);
        cr_assert_eq(memcmp(header, f->bytes, e.header_len), 0, "%s", f->name);
    }
}

Test(corpus, every_payload_opens, .init = setup, .fini = teardown)
{
    codec_floor floor;
    codec_floor_open(&floor);
    for (size_t i = 0; i < golden.count; i++) {
        const corpus_file *f = &golden.files[i];
        msi_meta meta;
        mst_slice payload;
        uint8_t *inflated;
        mst_status status =
            msi_codec_open(&floor.codec, (mst_slice){f->bytes, f->len}, &meta, &payload, &inflated);
        if (f->expected.compressor_id > 127) {
            cr_assert_eq(status, MST_ECORRUPT, "%s: nobody has this compressor", f->name);
            continue;
        }
        cr_assert_eq(status, MST_OK, "%s", f->name);
        cr_assert_eq(payload.len, f->expected.raw_len, "%s", f->name);
        cr_assert_eq(memcmp(payload.data, f->payload, payload.len), 0, "%s", f->name);
        cr_assert_eq(inflated != NULL, f->expected.compressor_id != 0);
        cr_assert_eq(meta.expires_ms, f->expected.expires_ms);
        msi_free(floor.codec.allocator, inflated);
    }
    cr_assert_gt(floor.codec.faults[MSI_ENVELOPE_CODEC_UNKNOWN], 0);
    cr_assert_eq(codec_floor_close(&floor), 0);
}

/* A file that no line names would not be tested. */
Test(corpus, every_file_is_in_the_manifest, .init = setup, .fini = teardown)
{
    char path[4096];
    size_t files = 0;
    snprintf(path, sizeof path, "%s/tests/corpus/envelope", getenv("MEMSTACHE_SOURCE_ROOT"));
    DIR *dir = opendir(path);
    cr_assert_not_null(dir);
    for (struct dirent *d; (d = readdir(dir));) {
        files += strstr(d->d_name, ".bin") != NULL;
    }
    closedir(dir);
    cr_assert_eq(files, golden.count);
}
