/* demo.c - a program that stores an object and reads it back. */
#include <memstache/memstache.h>
#include <stdio.h>

int main(void)
{
    static const char descriptor[] =
        "an mst_slice"; /* what your serializer wants to know of a type */
    static const mst_type type = {.name = "slice", .descriptor = descriptor};
    static const mst_options options = {.type = &type};
    const mst_slice object = {"an object", 9};
    const mst_input input = {.object = &object};
    mst_runtime *runtime;
    mst_result result;
    mst_error error;
    if (mst_open_file("skeleton.ini", NULL, &runtime, &error) != MST_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    mst_cache *cache = mst_cache_named(runtime, NULL);
    mst_status status = mst_set_wait(cache, mst_str("key"), &input, &options, &result);
    mst_result_release(&result);
    if (status == MST_OK) {
        status = mst_get_wait(cache, mst_str("key"), &options, &result);
    }
    if (status == MST_OK) {
        const mst_slice *made = result.object;
        printf("%.*s, %s\n", (int) made->len, (const char *) made->data, mst_why_name(result.why));
    }
    mst_result_release(&result);
    mst_close_wait(runtime);
    return status != MST_OK;
}
