// cpp_loop.cc - example: a program in C++, on memstache.hpp and on a loop thread of the library.
//
//   cpp_loop [--requests N]
//
// Two threads ask, with lambdas as callbacks, and never let more than a few hundred requests wait.
// Every answer is compared with what was stored.
#include <memstache/memstache.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace
{

constexpr unsigned THREADS = 2, KEYS = 20000;
constexpr uint64_t WAITING = 256;

std::string value_of(std::string_view key)
{
    return "value of " + std::string(key) + std::string(180, '.');
}

// Outlives the runtime, as loaders have to. Runs on the loop thread, and moves its value in.
const memstache::loader load([](memstache::loading l) {
    l.entry().expire_ms = 60000;
    l.bytes(value_of(l.key()));
});

struct figures {
    std::atomic<uint64_t> answered{0}, at_once{0}, hits{0}, misses{0}, loaded{0}, sets{0}, wrong{0};
};

// A thread that asks, and the requests of it that wait.
class asker
{
  public:
    asker(memstache::cache cache, figures &all, uint64_t requests, uint32_t seed)
        : cache_(cache), all_(all), requests_(requests), random_(seed)
    {
    }

    void run()
    {
        for (uint64_t i = 0; i < requests_; i++) {
            wait_until_below(WAITING);
            ask("key " + std::to_string(draw() % KEYS), draw() % 100);
        }
        wait_until_below(1);
    }

  private:
    void ask(const std::string &key, uint32_t kind)
    {
        waiting_++;
        memstache::result now;
        mst_status status = MST_OK;
        if (kind < 10) {
            all_.sets++;
            status = cache_.set(key, value_of(key), [this](memstache::result &&r) {
                all_.wrong += !r;
                answered();
            });
        } else if (kind < 30) { // looks, and takes an answer at once
            status = cache_.get(key, now, [this, key](memstache::result &&r) {
                check(key, r, true);
                answered();
            });
            if (status != MST_PENDING) {
                all_.at_once++;
                check(key, now, true);
            }
        } else {
            status = cache_.get_or_load(key, load, [this, key](memstache::result &&r) {
                check(key, r, false);
                answered();
            });
        }
        if (status != MST_PENDING) {
            all_.wrong += status < 0;
            answered();
        }
    }

    void check(const std::string &key, const memstache::result &r, bool may_miss)
    {
        if (r) {
            (r.tier() == MST_TIER_LOADER ? all_.loaded : all_.hits)++;
            all_.wrong += r.view() != value_of(key);
        } else {
            all_.misses++;
            all_.wrong += r.status() != MST_MISS || !may_miss;
        }
    }

    void answered()
    {
        all_.answered++;
        const std::lock_guard<std::mutex> lock(mutex_);
        waiting_--;
        fewer_.notify_one();
    }

    void wait_until_below(uint64_t n)
    {
        std::unique_lock<std::mutex> lock(mutex_);
        fewer_.wait(lock, [&] { return waiting_ < n; });
    }

    uint32_t draw()
    {
        random_ ^= random_ << 13;
        random_ ^= random_ >> 17;
        random_ ^= random_ << 5;
        return random_;
    }

    memstache::cache cache_;
    figures &all_;
    const uint64_t requests_;
    uint32_t random_;
    std::mutex mutex_;
    std::condition_variable fewer_;
    std::atomic<uint64_t> waiting_{0};
};

bool report(const figures &f, uint64_t requests)
{
    std::printf("cpp_loop: %llu requests, %llu at once: %llu hits, %llu misses, %llu loaded, "
                "%llu sets, %llu wrong\n",
                static_cast<unsigned long long>(f.answered),
                static_cast<unsigned long long>(f.at_once), static_cast<unsigned long long>(f.hits),
                static_cast<unsigned long long>(f.misses),
                static_cast<unsigned long long>(f.loaded), static_cast<unsigned long long>(f.sets),
                static_cast<unsigned long long>(f.wrong));
    return f.wrong == 0 && f.answered == requests &&
           f.hits + f.misses + f.loaded + f.sets == requests;
}

bool run(uint64_t requests)
{
    figures all;
    memstache::runtime runtime(memstache::config().set("provider.memory", "max_bytes", "4MiB"));
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < THREADS; i++) {
        const uint64_t share = requests / THREADS + (i < requests % THREADS);
        threads.emplace_back(
            [&, share, i] { asker(runtime.cache(), all, share, 7919 * (i + 1)).run(); });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    const mst_stats stats = runtime.cache().stats();
    return report(all, requests) && stats.started == requests && stats.pending == 0;
}

} // namespace

int main(int argc, char **argv)
{
    uint64_t requests = 100000;
    if (argc == 3 && std::strcmp(argv[1], "--requests") == 0) {
        requests = std::strtoull(argv[2], nullptr, 10);
    } else if (argc != 1) {
        requests = 0;
    }
    if (requests == 0) {
        std::fputs("usage: cpp_loop [--requests N]\n", stderr);
        return 2;
    }
    try {
        return run(requests) ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (const memstache::error &e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 2;
    }
}
