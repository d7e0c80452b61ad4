// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// What a box coder is, and every coder over tensors. A coder is a struct of parameters with two
/// formulas over a number: `encode(prior, box)` gives the code that a network should predict, and
/// `decode(prior, code)` the box that a code means. Evaluated on duals, decode yields its gradient, so a
/// box loss goes through it to the raw output in one pass.

#include <boxgrad/backend/rows.hpp>
#include <boxgrad/core/parameter.hpp>
#include <boxgrad/prior/point.hpp>

namespace boxgrad::inline BOXGRAD_ABI::coder {

/// A code of a place and a size. What either means is the coder's affair.
template <class V>
struct xywh {
    V x, y, w, h;
};
template <class V>
xywh(V, V, V, V) -> xywh<V>;

/// C has encode and decode. `C::code_of<V>` is a struct of four numbers; `C::prior_of<V>` is what it codes
/// against: `box`, `prior::point` or `strided_box`.
template <class C>
concept box_coder = requires(const C& c, typename C::template prior_of<float> p, typename C::template code_of<float> x,
                             typename C::template code_of<dual<float, 4>> d, box<float> b) {
    { c.encode(p, b) } -> std::same_as<typename C::template code_of<float>>;
    { c.decode(p, x) } -> std::same_as<box<float>>;
    { c.decode(p, d) } -> std::same_as<box<dual<float, 4>>>;
};

/// A prior box and the stride of its level in pixels.
template <class V>
struct strided_box {
    boxgrad::box<V> box;
    V stride;
};
template <class V>
strided_box(box<V>, V) -> strided_box<V>;

namespace detail {

/// Priors [N, 4] or [N, 5], whose last column is the stride; else the coder's is every prior's.
template <class T>
struct stored_strided_boxes {
    view<const T, 2> boxes;
    T stride;

    BOXGRAD_FN constexpr index size() const { return boxes.extent[0]; }
    template <plain_number V>
    BOXGRAD_FN constexpr strided_box<V> at(index i, int count) const {
        return {load_boxes<V>(boxes, i, count),
                boxes.extent[1] == 5 ? load<V>(&boxes(i, 4), boxes.stride[0], count) : V(stride)};
    }
};
/// The same for boxes of a row source.
template <class S, class T>
struct strided_boxes {
    S source;
    T stride;

    BOXGRAD_FN constexpr index size() const { return source.size(); }
    template <plain_number V>
    BOXGRAD_FN constexpr strided_box<V> at(index i, int count) const {
        return {source.template at<V>(i, count), V(stride)};
    }
};

template <class C>
inline constexpr bool codes_against_points = std::same_as<typename C::template prior_of<float>, prior::point<float>>;
template <class C>
inline constexpr bool codes_against_strided = std::same_as<typename C::template prior_of<float>, strided_box<float>>;

/// Priors as the coder's row source.
template <class C, class B, class X>
auto prior_source(const B& b, const C& coder, const X& priors, const char* op) {
    using T = typename B::scalar;
    if constexpr (row_source<X, lanes_t<B>>) {
        if constexpr (codes_against_strided<C>) {
            return strided_boxes<X, T>{priors, static_cast<T>(coder.stride)};
        } else {
            return priors;
        }
    } else {
        const auto v = as_const_view<2>(b, priors, op, "priors");
        const index columns = v.extent[1];
        if constexpr (codes_against_points<C>) {
            const bool pairs = columns == 2 && !C::needs_strides;
            check_shape(op, "priors", {any_extent, pairs ? 2 : 4}, v.extent);
            return prior::stored_points<T>{v};
        } else if constexpr (codes_against_strided<C>) {
            check_shape(op, "priors", {any_extent, columns == 5 ? 5 : 4}, v.extent);
            return stored_strided_boxes<T>{v, static_cast<T>(coder.stride)};
        } else {
            check_shape(op, "priors", {any_extent, 4}, v.extent);
            return stored_boxes<T>{v};
        }
    }
}

/// Centre of a prior and the unit of distances from it: its size, or pixels.
template <plain_number V>
BOXGRAD_FN constexpr xywh<V> center_and_unit(const box<V>& p, bool by_size) {
    const V half(scalar_t<V>(0.5));
    const V one(scalar_t<V>(1));
    return {(p.x1 + p.x2) * half, (p.y1 + p.y2) * half, by_size ? p.width() : one, by_size ? p.height() : one};
}

/// The coder with its parameters as they enter the formula, where it has such a form. Throws config_error.
template <class T, class C>
constexpr auto prepared(const C& coder) {
    if constexpr (requires { coder.check(); }) coder.check();
    if constexpr (requires { coder.template prepared<T>(); }) {
        return coder.template prepared<T>();
    } else {
        return coder;
    }
}

template <class C>
image_shape within(const C& coder, image_shape border) {
    if constexpr (requires { coder.clip_border; }) {
        if (!coder.clip_border) return {};
    }
    if constexpr (requires { C::border_inset; }) return {border.h - C::border_inset, border.w - C::border_inset};
    return border;
}

/// Boxes or gradients of a pack of rows, for each of the codes of a row.
template <class C, class F, class V, class P, bool Gradient>
struct decode_kernel {
    using T = scalar_t<V>;
    template <class U>
    using code_of = typename C::template code_of<U>;
    F formula;
    P priors;
    view<const T, 2> codes, upstream;
    view<T, 2> out;
    image_shape border;
    bool clipped;

