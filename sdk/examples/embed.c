/* embed.c - the smallest host program: open with defaults, store a value, get one or load it. */
#include <stdio.h>

#include <memstache/memstache.h>

static void load(void *arg, mst_load *load) /* runs once, however many ask for the key meanwhile */
{
    mst_load_entry(load)->expire_ms = 60000;
    mst_load_bytes(load, &(mst_input){.data = "loaded", .len = 6});
}

static void show(mst_result *result)
{
    printf("%.*s, %s\n", (int) result->len, (const char *) result->data, mst_why_name(result->why));
    mst_result_release(result);
}

int main(void)
{
    mst_runtime *runtime;
    mst_result result;
    mst_error error;
    mst_loader loader = {.load = load};
    if (mst_open(NULL, NULL, &runtime, &error) != MST_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    mst_cache *cache = mst_cache_named(runtime, NULL);
    mst_input hello = {.data = "hello", .len = 5};
    mst_set_wait(cache, mst_str("greeting"), &hello, NULL, &result);
    mst_get_wait(cache, mst_str("greeting"), NULL, &result);
    show(&result);
    mst_get_or_load_wait(cache, mst_str("answer"), &loader, NULL, &result);
    show(&result);
    mst_close_wait(runtime);
    return 0;
}
