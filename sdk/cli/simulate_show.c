/* simulate_show.c - the figures of a study: a table, a JSON array, lines for a memstache.ini. */
#include "simulate.h"

static const outcome *outcome_of(const study *s, size_t p, size_t size)
{
    return &s->outcomes[p * s->size_count + size];
}

double study_ratio(const study *s, size_t p, size_t size)
{
    return (double) outcome_of(s, p, size)->hits / (double) s->trace->count;
}

double study_optimal(const study *s, size_t size)
{
    return s->optimal ? (double) s->optimal[size] / (double) s->trace->count : -1;
}

static double speed(const study *s, size_t p, size_t size)
{
    double seconds = outcome_of(s, p, size)->seconds;
    return seconds > 0 ? (double) s->trace->count / seconds : 0;
}

static void show_row(cli_out *out, const study *s, size_t p, size_t size)
{
    double ratio = study_ratio(s, p, size), optimal = study_optimal(s, size);
    out_format(out, "%-14s  %12llu  %12llu  %9.6f  ", s->policies[p],
               (unsigned long long) s->sizes[size],
               (unsigned long long) outcome_of(s, p, size)->hits, ratio);
    if (optimal > 0) {
        out_format(out, "%10.4f  ", ratio / optimal);
    } else {
        out_format(out, "%10s  ", "-");
    }
    out_format(out, "%10.2f\n", speed(s, p, size) / 1e6);
}

void study_show(cli *c, const study *s)
{
    cli_out *out = &c->out;
    out_format(out, "%s: %llu requests of %u keys\n\n", s->trace_name,
               (unsigned long long) s->trace->count, s->trace->distinct);
    out_format(out, "%-14s  %12s  %12s  %9s  %10s  %10s\n", "policy",
               s->in_bytes ? "bytes" : "entries", "hits", "hit ratio", "of optimum", "M req/s");
    for (size_t size = 0; size < s->size_count; size++) {
        for (size_t p = 0; p < s->policy_count; p++) {
            show_row(out, s, p, size);
        }
        if (s->optimal) {
            out_format(out, "%-14s  %12llu  %12llu  %9.6f  %10.4f  %10s\n", "(optimum)",
                       (unsigned long long) s->sizes[size], (unsigned long long) s->optimal[size],
                       study_optimal(s, size), 1.0, "-");
        }
    }
}

static void row_json(cli *c, const study *s, size_t p, size_t size)
{
    double ratio = study_ratio(s, p, size), optimal = study_optimal(s, size);
    cli_json json;
    json_open(&json, &c->out);
    json_text(&json, "policy", s->policies[p]);
    json_number(&json, "size", (int64_t) s->sizes[size]);
    json_text(&json, "unit", s->in_bytes ? "bytes" : "entries");
    json_number(&json, "requests", (int64_t) s->trace->count);
    json_number(&json, "distinct", s->trace->distinct);
    json_number(&json, "hits", (int64_t) outcome_of(s, p, size)->hits);
    json_decimal(&json, "hit_ratio", ratio);
    if (optimal >= 0) {
        json_decimal(&json, "optimal_hit_ratio", optimal);
    } else {
        json_nothing(&json, "optimal_hit_ratio");
    }
    json_decimal(&json, "requests_per_s", speed(s, p, size));
    json_close(&json);
}

void study_show_json(cli *c, const study *s)
{
    out_text(&c->out, "[\n");
    for (size_t size = 0; size < s->size_count; size++) {
        for (size_t p = 0; p < s->policy_count; p++) {
            out_text(&c->out, size + p ? "," : "");
            row_json(c, s, p, size);
        }
    }
    out_text(&c->out, "]\n");
}

static double mean_ratio(const study *s, size_t p)
{
    double sum = 0;
    for (size_t size = 0; size < s->size_count; size++) {
        sum += study_ratio(s, p, size);
    }
    return sum / (double) s->size_count;
}

/* The policy that has the most hits over all sizes, and the smallest size that has almost as many
 * hits as the largest. */
void study_recommend(cli *c, const study *s)
{
    cli_out *out = &c->out;
    size_t best = 0, largest = 0;
    for (size_t p = 1; p < s->policy_count; p++) {
        best = mean_ratio(s, p) > mean_ratio(s, best) ? p : best;
    }
    for (size_t i = 1; i < s->size_count; i++) {
        largest = s->sizes[i] > s->sizes[largest] ? i : largest;
    }
    size_t enough = largest;
    for (size_t i = 0; i < s->size_count; i++) {
        bool suffices = study_ratio(s, best, i) >= 0.95 * study_ratio(s, best, largest);
        enough = suffices && s->sizes[i] < s->sizes[enough] ? i : enough;
    }
    out_format(out, "; %s had the most hits of %zu policies over %zu sizes.\n", s->policies[best],
               s->policy_count, s->size_count);
    out_format(out, "; With %llu %s it answered %.2f %% of the requests",
               (unsigned long long) s->sizes[enough], s->in_bytes ? "bytes" : "entries",
               100 * study_ratio(s, best, enough));
    if (enough != largest) {
        out_format(out, ", with %llu %.2f %%", (unsigned long long) s->sizes[largest],
                   100 * study_ratio(s, best, largest));
    }
    out_format(out, ".\n[provider.memory]\neviction = %s\n%s = %llu\n", s->policies[best],
               s->in_bytes ? "max_bytes" : "max_entries", (unsigned long long) s->sizes[enough]);
}
