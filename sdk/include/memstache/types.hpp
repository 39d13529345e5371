/* types.hpp - what memstache.hpp asks with and is answered with: results, inputs, options, loaders.
 * Included by it; the rules that hold for all of it are written there.
 */
#ifndef MEMSTACHE_TYPES_HPP
#define MEMSTACHE_TYPES_HPP

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "memstache.h"

namespace memstache
{

using std::chrono::milliseconds;
constexpr milliseconds never{MST_NEVER};

/* What opening throws. what() is the text of mst_error. */
class error : public std::runtime_error
{
  public:
    error(mst_status status, const char *text) : std::runtime_error(text), status_(status)
    {
    }
    mst_status status() const noexcept
    {
        return status_;
    }

  private:
    mst_status status_;
};

inline mst_slice slice(std::string_view bytes) noexcept
{
    return {bytes.data(), bytes.size()};
}

inline std::string_view view(mst_slice bytes) noexcept
{
    return {static_cast<const char *>(bytes.data), bytes.len};
}

/* An answer, and what it lends until it is gone. Moving moves the loan. */
class result
{
  public:
    result() noexcept : raw_{}
    {
    }
    result(result &&other) noexcept : raw_(mst_result_take(&other.raw_))
    {
    }
    result &operator=(result &&other) noexcept
    {
        if (this != &other) {
            mst_result_release(&raw_);
            raw_ = mst_result_take(&other.raw_);
        }
        return *this;
    }
    ~result()
    {
        mst_result_release(&raw_);
    }

    explicit operator bool() const noexcept /* is there a value? */
    {
        return raw_.status == MST_OK;
    }
    mst_status status() const noexcept
    {
        return raw_.status;
    }
    int why() const noexcept
    {
        return raw_.why;
    }
    int tier() const noexcept
    {
        return raw_.tier;
    }
    std::string_view view() const noexcept
    {
        return {static_cast<const char *>(raw_.data), raw_.len};
    }
    template <class T> const T *object() const noexcept /* of a typed request; else NULL */
    {
        return static_cast<const T *>(raw_.object);
    }
    milliseconds age() const noexcept /* -1: unknown */
    {
        return milliseconds(raw_.age_ms);
    }
    milliseconds ttl() const noexcept /* -1: no end is known */
    {
        return milliseconds(raw_.ttl_ms);
    }
    mst_result *raw() noexcept
    {
        return &raw_;
    }

  private:
    mst_result raw_;
};

/* The answers of a batch, in the order of its keys; the library's, but each may be moved from. */
class results
{
  public:
    results(result *first, size_t n) noexcept : first_(first), n_(n)
    {
    }
    result *begin() const noexcept
    {
        return first_;
    }
    result *end() const noexcept
    {
        return first_ + n_;
    }
    size_t size() const noexcept
    {
        return n_;
    }
    result &operator[](size_t i) const noexcept
    {
        return first_[i];
    }

  private:
    result *first_;
    size_t n_;
};

/* What to store. The library copies what it is given as a view, and takes over a std::string that
 * is moved in, which is then deleted on any thread. */
class input
{
  public:
    template <class T, class = std::enable_if_t<std::is_convertible_v<const T &, std::string_view>>>
    input(const T &bytes) noexcept : raw_{}
    {
        const std::string_view there = bytes;
        raw_.data = there.data();
        raw_.len = there.size();
    }
    input(std::string &&bytes) : raw_{}
    {
        auto *owner = new std::string(std::move(bytes));
        raw_.data = owner->data();
        raw_.len = owner->size();
        raw_.owner = owner;
        raw_.release = [](void *p) { delete static_cast<std::string *>(p); };
    }
    input(mst_input &&raw) noexcept : raw_(std::exchange(raw, mst_input{}))
    {
    }
    input(input &&other) noexcept : raw_(other.give())
    {
    }
    input &operator=(input &&) = delete;
    ~input()
    {
        if (raw_.release) {
            raw_.release(raw_.owner);
        }
    }
    /* An object for a typed request: encoded before the call returns. */
    static input object(const void *object) noexcept
    {
        mst_input raw{};
        raw.object = object;
        return input(std::move(raw));
    }
    /* Who calls this has to see to the release: a C function that takes a mst_input does. */
    mst_input give() noexcept
    {
        return std::exchange(raw_, mst_input{});
    }

