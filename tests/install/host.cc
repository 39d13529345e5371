// A host program in C++, built against an installation with pkg-config: get_or_load, with the
// loader answering on a worker thread.
//
//   host CONFIG.ini
#include <memstache/memstache.h>

#include <cstdio>
#include <string>

namespace
{

void load(void *arg, mst_load *load)
{
    ++*static_cast<int *>(arg);
    const mst_slice key = mst_load_key(load);
    const std::string value =
        "loaded for " + std::string(static_cast<const char *>(key.data), key.len);
    mst_input input{};
    input.data = value.data();
    input.len = value.size();
    mst_load_bytes(load, &input);
}

bool ask(mst_cache *cache, const mst_loader &loader, int expected_why)
{
    mst_result result{};
    const mst_status status =
        mst_get_or_load_wait(cache, mst_str("a key"), &loader, nullptr, &result);
    const std::string value(static_cast<const char *>(result.data), result.len);
    const bool right =
        status == MST_OK && value == "loaded for a key" && result.why == expected_why;
    if (!right) {
        std::fprintf(stderr, "host: %s, %s, \"%s\"\n", mst_strerror(status),
                     mst_why_name(result.why), value.c_str());
    }
    mst_result_release(&result);
    return right;
}

} // namespace

int main(int argc, char **argv)
{
    mst_error error{};
    mst_runtime *runtime = nullptr;
    if (argc != 2 || mst_open_file(argv[1], nullptr, &runtime, &error) != MST_OK) {
        std::fprintf(stderr, "host: %s\n", error.text);
        return 1;
    }
    int calls = 0;
    mst_loader loader{};
    loader.load = load;
    loader.arg = &calls;
    loader.flags = MST_LOAD_BLOCKING;
    mst_cache *cache = mst_cache_named(runtime, "");
    const bool right =
        ask(cache, loader, MST_WHY_LOADED) && ask(cache, loader, MST_WHY_HIT) && calls == 1;
    mst_close_wait(runtime);
    return right ? 0 : 1;
}
