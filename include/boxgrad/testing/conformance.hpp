// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// Does a backend keep the promises of backend/concept.hpp? For the author of one; needs no test
/// framework.

#include <boxgrad/backend/transfer.hpp>
#include <boxgrad/core/pack.hpp>
#include <boxgrad/testing/detail/conformance_kernels.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace boxgrad::inline BOXGRAD_ABI::testing {

/// No other way to an element than the view: then nothing proves that the view is right.
struct no_element {};

namespace detail {

template <class T>
constexpr const char* type_name() {
    if constexpr (std::same_as<T, float>) return "float";
    if constexpr (std::same_as<T, double>) return "double";
    if constexpr (std::same_as<T, std::int32_t>) return "int32";
    if constexpr (std::same_as<T, std::int64_t>) return "int64";
    return "uint8";
}

/// Does Element take a tensor X and R indices?
template <class Element, class X, int R>
inline constexpr bool reaches = std::is_invocable_v<const Element&, X&, index>;
template <class Element, class X>
inline constexpr bool reaches<Element, X, 2> = std::is_invocable_v<const Element&, X&, index, index>;
template <class Element, class X>
inline constexpr bool reaches<Element, X, 3> = std::is_invocable_v<const Element&, X&, index, index, index>;
template <class Element, class X>
inline constexpr bool reaches<Element, X, 4> =
    std::is_invocable_v<const Element&, X&, index, index, index, index>;

template <class B, class Element>
class battery {
public:
    std::vector<std::string> failures;

    battery(const B& b, const Element& element) : b_(b), element_(element) {}

    void run() {
        types<float, double, std::int32_t, std::int64_t, std::uint8_t>();
        for (const index n : {0, 1, 2, 1000}) calls(n);
        for (const int pitch : {1, 2, 3, -1, -2}) lanes(pitch);
    }

private:
    template <class... T>
    void types() {
        (tensors(extents<1>{{6}}, T()), ...);
        (tensors(extents<2>{{2, 3}}, T()), ...);
        (tensors(extents<3>{{2, 3, 4}}, T()), ...);
        (tensors(extents<4>{{2, 3, 4, 5}}, T()), ...);
        (tensors(extents<1>{{1}}, T()), ...);
        (tensors(extents<2>{{3, 1}}, T()), ...);
        (tensors(extents<2>{{1, 4}}, T()), ...);
        (tensors(extents<2>{{0, 4}}, T()), ...);
        (tensors(extents<3>{{2, 0, 4}}, T()), ...);
    }

    void expect(bool good, const char* what) {
        if (!good) failures.push_back(where_ + ": " + what);
    }

    template <int R, class T>
    void tensors(const extents<R>& e, T) {
        where_ = std::string("tensor<") + type_name<T>() + ", " + std::to_string(R) + "> " + to_string(e);
        auto first = b_.template make<T, R>(e);
        auto other = b_.template make<T, R>(e);
        const auto& constant = first;
        const auto v = as_view<R>(b_, first, "conformance", "tensor");
        const auto c = as_view<R>(b_, constant, "conformance", "tensor");
        static_assert(std::same_as<decltype(v), const view<T, R>>);
        static_assert(std::same_as<decltype(c), const view<const T, R>>);
        expect(v.extent == e, "look gives other extents than make was asked for");
        expect(c.data == v.data && c.extent == v.extent && c.stride == v.stride,
               "look gives a constant tensor another view");
        if (!(v.extent == e)) return;
        expect(distinct(v), "two elements share an address");

        b_.for_each(e.size(), write_pattern<T, R>{v, 1});
        b_.for_each(e.size(), write_pattern<T, R>{as_view<R>(b_, other, "conformance", "tensor"), 2});
        expect(holds(v, 1), "two tensors overlap, or download does not see what for_each wrote");
        expect(seen(c, 1), "for_each does not see what another for_each wrote");
        const auto moved = std::move(first);
        expect(holds(as_view<R>(b_, moved, "conformance", "tensor"), 1), "a move loses the elements");

        for (index i = 0; i < e.size(); ++i) {
            const T x = pattern<T>(i, 3);
            b_.upload(&x, &as_view<R>(b_, other, "conformance", "tensor").at_flat(i), index{1});
        }
        expect(seen(as_const_view<R>(b_, other, "conformance", "tensor"), 3),
               "for_each does not see what upload wrote");
        std::vector<T> host;
        for (index i = 0; i < e.size(); ++i) host.push_back(pattern<T>(i, 4));
        const auto uploaded = boxgrad::from_host<T>(b_, e, host.data());
        expect(to_host<R>(b_, uploaded) == host, "upload and download do not agree");
        through_element(other, e, host);
    }

