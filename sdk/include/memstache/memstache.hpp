/* memstache.hpp - memstache.h for C++17: RAII, std::string_view, callables. Header-only and thin:
 * each function is one call of the C function of that name, whose comment in memstache.h is the
 * reference.
 *
 *   memstache::runtime runtime("memstache.ini");             // throws memstache::error
 *   memstache::cache cache = runtime.cache();
 *   cache.set_wait("key", "value");
 *   if (memstache::result r = cache.get_wait("key")) {
 *       use(r.view());                                       // lent until r is gone
 *   }
 *   cache.get("key", [this](memstache::result &&r) { ... }); // later, on a loop thread
 *
 * How an answer arrives. get(key, done) answers through done() only. get(key, now, done) may answer
 * at once: `now` is then filled, the call returns its status, and done() never runs. Both return
 * MST_PENDING when done() will run, once; a negative status means that nothing was started. The
 * forms with _wait return the result.
 *
 * Callables. A done() that is trivially copyable and no larger than a pointer, such as a lambda
 * that captures `this` or one reference, costs nothing. Any other is moved to the heap for the
 * request, which may throw std::bad_alloc before anything was started; an lvalue is refused, so
 * that nothing is copied unseen: write std::move(done), or std::ref(done). It runs on a loop
 * thread, while the caller may still be in the call. An exception that leaves it ends the program
 * (std::terminate), as one that leaves a std::thread does; one that leaves a loader fails the load
 * (MST_ELOAD).
 *
 * Failures. Opening throws memstache::error. Everything else returns a status or a result and
 * throws nothing but std::bad_alloc.
 */
#ifndef MEMSTACHE_HPP
#define MEMSTACHE_HPP

#include <cstring>
#include <functional>
#include <iterator>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "types.hpp"

namespace memstache
{

namespace detail
{

/* The library's results are seen as ours, alone and in arrays. */
static_assert(std::is_standard_layout_v<result> && sizeof(result) == sizeof(mst_result));

/* A callable on its way through the void * of a C callback, for one call. */
template <class F> struct courier {
    static constexpr bool fits = sizeof(F) <= sizeof(void *) && std::is_trivially_copyable_v<F> &&
                                 std::is_trivially_destructible_v<F>;

    static void *pack(F &&f)
    {
        void *arg = nullptr;
        if constexpr (fits) {
            std::memcpy(&arg, static_cast<const void *>(std::addressof(f)), sizeof f);
        } else {
            arg = new F(std::move(f));
        }
        return arg;
    }
    static void drop(void *arg) noexcept
    {
        if constexpr (!fits) {
            delete static_cast<F *>(arg);
        }
    }
    template <class... Args> static void run(void *arg, Args &&...args)
    {
        if constexpr (fits) {
            alignas(F) unsigned char room[sizeof(F)];
            std::memcpy(room, &arg, sizeof room);
            (*std::launder(reinterpret_cast<F *>(room)))(std::forward<Args>(args)...);
        } else {
            const std::unique_ptr<F> f(static_cast<F *>(arg));
            (*f)(std::forward<Args>(args)...);
        }
    }

    static void answered(void *arg, mst_result *r) noexcept
    {
        run(arg, std::move(*reinterpret_cast<result *>(r)));
    }
    static void answered_many(void *arg, mst_result *r, size_t n) noexcept
    {
        run(arg, results(reinterpret_cast<result *>(r), n));
    }
    static void closed(void *arg) noexcept
    {
        run(arg);
    }
};

template <class F> using plain = std::remove_cv_t<std::remove_reference_t<F>>;

/* call(courier, arg) starts the request; when done() will not run, its callable goes at once. */
template <class F, class Call> mst_status start(F &&done, Call call)
{
    using T = plain<F>;
    static_assert(!std::is_lvalue_reference_v<F> || courier<T>::fits,
                  "done() would be copied: write std::move(done) or std::ref(done)");
    T mine(std::forward<F>(done));
    void *arg = courier<T>::pack(std::move(mine));
    const mst_status status = call(courier<T>(), arg);
    if (status != MST_PENDING) {
        courier<T>::drop(arg);
    }
    return status;
}

template <class Keys> std::vector<mst_slice> slices(const Keys &keys)
{
    std::vector<mst_slice> all;
    all.reserve(std::size(keys));
    for (const auto &key : keys) {
        all.push_back(slice(key));
    }
    return all;
}

} // namespace detail

/* A cache of a runtime: a name for it, copied at will, good for as long as the runtime.
 * [any-thread]
 */
class cache
{
  public:
    explicit cache(mst_cache *raw) noexcept : raw_(raw)
    {
    }
    explicit operator bool() const noexcept
    {
        return raw_ != nullptr;
    }
    mst_cache *raw() const noexcept
    {
        return raw_;
    }