    template <class U, class Prior>
    BOXGRAD_FN constexpr box<U> decoded(const Prior& p, const code_of<U>& c) const {
        const box<U> x = formula.decode(p, c);
        return clipped ? clip(x, border) : x;
    }
    BOXGRAD_FN void operator()(index n) const {
        const index i = n * width_v<V>;
        const int count = rows_left<V>(out.extent[0], i);
        const auto p = priors.template at<V>(i, count);
        for (index k = 0; k < out.extent[1]; k += 4) {
            const auto c = load_fields<V, 4>(codes, i, count, k);
            if constexpr (Gradient) {
                using D = dual<V, 4>;
                const auto x = fields_of(decoded<D>(p, code_of<D>{D::variable(c[0], 0), D::variable(c[1], 1),
                                                                  D::variable(c[2], 2), D::variable(c[3], 3)}));
                const auto u = load_fields<V, 4>(upstream, i, count, k);
                fields<V, 4> g;
                for (int j = 0; j < 4; ++j) {
                    g[j] = (u[0] * x[0].partial[j] + u[1] * x[1].partial[j]) +
                           (u[2] * x[2].partial[j] + u[3] * x[3].partial[j]);
                }
                store_fields<V, 4>(g, out, i, count, k);
            } else {
                store_fields<V, 4>(fields_of(decoded<V>(p, code_of<V>{c[0], c[1], c[2], c[3]})), out, i, count, k);
            }
        }
    }
};

/// Codes of a pack of rows.
template <class C, class F, class P, class S>
struct encode_rows {
    F formula;
    P priors;
    S boxes;

