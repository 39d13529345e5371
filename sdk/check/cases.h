/* cases.h - the functions of the table in cases.c, by file. */
#ifndef MEMSTACHE_CHECK_CASES_H
#define MEMSTACHE_CHECK_CASES_H

#include "check.h"

/* load.c */
void case_exports(kit *);
void case_needs(kit *);
void case_accepted(kit *);
void case_description(kit *);
void case_options(kit *);

/* life.c, oom.c */
void case_init_fini(kit *);
void case_failed_init(kit *);
void case_oom(kit *);
/* What is done while the n-th allocation fails, by kind. */
void scenario_compressor(kit *, check_instance *);
void scenario_serializer(kit *, check_instance *);
void scenario_policy(kit *, check_instance *);
void scenario_provider(kit *, check_instance *);
void scenario_exporter(kit *, check_instance *);

/* compressor.c */
void case_compressor_roundtrip(kit *);
void case_compressor_truncated(kit *);
void case_compressor_flips(kit *);
void case_compressor_nonsense(kit *);
void case_compressor_length(kit *);
void case_compressor_small_buffer(kit *);
void case_compressor_bomb(kit *);
void case_compressor_concurrent(kit *);

/* serializer.c */
void case_serializer_roundtrip(kit *);
void case_serializer_truncated(kit *);
void case_serializer_flips(kit *);
void case_serializer_full_sink(kit *);
void case_serializer_concurrent(kit *);

/* policy.c */
void case_policy_each_once(kit *);
void case_policy_fuzz(kit *);
void case_policy_no_touch(kit *);
void case_policy_shards(kit *);
void case_policy_hit_shared(kit *);
void case_policy_reads(kit *);
void case_policy_footprint(kit *);
void case_policy_silent(kit *);

/* provider.c, provider_life.c, provider_lend.c, provider_near.c; with rig.c, model.c */
void case_provider_model(kit *);
void case_provider_conditions(kit *);
void case_provider_same(kit *);
void case_provider_batch(kit *);
void case_provider_once(kit *);
void case_provider_threads(kit *);
void case_provider_cancel(kit *);
void case_provider_stop(kit *);
void case_provider_ttl(kit *);
void case_provider_sliding(kit *);
void case_provider_lent(kit *);
void case_provider_lookup(kit *);
void case_provider_objects(kit *);
void case_provider_evictor(kit *);
void case_provider_concurrent(kit *);

/* exporter.c, exporter_spans.c; with exporting.c, spans.c, metrics.c */
void case_exporter_start_stop(kit *);
void case_exporter_stop(kit *);
void case_exporter_walk(kit *);
void case_exporter_shapes(kit *);
void case_exporter_copied(kit *);
void case_exporter_bounded(kit *);
void case_exporter_concurrent(kit *);
void case_exporter_late(kit *);

#endif
