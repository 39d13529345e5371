/* raw_test.c - the serializer of plain bytes. */
#include <criterion/criterion.h>
#include <string.h>

#include "codec_floor.h"

static const mst_type bytes_type = {"bytes", "", 0};

Test(raw, bytes_come_back_as_a_slice)
{
    static const mst_slice values[] = {{"", 0}, {NULL, 0}, {"a\0b", 3}};
    codec_floor floor;
    codec_floor_open(&floor);
    for (int i = 0; i < 3; i++) {
        msi_bytes out;
        msi_object *o;
        msi_bytes_init(&out, floor.codec.allocator, 100);
        cr_assert_eq(msi_codec_encode(&floor.codec, &bytes_type, &values[i], &out), MST_OK);
        cr_assert_eq(out.len, values[i].len);
        size_t before = floor.plugins.bytes;
        cr_assert_eq(msi_codec_decode(&floor.codec, MSI_WIRE_RAW, &bytes_type,
                                      (mst_slice){out.data, out.len}, &o),
                     MST_OK);
        const mst_slice *got = o->object;
        cr_assert_eq(got->len, values[i].len);
        cr_assert_eq(memcmp(got->data, "a\0b", got->len), 0);
        cr_assert_eq(o->base.bytes, sizeof *o + sizeof *got + got->len);
        cr_assert_geq(floor.plugins.bytes - before, sizeof *got + got->len);
        msi_object_release(o);
        msi_bytes_fini(&out);
    }
    cr_assert_eq(codec_floor_close(&floor), 0);
}

Test(raw, failing_allocations_are_errors)
{
    codec_floor floor;
    msi_object *o;
    codec_floor_open(&floor);
    for (long n = 1; n <= 2; n++) {
        floor.trigger.fail_at = floor.trigger.calls + n;
        cr_assert_eq(msi_codec_decode(&floor.codec, 0, &bytes_type, (mst_slice){"abc", 3}, &o),
                     MST_ENOMEM);
        cr_assert_null(o);
    }
    cr_assert_eq(codec_floor_close(&floor), 0);
}
