/* bench_show.c - the figures of a run: a table to read, or one JSON object. */
#include "bench.h"

/* One operation's share of the time that all threads had together. */
static double wall_of_one(const bench_plan *plan, const bench_figures *f)
{
    return f->wall_ns * (double) plan->threads / (double) f->tally.ops;
}

static double microseconds(const bench_figures *f, double share)
{
    return (double) bench_hist_at(&f->hist, share) / 1e3;
}

static double ops_a_second(const bench_figures *f)
{
    return f->wall_ns > 0 ? (double) f->tally.ops / f->wall_ns * BENCH_SECOND : 0;
}

static void show_settings(cli_out *out, const bench_plan *plan)
{
    out_format(out, "workload    %s", bench_workloads[plan->workload]);
    if (plan->workload == BENCH_GET_MANY) {
        out_format(out, " of %zu", plan->batch);
    } else if (plan->workload == BENCH_MIXED) {
        out_format(out, ", %.10g %% sets", plan->writes * 100);
    }
    out_format(out, ", %llu keys of %d bytes, values of %zu bytes, %s\n",
               (unsigned long long) plan->keys, BENCH_KEY, plan->value_size, plan->dist);
    out_format(out, "load        %zu thread%s, depth %zu, ", plan->threads,
               plan->threads == 1 ? "" : "s", plan->depth);
    if (plan->rate > 0) {
        out_format(out, "open loop at %.10g ops/s\n", plan->rate);
    } else {
        out_text(out, "closed loop\n");
    }
}

void bench_show(cli *c, const bench_plan *plan, const bench_figures *f)
{
    cli_out *out = &c->out;
    const bench_tally *t = &f->tally;
    show_settings(out, plan);
    out_format(out, "measured    %.3f s after %.3f s of warm-up\n", f->wall_ns / BENCH_SECOND,
               plan->warmup);
    out_format(out, "throughput  %.0f ops/s (%llu ops)\n", ops_a_second(f),
               (unsigned long long) t->ops);
    if (t->ops) {
        out_format(out, "cost        %.1f ns/op wall, %.1f ns/op CPU\n", wall_of_one(plan, f),
                   f->cpu_ns / (double) t->ops);
        out_format(out, "latency us  p50 %.3f, p99 %.3f, p99.9 %.3f, p99.99 %.3f, max %.3f\n",
                   microseconds(f, 0.5), microseconds(f, 0.99), microseconds(f, 0.999),
                   microseconds(f, 0.9999), (double) f->hist.max / 1e3);
    }
    if (t->reads) {
        out_format(out, "hit ratio   %.6f\n", (double) t->hits / (double) t->reads);
    }
    if (t->refused) {
        out_format(out, "refused     %llu sets\n", (unsigned long long) t->refused);
    }
    out_format(out, "errors      %llu\n", (unsigned long long) t->errors);
    if (plan->rate > 0) {
        out_format(out, "unsent      %llu\n", (unsigned long long) f->unsent);
    }
}

static void settings_json(cli_json *json, const bench_plan *plan)
{
    json_text(json, "workload", bench_workloads[plan->workload]);
    json_decimal(json, "writes", plan->writes);
    json_number(json, "keys", (int64_t) plan->keys);
    json_number(json, "value_size", (int64_t) plan->value_size);
    json_number(json, "depth", (int64_t) plan->depth);
    json_number(json, "threads", (int64_t) plan->threads);
    json_number(json, "batch", (int64_t) plan->batch);
    json_text(json, "dist", plan->dist);
    json_decimal(json, "seconds", plan->seconds);
    json_decimal(json, "warmup_s", plan->warmup);
    if (plan->rate > 0) {
        json_decimal(json, "rate", plan->rate);
    } else {
        json_nothing(json, "rate");
    }
}

void bench_show_json(cli *c, const bench_plan *plan, const bench_figures *f)
{
    static const char *const cost[] = {"ns_per_op", "cpu_ns_per_op", "p50_us", "p99_us",
                                       "p999_us",   "p9999_us",      "max_us"};
    const bench_tally *t = &f->tally;
    const double costs[] = {wall_of_one(plan, f),      f->cpu_ns / (double) t->ops,
                            microseconds(f, 0.5),      microseconds(f, 0.99),
                            microseconds(f, 0.999),    microseconds(f, 0.9999),
                            (double) f->hist.max / 1e3};
    cli_json json;
    json_open(&json, &c->out);
    settings_json(&json, plan);
    json_decimal(&json, "wall_s", f->wall_ns / BENCH_SECOND);
    json_number(&json, "ops", (int64_t) t->ops);
    json_number(&json, "reads", (int64_t) t->reads);
    json_decimal(&json, "ops_per_s", ops_a_second(f));
    for (size_t i = 0; i < sizeof cost / sizeof cost[0]; i++) {
        if (t->ops) {
            json_decimal(&json, cost[i], costs[i]);
        } else {
            json_nothing(&json, cost[i]);
        }
    }
    if (t->reads) {
        json_decimal(&json, "hit_ratio", (double) t->hits / (double) t->reads);
    } else {
        json_nothing(&json, "hit_ratio");
    }
    json_number(&json, "refused", (int64_t) t->refused);
    json_number(&json, "errors", (int64_t) t->errors);
    json_number(&json, "wrong", (int64_t) t->wrong);
    json_number(&json, "unsent", (int64_t) f->unsent);
    json_close(&json);
}
