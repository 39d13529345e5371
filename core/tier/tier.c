/* tier.c - instances of a provider, its eviction policy, starting and stopping. */
#include "tier/tier.h"

#include <string.h>

#include "tier/port.h"

/* ---- events: a far instance reports through its port, a near one through the tier */

static void port_invalidated(void *arg, const mst_slice *keys, size_t n)
{
    msi_tier *t = ((msi_port *) arg)->tier;
    t->events.invalidated(t->events.arg, t, keys, n);
}

static void port_flushed(void *arg)
{
    msi_tier *t = ((msi_port *) arg)->tier;
    t->events.flushed(t->events.arg, t);
}

static void port_stopped(void *arg)
{
    msi_port_provider_stopped(arg);
}

static void near_invalidated(void *arg, const mst_slice *keys, size_t n)
{
    msi_tier *t = arg;
    t->events.invalidated(t->events.arg, t, keys, n);
}

static void near_flushed(void *arg)
{
    msi_tier *t = arg;
    t->events.flushed(t->events.arg, t);
}

static void near_stopped(void *arg)
{
    msi_tier *t = arg;
    t->events.stopped(t->events.arg, t);
}

/* ---- building */

static mst_status init_policy(msi_tier *t, const msi_tier_plan *plan, mst_error *error)
{
    if (!plan->eviction) {
        return MST_OK;
    }
    mst_status status = msi_instance_new_with(&t->policy, plan->eviction, plan->eviction_section,
                                              plan->eviction_options, &plan->eviction_grants, NULL,
                                              t->allocator, &t->log, error);
    if (!status) {
        t->evictor = (mst_evictor){&plan->eviction->ops.eviction, t->policy->self};
    }
    return status;
}

static mst_status init_instances(msi_tier *t, const msi_tier_plan *plan, mst_error *error)
{
    unsigned n = t->near || t->blocking ? 1 : plan->loop_count;
    t->instances = msi_zalloc(t->allocator, n * sizeof *t->instances);
    if (!t->instances) {
        return msi_error(error, MST_ENOMEM, "out of memory");
    }
    for (unsigned i = 0; i < n; i++) {
        mst_status status =
            msi_instance_new_with(&t->instances[i], plan->plugin, plan->section, plan->options,
                                  &plan->grants, &plan->loops[i], t->allocator, &t->log, error);
        if (status) {
            return status;
        }
        t->instance_count++;
        msi_host_set_op_hooks(t->instances[i], &msi_op_completion);
        t->instances[i]->events = (msi_events){near_invalidated, near_flushed, near_stopped, t};
    }
    return MST_OK;
}

static mst_status init_ports(msi_tier *t, const msi_tier_plan *plan, mst_error *error)
{
    if (t->near) {
        return MST_OK;
    }
    t->ports = msi_zalloc(t->allocator, plan->loop_count * sizeof *t->ports);
    if (!t->ports) {
        return msi_error(error, MST_ENOMEM, "out of memory");
    }
    for (unsigned i = 0; i < plan->loop_count; i++) {
        msi_instance *instance = t->instances[t->blocking ? 0 : i];
        t->port_count++;
        if (msi_port_init(&t->ports[i], t, instance, &plan->loops[i])) {
            return msi_error(error, MST_ENOMEM, "out of memory");
        }
        instance->events = (msi_events){port_invalidated, port_flushed, port_stopped, &t->ports[i]};
    }
    return MST_OK;
}

mst_status msi_tier_init(msi_tier *t, const msi_tier_plan *plan, mst_error *error)
{
    memset(t, 0, sizeof *t);
    t->allocator = plan->allocator;
    msi_log_init(&t->log, plan->log, plan->section);
    t->name = plan->name;
    t->ops = &plan->plugin->ops.provider;
    t->settings = plan->settings;
    t->near = (t->ops->caps & MST_CAP_INPROC) != 0;
    t->blocking = (t->ops->caps & MST_CAP_BLOCKING) != 0;
    t->reentrant = (plan->plugin->plugin->flags & MST_PLUGIN_REENTRANT) != 0;
    t->events = plan->events;
    mst_status status = init_policy(t, plan, error);
    if (!status) {
        status = init_instances(t, plan, error);
    }
    return status ? status : init_ports(t, plan, error);
}

/* The policy goes last: a provider that was retained keeps it through msi_instance references. */
void msi_tier_fini(msi_tier *t)
{
    for (unsigned i = 0; i < t->port_count; i++) {
        msi_port_fini(&t->ports[i]);
    }
    for (unsigned i = 0; i < t->instance_count; i++) {
        msi_instance_abandon(t->instances[i]);
    }
    if (t->policy) {
        msi_instance_abandon(t->policy);
    }
    if (t->allocator) {
        msi_free(t->allocator, t->ports);
        msi_free(t->allocator, t->instances);
    }
    memset(t, 0, sizeof *t);
}

/* ---- running */

mst_status msi_tier_start(msi_tier *t, unsigned loop, mst_error *error)
{
    mst_status status = MST_OK;
    bool shared = t->near || t->blocking;
    if (!shared) {
        msi_instance_keep_spares(t->instances[loop]);
    }
    if (t->ops->start && (!shared || loop == 0)) {
        msi_instance *instance = t->instances[shared ? 0 : loop];
        mst_provider_env env = {sizeof env, t->policy ? &t->evictor : NULL};
        instance->why[0] = '\0';
        status = t->ops->start(instance->self, &env);
        if (status < 0) {
            return msi_error(error, status, "[%s] %s", instance->name,
                             instance->why[0] ? instance->why : mst_strerror(status));
        }
    }
    if (t->near) {
        t->started = true;
    } else {
        t->ports[loop].started = true;
        msi_loop_add_hook(t->ports[loop].loop, &t->ports[loop].hook);
    }
    return MST_OK;
}

/* What was never started has stopped already. */
void msi_tier_stop(msi_tier *t, unsigned loop)
{
    if (!t->near && t->ports[loop].started) {
        msi_port_stop(&t->ports[loop]);
    } else if (!t->near || loop == 0) {
        if (t->started && t->ops->stop) {
            t->ops->stop(t->instances[0]->self);
        } else {
            near_stopped(t);
        }
    }
}

void msi_tier_failed(msi_tier *t, mst_status status)
{
    atomic_fetch_add_explicit(&t->errors, 1, memory_order_relaxed);
    if (status == MST_OK) {
        return; /* the breaker has said so */
    }
    msi_log_limited(&t->log, &t->failure_limit, MST_LOG_WARN, "tier \"%s\": %s", t->name,
                    mst_strerror(status));
}
