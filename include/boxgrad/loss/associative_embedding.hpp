// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/parameter.hpp>
#include <boxgrad/loss/detail/objects.hpp>

#include <span>

namespace boxgrad::inline BOXGRAD_ABI::loss {

/// The two corners of an object, in cells of the heat maps.
struct corner_match {
    index tl_y, tl_x, br_y, br_x;
};

/// One number for each part of the loss: values, or upstream gradients.
template <class T>
struct embedding_parts {
    T pull, push;
};

template <backend B>
struct associative_embedding_gradient {
    embedding_parts<typename B::scalar> value;
    tensor_t<B, typename B::scalar, 4> tl, br;  ///< of the embedding maps
};

namespace detail {

/// Matches of a batch in b's memory.
template <class T>
struct matched_tags {
    view<const T, 4> tl, br;
    view<const index, 2> match;   ///< [M, 5]: image and corners
    view<const index, 1> offset;  ///< of images

    BOXGRAD_FN T tl_of(index m) const { return tl(match(m, 0), 0, match(m, 1), match(m, 2)); }
    BOXGRAD_FN T br_of(index m) const { return br(match(m, 0), 0, match(m, 3), match(m, 4)); }
};

/// Values of a match, and slopes by its two tags.
template <class T>
struct embedding_kernel {
    matched_tags<T> tags;
    embedding_parts<T> upstream;
    view<double, 1> pull, push;
    view<T, 2> slope;  ///< [M, 2]

    BOXGRAD_FN void operator()(index m) const {
        const T one(1), half(T(0.5));
        const index image = tags.match(m, 0);
        const index first = tags.offset(image);
        const index last = tags.offset(image + 1);
        const T n(static_cast<T>(last - first));
        const T apart = tags.tl_of(m) - tags.br_of(m);
        const T mean = half * (tags.tl_of(m) + tags.br_of(m));
        double sum = 0;
        T direction = 0;
        for (index other = first; other < last; ++other) {
            const T d = mean - half * (tags.tl_of(other) + tags.br_of(other));
            const T l = one - abs(d);
            if (other == m || l <= T(0)) continue;
            sum += static_cast<double>(l);
            direction = direction + (d > T(0) ? -one : d < T(0) ? one : T(0));
        }
        const T pairs = last - first > 1 ? n * (n - one) : one;
        pull(m) = static_cast<double>(half * apart * apart / n);
        push(m) = last - first > 1 ? sum / static_cast<double>(pairs) : 0.0;
        const T by_pull = upstream.pull * apart / n;
        const T by_push = upstream.push * direction / pairs;  // each pair counts twice, each tag is half of a mean
        slope(m, 0) = by_push + by_pull;
        slope(m, 1) = by_push - by_pull;
    }
};

/// Adds slopes up in the maps, in the order of matches: several may share a corner.
template <class T>
struct embedding_scatter_kernel {
    matched_tags<T> tags;
    view<const T, 2> slope;
    view<T, 4> tl, br;

    BOXGRAD_FN void operator()(index image) const {
        for (index m = tags.offset(image); m < tags.offset(image + 1); ++m) {
            T& a = tl(image, 0, tags.match(m, 1), tags.match(m, 2));
            T& c = br(image, 0, tags.match(m, 3), tags.match(m, 4));
            a = a + slope(m, 0);
            c = c + slope(m, 1);
        }
    }
};

}  // namespace detail

/// The associative embedding of corners: tags of an object's two corners are pulled together, mean tags of different
/// objects of an image are pushed apart.
///
///     pull = pull_weight · Σ_images 1/n Σ_k [(a_k - e_k)² + (b_k - e_k)²],   e_k = (a_k + b_k)/2
///     push = push_weight · Σ_images 1/(n·(n - 1)) Σ_{k≠j} max(0, 1 - |e_k - e_j|)
///
/// a, b: the embeddings at the top-left and the bottom-right corner, n objects in the image; an image without objects
/// adds nothing, one with a single object no push. The gradient of push is 0 at |e_k - e_j| = 1 and at 0.
///
/// Maps tl, br [B, 1, H, W]; `matches` on the host, a list for each image. Errors: shape_error for other shapes or
/// another number of images; config_error for a corner outside of the map, naming image and match.
///
/// Law and Deng, CornerNet, ECCV 2018, equations 4 and 5 (with margin 1); Newell et al., Associative Embedding, 2017;
/// mmdetection 3.3, AssociativeEmbeddingLoss.
struct associative_embedding {
    double pull_weight = 0.25;
    double push_weight = 0.25;

    constexpr void check() const {
        check_finite("loss::associative_embedding", "pull_weight", pull_weight);
        check_finite("loss::associative_embedding", "push_weight", push_weight);
    }

    template <backend B, detail::numbers_for<B> X, detail::numbers_for<B> Y>
    embedding_parts<typename B::scalar> value(const B& b, const X& tl, const Y& br,
                                              std::span<const std::vector<corner_match>> matches) const {
        const batch<B> p(*this, b, "associative_embedding::value", tl, br, matches, {1, 1});
        return p.value;
    }

