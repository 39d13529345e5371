/* What a configuration is resolved to, and every problem that only the whole of it shows. */
#include "assembled.h"

Test(assembly, empty_configuration)
{
    mst_config *c;
    msi_assembly *a = assembled("", &c);
    cr_assert_eq(a->cache_count, 1);
    const msi_cache_plan *p = cache_at(a, 0);
    cr_assert_str_eq(p->section, "cache");
    cr_assert_str_eq(p->name, "");
    cr_assert_str_eq(p->settings.namespace_, "");
    cr_assert_eq(p->tier_count, 1);
    cr_assert_str_eq(p->tiers[0]->section, "provider.memory");
    cr_assert_str_eq(p->tiers[0]->name, "memory");
    cr_assert_eq(p->tiers[0]->kind, MST_KIND_PROVIDER);
    cr_assert_str_eq(p->tiers[0]->eviction->name, "adaptive");
    cr_assert_str_eq(p->serializer->name, "raw");
    cr_assert_null(p->compressor);
    cr_assert_eq(a->component_count, 3);
    cr_assert_eq(((ts_memory_options *) p->tiers[0]->options)->max_bytes, 64u << 20);
    msi_assembly_free(a);
    mst_config_free(c);
}

Test(assembly, evictions_come_before_their_providers)
{
    mst_config *c;
    msi_assembly *a = assembled("[cache]\ntiers = memory\n", &c);
    unsigned index = 0;
    const char *const expected[] = {"eviction.adaptive", "provider.memory", "serializer.raw"};
    for (msi_list *at = a->components.next; at != &a->components; at = at->next, index++) {
        const msi_component *p = MSI_CONTAINER(at, msi_component, link);
        cr_assert_str_eq(p->section, expected[index]);
        cr_assert_eq(p->index, index);
    }
    msi_assembly_free(a);
    mst_config_free(c);
}

Test(assembly, sections_and_aliases)
{
    mst_config *c;
    msi_assembly *a = assembled("[runtime]\n"
                                "loops = 3\n"
                                "[cache]\n"
                                "tiers = small ,\tbig,far\n"
                                "compressor = tight\n"
                                "[provider.small]\n"
                                "plugin = memory\n"
                                "max_bytes = 2MiB\n"
                                "hold = sealed\n"
                                "eviction = mine\n"
                                "[provider.big]\n"
                                "plugin = memory\n"
                                "label = large\n"
                                "eviction = none\n"
                                "[eviction.mine]\n"
                                "plugin = adaptive\n"
                                "[compressor.tight]\n"
                                "plugin = pack\n"
                                "min_size = 1KiB\n"
                                "[compressor.unused]\n"
                                "whatever = 1\n",
                                &c);
    const msi_cache_plan *p = cache_at(a, 0);
    cr_assert_eq(a->runtime.loops, 3);
    cr_assert_eq(p->tier_count, 3);
    const msi_component *small = p->tiers[0], *big = p->tiers[1], *far = p->tiers[2];
    cr_assert_str_eq(small->section, "provider.small");
    cr_assert_eq(small->plugin, big->plugin);
    cr_assert_neq(small->plugin, far->plugin);
    cr_assert_eq(((ts_memory_options *) small->options)->max_bytes, 2u << 20);
    cr_assert_str_eq(((ts_memory_options *) small->options)->label, "none");
    cr_assert_str_eq(((ts_memory_options *) big->options)->label, "large");
    cr_assert_eq(small->settings.tier.hold, MSI_HOLD_SEALED);
    cr_assert_str_eq(small->eviction->section, "eviction.mine");
    cr_assert_str_eq(small->eviction->plugin->plugin->name, "adaptive");
    cr_assert_null(big->eviction);
    cr_assert_null(far->eviction);
    cr_assert_str_eq(p->compressor->plugin->plugin->name, "pack");
    cr_assert_eq(p->compressor->settings.compressor.min_bytes, 1024);
    cr_assert_eq(a->component_count, 6);
    msi_assembly_free(a);
    mst_config_free(c);
}

Test(assembly, caches_share_components)
{
    mst_config *c;
    msi_assembly *a = assembled("[cache.one]\ntiers = memory, far\n"
                                "[cache.two]\ntiers = far\nnamespace = deux\n",
                                &c);
    const msi_cache_plan *one = cache_at(a, 0), *two = cache_at(a, 1);
    cr_assert_eq(a->cache_count, 2);
    cr_assert_str_eq(one->name, "one");
    cr_assert_str_eq(one->settings.namespace_, "one");
    cr_assert_str_eq(two->settings.namespace_, "deux");
    cr_assert_eq(one->tiers[1], two->tiers[0]);
    cr_assert_eq(one->serializer, two->serializer);
    msi_assembly_free(a);
    mst_config_free(c);
}