    /// The view against the tensor's own access, both ways.
    template <class X, int R, class T>
    void through_element(X& tensor, const extents<R>& e, const std::vector<T>& host) {
        if constexpr (reaches<Element, X, R>) {
            each_index(e, [&](index n, auto... i) {
                element_(tensor, i...) = host[static_cast<std::size_t>(n)];
            });
            expect(to_host<R>(b_, tensor) == host, "the view reads other elements than the tensor's own access");
            b_.for_each(e.size(), write_pattern<T, R>{as_view<R>(b_, tensor, "conformance", "tensor"), 5});
            bool same = true;
            each_index(e, [&](index n, auto... i) {
                same = same && static_cast<T>(element_(tensor, i...)) == pattern<T>(n, 5);
            });
            expect(same, "the view writes other elements than the tensor's own access");
        }
    }
    template <int R, class F>
    static void each_index(const extents<R>& e, const F& f) {
        for (index n = 0; n < e.size(); ++n) {
            extents<R> at;
            index rest = n;
            for (int k = R - 1; k >= 0; --k) {
                at[k] = rest % e[k];
                rest /= e[k];
            }
            if constexpr (R == 1) f(n, at[0]);
            if constexpr (R == 2) f(n, at[0], at[1]);
            if constexpr (R == 3) f(n, at[0], at[1], at[2]);
            if constexpr (R == 4) f(n, at[0], at[1], at[2], at[3]);
        }
    }

    template <class T, int R>
    static bool distinct(const view<T, R>& v) {
        std::vector<const T*> addresses;
        for (index i = 0; i < v.size(); ++i) addresses.push_back(&v.at_flat(i));
        std::sort(addresses.begin(), addresses.end());
        return std::adjacent_find(addresses.begin(), addresses.end()) == addresses.end();
    }
    /// Element by element, so that no layout is assumed.
    template <class T, int R>
    bool holds(const view<T, R>& v, int seed) const {
        for (index i = 0; i < v.size(); ++i) {
            std::remove_const_t<T> x{};
            b_.download(static_cast<const T*>(&v.at_flat(i)), &x, index{1});
            if (x != pattern<std::remove_const_t<T>>(i, seed)) return false;
        }
        return true;
    }
    template <class T, int R>
    bool seen(const view<const T, R>& v, int seed) const {
        auto wrong = b_.template make<std::int32_t, 1>(extents<1>{{v.size()}});
        b_.for_each(v.size(),
                    compare_pattern<T, R>{v, as_view<1>(b_, wrong, "conformance", "scratch"), seed});
        const auto host = to_host<1>(b_, wrong);
        return std::count(host.begin(), host.end(), 0) == v.size();
    }

    void calls(index n) {
        where_ = "for_each(" + std::to_string(n) + ")";
        auto counts = b_.template make<std::int32_t, 1>(extents<1>{{n + 1}});
        const auto v = as_view<1>(b_, counts, "conformance", "scratch");
        const std::vector<std::int32_t> zero(static_cast<std::size_t>(n + 1), 0);
        for (index i = 0; i <= n; ++i) b_.upload(zero.data() + i, &v(i), index{1});
        b_.for_each(n, count_calls{v, n});
        const auto host = to_host<1>(b_, counts);
        expect(host[0] == 0, "a call out of range");
        expect(std::count(host.begin() + 1, host.end(), 1) == n, "not one call for each index");
    }

    /// Packs of 1 to width elements that lie `pitch` apart, each among elements that must stay.
    void lanes(int pitch) {
        using V = lanes_t<B>;
        using T = typename B::scalar;
        constexpr index width = width_v<V>;
        const index length = width * (pitch < 0 ? -pitch : pitch);
        const index start = pitch < 0 ? length - 1 : 0;
        where_ = "lanes<" + std::string(type_name<T>()) + "> with stride " + std::to_string(pitch);
        auto from = b_.template make<T, 1>(extents<1>{{length}});
        auto bad = b_.template make<std::int32_t, 1>(extents<1>{{width}});
        const auto f = as_view<1>(b_, from, "conformance", "tensor");
        const auto m = as_view<1>(b_, bad, "conformance", "scratch");
        b_.for_each(length, write_pattern<T, 1>{f, 6});
        b_.for_each(width, fill_counts{m});
        for (index count = 1; count <= width; ++count) {
            auto to = b_.template make<T, 1>(extents<1>{{length}});
            const auto t = as_view<1>(b_, to, "conformance", "tensor");
            b_.for_each(length, write_pattern<T, 1>{t, 7});
            b_.for_each(1, copy_lanes<V>{f, t, m, start, pitch, static_cast<int>(count)});
            const auto host = to_host<1>(b_, to);
            bool same = true;
            for (index i = 0; i < length; ++i) {
                const index k = (i - start) / pitch;
                const bool written = (i - start) % pitch == 0 && k >= 0 && k < count;
                same = same && host[static_cast<std::size_t>(i)] ==
                                   (written ? pattern<T>(i, 6) + T(1) : pattern<T>(i, 7));
            }
            expect(same, "load and store do not copy the first elements, and only these");
        }
        for (const auto x : to_host<1>(b_, bad)) expect(x == 0, "first_lanes or lane_bits is wrong");
    }

    const B& b_;
    const Element& element_;
    std::string where_;
};

}  // namespace detail

/// Every promise of the concept that b does not keep, one line each; empty when all is well.
///
/// `element(t, i, j)` reaches an element of a tensor by its own means, to be read and assigned to,
/// usually [](auto& t, auto... i) -> decltype(auto) { return t(i...); }. It may take fewer ranks or
/// element types than there are.
template <backend B, class Element = no_element>
std::vector<std::string> conformance(const B& b = {}, const Element& element = {}) {
    detail::battery<B, Element> battery(b, element);
    battery.run();
    return battery.failures;
}

}  // namespace boxgrad::inline BOXGRAD_ABI::testing