    /// `upstream` multiplies each part's gradient.
    template <backend B, detail::numbers_for<B> X, detail::numbers_for<B> Y>
    associative_embedding_gradient<B> value_and_gradient(const B& b, const X& tl, const Y& br,
                                                         std::span<const std::vector<corner_match>> matches,
                                                         embedding_parts<double> upstream = {1, 1}) const {
        using T = typename B::scalar;
        const char* op = "associative_embedding::value_and_gradient";
        const batch<B> p(*this, b, op, tl, br, matches, upstream);
        auto of_tl = b.template make<T, 4>(p.extent);
        auto of_br = b.template make<T, 4>(p.extent);
        const auto g = as_view<4>(b, of_tl, op, "gradient");
        const auto h = as_view<4>(b, of_br, op, "gradient");
        detail::fill(b, g, T(0));
        detail::fill(b, h, T(0));
        b.for_each(p.extent[0], detail::embedding_scatter_kernel<T>{p.tags(tl, br),
                                                                    as_const_view<2>(b, p.slope, op, "scratch"), g, h});
        return {p.value, std::move(of_tl), std::move(of_br)};
    }

private:
    template <class B>
    struct batch {
        using T = typename B::scalar;
        const B& b;
        const char* op;
        extents<4> extent;
        tensor_t<B, index, 2> match;
        tensor_t<B, index, 1> offset;
        tensor_t<B, T, 2> slope;
        embedding_parts<T> value{};

        template <class X, class Y>
        batch(const associative_embedding& l, const B& backend, const char* operation, const X& tl, const Y& br,
              std::span<const std::vector<corner_match>> matches, embedding_parts<double> upstream)
            : b(backend),
              op(operation),
              extent(shape_of(l, backend, operation, tl, br, matches)),
              match(uploaded(backend, operation, extent, matches)),
              offset(offsets(backend, matches)),
              slope(backend.template make<T, 2>(
                  extents<2>{{as_const_view<2>(backend, match, operation, "scratch").extent[0], 2}})) {
            const index n = as_const_view<2>(b, match, op, "scratch").extent[0];
            auto pull = b.template make<double, 1>(extents<1>{{n}});
            auto push = b.template make<double, 1>(extents<1>{{n}});
            const auto pulls = as_view<1>(b, pull, op, "scratch");
            const auto pushes = as_view<1>(b, push, op, "scratch");
            b.for_each(n, detail::embedding_kernel<T>{tags(tl, br),
                                                      {static_cast<T>(l.pull_weight * upstream.pull),
                                                       static_cast<T>(l.push_weight * upstream.push)},
                                                      pulls,
                                                      pushes,
                                                      as_view<2>(b, slope, op, "scratch")});
            summation<B> sum(b, n);
            value = {static_cast<T>(l.pull_weight * sum(pulls)), static_cast<T>(l.push_weight * sum(pushes))};
        }
        template <class X, class Y>
        detail::matched_tags<T> tags(const X& tl, const Y& br) const {
            return {as_const_view<4>(b, tl, op, "tl"), as_const_view<4>(b, br, op, "br"),
                    as_const_view<2>(b, match, op, "scratch"), as_const_view<1>(b, offset, op, "scratch")};
        }

    private:
        template <class X, class Y>
        static extents<4> shape_of(const associative_embedding& l, const B& b, const char* op, const X& tl, const Y& br,
                                   std::span<const std::vector<corner_match>> matches) {
            l.check();
            const auto a = as_const_view<4>(b, tl, op, "tl");
            const auto c = as_const_view<4>(b, br, op, "br");
            check_shape(op, "tl", {any_extent, 1, any_extent, any_extent}, a.extent);
            check_shape(op, "br", a.extent, c.extent);
            check_shape<1>(op, "matches", {{a.extent[0]}}, {{static_cast<index>(matches.size())}});
            return a.extent;
        }
        static auto uploaded(const B& b, const char* op, const extents<4>& e,
                             std::span<const std::vector<corner_match>> matches) {
            std::vector<index> rows;
            for (std::size_t i = 0; i < matches.size(); ++i) {
                for (const corner_match& m : matches[i]) {
                    const bool inside = m.tl_y >= 0 && m.tl_y < e[2] && m.br_y >= 0 && m.br_y < e[2] && m.tl_x >= 0 &&
                                        m.tl_x < e[3] && m.br_x >= 0 && m.br_x < e[3];
                    if (!inside) {
                        raise(config_error(complaint(op, "matches", "corners inside of the map",
                                                     "another in image " + std::to_string(i) + ", match " +
                                                         std::to_string(&m - matches[i].data()))));
                    }
                    rows.insert(rows.end(), {static_cast<index>(i), m.tl_y, m.tl_x, m.br_y, m.br_x});
                }
            }
            return from_host(b, extents<2>{{static_cast<index>(rows.size()) / 5, 5}}, rows.data());
        }
        static auto offsets(const B& b, std::span<const std::vector<corner_match>> matches) {
            std::vector<index> o{0};
            for (const auto& m : matches) o.push_back(o.back() + static_cast<index>(m.size()));
            return from_host(b, extents<1>{{static_cast<index>(o.size())}}, o.data());
        }
    };
};

}  // namespace boxgrad::inline BOXGRAD_ABI::loss