    template <class F> mst_status get(std::string_view key, F &&done, const options &o = {})
    {
        return detail::start(std::forward<F>(done), [&](auto c, void *arg) {
            return mst_get(raw_, slice(key), o.get(), nullptr, c.answered, arg);
        });
    }
    template <class F>
    mst_status get(std::string_view key, result &now, F &&done, const options &o = {})
    {
        now = result();
        return detail::start(std::forward<F>(done), [&](auto c, void *arg) {
            return mst_get(raw_, slice(key), o.get(), now.raw(), c.answered, arg);
        });
    }
    result get_now(std::string_view key, const options &o = {})
    {
        result r;
        mst_get_now(raw_, slice(key), o.get(), r.raw());
        return r;
    }
    result get_wait(std::string_view key, const options &o = {})
    {
        result r;
        mst_get_wait(raw_, slice(key), o.get(), r.raw());
        return r;
    }

    template <class F>
    mst_status set(std::string_view key, input value, F &&done, const options &o = {})
    {
        return detail::start(std::forward<F>(done), [&](auto c, void *arg) {
            const mst_input in = value.give();
            return mst_set(raw_, slice(key), &in, o.get(), nullptr, c.answered, arg);
        });
    }
    template <class F>
    mst_status set(std::string_view key, input value, result &now, F &&done, const options &o = {})
    {
        now = result();
        return detail::start(std::forward<F>(done), [&](auto c, void *arg) {
            const mst_input in = value.give();
            return mst_set(raw_, slice(key), &in, o.get(), now.raw(), c.answered, arg);
        });
    }
    result set_wait(std::string_view key, input value, const options &o = {})
    {
        result r;
        const mst_input in = value.give();
        mst_set_wait(raw_, slice(key), &in, o.get(), r.raw());
        return r;
    }

    template <class F> mst_status remove(std::string_view key, F &&done, const options &o = {})
    {
        return detail::start(std::forward<F>(done), [&](auto c, void *arg) {
            return mst_remove(raw_, slice(key), o.get(), nullptr, c.answered, arg);
        });
    }
    template <class F>
    mst_status remove(std::string_view key, result &now, F &&done, const options &o = {})
    {
        now = result();
        return detail::start(std::forward<F>(done), [&](auto c, void *arg) {
            return mst_remove(raw_, slice(key), o.get(), now.raw(), c.answered, arg);
        });
    }
    result remove_wait(std::string_view key, const options &o = {})
    {
        result r;
        mst_remove_wait(raw_, slice(key), o.get(), r.raw());
        return r;
    }

    template <class L, class F>
    mst_status get_or_load(std::string_view key, const loader<L> &load, F &&done,
                           const options &o = {})
    {
        return detail::start(std::forward<F>(done), [&](auto c, void *arg) {
            return mst_get_or_load(raw_, slice(key), load.get(), o.get(), nullptr, c.answered, arg);
        });
    }
    template <class L, class F>
    mst_status get_or_load(std::string_view key, const loader<L> &load, result &now, F &&done,
                           const options &o = {})
    {
        now = result();
        return detail::start(std::forward<F>(done), [&](auto c, void *arg) {
            return mst_get_or_load(raw_, slice(key), load.get(), o.get(), now.raw(), c.answered,
                                   arg);
        });
    }
    template <class L>
    result get_or_load_wait(std::string_view key, const loader<L> &load, const options &o = {})
    {
        result r;
        mst_get_or_load_wait(raw_, slice(key), load.get(), o.get(), r.raw());
        return r;
    }

    /* `keys`: any container of what converts to std::string_view. Copied are their addresses. */
    template <class Keys, class F>
    mst_status get_many(const Keys &keys, F &&done, const options &o = {})
    {
        const std::vector<mst_slice> all = detail::slices(keys);
        return detail::start(std::forward<F>(done), [&](auto c, void *arg) {
            return mst_get_many(raw_, all.data(), all.size(), o.get(), nullptr, c.answered_many,
                                arg);
        });
    }
    template <class Keys> std::vector<result> get_many_wait(const Keys &keys, const options &o = {})
    {
        const std::vector<mst_slice> all = detail::slices(keys);
        std::vector<result> answers(all.size());
        mst_get_many_wait(raw_, all.data(), all.size(), o.get(),
                          reinterpret_cast<mst_result *>(answers.data()));
        return answers;
    }

