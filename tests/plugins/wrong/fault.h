/* fault.h - the plugins of this folder are right, but for the one fault that each is built with:
 * -DFAULT=name and -DFAULT_name. FAULT=right: none, and the kit must find none. */
#ifndef WRONG_FAULT_H
#define WRONG_FAULT_H

#include <memstache/plugin.h>

enum fault {
    right,
    /* of every kind; planted in compressor.c */
    exports_more,
    missing_symbol,
    unnamed_library,
    crashes_on_load,
    no_decompress,
    no_summary,
    taken_wire_id,
    option_overlap,
    option_default,
    option_without_help,
    leaks_memory,
    leaks_malloc,
    failed_init_leaks,
    unchecked_allocation,
    prints,
    instance_overrun,
    frees_twice,
    crashes_in_fini,
    /* compressor.c */
    loses_last_byte,
    small_bound,
    any_length,
    reads_beyond_input,
    writes_beyond_output,
    wrong_status,
    exits_on_nonsense,
    hangs_on_truncated,
    ignores_cap,
    allocates_for_bomb,
    static_buffer,
    writes_to_input,
    calls_timer,
    /* serializer.c */
    keeps_input,
    ignores_sink,
    believes_length,
    shared_scratch,
    out_of_reserve,
    /* eviction.c */
    evicts_twice,
    forgets_removal,
    loses_entry,
    touches_removed,
    one_list_for_all,
    counts_hits_in_shard,
    counts_hits_twice,
    no_footprint,
    logs_on_insert,
    node_overrun,
    /* provider.c */
    cuts_values,
    clears_everything,
    ignores_conditions,
    ignores_same,
    reverses_batches,
    completes_twice,
    keeps_key,
    no_status,
    works_elsewhere,
    cancel_forgets,
    stop_forgets,
    timer_stays_open,
    lives_for_ever,
    peek_renews,
    lends_its_own,
    no_retain,
    lookup_forgets_space,
    object_leaks,
    hits_after_removal,
    no_lock,
    /* exporter.c */
    leaks_descriptor,
    leaks_in_start,
    never_stopped,
    leaves_timer,
    long_label,
    texts_as_strings,
    keeps_span,
    keeps_all,
    spans_set_timer,
    frees_in_stop
};
#define IS(fault) (FAULT == (fault))

#endif
