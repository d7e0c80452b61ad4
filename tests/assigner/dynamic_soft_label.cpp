// SPDX-License-Identifier: Apache-2.0
//
// dynamic_soft_label against matrices in double written down here, on every backend; ignored regions, the
// limit of sizes, batches, quarantine; and the same of sim_ota, whose kernels it shares.
#include "backends.hpp"
#include "catch.hpp"
#include "naive_sim_ota.hpp"

#include <boxgrad/assigner/dynamic_soft_label.hpp>
#include <boxgrad/assigner/sim_ota.hpp>
#include <boxgrad/prior/mlvl_point_generator.hpp>

#include <numeric>

namespace {

namespace assigner = boxgrad::assigner;
using test::extents;
using boxes_t = std::vector<std::array<double, 4>>;

/// Images of equal numbers of priors and classes; all numbers are floats.
struct image {
    test::scene_lists<double> lists;  // scores are logits
    boxes_t ignored;
};

template <class T>
constexpr double slack = sizeof(T) == 4 ? 3e-5 : 1e-10;

double logit_of(double p) { return std::log(p + 1e-4) - std::log(1 - p + 1e-4); }
double rounded(double x) { return static_cast<double>(static_cast<float>(x)); }

image random_image(unsigned seed, std::size_t n, std::size_t g, std::size_t classes, bool crowded) {
    image m{test::random_scene<double>(seed, n, g, classes, crowded), {}};
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> u;
    for (auto* list : {&m.lists.priors, &m.lists.boxes, &m.lists.truths}) {
        for (auto& row : *list) {
            for (double& x : row) x = rounded(x);
        }
    }
    for (double& x : m.lists.scores) x = rounded(logit_of(x) * (u(random) < 0.02 ? 1e3 : 1));
    for (int r = static_cast<int>(u(random) * 3); r > 0; --r) {
        const double x = 60 * u(random);
        const double y = 60 * u(random);
        m.ignored.push_back({rounded(x), rounded(y), rounded(x + 30 * u(random) + 1), rounded(y + 30 * u(random) + 1)});
    }
    return m;
}

image image_number(unsigned i) {
    const std::size_t n[] = {0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 65, 100, 130, 257};
    const std::size_t g[] = {1, 2, 3, 5, 8, 13, 20, 40, 0, 4, 6};
    return random_image(i, n[i % std::size(n)], g[i % std::size(g)], 1 + i % 7, i % 3 == 0);
}

struct expected {
    std::vector<std::int32_t> truth;
    std::vector<double> overlap;
    bool clear = true;
};

bool strictly_in(const std::array<double, 4>& p, const std::array<double, 4>& r) {
    return p[0] > r[0] && p[0] < r[2] && p[1] > r[1] && p[1] < r[3];
}
/// How far the furthest side is from the point, in strides of its axis.
double size_in_strides(const std::array<double, 4>& p, const std::array<double, 4>& r) {
    return std::max({(p[0] - r[0]) / p[2], (r[2] - p[0]) / p[2], (p[1] - r[1]) / p[3], (r[3] - p[1]) / p[3]});
}
/// (t - σ(x))²·BCE with logits.
double soft_bce(double x, double t) {
    const double s = 1 / (1 + std::exp(-x));
    return (std::max(x, 0.0) - x * t + std::log1p(std::exp(-std::abs(x)))) * (t - s) * (t - s);
}

expected naive(const image& m, const assigner::dynamic_soft_label<>& a, double off) {
    const auto& s = m.lists;
    const std::size_t n = s.size();
    const std::size_t g = s.truths.size();
    expected r{std::vector<std::int32_t>(n, -1), std::vector<double>(n, 0.0)};
    struct pair {
        bool allowed = false;
        double iou = 0, cost = 0, off = 0;
    };
    std::vector<std::vector<pair>> all(n, std::vector<pair>(g));
    std::vector<std::size_t> valid;
    for (std::size_t i = 0; i < n; ++i) {
        const auto& p = s.priors[i];
        if (std::any_of(m.ignored.begin(), m.ignored.end(), [&](const auto& x) { return strictly_in(p, x); })) {
            r.truth[i] = -2;
            continue;
        }
        if (!s.dead.empty() && s.dead[i]) continue;
        bool reached = false;
        for (std::size_t k = 0; k < g; ++k) {
            const auto& t = s.truths[k];
            auto& x = all[i][k];
            x.allowed = !(a.reg_max > 0) || size_in_strides(p, t) <= a.reg_max;
            reached = reached || (x.allowed && strictly_in(p, t));
            x.iou = test::naive_overlap(false, s.boxes[i], t, 1e-6);
            double classes = 0;
            for (std::size_t c = 0; c < s.classes; ++c) {
                const double z = s.scores[i * s.classes + c];
                const double cost = soft_bce(z, static_cast<int>(c) == s.labels[k] ? x.iou : 0);
                classes += cost;
                x.off += soft_bce(z, 0) + std::abs(z) + 1;
            }
            const double d = std::hypot(p[0] - (t[0] + t[2]) / 2, p[1] - (t[1] + t[3]) / 2) / p[2];
            const double centre = std::pow(10.0, d - a.soft_center_radius);
            const double distance = -a.iou_weight * std::log(x.iou + 1e-7);
            x.cost = classes + distance + centre;
            x.off = off * (x.off + std::abs(distance) + centre * (1 + d) + 1);
            if (!(centre < 1e30)) r.clear = false;
        }
        if (reached) valid.push_back(i);
    }
    std::vector<std::vector<std::size_t>> claims(n);
    for (std::size_t k = 0; k < g; ++k) {
        std::vector<std::size_t> order;
        for (const std::size_t i : valid) {
            if (all[i][k].allowed) order.push_back(i);
        }
        std::vector<double> ious;
        for (const std::size_t i : order) ious.push_back(all[i][k].iou);
        std::sort(ious.rbegin(), ious.rend());
        ious.resize(std::min(ious.size(), static_cast<std::size_t>(a.topk)));
        const double sum = std::accumulate(ious.begin(), ious.end(), 0.0);
        const auto whole = [](double x) { return static_cast<std::size_t>(std::max(1.0, std::floor(x))); };
        if (whole(sum - off) != whole(sum + off)) r.clear = false;
        const std::size_t wanted = std::min(whole(sum), order.size());
        std::stable_sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) { return all[x][k].cost < all[y][k].cost; });
        for (std::size_t j = 0; j < wanted; ++j) claims[order[j]].push_back(k);
        if (wanted > 0 && wanted < order.size()) {
            const pair& last = all[order[wanted - 1]][k];
            for (std::size_t j = wanted; j < order.size(); ++j) {
                const pair& next = all[order[j]][k];
                r.clear = r.clear && next.cost - last.cost > next.off + last.off;
            }
        }
    }
    for (const std::size_t i : valid) {
        if (claims[i].empty()) continue;
        std::size_t owner = claims[i][0];
        if (claims[i].size() > 1) {
            owner = g;
            for (std::size_t k = 0; k < g; ++k) {
                if (all[i][k].allowed && (owner == g || all[i][k].cost < all[i][owner].cost)) owner = k;
            }
            for (std::size_t k = 0; k < g; ++k) {
                if (k == owner || !all[i][k].allowed) continue;
                r.clear = r.clear && all[i][k].cost - all[i][owner].cost > all[i][k].off + all[i][owner].off;
            }
        }
        r.truth[i] = static_cast<std::int32_t>(owner);
        r.overlap[i] = all[i][owner].iou;
    }
    return r;
}