    template <class Keys, class L, class F>
    mst_status get_many_or_load(const Keys &keys, const many_loader<L> &load, F &&done,
                                const options &o = {})
    {
        const std::vector<mst_slice> all = detail::slices(keys);
        return detail::start(std::forward<F>(done), [&](auto c, void *arg) {
            return mst_get_many_or_load(raw_, all.data(), all.size(), load.get(), o.get(), nullptr,
                                        c.answered_many, arg);
        });
    }
    template <class Keys, class L>
    std::vector<result> get_many_or_load_wait(const Keys &keys, const many_loader<L> &load,
                                              const options &o = {})
    {
        const std::vector<mst_slice> all = detail::slices(keys);
        std::vector<result> answers(all.size());
        mst_get_many_or_load_wait(raw_, all.data(), all.size(), load.get(), o.get(),
                                  reinterpret_cast<mst_result *>(answers.data()));
        return answers;
    }

    mst_stats stats() const noexcept
    {
        mst_stats stats;
        mst_cache_stats(raw_, &stats);
        return stats;
    }

  private:
    mst_cache *raw_;
};

/* A configuration to be read, changed and opened. Throws memstache::error. */
class config
{
  public:
    config() : raw_(mst_config_new(nullptr))
    {
        if (!raw_) {
            throw std::bad_alloc();
        }
    }
    config &read(const char *path)
    {
        mst_error e;
        const mst_status status = mst_config_read(raw_.get(), path, &e);
        return status ? throw error(status, e.text) : *this;
    }
    config &set(const char *section, const char *key, const char *value)
    {
        const mst_status status = mst_config_set(raw_.get(), section, key, value);
        return status ? throw error(status, mst_strerror(status)) : *this;
    }
    mst_config *raw() const noexcept
    {
        return raw_.get();
    }

  private:
    struct free_it {
        void operator()(mst_config *c) const noexcept
        {
            mst_config_free(c);
        }
    };
    std::unique_ptr<mst_config, free_it> raw_;
};

/* What was opened together. Its end closes it and waits, as mst_close_wait() does. */
class runtime
{
  public:
    runtime() : runtime(config())
    {
    }
    explicit runtime(const char *path, const mst_open_options &o = {})
        : runtime(config().read(path), o)
    {
    }
    explicit runtime(const config &c, const mst_open_options &o = {})
    {
        mst_error e;
        const mst_status status = mst_open(c.raw(), &o, &raw_, &e);
        if (status) {
            throw error(status, e.text);
        }
    }
    runtime(runtime &&other) noexcept : raw_(std::exchange(other.raw_, nullptr))
    {
    }
    runtime &operator=(runtime &&) = delete;
    ~runtime()
    {
        if (raw_) {
            mst_close_wait(raw_);
        }
    }
    /* Does not wait: closed() runs when all is done. Nothing of this runtime may be used after it.
     */
    template <class F> void close(F &&closed)
    {
        detail::start(std::forward<F>(closed), [&](auto c, void *arg) {
            mst_close(std::exchange(raw_, nullptr), c.closed, arg);
            return MST_PENDING;
        });
    }
    /* By its name in the configuration; false as a condition when there is none. */
    memstache::cache cache(const char *name = nullptr) const noexcept
    {
        return memstache::cache(mst_cache_named(raw_, name));
    }
    mst_runtime *raw() const noexcept
    {
        return raw_;
    }

  private:
    mst_runtime *raw_ = nullptr;
};

/* Options of opening whose log lines go to log(level, std::string_view), called on any thread until
 * the runtime is closed. */
template <class F> mst_open_options log_to(const F &log) noexcept
{
    mst_open_options o{};
    o.log_arg = const_cast<void *>(static_cast<const void *>(std::addressof(log)));
    o.log = [](void *arg, int level, const char *text) noexcept {
        (*static_cast<const F *>(arg))(level, std::string_view(text));
    };
    return o;
}
template <class F> mst_open_options log_to(const F &&) = delete; /* it has to outlive the runtime */

} // namespace memstache

#endif