    BOXGRAD_FN constexpr index size() const { return priors.size(); }
    template <plain_number U>
    BOXGRAD_FN constexpr typename C::template code_of<U> at(index i, int count) const {
        return formula.encode(priors.template at<U>(i, count), boxes.template at<U>(i, count));
    }
};

template <bool Gradient, class B, class C, class X, class Y, class U, class Z>
void decode_into(const B& b, const char* op, const C& coder, const X& priors, const Y& codes, const U& upstream, Z& out,
                 image_shape border) {
    using V = lanes_t<B>;
    const auto p = prior_source(b, coder, priors, op);
    const auto c = as_const_view<2>(b, codes, op, "codes");
    const auto o = as_view<2>(b, out, op, "out");
    if (c.extent[1] % 4 != 0 || c.extent[1] == 0) check_shape(op, "codes", {p.size(), 4}, c.extent);
    check_shape(op, "codes", {p.size(), any_extent}, c.extent);
    check_shape(op, "out", c.extent, o.extent);
    check_output(op, "out", o);
    check_apart(op, "out", o, "codes", c);
    check_apart_from(op, "out", o, "priors", p);
    view<const typename B::scalar, 2> u;
    if constexpr (Gradient) {
        u = as_const_view<2>(b, upstream, op, "upstream");
        check_shape(op, "upstream", c.extent, u.extent);
        check_apart(op, "out", o, "upstream", u);
    }
    const image_shape image = within(coder, border);
    const auto f = prepared<typename B::scalar>(coder);
    b.for_each(packs_of<V>(p.size()),
               decode_kernel<C, std::remove_const_t<decltype(f)>, V, std::remove_const_t<decltype(p)>, Gradient>{
                   f, p, c, u, o, image, is_bounded(image)});
}

/// The rows of S are what coder C codes against; its stride is the coder's own where a prior needs one.
template <class S, class C, class V>
concept prior_rows = row_source<S, V> && requires(const S& s, index i, int n) {
    requires std::same_as<decltype(s.template at<V>(i, n)), typename C::template prior_of<V>> ||
        (codes_against_strided<C> && std::same_as<decltype(s.template at<V>(i, n)), box<V>>);
};
/// X gives the priors of coder C to backend B: a tensor, or a row source such as a grid.
// clang-format off: it takes the template arguments for comparisons
template <class X, class B, class C>
concept priors_for = readable_tensor<boxgrad::detail::tensor_for<prior_rows<X, C, lanes_t<B>>, X, B>, B, typename B::scalar, 2>;
// clang-format on

struct no_upstream {};

}  // namespace detail

/// Boxes from priors and codes. Shapes: priors as the coder's page says, [N, ...] or a row source; codes
/// [N, 4], or [N, 4·C] for a code for each class -> boxes of the same shape, x1 y1 x2 y2 in pixels. Where
/// `border` is given, boxes are clipped to the picture unless the coder's `clip_border` is off. Throws
/// shape_error. Scratch: none.
template <backend B, box_coder C, detail::priors_for<B, C> X, readable_tensor<B, typename B::scalar, 2> Y>
auto decode(const B& b, const C& coder, const X& priors, const Y& codes, image_shape border = {}) {
    const char* op = "coder::decode";
    auto out = b.template make<typename B::scalar, 2>(as_const_view<2>(b, codes, op, "codes").extent);
    detail::decode_into<false>(b, op, coder, priors, codes, detail::no_upstream{}, out, border);
    return out;
}
/// The same, into the caller's tensor.
template <backend B, box_coder C, detail::priors_for<B, C> X, readable_tensor<B, typename B::scalar, 2> Y,
          writable_tensor<B, typename B::scalar, 2> Z>
void decode_into(const B& b, const C& coder, const X& priors, const Y& codes, Z& out, image_shape border = {}) {
    detail::decode_into<false>(b, "coder::decode", coder, priors, codes, detail::no_upstream{}, out, border);
}

/// The gradient of Σ upstream·decode(prior, code) with respect to the codes: what carries the gradient of
/// any loss of the boxes on to the raw outputs. Shapes: upstream and result as the codes. Throws
/// shape_error.
template <backend B, box_coder C, detail::priors_for<B, C> X, readable_tensor<B, typename B::scalar, 2> Y,
          readable_tensor<B, typename B::scalar, 2> U>
auto decode_gradient(const B& b, const C& coder, const X& priors, const Y& codes, const U& upstream,
                     image_shape border = {}) {
    const char* op = "coder::decode_gradient";
    auto out = b.template make<typename B::scalar, 2>(as_const_view<2>(b, codes, op, "codes").extent);
    detail::decode_into<true>(b, op, coder, priors, codes, upstream, out, border);
    return out;
}

/// The codes [N, 4] of boxes [N, 4], against priors [N, ...] or a row source. Throws shape_error.
template <backend B, box_coder C, detail::priors_for<B, C> X, boxes_for<B> Y>
auto encode(const B& b, const C& coder, const X& priors, const Y& boxes) {
    const char* op = "coder::encode";
    const auto p = detail::prior_source(b, coder, priors, op);
    const auto x = box_source(b, boxes, op, "boxes");
    check_shape<2>(op, "boxes", {{p.size(), 4}}, {{x.size(), 4}});
    const auto f = detail::prepared<typename B::scalar>(coder);
    return make_rows<4>(b, op,
                        detail::encode_rows<C, std::remove_const_t<decltype(f)>, std::remove_const_t<decltype(p)>,
                                            std::remove_const_t<decltype(x)>>{f, p, x});
}

}  // namespace boxgrad::inline BOXGRAD_ABI::coder