template <class T>
struct answer {
    std::vector<std::int32_t> truth;  // image by image
    std::vector<T> overlap;
    std::vector<boxgrad::index> positives, truth_positives;
    boxgrad::index nonfinite = 0;
    friend bool operator==(const answer&, const answer&) = default;
};

template <class T>
std::vector<T> flat(const boxes_t& rows) {
    std::vector<T> v;
    for (const auto& r : rows) {
        for (const double x : r) v.push_back(static_cast<T>(x));
    }
    return v;
}
template <class T>
std::vector<std::array<T, 4>> cast(const boxes_t& rows) {
    std::vector<std::array<T, 4>> v;
    for (const auto& r : rows) v.push_back({static_cast<T>(r[0]), static_cast<T>(r[1]), static_cast<T>(r[2]), static_cast<T>(r[3])});
    return v;
}
template <class T>
boxgrad::truth_list<T> truths_of(const std::vector<image>& batch) {
    boxgrad::truth_list<T> t;
    for (const image& m : batch) t.add_image(cast<T>(m.lists.truths), m.lists.labels, cast<T>(m.ignored));
    return t;
}
template <class B, class R>
answer<typename B::scalar> to_host(const B& b, const R& r) {
    return {test::to_host<2>(b, r.truth), test::to_host<2>(b, r.overlap), r.positives, r.truth_positives, r.nonfinite_priors};
}