Test(assembly, environment_selects)
{
    mst_config *c;
    setenv("MEMSTACHE_CACHE_TIERS", "near", 1);
    setenv("MEMSTACHE_PROVIDER_NEAR_PLUGIN", "memory", 1);
    msi_assembly *a = assembled("[cache]\ntiers = far\n", &c);
    cr_assert_str_eq(cache_at(a, 0)->tiers[0]->section, "provider.near");
    cr_assert_str_eq(cache_at(a, 0)->tiers[0]->plugin->plugin->name, "memory");
    msi_assembly_free(a);
    mst_config_free(c);
    setenv("MEMSTACHE_CACHE_TIERS", "a/b", 1);
    problems("", MST_ECONFIG,
             "MEMSTACHE_CACHE_TIERS: [cache] plugin name \"a/b\" may contain only a-z 0-9 _\n");
}

/* ---- problems */

Test(assembly, sections_that_cannot_be)
{
    problems("[providr.memory]\nmax_bytes = 1MiB\n"
             "[chache]\n"
             "[provider]\n"
             "[runtime.x]\n"
             "[something.else]\n"
             "[compresor.tight]\n",
             MST_ECONFIG,
             "x.ini:1: [providr.memory] unknown section; did you mean [provider.memory]?\n"
             "x.ini:3: [chache] unknown section; did you mean [cache]?\n"
             "x.ini:4: [provider] the name of the provider is missing: [provider.NAME]\n"
             "x.ini:5: [runtime.x] there is only one such section: [runtime]\n"
             "x.ini:6: [something.else] unknown section; there are: [runtime] [plugins] [cache] "
             "[cache.NAME] [provider.NAME] [serializer.NAME] [compressor.NAME] [eviction.NAME] "
             "[exporter.NAME]\n"
             "x.ini:7: [compresor.tight] unknown section; did you mean [compressor.tight]?\n");
}

Test(assembly, tiers)
{
    problems("[cache]\ntiers = \n", MST_ECONFIG,
             "x.ini:2: [cache] tiers: at least one is needed; the shortest is: tiers = memory\n");
    problems("[cache]\ntiers = far,,memory,\n", MST_ECONFIG,
             "x.ini:2: [cache] tiers: there is a comma too many\n"
             "x.ini:2: [cache] tiers: there is a comma too many\n");
    problems("[cache]\ntiers = far, memory, far\n", MST_ECONFIG,
             "x.ini:2: [cache] tiers: \"far\" is named twice\n");
    problems("[cache]\ntiers = p1,p2,p3,p4,p5,p6,p7,p8,p9\n"
             "[provider.p1]\nplugin=far\n[provider.p2]\nplugin=far\n[provider.p3]\nplugin=far\n"
             "[provider.p4]\nplugin=far\n[provider.p5]\nplugin=far\n[provider.p6]\nplugin=far\n"
             "[provider.p7]\nplugin=far\n[provider.p8]\nplugin=far\n[provider.p9]\nplugin=far\n",
             MST_ECONFIG, "x.ini:2: [cache] tiers: \"p9\" is one more than 8\n");
    problems("[cache]\ntiers = ../memory\n", MST_ECONFIG,
             "x.ini:2: [cache] plugin name \"../memory\" may contain only a-z 0-9 _\n");
}

/* The plugin that is asked for by an alias: the line of the alias is to blame. */
Test(assembly, missing_plugins)
{
    char expected[1024];
    mst_error error;
    msi_assembly *a;
    mst_config *c = config_of("[cache]\n"
                              "tiers = small\n"
                              "[provider.small]\n"
                              "plugin = memroy\n");
    cr_assert_eq(msi_assemble(c, &a, &error), MST_ECONFIG);
    cr_assert_eq(error.status, MST_ECONFIG);
    ts_format(expected, sizeof expected,
              "x.ini:4: [provider.small] provider \"memroy\" not found in: %s", MSI_PLUGIN_DIR);
    cr_assert_eq(strncmp(error.text, expected, strlen(expected)), 0, "%s", error.text);
    cr_assert_not_null(strstr(error.text, "; did you mean \"memory\"? there are: far"));
    cr_assert_null(mst_config_problem(c, 1));
    mst_config_free(c);
}

/* All of them at once, in the order of the file, and the kind of the first decides the status. */
Test(assembly, refusals_and_mistakes)
{
    char dir[TS_PATH], ini[2048], expected[4096];
    cr_assert(ts_make_dir(dir));
    cr_assert(ts_write(dir, "compressor_bad.so", "no object", 0644));
    ts_format(ini, sizeof ini,
              "[plugins]\n"
              "path = %s\n"
              "[cache.a]\n"
              "jitter = 10\n"
              "compressor = bad\n"
              "[cache.b]\n"
              "compressor = bad\n"
              "tiers = far\n"
              "[provider.far]\n"
              "host = x\n",
              dir);
    ts_format(expected, sizeof expected,
              "x.ini:5: [cache.a] %s/compressor_bad.so: file too short; try: ldd "
              "%s/compressor_bad.so\n"
              "x.ini:7: [cache.b] %s/compressor_bad.so: file too short; try: ldd "
              "%s/compressor_bad.so\n"
              "x.ini:10: [provider.far] unknown key \"host\"",
              dir, dir, dir, dir);
    mst_error error;
    msi_assembly *a;
    char all[4096];
    msi_text t;
    mst_config *c = config_of(ini);
    cr_assert_eq(msi_assemble(c, &a, &error), MST_ECONFIG, "%s", error.text);
    cr_assert_eq(strncmp(mst_config_problem(c, 0), "x.ini:4: [cache.a] jitter: ", 27), 0, "%s",
                 mst_config_problem(c, 0));
    msi_text_init(&t, all, sizeof all);
    for (size_t i = 1; mst_config_problem(c, i); i++) {
        msi_text_add(&t, "%s%s", i > 1 ? "\n" : "", mst_config_problem(c, i));
    }
    cr_assert_eq(strncmp(all, expected, strlen(expected)), 0, "%s", all);
    /* without the mistake above them, the refusal is the first */
    cr_assert_eq(mst_config_set(c, "cache.a", "jitter", "10%"), MST_OK);
    cr_assert_eq(msi_assemble(c, &a, &error), MST_EPLUGIN, "%s", error.text);
    cr_assert_eq(error.status, MST_EPLUGIN);
    mst_config_free(c);
    ts_remove_dir(dir);
}

