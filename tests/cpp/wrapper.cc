// memstache.hpp as a program meets it: what is answered, what is moved, what is allocated, and what
// happens to exceptions. Built by Meson, and against an installation by both compilers.
#include <memstache/memstache.hpp>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace
{

std::atomic<int> failures;
std::atomic<size_t> news; // of this program: the library allocates by itself

void check(bool right, const char *what, int line)
{
    if (!right) {
        std::fprintf(stderr, "wrapper.cc:%d: %s\n", line, what);
        failures++;
    }
}
#define CHECK(condition) check((condition) ? true : false, #condition, __LINE__)

// What callbacks on other threads tell the test.
class signal
{
  public:
    void give()
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        count_++;
        there_.notify_all();
    }
    void wait(int count)
    {
        std::unique_lock<std::mutex> lock(mutex_);
        there_.wait(lock, [&] { return count_ >= count; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable there_;
    int count_ = 0;
};

void waiting_forms(memstache::cache cache)
{
    CHECK(cache.get_wait("key").status() == MST_MISS);
    CHECK(!cache.get_wait("key"));
    const memstache::result stored = cache.set_wait("key", "value");
    CHECK(stored && stored.why() == MST_WHY_STORED && stored.tier() == 0);
    memstache::result r = cache.get_wait("key");
    CHECK(r && r.view() == "value" && r.why() == MST_WHY_HIT);
    CHECK(r.age() >= 0ms && r.ttl() == -1ms);
    CHECK(cache.get_now(std::string("key")).view() == "value");
    CHECK(cache.set_wait("key", std::string("other"), memstache::options().expire(1min)));
    r = cache.get_wait("key");
    CHECK(r.view() == "other" && r.ttl() > 50s && r.ttl() <= 1min);
    CHECK(cache.remove_wait("key") && !cache.get_wait("key"));
    CHECK(cache.get_wait("").status() == MST_EINVAL);
    const mst_stats stats = cache.stats();
    CHECK(stats.started == stats.completed && stats.near_hits == 3);
}

void results_move(memstache::cache cache)
{
    cache.set_wait("key", "value");
    memstache::result first = cache.get_wait("key");
    const void *data = first.view().data();
    memstache::result second = std::move(first);
    CHECK(second.view().data() == data && first.view().empty());
    memstache::result third;
    CHECK(!third.view().data());
    third = std::move(second);
    memstache::result &same = third;
    third = std::move(same);
    CHECK(third.view().data() == data && third.view() == "value");
}

// A callable is moved and never copied, and gone after its call, or after the call that refused it.
void callables_move(memstache::cache cache)
{
    signal answered;
    auto watched = std::make_shared<int>(0);
    auto done = [&answered, mine = std::make_unique<int>(7), watched](memstache::result &&r) {
        CHECK(*mine == 7 && r.view() == "value");
        answered.give();
    };
    CHECK(watched.use_count() == 2);
    CHECK(cache.get("key", std::move(done)) == MST_PENDING);
    answered.wait(1);
    while (watched.use_count() > 1) { // deleted once it has returned, on the loop thread
        std::this_thread::yield();
    }
    CHECK(watched.use_count() == 1);

    memstache::result now;
    auto never = [watched](memstache::result &&) { CHECK(!"called"); };
    CHECK(cache.get("key", now, std::move(never)) == MST_OK && now.view() == "value");
    CHECK(watched.use_count() == 1);
    auto refused = [watched](memstache::result &&) { CHECK(!"called"); };
    CHECK(cache.get("", std::move(refused)) == MST_EINVAL);
    CHECK(watched.use_count() == 1);
}

void small_callables_cost_nothing(memstache::cache cache)
{
    signal answered;
    auto small = [&answered](memstache::result &&r) {
        CHECK(r.view() == "value");
        answered.give();
    };
    memstache::result now;
    const size_t before = news;
    CHECK(cache.get("key", small) == MST_PENDING); // as an lvalue, too: it is a pointer
    answered.wait(1);
    CHECK(cache.get("key", now, small) == MST_OK);
    CHECK(cache.get_wait("key"));
    CHECK(news == before);

    int calls = 0;
    auto large = [&answered, &calls](const memstache::result &) {
        calls++;
        answered.give();
    };
    CHECK(cache.get("key", std::ref(large)) == MST_PENDING);
    answered.wait(2);
    CHECK(calls == 1 && news == before);
}

void results_can_be_kept(memstache::cache cache, memstache::result &kept)
{
    signal answered;
    cache.set_wait("kept", "still there");
    CHECK(cache.get("kept", [&](memstache::result &&r) {
        kept = std::move(r);
        answered.give();
    }) == MST_PENDING);
    answered.wait(1);
    CHECK(kept.view() == "still there");
}

void inputs_are_taken_over(memstache::cache cache)
{
    signal answered;
    std::string large(100000, 'x');
    const char *bytes = large.data();
    memstache::input in(std::move(large));
    const mst_input raw = in.give();
    CHECK(raw.data == bytes && raw.len == 100000); // moved, not copied
    CHECK(cache.set("large", memstache::input(mst_input(raw)), [&](memstache::result &&r) {
        CHECK(r.why() == MST_WHY_STORED);
        answered.give();
    }) == MST_PENDING);
    answered.wait(1);
    CHECK(cache.get_wait("large").view().size() == 100000);
    memstache::result now;
    const mst_status refused =
        cache.set("", std::string(1000, 'x'), now, [](memstache::result &&) {});
    CHECK(refused == MST_EINVAL && now.why() == MST_WHY_REJECTED); // and nothing is leaked
    CHECK(cache.remove("large", now, [](memstache::result &&) {}) == MST_OK);
    CHECK(cache.remove("large", [&](memstache::result &&) { answered.give(); }) == MST_PENDING);
    answered.wait(2);
}

// Loaders outlive the runtime, as its comment says.
std::atomic<int> loads;
const memstache::loader load_text([](memstache::loading l) {
    loads++;
    l.entry().expire_ms = 60000;
    l.bytes("made of " + std::string(l.key()));
});
const memstache::loader load_slowly(
    [](memstache::loading l) {
        loads++;
        l.bytes("made by a worker");
    },
    MST_LOAD_BLOCKING);
const memstache::loader load_nothing([](memstache::loading l) { l.absent(); });
const memstache::loader load_and_throw([](memstache::loading) { throw std::string("no"); });
const memstache::loader load_and_drop([](memstache::loading) {});
memstache::loading *unfinished;
const memstache::loader load_later([](memstache::loading l) {
    unfinished = new memstache::loading(std::move(l));
});

void loaders(memstache::cache cache)
{
    signal answered;
    memstache::result r = cache.get_or_load_wait("loaded", load_text);
    CHECK(r.view() == "made of loaded" && r.why() == MST_WHY_LOADED);
    CHECK(cache.get_or_load("loaded", load_text, r, [](memstache::result &&) {}) == MST_OK);
    CHECK(r.why() == MST_WHY_HIT && loads == 1);
    for (int i = 0; i < 100; i++) {
        cache.get_or_load("slow", load_slowly, [&](memstache::result &&s) {
            CHECK(s.view() == "made by a worker");
            answered.give();
        });
    }
    answered.wait(100);
    CHECK(loads == 2);
    CHECK(cache.get_or_load_wait("none", load_nothing).why() == MST_WHY_ABSENT);
    CHECK(cache.get_or_load_wait("thrown", load_and_throw).status() == MST_ELOAD);
    CHECK(cache.get_or_load_wait("dropped", load_and_drop).status() == MST_ELOAD);
}

void cancelling(memstache::cache cache)
{
    signal answered;
    memstache::request handle;
    memstache::options o = memstache::options().timeout(memstache::never).handle(handle);
    CHECK(cache.get_or_load(
              "later", load_later,
              [&](memstache::result &&r) {
                  CHECK(r.status() == MST_ECANCELED);
                  answered.give();
              },
              o) == MST_PENDING);
    memstache::request moved = std::move(handle);
    handle.cancel();
    moved.cancel();
    answered.wait(1);
    CHECK(cache.get_or_load_wait("later", load_later, memstache::options().timeout(1ms)).status() ==
          MST_ETIMEDOUT);
    if (unfinished) { // unless it was cancelled before it had begun
        unfinished->bytes("at last");
        delete unfinished;
    }
}

void batches(memstache::cache cache)
{
    signal answered;
    memstache::result kept;
    cache.set_wait("a", "1");
    cache.set_wait("c", "3");
    const std::array<std::string_view, 3> keys = {"a", "b", "c"};
    std::vector<memstache::result> there = cache.get_many_wait(keys);
    CHECK(there.size() == 3 && there[0].view() == "1" && !there[1] && there[2].view() == "3");
    const std::vector<std::string> more = {"c", "b", "a"};
    CHECK(cache.get_many(more, [&](memstache::results all) {
        CHECK(all.size() == 3 && all[0].view() == "3" && all.begin()[1].status() == MST_MISS);
        kept = std::move(all[2]);
        answered.give();
    }) == MST_PENDING);
    answered.wait(1);
    CHECK(kept.view() == "1");
    CHECK(cache.get_many_wait(std::vector<std::string>()).empty());
}

std::atomic<int> batches_loaded;
const memstache::many_loader load_all([](std::vector<memstache::loading> all) {
    batches_loaded++;
    for (memstache::loading &l : all) {
        if (l.key() == "dropped") {
            throw std::string("it, and what comes after it");
        }
        l.bytes("made of " + std::string(l.key()));
    }
});

void loaded_batches(memstache::cache cache)
{
    signal answered;
    cache.set_wait("m2", "there");
    const std::vector<std::string> keys = {"m1", "m2", "m3"};
    std::vector<memstache::result> there = cache.get_many_or_load_wait(keys, load_all);
    CHECK(there[0].view() == "made of m1" && there[1].view() == "there");
    CHECK(there[2].why() == MST_WHY_LOADED && batches_loaded == 1);
    const std::array<std::string_view, 2> more = {"m1", "dropped"};
    CHECK(cache.get_many_or_load(more, load_all, [&](memstache::results all) {
        CHECK(all[0].why() == MST_WHY_HIT && all[1].status() == MST_ELOAD);
        answered.give();
    }) == MST_PENDING);
    answered.wait(1);
    CHECK(batches_loaded == 2);
}

void typed_values(memstache::cache cache) // with the serializer `raw` an object is a slice
{
    static const mst_type text = {"text", "", 5};
    const mst_slice value = memstache::slice("typed");
    const memstache::options typed = memstache::options().type(text);
    CHECK(cache.set_wait("typed", memstache::input::object(&value), typed));
    const memstache::result r = cache.get_wait("typed", typed);
    CHECK(r.object<mst_slice>() && memstache::view(*r.object<mst_slice>()) == "typed");
    CHECK(!cache.get_wait("none", typed).object<mst_slice>());
}

void opening()
{
    try {
        memstache::runtime runtime("nowhere.ini");
        CHECK(!"opened");
    } catch (const memstache::error &e) {
        CHECK(e.status() < 0 && std::string(e.what()).find("nowhere.ini") != std::string::npos);
    }
    try {
        memstache::runtime runtime(memstache::config().set("cache", "expires", "1m"));
        CHECK(!"opened");
    } catch (const std::runtime_error &e) {
        CHECK(std::string(e.what()).find("did you mean \"expire\"") != std::string::npos);
    }
    try {
        memstache::config().set("ca che", "expire", "1m");
        CHECK(!"set");
    } catch (const memstache::error &e) {
        CHECK(e.status() == MST_EINVAL);
    }
}

void closing()
{
    signal closed;
    std::atomic<int> lines{0};
    const auto log = [&](int, std::string_view text) { lines += !text.empty(); };
    memstache::config config;
    config.set("provider.memory", "max_bytes", "64KiB");
    memstache::runtime runtime(config, memstache::log_to(log));
    CHECK(runtime.cache() && !runtime.cache("nobody"));
    CHECK(!runtime.cache().set_wait("large", std::string(200000, 'x')));
    memstache::runtime moved = std::move(runtime);
    moved.close([&closed, owned = std::string("closed")] { closed.give(); });
    closed.wait(1);
    CHECK(lines == 1);
}

} // namespace

// Not inlined: gcc would take free() for the wrong partner of new.
__attribute__((noinline)) void *operator new(size_t size)
{
    news++;
    if (void *p = std::malloc(size ? size : 1)) {
        return p;
    }
    throw std::bad_alloc();
}
__attribute__((noinline)) void operator delete(void *p) noexcept
{
    std::free(p);
}
__attribute__((noinline)) void operator delete(void *p, size_t) noexcept
{
    std::free(p);
}

int main()
{
    memstache::result kept;
    opening();
    {
        memstache::runtime runtime;
        const memstache::cache cache = runtime.cache();
        waiting_forms(cache);
        results_move(cache);
        callables_move(cache);
        small_callables_cost_nothing(cache);
        results_can_be_kept(cache, kept);
        inputs_are_taken_over(cache);
        loaders(cache);
        cancelling(cache);
        batches(cache);
        loaded_batches(cache);
        typed_values(cache);
    }
    CHECK(kept.view() == "still there");
    closing();
    return failures ? 1 : 0;
}