/// One image as matrices, several as tensors of rank 3; priors are the first image's unless `own_priors`.
template <class B, class Assigner>
answer<typename B::scalar> assign(const B& b, const Assigner& a, const std::vector<image>& batch, bool own_priors = false) {
    using T = typename B::scalar;
    const auto& first = batch[0].lists;
    const auto images = static_cast<boxgrad::index>(batch.size());
    const auto n = static_cast<boxgrad::index>(first.size());
    const auto c = static_cast<boxgrad::index>(first.classes);
    std::vector<T> priors;
    std::vector<T> boxes;
    std::vector<T> scores;
    for (const image& m : batch) {
        const auto p = flat<T>(m.lists.priors);
        const auto x = flat<T>(m.lists.boxes);
        priors.insert(priors.end(), p.begin(), p.end());
        boxes.insert(boxes.end(), x.begin(), x.end());
        for (const double s : m.lists.scores) scores.push_back(static_cast<T>(s));
    }
    const auto truths = truths_of<T>(batch);
    if (images == 1) {
        return to_host(b, a.assign(b, test::from_host(b, extents<2>{{n, 4}}, priors), test::from_host(b, extents<2>{{n, 4}}, boxes),
                                   test::from_host(b, extents<2>{{n, c}}, scores), truths));
    }
    const auto x = test::from_host(b, extents<3>{{images, n, 4}}, boxes);
    const auto s = test::from_host(b, extents<3>{{images, n, c}}, scores);
    if (own_priors) return to_host(b, a.assign(b, test::from_host(b, extents<3>{{images, n, 4}}, priors), x, s, truths));
    priors.resize(static_cast<std::size_t>(4 * n));
    return to_host(b, a.assign(b, test::from_host(b, extents<2>{{n, 4}}, priors), x, s, truths));
}

assigner::dynamic_soft_label<> parameters(unsigned i) {
    assigner::dynamic_soft_label<> a;
    a.soft_center_radius = 2 + 0.5 * (i % 4);
    a.topk = 1 + static_cast<int>(i % 16);
    a.iou_weight = i % 5;
    a.reg_max = i % 3 == 0 ? 0 : 1 + i % 4;
    return a;
}

/// False where the scene is not clear enough to tell.
template <class B>
bool agrees(const B& b, const image& m, const assigner::dynamic_soft_label<>& a) {
    using T = typename B::scalar;
    const expected e = naive(m, a, slack<T>);
    if (!e.clear) return false;
    const auto r = assign(b, a, std::vector<image>{m});
    CHECK(r.truth == e.truth);
    std::vector<T> overlap;
    for (const double o : e.overlap) overlap.push_back(static_cast<T>(o));
    CHECK(test::near(r.overlap, overlap, 16));
    CHECK(r.positives[0] == std::count_if(e.truth.begin(), e.truth.end(), [](auto t) { return t >= 0; }));
    CHECK(std::accumulate(r.truth_positives.begin(), r.truth_positives.end(), boxgrad::index{0}) == r.positives[0]);
    return true;
}