Test(assembly, plugin_directories)
{
    problems("[plugins]\npath = /a:plugins\n", MST_ECONFIG,
             "x.ini:2: [plugins] path: plugin directory \"plugins\" is not absolute; write it from "
             "the root: /usr/lib/...\n");
}

Test(assembly, eviction_of_what_does_not_evict)
{
    problems("[cache]\ntiers = far\n[provider.far]\neviction = adaptive\n", MST_ECONFIG,
             "x.ini:4: [provider.far] eviction: provider \"far\" does not evict; take the key "
             "out\n");
}

Test(assembly, envelope_and_compressor)
{
    problems("[cache]\ncompressor = pack\nenvelope = none\n", MST_ECONFIG,
             "x.ini:2: [cache] compressor: envelope = none has no place to say that a value is "
             "compressed; use compressor = none, or envelope = on\n");
}

Test(assembly, namespaces)
{
    problems("[cache.a]\ntiers = far\nnamespace = shop\n"
             "[cache.b]\ntiers = memory, far\nnamespace = shop\n",
             MST_ECONFIG,
             "x.ini:6: [cache.b] namespace: \"shop\" is also that of [cache.a], and both keep "
             "their keys in [provider.far]; give one of them another namespace\n");
    problems("[cache.a]\n[cache.b]\nnamespace = a\n", MST_ECONFIG,
             "x.ini:3: [cache.b] namespace: \"a\" is also that of [cache.a], and both keep their "
             "keys in [provider.memory]; give one of them another namespace\n");
    problems("[cache.a]\nnamespace = b\n[cache.b]\n", MST_ECONFIG,
             "x.ini:3: [cache.b] namespace: \"b\" is also that of [cache.a], and both keep their "
             "keys in [provider.memory]; give one of them another namespace\n");
    /* the same name is fine where no provider is shared */
    mst_config *c;
    problems("[cache.a]\ntiers = far\n[cache.c]\ntiers = far\nnamespace =\n", MST_ECONFIG,
             "x.ini:5: [cache.c] namespace: [cache.c] has none and shares [provider.far] with "
             "[cache.a], so that their keys could be the same; give it one\n");
    problems("[cache]\ntiers = far\n[cache.c]\ntiers = far\n", MST_ECONFIG,
             "x.ini:3: [cache.c] namespace: [cache] has none and shares [provider.far] with "
             "[cache.c], so that their keys could be the same; give it one\n");
    msi_assembly *a = assembled("[cache.a]\ntiers = far\nnamespace = shop\n"
                                "[cache.b]\nnamespace = shop\n"
                                "[cache.c]\ntiers = memory\nnamespace =\n",
                                &c);
    cr_assert_str_eq(cache_at(a, 2)->settings.namespace_, "", "an empty one can be asked for");
    msi_assembly_free(a);
    mst_config_free(c);
}

Test(assembly, wire_ids)
{
    problems("[cache.a]\ncompressor = pack\n"
             "[cache.b]\ncompressor = same\n"
             "[compressor.same]\nmin_size = 1KiB\n",
             MST_ECONFIG,
             "x.ini:5: [compressor.same] compressor \"same\" has wire id 200, and so has "
             "[compressor.pack]; stored values could not be told apart\n");
}

/* Problems of an earlier check are not reported again. */
Test(assembly, second_check)
{
    mst_config *c = config_of("[cache]\ntiers = far, far\n");
    msi_assembly *a;
    mst_error error;
    cr_assert_eq(msi_assemble(c, &a, &error), MST_ECONFIG);
    cr_assert_eq(msi_assemble(c, &a, &error), MST_ECONFIG);
    cr_assert_eq(msi_config_problem_count(c), 1);
    cr_assert_eq(mst_config_set(c, "cache", "tiers", "far"), MST_OK);
    cr_assert_eq(msi_assemble(c, &a, NULL), MST_OK);
    cr_assert_eq(msi_config_problem_count(c), 0);
    mst_config_free(c); /* the assembly does not need it any more */
    cr_assert_str_eq(cache_at(a, 0)->tiers[0]->name, "far");
    msi_assembly_free(a);
}
