/* looped.h - an instance with a loop, for the tests of its services. */
#ifndef TEST_PLUGIN_LOOPED_H
#define TEST_PLUGIN_LOOPED_H

#include <criterion/criterion.h>
#include <string.h>

#include "plugin/instance.h"
#include "support.h"

typedef struct looped {
    uv_loop_t uv;
    uv_timer_t tick; /* so that looped_run() looks at what it waits for */
    msi_loop loop;
    ts_memory memory;
    ts_lines lines;
    msi_instance *instance;
    const mst_host *host;
} looped;

static const mst_plugin looped_plugin = {
    .struct_size = sizeof looped_plugin,
    .kind = MST_KIND_PROVIDER,
    .kind_version = 1,
    .name = "looped",
    .version = "1",
    .author = "memstache",
    .license = "MIT",
    .summary = "uses a loop",
};

static inline void looped_open(looped *l)
{
    const msi_plugin plugin = {.plugin = &looped_plugin};
    mst_error error = {.text = ""};
    msi_log log = ts_log(&l->lines);
    ts_memory_init(&l->memory);
    cr_assert_eq(uv_loop_init(&l->uv), 0);
    uv_timer_init(&l->uv, &l->tick);
    cr_assert_eq(msi_loop_init(&l->loop, &l->uv, 0, &msi_malloc_allocator), MST_OK);
    cr_assert_eq(msi_instance_new(&l->instance, &plugin, "provider.looped", NULL, &l->loop,
                                  &l->memory.allocator, &log, &error),
                 MST_OK, "%s", error.text);
    l->host = &l->instance->host;
}

static inline void looped_tick(uv_timer_t *tick)
{
    (void) tick;
}

/* Runs the loop until *done is not 0. */
static inline void looped_run(looped *l, const volatile unsigned *done)
{
    uv_timer_start(&l->tick, looped_tick, 1, 1);
    while (!*done) {
        uv_run(&l->uv, UV_RUN_ONCE);
    }
    uv_timer_stop(&l->tick);
}

/* Releases the instance if there still is one, and closes the loop: nothing may be left. */
static inline void looped_close(looped *l)
{
    msi_instance_release(l->instance);
    msi_loop_close(&l->loop, NULL);
    uv_close((uv_handle_t *) &l->tick, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    msi_loop_fini(&l->loop);
    cr_assert_eq(uv_loop_close(&l->uv), 0, "something is still open");
    cr_assert_eq(l->memory.live, 0, "memory was not given back");
}

#endif