/// What remains of an image without some priors.
image without(const image& m, const std::vector<bool>& gone) {
    image r = m;
    r.lists.priors.clear();
    r.lists.boxes.clear();
    r.lists.scores.clear();
    for (std::size_t i = 0; i < m.lists.size(); ++i) {
        if (gone[i]) continue;
        const auto row = m.lists.scores.begin() + static_cast<std::ptrdiff_t>(i * m.lists.classes);
        r.lists.priors.push_back(m.lists.priors[i]);
        r.lists.boxes.push_back(m.lists.boxes[i]);
        r.lists.scores.insert(r.lists.scores.end(), row, row + static_cast<std::ptrdiff_t>(m.lists.classes));
    }
    return r;
}
/// `r` with a prior of state `fill` wherever one is gone.
answer<double> spread(const answer<double>& r, const std::vector<bool>& gone, std::int32_t fill) {
    answer<double> all = r;
    all.truth.assign(gone.size(), fill);
    all.overlap.assign(gone.size(), 0);
    for (std::size_t i = 0, k = 0; i < gone.size(); ++i) {
        if (gone[i]) continue;
        all.truth[i] = r.truth[k];
        all.overlap[i] = r.overlap[k++];
    }
    return all;
}

/// sim_ota takes probabilities.
image probabilities(image m) {
    for (double& x : m.lists.scores) x = rounded(1 / (1 + std::exp(-x)));
    return m;
}
const image& as_given(const assigner::dynamic_soft_label<>&, const image& m) { return m; }
template <class Rules>
image as_given(const assigner::sim_ota<Rules>&, const image& m) {
    return probabilities(m);
}

using both = std::tuple<assigner::dynamic_soft_label<>, assigner::sim_ota<>>;

}  // namespace

TEST_CASE("dynamic_soft_label is what its matrices say: a thousand scenes, all parameters", "[assigner]") {
    int told = 0;
    int told_float = 0;
    for (unsigned i = 0; i < 1000; ++i) {
        INFO("scene " << i);
        told += agrees(boxgrad::memory<double>{}, image_number(i), parameters(i)) ? 1 : 0;
        told_float += agrees(boxgrad::memory<float>{}, image_number(i), parameters(i)) ? 1 : 0;
    }
    CHECK(told > 800);
    CHECK(told_float > 400);
}

TEMPLATE_LIST_TEST_CASE("dynamic_soft_label is what its matrices say on every backend", "[assigner]", test::backends) {
    using T = typename TestType::scalar;
    const TestType b;
    int told = 0;
    for (unsigned i = 1000; i < 1040; ++i) {
        INFO("scene " << i);
        const image m = image_number(i);
        const auto a = parameters(i);
        const auto e = naive(m, a, slack<T>);
        const auto r = assign(b, a, {m});
        CHECK(r == assign(boxgrad::memory<T>{}, a, {m}));
        if (!e.clear) continue;
        ++told;
        CHECK(r.truth == e.truth);
    }
    CHECK(told > 15);
    // A batch, with priors that all images share or priors of their own.
    std::vector<image> batch;
    for (unsigned i = 0; i < 4; ++i) batch.push_back(random_image(i, 33, 3 * i, 5, false));
    const auto a = parameters(4);
    answer<T> alone;
    for (const image& m : batch) {
        const auto r = assign(b, a, {m});
        alone.truth.insert(alone.truth.end(), r.truth.begin(), r.truth.end());
        alone.overlap.insert(alone.overlap.end(), r.overlap.begin(), r.overlap.end());
        alone.positives.push_back(r.positives[0]);
        alone.truth_positives.insert(alone.truth_positives.end(), r.truth_positives.begin(), r.truth_positives.end());
        alone.nonfinite += r.nonfinite;
    }
    CHECK(assign(b, a, batch, true) == alone);
    for (image& m : batch) m.lists.priors = batch[0].lists.priors;
    CHECK(assign(b, a, batch, true) == assign(b, a, batch, false));
}