  private:
    mst_input raw_;
};

/* A handle to cancel a request, from options::handle(). The last one wins. */
class request
{
  public:
    request() noexcept = default;
    request(request &&other) noexcept : raw_(std::exchange(other.raw_, nullptr))
    {
    }
    request &operator=(request &&other) noexcept
    {
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~request()
    {
        mst_request_release(raw_);
    }
    void cancel() noexcept
    {
        mst_cancel(raw_);
    }

  private:
    friend class options;
    mst_request *raw_ = nullptr;
};

/* mst_options, to be built up: options().timeout(50ms).expire(10min). */
class options
{
  public:
    options &type(const mst_type &type) noexcept
    {
        raw_.type = &type;
        return *this;
    }
    options &timeout(milliseconds time) noexcept
    {
        raw_.timeout_ms = time.count();
        return *this;
    }
    options &expire(milliseconds time) noexcept
    {
        raw_.entry.expire_ms = time.count();
        return *this;
    }
    options &sliding(milliseconds time) noexcept
    {
        raw_.entry.sliding_ms = time.count();
        return *this;
    }
    options &flags(uint32_t flags) noexcept /* MST_F_* */
    {
        raw_.flags = flags;
        return *this;
    }
    options &handle(request &handle) noexcept /* of the next call only */
    {
        handle = request();
        raw_.request = &handle.raw_;
        return *this;
    }
    mst_options &raw() noexcept
    {
        return raw_;
    }
    const mst_options *get() const noexcept
    {
        return &raw_;
    }

  private:
    mst_options raw_{};
};

/* A load that a loader has been asked for. Ends with bytes(), object(), absent() or fail(), now or
 * later, on any thread; one that is dropped fails. */
class loading
{
  public:
    explicit loading(mst_load *load) noexcept : load_(load)
    {
    }
    loading(loading &&other) noexcept : load_(other.end())
    {
    }
    loading &operator=(loading &&) = delete;
    ~loading()
    {
        fail(MST_ELOAD);
    }
    std::string_view key() const noexcept /* valid until it ends */
    {
        return memstache::view(mst_load_key(load_));
    }
    mst_entry &entry() noexcept
    {
        return *mst_load_entry(load_);
    }
    void bytes(input value) noexcept
    {
        const mst_input raw = value.give();
        mst_load_bytes(end(), &raw);
    }
    void object(input value) noexcept
    {
        const mst_input raw = value.give();
        mst_load_object(end(), &raw);
    }
    void absent() noexcept
    {
        mst_load_absent(end());
    }
    void fail(mst_status why) noexcept
    {
        if (load_) {
            mst_load_fail(end(), why);
        }
    }

  private:
    mst_load *end() noexcept
    {
        return std::exchange(load_, nullptr);
    }
    mst_load *load_;
};

/* A callable that loads: loader load([&](memstache::loading l) { l.bytes(...); }). It may be called
 * by several threads at once, and has to outlive the runtime, because loads go on when nobody waits
 * for them any more. With MST_LOAD_BLOCKING it runs on a worker thread. */
template <class F> class loader
{
    static_assert(std::is_invocable_v<const F &, loading>, "a loader takes a memstache::loading");

  public:
    explicit loader(F load, uint32_t flags = 0) : load_(std::move(load)), raw_{}
    {
        raw_.load = call;
        raw_.arg = this;
        raw_.flags = flags;
    }
    loader(const loader &) = delete;
    loader &operator=(const loader &) = delete;
    const mst_loader *get() const noexcept
    {
        return &raw_;
    }

  private:
    static void call(void *self, mst_load *load) noexcept
    {
        try {
            static_cast<const loader *>(self)->load_(loading(load));
        } catch (...) { /* the load has failed: it was dropped on the way */
        }
    }
    const F load_;
    mst_loader raw_;
};

/* The same for batches: many_loader load([&](std::vector<memstache::loading> all) { ... }) is
 * called once, with all keys that nobody has. */
template <class F> class many_loader
{
    static_assert(std::is_invocable_v<const F &, std::vector<loading>>,
                  "a loader of batches takes a std::vector<memstache::loading>");

  public:
    explicit many_loader(F load, uint32_t flags = 0) : load_(std::move(load)), raw_{}
    {
        raw_.load = call;
        raw_.arg = this;
        raw_.flags = flags;
    }
    many_loader(const many_loader &) = delete;
    many_loader &operator=(const many_loader &) = delete;
    const mst_loader_many *get() const noexcept
    {
        return &raw_;
    }

  private:
    static void call(void *self, mst_load *const *loads, size_t n) noexcept
    {
        std::vector<loading> all;
        try {
            all.reserve(n);
        } catch (...) {
            for (size_t i = 0; i < n; i++) {
                mst_load_fail(loads[i], MST_ENOMEM);
            }
            return;
        }
        for (size_t i = 0; i < n; i++) {
            all.emplace_back(loads[i]);
        }
        try {
            static_cast<const many_loader *>(self)->load_(std::move(all));
        } catch (...) { /* those that were not ended have failed: they were dropped on the way */
        }
    }
    const F load_;
    mst_loader_many raw_;
};

} // namespace memstache

#endif
