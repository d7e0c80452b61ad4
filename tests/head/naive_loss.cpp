// SPDX-License-Identifier: Apache-2.0
//
// The whole loss written down a second time in double: decode, assign by matrices, sum. Strides that differ
// across and down, weights, recipes, dead predictions.
#include "catch.hpp"
#include "naive_sim_ota.hpp"
#include "scene.hpp"

namespace {

namespace recipe = boxgrad::recipe;

template <class R>
using loss_of = boxgrad::yolox_loss<R, typename R::box, boxgrad::loss::l1>;

double sigmoid(double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }
double bce(double x, double t) { return std::max(x, 0.0) - x * t + std::log1p(std::exp(-std::abs(x))); }

/// 1 - u² of the recipe's overlap, floors included.
template <class R>
double box_loss(const std::array<double, 4>& p, const std::array<double, 4>& t) {
    if constexpr (std::is_same_v<R, recipe::cjm>) {
        const double u = test::naive_overlap(true, p, t, 1e-6);
        return 1 - u * u;
    } else {
        const double u = std::max(1e-16, test::naive_overlap(false, p, t, std::is_same_v<R, recipe::megvii> ? 1e-16 : 1e-6));
        return 1 - u * u;
    }
}

struct totals {
    double classes = 0, boxes = 0, objectness = 0, l1 = 0;
    std::vector<std::int32_t> truth;
    std::ptrdiff_t positives = 0;
    bool clear = true;
};

template <class R>
totals by_matrices(const loss_of<R>& loss, test::head_values<double>& h, const boxgrad::truth_list<double>& t) {
    totals r;
    const auto classes = static_cast<std::size_t>(loss.classes);
    for (boxgrad::index image = 0; image < t.images(); ++image) {
        test::scene_lists<double> s;
        s.classes = classes;
        std::vector<std::array<double, 4>> raw;
        std::vector<std::array<double, 4>> corner;
        std::vector<double> logits;
        std::vector<double> objectness;
        for (std::size_t l = 0; l < h.levels(); ++l) {
            const auto e = h.shape[0][l];
            const double sw = loss.strides[static_cast<int>(l)].w;
            const double sh = loss.strides[static_cast<int>(l)].h;
            for (boxgrad::index y = 0; y < e[2]; ++y) {
                for (boxgrad::index x = 0; x < e[3]; ++x) {
                    const auto at = [&](std::size_t part, boxgrad::index channel) {
                        const auto& shape = h.shape[part][l];
                        return h.value[part][l][static_cast<std::size_t>(((image * shape[1] + channel) * e[2] + y) * e[3] + x)];
                    };
                    const std::array<double, 4> q{at(1, 0), at(1, 1), at(1, 2), at(1, 3)};
                    const double px = static_cast<double>(x) * sw;
                    const double py = static_cast<double>(y) * sh;
                    const double cx = q[0] * sw + px;
                    const double cy = q[1] * sh + py;
                    const double bw = std::exp(q[2]) * sw / 2;
                    const double bh = std::exp(q[3]) * sh / 2;
                    const double o = at(2, 0);
                    bool dead = !std::isfinite(o);
                    for (const double v : q) dead = dead || !std::isfinite(v);
                    for (std::size_t c = 0; c < classes; ++c) {
                        logits.push_back(at(0, static_cast<boxgrad::index>(c)));
                        dead = dead || !std::isfinite(logits.back());
                        const double p = sigmoid(logits.back()) * sigmoid(o);
                        s.scores.push_back(std::is_same_v<R, recipe::cjm> ? p : std::sqrt(p));
                    }
                    raw.push_back(q);
                    corner.push_back({px, py, sw, sh});
                    objectness.push_back(o);
                    s.priors.push_back({px + sw / 2, py + sh / 2, sw, sh});
                    s.boxes.push_back({cx - bw, cy - bh, cx + bw, cy + bh});
                    s.dead.push_back(dead);
                }
            }
        }
        for (boxgrad::index g = t.offsets[static_cast<std::size_t>(image)]; g < t.offsets[static_cast<std::size_t>(image) + 1]; ++g) {
            s.truths.push_back(t.boxes[static_cast<std::size_t>(g)]);
            s.labels.push_back(static_cast<int>(t.labels[static_cast<std::size_t>(g)]));
        }
        const auto a = test::naive_sim_ota<typename R::assigner::rules>(s, {loss.assigner.center_radius}, 1e-9);
        r.clear = r.clear && a.clear;
        for (std::size_t n = 0; n < s.size(); ++n) {
            const bool positive = a.truth[n] >= 0;
            r.truth.push_back(a.truth[n]);
            r.objectness += bce(objectness[n], positive ? 1 : 0);
            if (!positive) continue;
            ++r.positives;
            const auto g = static_cast<std::size_t>(a.truth[n]);
            for (std::size_t c = 0; c < classes; ++c) {
                r.classes += bce(logits[n * classes + c], c == static_cast<std::size_t>(s.labels[g]) ? a.overlap[n] : 0);
            }
            const auto& b = s.truths[g];
            r.boxes += box_loss<R>(s.boxes[n], b);
            const auto& p = corner[n];
            const double code[4] = {((b[0] + b[2]) / 2 - p[0]) / p[2], ((b[1] + b[3]) / 2 - p[1]) / p[3],
                                    std::log((b[2] - b[0]) / p[2] + 1e-8), std::log((b[3] - b[1]) / p[3] + 1e-8)};
            for (std::size_t k = 0; k < 4; ++k) r.l1 += std::abs(raw[n][k] - code[k]);
        }
    }
    const double normaliser = static_cast<double>(std::max<std::ptrdiff_t>(r.positives, 1));
    r.classes *= loss.weights.classes / normaliser;
    r.boxes *= loss.weights.boxes / normaliser;
    r.objectness *= loss.weights.objectness / normaliser;
    r.l1 *= loss.weights.l1 / normaliser;
    return r;
}

using recipes = std::tuple<recipe::mmdetection, recipe::megvii, recipe::cjm>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("the loss is what its formulas say, strides and weights of any kind", "[head]", recipes) {
    using boxgrad::stride;
    const boxgrad::memory<double> b;
    int told = 0;
    for (unsigned seed = 0; seed < 120; ++seed) {
        INFO("seed " << seed);
        loss_of<TestType> loss{.classes = 1 + static_cast<boxgrad::index>(seed % 5)};
        if (seed % 2 == 1) loss.strides = {stride(8, 16), stride(16, 8), stride(32, 20)};
        if (seed % 3 == 1) loss.weights = {.classes = 0.5, .boxes = 2, .objectness = 3, .l1 = 0.25};
        auto h = test::random_head<double>(seed, 2, loss.classes, 64, 96);
        const auto t = test::random_truths<double>(seed, {static_cast<int>(seed % 9), 3}, static_cast<int>(loss.classes));
        const auto e = by_matrices<TestType>(loss, h, t);
        if (!e.clear) continue;
        ++told;
        const auto r = test::evaluate(b, loss, h, t);
        CHECK(r.truth == e.truth);
        CHECK(r.value.positives == e.positives);
        CHECK(r.value.normaliser == static_cast<double>(std::max<std::ptrdiff_t>(1, e.positives)));
        CHECK(r.value.classes == Approx(e.classes).epsilon(1e-12));
        CHECK(r.value.boxes == Approx(e.boxes).epsilon(1e-12));
        CHECK(r.value.objectness == Approx(e.objectness).epsilon(1e-12));
        CHECK(r.value.l1 == Approx(e.l1).epsilon(1e-12));
        CHECK(r.value.total == r.value.classes + r.value.boxes + r.value.objectness + r.value.l1);
    }
    CHECK(told > 90);
}

TEMPLATE_LIST_TEST_CASE("P17 whatever number of a prediction is dead, the assignment is that without it", "[head][promise]", recipes) {
    const boxgrad::memory<double> b;
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double inf = std::numeric_limits<double>::infinity();
    loss_of<TestType> loss{.classes = 3};
    int told = 0;
    int hit = 0;
    for (unsigned seed = 0; seed < 60; ++seed) {
        const auto clean = test::random_head<double>(seed, 1, 3);
        const auto t = test::random_truths<double>(seed, {4}, 3);
        const auto whole = test::evaluate(b, loss, clean, t);
        // A positive of the first level, where there is one.
        std::size_t at = seed % 96;
        for (std::size_t n = 0; n < 96; ++n) at = whole.truth[n] >= 0 ? n : at;
        hit += whole.truth[at] >= 0 ? 1 : 0;
        // Class scores are read where some truth is within reach; elsewhere they decide nothing and are not counted.
        const auto& rules = loss.assigner;
        bool reached = false;
        for (const auto& x : t.boxes) {
            const double px = 8 * (static_cast<double>(at % 12) + 0.5);
            const double py = 8 * (static_cast<double>(at / 12) + 0.5);
            reached = reached || (std::abs(px - (x[0] + x[2]) / 2) < 8 * rules.center_radius && std::abs(py - (x[1] + x[3]) / 2) < 8 * rules.center_radius);
            if (std::is_same_v<TestType, recipe::megvii>) continue;
            reached = reached || (px > x[0] && px < x[2] && py > x[1] && py < x[3]);
        }
        std::vector<test::outcome<double>> outcomes;
        bool clear = true;
        for (const double bad : {nan, inf, -inf}) {
            for (int what = 0; what < 8; ++what) {
                INFO("seed " << seed << ", " << bad << " at " << what);
                auto h = clean;
                const std::size_t channel = 96 * static_cast<std::size_t>(what < 3 ? what : what < 7 ? what - 3 : 0);
                (what < 3 ? h.classes(0) : what < 7 ? h.boxes(0) : h.objectness(0))[channel + at] = bad;
                const auto e = by_matrices<TestType>(loss, h, t);
                const auto r = test::evaluate(b, loss, h, t);
                clear = clear && e.clear;
                if (e.clear) CHECK(r.truth == e.truth);
                CHECK(r.truth[at] == boxgrad::assigner::background);
                CHECK(r.nonfinite == (what < 3 && !reached ? 0 : 1));
                CHECK(std::isfinite(r.value.boxes));
                CHECK(std::isfinite(r.value.l1));
                CHECK(std::isfinite(r.value.classes));
                // The objectness of every prior is part of the loss, so there it shows.
                CHECK(std::isfinite(r.value.objectness) == (what != 7));
                outcomes.push_back(r);
            }
        }
        told += clear ? 1 : 0;
        for (const auto& r : outcomes) {
            CHECK(r.truth == outcomes.front().truth);
            CHECK(test::same_bits(r.overlap, outcomes.front().overlap));
            CHECK(r.value.boxes == outcomes.front().value.boxes);
            CHECK(r.value.classes == outcomes.front().value.classes);
        }
        // Its gradient, all of it, is that of a background prior, and no other gradient is dead.
        const auto& r = outcomes.front();
        for (const double g : r.gradient) CHECK(std::isfinite(g));
    }
    CHECK(told > 40);
    CHECK(hit > 40);
}