TEMPLATE_LIST_TEST_CASE("ignored regions, also without truths: as if their priors were absent", "[assigner]", both) {
    const boxgrad::memory<double> b;
    const TestType a;
    int some = 0;
    for (unsigned i = 0; i < 300; ++i) {
        INFO("scene " << i);
        const image m = as_given(a, image_number(2000 + i));
        std::vector<bool> in;
        for (const auto& p : m.lists.priors) {
            in.push_back(std::any_of(m.ignored.begin(), m.ignored.end(), [&](const auto& r) { return strictly_in(p, r); }));
        }
        some += std::count(in.begin(), in.end(), true) > 0 ? 1 : 0;
        image rest = without(m, in);
        rest.ignored.clear();
        auto e = spread(assign(b, a, {rest}), in, assigner::ignored);
        CHECK(assign(b, a, {m}) == e);
        image empty = m;
        empty.lists.truths.clear();
        empty.lists.labels.clear();
        const auto r = assign(b, a, {empty});
        for (std::size_t k = 0; k < in.size(); ++k) CHECK(r.truth[k] == (in[k] ? assigner::ignored : assigner::background));
        CHECK(r.positives[0] == 0);
    }
    CHECK(some > 50);
    // The border of a region is not in it.
    image edge;
    edge.lists.classes = 1;
    edge.lists.priors = {{4, 4, 8, 8}, {12, 4, 8, 8}};
    edge.lists.boxes = {{0, 0, 8, 8}, {8, 0, 16, 8}};
    edge.lists.scores = {0.5, 0.5};
    edge.ignored = {{0, 0, 12, 12}};
    CHECK(assign(b, a, {edge}).truth == std::vector<std::int32_t>{assigner::ignored, assigner::background});
}

TEMPLATE_LIST_TEST_CASE("reg_max: no point gets a truth with a side beyond it, and a wide limit changes nothing", "[assigner]",
                        both) {
    const boxgrad::memory<double> b;
    int kept = 0;
    int changed = 0;
    for (unsigned i = 0; i < 300; ++i) {
        INFO("scene " << i);
        TestType a;
        const image m = as_given(a, image_number(3000 + i));
        const auto free = assign(b, a, {m});
        a.reg_max = 1e6;
        CHECK(assign(b, a, {m}) == free);
        a.reg_max = 2 + i % 3;
        const auto r = assign(b, a, {m});
        changed += r == free ? 0 : 1;
        for (std::size_t k = 0; k < m.lists.size(); ++k) {
            if (r.truth[k] < 0) continue;
            ++kept;
            CHECK(size_in_strides(m.lists.priors[k], m.lists.truths[static_cast<std::size_t>(r.truth[k])]) <= a.reg_max);
        }
        // A truth too large for all leaves the others what they get without it.
        image more = m;
        more.lists.truths.push_back({-500, -500, 900, 900});
        more.lists.labels.push_back(0);
        auto with = assign(b, a, {more});
        CHECK(with.truth_positives.back() == 0);
        with.truth_positives.pop_back();
        CHECK(with == r);
    }
    CHECK(kept > 300);
    CHECK(changed > 50);
}

TEMPLATE_LIST_TEST_CASE("an image alone and in a batch: the same bits; points that are computed too", "[assigner][property]", both) {
    const TestType a;
    const boxgrad::memory<float> b;
    const boxgrad::prior::mlvl_point_generator grid{.strides = {8}, .offset = 0.5};
    const boxgrad::prior::with_strides with{grid};
    const auto points = single_level_grid_priors(b, with, {.h = 7, .w = 9}, 0);
    const auto host = test::to_host<2>(b, points);
    std::vector<image> batch;
    for (unsigned i = 0; i < 20; ++i) {
        batch.push_back(as_given(a, random_image(i, 63, i % 7 * 2, 6, i % 2 == 0)));
        auto& priors = batch.back().lists.priors;
        for (std::size_t k = 0; k < priors.size(); ++k) {
            for (std::size_t c = 0; c < 4; ++c) priors[k][c] = static_cast<double>(host[4 * k + c]);
        }
    }
    const auto all = assign(b, a, batch);
    std::vector<float> boxes;
    std::vector<float> scores;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        const auto one = assign(b, a, {batch[i]});
        CHECK(std::equal(one.truth.begin(), one.truth.end(), all.truth.begin() + static_cast<std::ptrdiff_t>(63 * i)));
        CHECK(std::equal(one.overlap.begin(), one.overlap.end(), all.overlap.begin() + static_cast<std::ptrdiff_t>(63 * i)));
        CHECK(one.positives[0] == all.positives[i]);
        const auto x = flat<float>(batch[i].lists.boxes);
        boxes.insert(boxes.end(), x.begin(), x.end());
        for (const double s : batch[i].lists.scores) scores.push_back(static_cast<float>(s));
    }
    const boxgrad::prior::point_grid<float> computed{{.h = 7, .w = 9}, 8, 0.5};
    CHECK(to_host(b, a.assign(b, computed, test::from_host(b, extents<3>{{20, 63, 4}}, boxes),
                              test::from_host(b, extents<3>{{20, 63, 6}}, scores), truths_of<float>(batch))) == all);
}

