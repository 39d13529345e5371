/* layout.c - sizes and offsets of every struct that crosses the plugin interface, on LP64 machines.
 * Compiling it is the test. When an assertion fails the interface has changed: while the major
 * version is 0 raise MST_ABI_MINOR and say so in sdk/docs/abi.md; from 1.0 on only append. */
#include <memstache/codec.h>
#include <memstache/exporter.h>
#include <memstache/provider.h>

#if defined(__LP64__)

#define SIZE(type, size) _Static_assert(sizeof(type) == (size), "size of " #type)
#define AT(type, member, offset)                                                                   \
    _Static_assert(offsetof(type, member) == (offset), #type "." #member)

_Static_assert(MST_ABI_MAJOR == 0 && MST_ABI_MINOR == 6, "the layout below is that of ABI 0.6");

SIZE(mst_slice, 16);
AT(mst_slice, data, 0);
AT(mst_slice, len, 8);

SIZE(mst_value, 32);
AT(mst_value, data, 0);
AT(mst_value, len, 8);
AT(mst_value, release, 16);
AT(mst_value, owner, 24);

SIZE(mst_address, 16);
AT(mst_address, sockaddr, 0);
AT(mst_address, len, 8);

SIZE(mst_host, 224);
AT(mst_host, struct_size, 0);
AT(mst_host, abi_major, 4);
AT(mst_host, abi_minor, 6);
AT(mst_host, instance, 8);
AT(mst_host, alloc, 16);
AT(mst_host, realloc, 24);
AT(mst_host, free, 32);
AT(mst_host, log, 40);
AT(mst_host, set_error, 48);
AT(mst_host, now_ms, 56);
AT(mst_host, now_ns, 64);
AT(mst_host, wall_ms, 72);
AT(mst_host, poll_open, 80);
AT(mst_host, poll_set, 88);
AT(mst_host, poll_close, 96);
AT(mst_host, timer_open, 104);
AT(mst_host, timer_set, 112);
AT(mst_host, timer_close, 120);
AT(mst_host, post, 128);
AT(mst_host, work, 136);
AT(mst_host, resolve, 144);
AT(mst_host, op_done, 152);
AT(mst_host, op_done_mt, 160);
AT(mst_host, invalidated, 168);
AT(mst_host, flushed, 176);
AT(mst_host, stopped, 184);
AT(mst_host, retain, 192);
AT(mst_host, release, 200);
AT(mst_host, extension, 208);
AT(mst_host, secret, 216);

SIZE(mst_option, 56);
AT(mst_option, name, 0);
AT(mst_option, type, 8);
AT(mst_option, flags, 10);
AT(mst_option, offset, 12);
AT(mst_option, def, 16);
AT(mst_option, min, 24);
AT(mst_option, max, 32);
AT(mst_option, choices, 40);
AT(mst_option, help, 48);

SIZE(mst_plugin, 96);
AT(mst_plugin, struct_size, 0);
AT(mst_plugin, kind, 4);
AT(mst_plugin, kind_version, 6);
AT(mst_plugin, flags, 8);
AT(mst_plugin, instance_size, 12);
AT(mst_plugin, name, 16);
AT(mst_plugin, version, 24);
AT(mst_plugin, author, 32);
AT(mst_plugin, license, 40);
AT(mst_plugin, summary, 48);
AT(mst_plugin, options, 56);
AT(mst_plugin, option_count, 64);
AT(mst_plugin, option_size, 68);
AT(mst_plugin, init, 72);
AT(mst_plugin, fini, 80);
AT(mst_plugin, ops, 88);

SIZE(mst_module, 24);
AT(mst_module, magic, 0);
AT(mst_module, struct_size, 4);
AT(mst_module, abi_major, 8);
AT(mst_module, abi_minor, 10);
AT(mst_module, host_minor_min, 12);
AT(mst_module, plugin_count, 14);
AT(mst_module, plugins, 16);

SIZE(mst_sink, 24);
AT(mst_sink, struct_size, 0);
AT(mst_sink, write, 8);
AT(mst_sink, reserve, 16);

SIZE(mst_serializer_ops, 32);
AT(mst_serializer_ops, struct_size, 0);
AT(mst_serializer_ops, wire_id, 4);
AT(mst_serializer_ops, encode, 8);
AT(mst_serializer_ops, decode, 16);
AT(mst_serializer_ops, destroy, 24);

SIZE(mst_compressor_ops, 32);
AT(mst_compressor_ops, struct_size, 0);
AT(mst_compressor_ops, wire_id, 4);
AT(mst_compressor_ops, bound, 8);
AT(mst_compressor_ops, compress, 16);
AT(mst_compressor_ops, decompress, 24);

SIZE(mst_entry_info, 32);
AT(mst_entry_info, struct_size, 0);
AT(mst_entry_info, cost, 4);
AT(mst_entry_info, hash, 8);
AT(mst_entry_info, bytes, 16);
AT(mst_entry_info, expires_ms, 24);

SIZE(mst_shard_info, 56);
AT(mst_shard_info, struct_size, 0);
AT(mst_shard_info, shard_index, 4);
AT(mst_shard_info, shard_count, 8);
AT(mst_shard_info, max_bytes, 16);
AT(mst_shard_info, max_entries, 24);
AT(mst_shard_info, seed, 32);
AT(mst_shard_info, node_base, 40);
AT(mst_shard_info, node_unit, 48);

SIZE(mst_eviction_ops, 128);
AT(mst_eviction_ops, struct_size, 0);
AT(mst_eviction_ops, node_size, 4);
AT(mst_eviction_ops, node_align, 8);
AT(mst_eviction_ops, shard_size, 12);
AT(mst_eviction_ops, hit_mode, 16);
AT(mst_eviction_ops, shard_init, 24);
AT(mst_eviction_ops, shard_fini, 32);
AT(mst_eviction_ops, on_insert, 40);
AT(mst_eviction_ops, on_hit, 48);
AT(mst_eviction_ops, on_hit_many, 56);
AT(mst_eviction_ops, on_update, 64);
AT(mst_eviction_ops, on_remove, 72);
AT(mst_eviction_ops, evict, 80);
AT(mst_eviction_ops, admit, 88);
AT(mst_eviction_ops, on_miss, 96);
AT(mst_eviction_ops, footprint, 104);
AT(mst_eviction_ops, likely_victim, 112);
AT(mst_eviction_ops, reads_at, 120);
AT(mst_eviction_ops, reads_max, 124);

SIZE(mst_evictor, 16);
AT(mst_evictor, ops, 0);
AT(mst_evictor, self, 8);

SIZE(mst_space, 24);
AT(mst_space, struct_size, 0);
AT(mst_space, id, 4);
AT(mst_space, prefix, 8);

SIZE(mst_object, 24);
AT(mst_object, retain, 0);
AT(mst_object, release, 8);
AT(mst_object, bytes, 16);

SIZE(mst_op, 176);
AT(mst_op, struct_size, 0);
AT(mst_op, code, 4);
AT(mst_op, flags, 6);
AT(mst_op, status, 8);
AT(mst_op, priv_offset, 12);
AT(mst_op, hash, 16);
AT(mst_op, space, 24);
AT(mst_op, key, 32);
AT(mst_op, now_ms, 48);
AT(mst_op, deadline_ms, 56);
AT(mst_op, value, 64);
AT(mst_op, value_parts, 72);
AT(mst_op, cost, 76);
AT(mst_op, object, 80);
AT(mst_op, same, 88);
AT(mst_op, tag, 96);
AT(mst_op, expires_ms, 104);
AT(mst_op, sliding_ms, 112);
AT(mst_op, created_ms, 120);
AT(mst_op, limit_ms, 128);
AT(mst_op, out, 136);
AT(mst_op, out_object, 168);

SIZE(mst_provider_env, 16);
AT(mst_provider_env, struct_size, 0);
AT(mst_provider_env, evictor, 8);

SIZE(mst_provider_ops, 88);
AT(mst_provider_ops, struct_size, 0);
AT(mst_provider_ops, caps, 4);
AT(mst_provider_ops, op_codes, 8);
AT(mst_provider_ops, op_priv_size, 12);
AT(mst_provider_ops, start, 16);
AT(mst_provider_ops, submit, 24);
AT(mst_provider_ops, cancel, 32);
AT(mst_provider_ops, stop, 40);
AT(mst_provider_ops, stats, 48);
AT(mst_provider_ops, lookup, 56);
AT(mst_provider_ops, shrink, 64);
AT(mst_provider_ops, lookup_many, 72);
AT(mst_provider_ops, expect, 80);

SIZE(mst_asker, 24);
AT(mst_asker, struct_size, 0);
AT(mst_asker, space, 8);
AT(mst_asker, word, 16);

SIZE(mst_lookup, 40);
AT(mst_lookup, hash, 0);
AT(mst_lookup, key, 8);
AT(mst_lookup, now_ms, 24);
AT(mst_lookup, asker, 32);

SIZE(mst_label, 16);
AT(mst_label, name, 0);
AT(mst_label, value, 8);

SIZE(mst_bucket, 16);
AT(mst_bucket, upper, 0);
AT(mst_bucket, count, 8);

SIZE(mst_metric, 96);
AT(mst_metric, struct_size, 0);
AT(mst_metric, kind, 4);
AT(mst_metric, name, 8);
AT(mst_metric, unit, 16);
AT(mst_metric, help, 24);
AT(mst_metric, labels, 32);
AT(mst_metric, label_count, 40);
AT(mst_metric, count, 48);
AT(mst_metric, value, 56);
AT(mst_metric, max, 64);
AT(mst_metric, scale, 72);
AT(mst_metric, buckets, 80);
AT(mst_metric, bucket_count, 88);

SIZE(mst_meter_options, 56);
AT(mst_meter_options, struct_size, 0);
AT(mst_meter_options, kind, 4);
AT(mst_meter_options, name, 8);
AT(mst_meter_options, unit, 16);
AT(mst_meter_options, help, 24);
AT(mst_meter_options, labels, 32);
AT(mst_meter_options, label_count, 40);
AT(mst_meter_options, scale, 48);

SIZE(mst_metrics, 48);
AT(mst_metrics, struct_size, 0);
AT(mst_metrics, walk, 8);
AT(mst_metrics, meter, 16);
AT(mst_metrics, add, 24);
AT(mst_metrics, set, 32);
AT(mst_metrics, record, 40);

SIZE(mst_attribute, 40);
AT(mst_attribute, name, 0);
AT(mst_attribute, type, 8);
AT(mst_attribute, integer, 16);
AT(mst_attribute, text, 24);

SIZE(mst_span, 96);
AT(mst_span, struct_size, 0);
AT(mst_span, kind, 4);
AT(mst_span, status, 6);
AT(mst_span, trace_id, 8);
AT(mst_span, span_id, 24);
AT(mst_span, parent_id, 32);
AT(mst_span, start_ns, 40);
AT(mst_span, end_ns, 48);
AT(mst_span, name, 56);
AT(mst_span, status_text, 64);
AT(mst_span, trace_state, 72);
AT(mst_span, attributes, 80);
AT(mst_span, attribute_count, 88);

SIZE(mst_exporter_ops, 32);
AT(mst_exporter_ops, struct_size, 0);
AT(mst_exporter_ops, reserved, 4);
AT(mst_exporter_ops, start, 8);
AT(mst_exporter_ops, stop, 16);
AT(mst_exporter_ops, spans, 24);

#endif

int main(void)
{
    return 0;
}
