/* settings.h - the core's own sections and keys, as structs and as option tables. One row in
 * settings.c is a key's name, type, default, bounds and help: nothing about it stands elsewhere. */
#ifndef MSI_SETTINGS_H
#define MSI_SETTINGS_H

#include "config/option.h"

enum { MSI_KEYS_HASHED = 0, MSI_KEYS_PLAIN = 1 };

/* [runtime] */
typedef struct msi_runtime_settings {
    int64_t loops;            /* private loop threads */
    const char *exporters;    /* comma-separated exporter names; "": none */
    int32_t log_level;        /* MST_LOG_* less MST_LOG_ERROR */
    const char *admin_socket; /* path; "": none */
    double trace_ratio;       /* share of requests that are recorded for traces */
    int32_t trace_keys;       /* MSI_KEYS_* */
} msi_runtime_settings;

/* [plugins] */
typedef struct msi_plugins_settings {
    const char *path; /* colon-separated, searched first */
} msi_plugins_settings;

/* What evicts where nothing else is said: tests/bench/README.md says why. */
#define MSI_EVICTION_DEFAULT "adaptive"

enum { MSI_ENVELOPE_ON = 0, MSI_ENVELOPE_NONE = 1 };

/* [cache], [cache.NAME] */
typedef struct msi_cache_settings {
    const char *namespace_;              /* key "namespace" */
    const char *tiers;                   /* comma-separated provider names, nearest first */
    const char *serializer, *compressor; /* "none": no compressor */
    int64_t expire_ms, sliding_ms;       /* -1: never */
    double jitter;
    int64_t timeout_ms;       /* default deadline of a request */
    uint64_t max_value_bytes; /* the largest value, and what an envelope may inflate to */
    int32_t envelope;         /* MSI_ENVELOPE_* */
    uint64_t offload_bytes;   /* codec work on larger values goes to the worker pool */
    int64_t max_pending;      /* requests; more are refused */
    int64_t slow_request_ms;  /* a request that takes longer is logged and traced; -1: none is */
} msi_cache_settings;

enum { MSI_HOLD_AUTO = 0, MSI_HOLD_VALUES = 1, MSI_HOLD_SEALED = 2 };

/* [provider.NAME]: what the core wants to know of a tier, beside the plugin's own options */
typedef struct msi_tier_settings {
    const char *plugin;       /* an alias names its plugin; "" : the section's own name */
    const char *eviction;     /* name of an eviction section or plugin; "" : the default */
    int32_t hold;             /* MSI_HOLD_*: ready values, or sealed envelopes; auto decides */
    int64_t expire_ms;        /* the longest life in this tier; -1: the entry's own */
    int64_t timeout_ms;       /* an op that takes longer counts as failed */
    int64_t breaker_failures; /* after so many in a row it is not asked; 0: it always is */
    int64_t breaker_pause_ms; /* for so long, then one op tries */
} msi_tier_settings;

/* [compressor.NAME] */
typedef struct msi_compressor_settings {
    const char *plugin;
    uint64_t min_bytes; /* key "min_size": smaller payloads are stored as they are */
    double min_gain;    /* key "min_gain": keep the result only when it saves this share */
} msi_compressor_settings;

/* [serializer.NAME], [eviction.NAME], [exporter.NAME] */
typedef struct msi_plain_settings {
    const char *plugin;
} msi_plain_settings;

/* Option sets over such structs; `target` may be NULL. */
msi_option_set msi_runtime_options(msi_runtime_settings *target);
msi_option_set msi_plugins_options(msi_plugins_settings *target);
msi_option_set msi_cache_options(msi_cache_settings *target);
/* The core's part of a plugin's section, by kind; target: the struct of that kind above. */
msi_option_set msi_kind_options(int kind, void *target);

#endif