TEST_CASE("dynamic_soft_label: dead predictions are as if absent, and logits of any finite size are none", "[assigner][promise]") {
    const boxgrad::memory<double> b;
    const assigner::dynamic_soft_label<> a;
    const double bad[] = {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), 0x1p501};
    std::mt19937_64 random(3);
    for (unsigned i = 0; i < 300; ++i) {
        INFO("scene " << i);
        image m = image_number(4000 + i);
        m.ignored.clear();
        auto& s = m.lists;
        std::vector<bool> dead;
        for (std::size_t k = 0; k < s.size(); ++k) {
            dead.push_back(random() % 4 == 0);
            if (!dead[k]) continue;
            if (random() % 2 == 0) {
                s.boxes[k][random() % 4] = bad[random() % 3];
            } else {
                s.scores[k * s.classes + random() % s.classes] = bad[random() % 2];
            }
        }
        auto r = assign(b, a, {m});
        auto e = spread(assign(b, a, {without(m, dead)}), dead, assigner::background);
        CHECK(r.nonfinite <= std::count(dead.begin(), dead.end(), true));
        r.nonfinite = e.nonfinite;
        CHECK(r == e);
    }
    image far = random_image(1, 40, 1, 2, false);
    far.ignored.clear();
    for (std::size_t k = 0; k < far.lists.scores.size(); ++k) far.lists.scores[k] = k % 2 == 0 ? 3e38 : -3e38;
    CHECK(assign(boxgrad::memory<float>{}, a, {far}).nonfinite == 0);
    CHECK(assign(boxgrad::memory<float>{}, a, {far}).positives[0] > 0);
}

TEST_CASE("dynamic_soft_label follows permutations of priors and of truths, and a prior far away changes nothing",
          "[assigner][property]") {
    const boxgrad::memory<double> b;
    int told = 0;
    for (unsigned i = 0; i < 200; ++i) {
        INFO("scene " << i);
        const image m = image_number(5000 + i);
        const auto a = parameters(i);
        if (!naive(m, a, slack<double>).clear) continue;
        ++told;
        const auto e = assign(b, a, {m});
        image moved = m;
        std::reverse(moved.lists.priors.begin(), moved.lists.priors.end());
        std::reverse(moved.lists.boxes.begin(), moved.lists.boxes.end());
        auto& scores = moved.lists.scores;
        std::reverse(scores.begin(), scores.end());
        for (std::size_t k = 0; k < scores.size(); k += m.lists.classes) {
            std::reverse(scores.begin() + static_cast<std::ptrdiff_t>(k), scores.begin() + static_cast<std::ptrdiff_t>(k + m.lists.classes));
        }
        auto r = assign(b, a, {moved});
        std::reverse(r.truth.begin(), r.truth.end());
        std::reverse(r.overlap.begin(), r.overlap.end());
        CHECK(r == e);

        image turned = m;
        std::reverse(turned.lists.truths.begin(), turned.lists.truths.end());
        std::reverse(turned.lists.labels.begin(), turned.lists.labels.end());
        r = assign(b, a, {turned});
        for (auto& t : r.truth) t = t < 0 ? t : static_cast<std::int32_t>(m.lists.truths.size()) - 1 - t;
        std::reverse(r.truth_positives.begin(), r.truth_positives.end());
        CHECK(r == e);

        image far = m;
        far.lists.priors.push_back({1e6, 1e6, 8, 8});
        far.lists.boxes.push_back({0, 0, 30, 30});
        far.lists.scores.insert(far.lists.scores.end(), m.lists.classes, 2.0);
        r = assign(b, a, {far});
        CHECK(r.truth.back() == assigner::background);
        r.truth.pop_back();
        r.overlap.pop_back();
        CHECK(r == e);
    }
    CHECK(told > 150);
}

TEST_CASE("dynamic_soft_label: equal prices go to the lower prior, then to the lower truth", "[assigner]") {
    const boxgrad::memory<double> b;
    image m;
    m.lists.classes = 2;
    // Four points around the centre of two equal truths, with equal predictions: all prices are equal.
    m.lists.priors = {{12, 12, 8, 8}, {20, 12, 8, 8}, {12, 20, 8, 8}, {20, 20, 8, 8}};
    m.lists.boxes.assign(4, {8, 8, 24, 18});
    m.lists.scores.assign(8, 0.5);
    m.lists.truths.assign(2, {8, 8, 24, 24});
    m.lists.labels = {0, 0};
    const assigner::dynamic_soft_label<> a{.topk = 3};  // ious of 0.625: one each
    CHECK(assign(b, a, {m}).truth == std::vector<std::int32_t>{0, -1, -1, -1});
    CHECK(assign(b, a, {m}).truth_positives == std::vector<boxgrad::index>{1, 0});
}

TEST_CASE("dynamic_soft_label: errors name operation, argument, expected and actual", "[assigner]") {
    const boxgrad::memory<double> b;
    const auto rows = [&](boxgrad::index n, boxgrad::index c) { return b.make<double, 2>(extents<2>{{n, c}}); };
    const auto batch = [&](boxgrad::index m, boxgrad::index n, boxgrad::index c) { return b.make<double, 3>(extents<3>{{m, n, c}}); };
    boxgrad::truth_list<double> t;
    t.add_image({{0, 0, 8, 8}}, {0});
    const auto message = [&](const assigner::dynamic_soft_label<>& a, const auto& p, const auto& x, const auto& s) -> std::string {
        try {
            a.assign(b, p, x, s, t);
        } catch (const boxgrad::error& e) {
            return e.what();
        }
        return "";
    };
    const assigner::dynamic_soft_label<> a;
    const std::string op = "dynamic_soft_label::assign: ";
    CHECK(message(a, rows(3, 4), rows(3, 4), rows(3, 2)).empty());
    CHECK(message(a, rows(3, 5), rows(3, 4), rows(3, 2)) == op + "priors must be [*, 4], got [3, 5]");
    CHECK(message(a, rows(3, 4), rows(2, 4), rows(3, 2)) == op + "boxes must be [3, 4], got [2, 4]");
    CHECK(message(a, rows(3, 4), rows(3, 4), rows(4, 2)) == op + "scores must be [3, *], got [4, 2]");
    CHECK(message(a, rows(3, 4), batch(1, 2, 4), rows(3, 2)) == op + "boxes must be [1, 3, 4], got [1, 2, 4]");
    CHECK(message(a, rows(3, 4), batch(2, 3, 4), rows(3, 2)) == op + "scores must be [2, N, ...], one matrix an image, got a matrix [3, 2]");
    CHECK(message(a, rows(3, 4), batch(2, 3, 4), batch(2, 3, 2)) == op + "truths must be 2 images, got 1");
    CHECK(message(a, rows(3, 4), rows(3, 4), rows(3, 0)) == op + "label 0 of image 0, row 0 must be in [0, 0)");
    CHECK(message({.soft_center_radius = HUGE_VAL}, rows(3, 4), rows(3, 4), rows(3, 2)) == op + "soft_center_radius must be finite, got inf");
    CHECK(message({.topk = 0}, rows(3, 4), rows(3, 4), rows(3, 2)) == op + "topk must be positive, got 0");
    CHECK(message({.iou_weight = -1}, rows(3, 4), rows(3, 4), rows(3, 2)) == op + "iou_weight must be finite and not negative, got -1.000000");
    CHECK(message({.reg_max = -1}, rows(3, 4), rows(3, 4), rows(3, 2)) == op + "reg_max must be finite and not negative, got -1.000000");
}
