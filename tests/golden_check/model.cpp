// SPDX-License-Identifier: Apache-2.0
#include "model.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

namespace golden::model {

namespace {

struct variant {
    bool cjm, megvii;
    real log_eps, penalty;
    double radius, union_eps, loss_union_eps;
};

variant variant_of(const std::string& component) {
    const bool cjm = component.ends_with("_cjm");
    const bool megvii = component.ends_with("_megvii");
    return {cjm, megvii, megvii ? 1e-8L : 1e-7L, cjm ? 1e8L : megvii ? 1e6L : 1e5L,
            megvii ? 1.5 : 2.5, megvii ? 0.0 : 1e-6, megvii ? 1e-16 : 1e-6};
}

struct prior {
    real x, y, sx, sy;
};
struct truth {
    box b;
    std::size_t label;
};

real sigmoid(real x) { return 1 / (1 + std::exp(-x)); }
real bce(real logit, real t) { return std::max(logit, 0.0L) - logit * t + std::log1p(std::exp(-std::abs(logit))); }
real minus_log(real p) { return std::min(-std::log(p), 100.0L); }

struct assignment {
    std::vector<index> row;  // of the truth, or -1
    std::vector<real> overlap;
    index candidates = 0;
};

struct simota {
    variant v;
    double radius, iou_weight, cls_weight;
    index topk;
    bool is_double;

    simota(const variant& which, const recorded& c)
        : v(which), radius(c.number("center_radius", which.radius)), iou_weight(c.number("iou_weight", 3)),
          cls_weight(c.number("cls_weight", 1)), topk(c.whole("candidate_topk", 10)), is_double(c.is_double) {}

    static bool inside(const prior& p, const box& b) { return p.x > b.x1 && p.y > b.y1 && p.x < b.x2 && p.y < b.y2; }

    assignment assign(const std::vector<prior>& priors, const std::vector<box>& boxes,
                      const std::vector<std::vector<real>>& scores, const std::vector<truth>& truths) const {
        const std::size_t g = truths.size();
        assignment a;
        a.row.assign(priors.size(), -1);
        a.overlap.assign(priors.size(), 0);
        std::vector<std::size_t> valid;
        std::vector<std::vector<bool>> free;  // [candidate][truth]
        for (std::size_t i = 0; i < priors.size(); ++i) {
            const prior& p = priors[i];
            std::vector<bool> both;
            bool reached = false;
            for (const truth& t : truths) {
                const real cx = (t.b.x1 + t.b.x2) / 2, cy = (t.b.y1 + t.b.y2) / 2;
                const real rx = static_cast<real>(radius) * p.sx, ry = static_cast<real>(radius) * p.sy;
                const bool central = inside(p, {cx - rx, cy - ry, cx + rx, cy + ry});
                const bool boxed = inside(p, t.b);
                reached = reached || central || (boxed && !v.megvii);
                both.push_back(central && (boxed || v.megvii));
            }
            if (reached) {
                valid.push_back(i);
                free.push_back(both);
            }
        }
        const std::size_t n = valid.size();
        a.candidates = static_cast<index>(n);
        std::vector<std::vector<real>> iou(g), cost(g);
        std::vector<std::vector<bool>> match(g, std::vector<bool>(n));
        for (std::size_t t = 0; t < g; ++t) {
            for (std::size_t k = 0; k < n; ++k) {
                const std::vector<real>& p = scores[valid[k]];
                const real o = overlap(v.cjm ? "giou" : "iou", boxes[valid[k]], truths[t].b, v.union_eps, is_double);
                real cls = 0;
                for (std::size_t c = 0; c < p.size(); ++c) {
                    const bool own = c == truths[t].label;
                    cls += v.cjm ? bce(p[c], own ? 1 : 0) : minus_log(own ? p[c] : 1 - p[c]);
                }
                iou[t].push_back(o);
                cost[t].push_back(static_cast<real>(cls_weight) * cls - static_cast<real>(iou_weight) * std::log(o + v.log_eps) +
                                  (free[k][t] ? 0 : v.penalty));
            }
            std::vector<real> best = iou[t];
            std::sort(best.begin(), best.end(), std::greater<>());
            best.resize(std::min(n, static_cast<std::size_t>(topk)));
            const real sum = std::accumulate(best.begin(), best.end(), 0.0L);
            const std::size_t picks = std::min(n, static_cast<std::size_t>(std::max(1.0L, sum)));
            std::vector<std::size_t> order(n);
            std::iota(order.begin(), order.end(), std::size_t{0});
            const auto key = [&](std::size_t k) {
                return std::isnan(cost[t][k]) ? std::numeric_limits<real>::infinity() : cost[t][k];
            };
            std::stable_sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) { return key(x) < key(y); });
            for (std::size_t k = 0; k < picks; ++k) match[t][order[k]] = true;
        }
        for (std::size_t k = 0; k < n; ++k) {
            index matches = 0;
            for (std::size_t t = 0; t < g; ++t) matches += match[t][k] ? 1 : 0;
            if (matches > 1) {
                std::size_t least = 0;
                for (std::size_t t = 1; t < g; ++t) {
                    if (std::isnan(cost[least][k])) break;
                    if (std::isnan(cost[t][k]) || cost[t][k] < cost[least][k]) least = t;
                }
                for (std::size_t t = 0; t < g; ++t) match[t][k] = t == least || (v.cjm && match[t][k]);
            }
            for (std::size_t t = g; t-- > 0;) {
                if (!match[t][k]) continue;
                a.row[valid[k]] = static_cast<index>(t);
                a.overlap[valid[k]] += iou[t][k];
            }
        }
        return a;
    }
};

std::vector<truth> truths_of(const array& boxes, const array& labels) {
    std::vector<truth> t;
    for (std::size_t g = 0; g < labels.whole.size(); ++g) {
        t.push_back({box_at(boxes, g), static_cast<std::size_t>(labels.whole[g])});
    }
    return t;
}

array reals(const std::vector<index>& shape, const std::vector<real>& data) {
    std::vector<double> d;
    for (const real x : data) d.push_back(static_cast<double>(x));
    return array::of(shape, std::move(d));
}
array scalar(real x) { return reals({}, {x}); }
array rows(const assignment& a) {
    std::vector<std::int64_t> r;
    for (const index i : a.row) r.push_back(i + 1);
    return array::of({static_cast<index>(a.row.size())}, std::move(r));
}

answer solve_assigner(const variant& v, const recorded& c) {
    const simota s(v, c);
    const array& q = c.input("scores");
    std::vector<prior> priors;
    std::vector<box> boxes;
    std::vector<std::vector<real>> scores;
    const std::size_t classes = static_cast<std::size_t>(q.shape.at(1));
    for (std::size_t i = 0; i < static_cast<std::size_t>(q.shape.at(0)); ++i) {
        const box p = box_at(c.input("priors"), i);
        priors.push_back({p.x1, p.y1, p.x2, p.y2});
        boxes.push_back(box_at(c.input("bboxes"), i));
        const auto first = q.real.begin() + static_cast<index>(i * classes);
        scores.emplace_back(first, first + static_cast<index>(classes));
    }
    const auto truths = truths_of(c.input("gt_bboxes"), c.input("gt_labels"));
    const assignment a = s.assign(priors, boxes, scores, truths);
    std::vector<std::int64_t> label;
    for (const index r : a.row) label.push_back(r < 0 ? -1 : static_cast<std::int64_t>(truths[static_cast<std::size_t>(r)].label));
    const auto n = static_cast<index>(priors.size());
    return {{{"gt_inds", rows(a)},
             {"labels", array::of({n}, std::move(label))},
             {"max_overlaps", reals({n}, a.overlap)},
             {"num_gts", array::of({}, std::vector<std::int64_t>{static_cast<std::int64_t>(truths.size())})}},
            truths.empty() ? -1 : a.candidates,
            s.topk};
}

box decode(const prior& p, const std::array<real, 4>& raw) {  // p: the cell's corner
    const real cx = raw[0] * p.sx + p.x, cy = raw[1] * p.sy + p.y;
    const real w = std::exp(raw[2]) * p.sx / 2, h = std::exp(raw[3]) * p.sy / 2;
    return {cx - w, cy - h, cx + w, cy + h};
}

answer solve_loss(const variant& v, const recorded& c) {
    const simota s(v, c);
    const auto strides = c.rows("strides", 2, true);
    const bool use_l1 = c.flag("use_l1", false);
    const auto scale = [&](const std::string& term, double weight) {
        const array* const up = c.find_input("grad_output.loss_" + term);
        return std::pair<real, real>(c.number("loss_weights." + term, weight), up ? up->real.at(0) : 1.0);
    };
    const auto [w_cls, up_cls] = scale("cls", 1);
    const auto [w_bbox, up_bbox] = scale("bbox", 5);
    const auto [w_obj, up_obj] = scale("obj", 1);
    const auto [w_l1, up_l1] = scale("l1", 1);

    answer out{{}, -1, s.topk};
    real cls = 0, bbox = 0, obj = 0, l1 = 0;
    index positives = 0;
    const auto level = [&](const char* name, std::size_t l) -> const array& { return c.input(name + std::to_string(l)); };
    const auto images = level("cls_scores.", 0).shape.at(0);
    const auto classes = static_cast<std::size_t>(level("cls_scores.", 0).shape.at(1));
    for (std::size_t l = 0; l < strides.size(); ++l) {
        const auto zero = [&](const char* gradient, const char* input) {
            const array& a = level(input, l);
            out.outputs[gradient + std::to_string(l)] = array::of(a.shape, std::vector<double>(a.real.size(), 0.0));
        };
        zero("grad_cls.", "cls_scores.");
        zero("grad_bbox.", "bbox_preds.");
        zero("grad_obj.", "objectnesses.");
    }
    std::vector<std::function<void(real)>> add_gradients;  // once the normaliser is known
    for (index image = 0; image < images; ++image) {
        std::vector<prior> corners, centres;
        std::vector<box> boxes;
        std::vector<std::array<real, 4>> raws;
        std::vector<std::vector<real>> scores;
        struct place {
            std::size_t level, at, plane;  // of channel 0 in the level's arrays of one channel
        };
        std::vector<place> places;
        for (std::size_t l = 0; l < strides.size(); ++l) {
            const array& o = level("objectnesses.", l);
            const auto width = static_cast<std::size_t>(o.shape.at(3));
            const auto plane = static_cast<std::size_t>(o.shape.at(2)) * width;
            for (std::size_t cell = 0; cell < plane; ++cell) {
                const auto sx = static_cast<real>(strides[l][0]);
                const auto sy = static_cast<real>(strides[l][1]);
                const prior p{static_cast<real>(cell % width) * sx, static_cast<real>(cell / width) * sy, sx, sy};
                corners.push_back(p);
                centres.push_back({p.x + sx / 2, p.y + sy / 2, sx, sy});
                const auto b = static_cast<std::size_t>(image);
                places.push_back({l, b, plane});
                const auto read = [&](const char* name, std::size_t channels, std::size_t k) -> real {
                    return static_cast<real>(level(name, l).real.at((b * channels + k) * plane + cell));
                };
                std::array<real, 4> raw{};
                for (std::size_t k = 0; k < 4; ++k) raw[k] = read("bbox_preds.", 4, k);
                raws.push_back(raw);
                boxes.push_back(decode(p, raw));
                std::vector<real> q;
                const real objectness = sigmoid(read("objectnesses.", 1, 0));
                for (std::size_t k = 0; k < classes; ++k) {
                    const real product = sigmoid(read("cls_scores.", classes, k)) * objectness;
                    q.push_back(v.cjm ? product : std::sqrt(product));
                }
                scores.push_back(q);
            }
        }
        const std::string at = "." + std::to_string(image);
        const auto truths = truths_of(c.input("gt_bboxes" + at), c.input("gt_labels" + at));
        const assignment a = s.assign(centres, boxes, scores, truths);
        if (!truths.empty() && (out.fewest_candidates < 0 || a.candidates < out.fewest_candidates)) out.fewest_candidates = a.candidates;
        out.outputs["gt_inds" + at] = rows(a);
        out.outputs["ious" + at] = reals({static_cast<index>(a.overlap.size())}, a.overlap);

        std::size_t first = 0;
        for (std::size_t i = 0; i < corners.size(); ++i) {
            const place where = places[i];
            if (i > 0 && places[i - 1].level != where.level) first = i;
            const auto position = [=, cell = i - first](std::size_t channels, std::size_t k) {
                return (where.at * channels + k) * where.plane + cell;
            };
            const auto put = [&out, where](const char* name, std::size_t p, real g) {
                out.outputs[name + std::to_string(where.level)].real[p] = static_cast<double>(g);
            };
            const bool positive = a.row[i] >= 0;
            const auto logit = static_cast<real>(level("objectnesses.", where.level).real[position(1, 0)]);
            obj += bce(logit, positive ? 1 : 0);
            add_gradients.push_back([=, w = w_obj * up_obj](real n) {
                put("grad_obj.", position(1, 0), w * (sigmoid(logit) - (positive ? 1 : 0)) / n);
            });
            if (!positive) continue;
            ++positives;
            const truth t = truths[static_cast<std::size_t>(a.row[i])];
            for (std::size_t k = 0; k < classes; ++k) {
                const auto x = static_cast<real>(level("cls_scores.", where.level).real[position(classes, k)]);
                const real target = k == t.label ? a.overlap[i] : 0;
                cls += bce(x, target);
                add_gradients.push_back([=, w = w_cls * up_cls](real n) {
                    put("grad_cls.", position(classes, k), w * (sigmoid(x) - target) / n);
                });
            }
            const prior p = corners[i];
            const std::array<real, 4> code{((t.b.x1 + t.b.x2) / 2 - p.x) / p.sx, ((t.b.y1 + t.b.y2) / 2 - p.y) / p.sy,
                                           std::log((t.b.x2 - t.b.x1) / p.sx + 1e-8L), std::log((t.b.y2 - t.b.y1) / p.sy + 1e-8L)};
            const auto box_term = [v, p, t, is_double = c.is_double](const std::array<real, 4>& raw) {
                const real u = overlap(v.cjm ? "giou" : "iou", decode(p, raw), t.b, v.loss_union_eps, is_double);
                const real floored = v.cjm ? u : std::max(u, 1e-16L);
                return 1 - floored * floored;
            };
            const auto l1_term = [code](const std::array<real, 4>& raw) {
                real sum = 0;
                for (std::size_t k = 0; k < 4; ++k) sum += std::abs(raw[k] - code[k]);
                return sum;
            };
            bbox += box_term(raws[i]);
            l1 += l1_term(raws[i]);
            add_gradients.push_back([=, raw = raws[i], wb = w_bbox * up_bbox, wl = use_l1 ? w_l1 * up_l1 : 0.0L](real n) {
                for (std::size_t k = 0; k < 4; ++k) {  // central differences of fourth order
                    const real h = 1e-6L;
                    const auto f = [&](real step) {
                        std::array<real, 4> x = raw;
                        x[k] += step * h;
                        return wb * box_term(x) + wl * l1_term(x);
                    };
                    put("grad_bbox.", position(4, k), (8 * (f(1) - f(-1)) - (f(2) - f(-2))) / (12 * h) / n);
                }
            });
        }
    }
    const real n = std::max<real>(1, static_cast<real>(positives));
    for (const auto& add : add_gradients) add(n);
    out.outputs["loss_cls"] = scalar(w_cls * cls / n);
    out.outputs["loss_bbox"] = scalar(w_bbox * bbox / n);
    out.outputs["loss_obj"] = scalar(w_obj * obj / n);
    if (use_l1) out.outputs["loss_l1"] = scalar(w_l1 * l1 / n);
    out.outputs["num_pos"] = array::of({}, std::vector<std::int64_t>{positives});
    return out;
}

}  // namespace

box box_at(const array& a, std::size_t row) {
    const auto at = [&](std::size_t c) { return static_cast<real>(a.real.at(4 * row + c)); };
    return {at(0), at(1), at(2), at(3)};
}

real overlap(const std::string& mode, box a, box b, double eps, bool is_double) {
    const auto upright = [](box& x) {
        x.x2 = std::max(x.x1, x.x2);
        x.y2 = std::max(x.y1, x.y2);
    };
    upright(a);
    upright(b);
    const real smallest = is_double ? static_cast<real>(std::numeric_limits<double>::min())
                                    : static_cast<real>(std::numeric_limits<float>::min());
    const real least = eps > 0 ? static_cast<real>(eps) : smallest;
    const auto area = [](const box& x) { return (x.x2 - x.x1) * (x.y2 - x.y1); };
    const real w = std::max(0.0L, std::min(a.x2, b.x2) - std::max(a.x1, b.x1));
    const real h = std::max(0.0L, std::min(a.y2, b.y2) - std::max(a.y1, b.y1));
    const real shared = w * h;
    const real whole = std::max(least, mode == "iof" ? area(a) : area(a) + area(b) - shared);
    if (mode != "giou") return shared / whole;
    const real hull = std::max(least, area({std::min(a.x1, b.x1), std::min(a.y1, b.y1), std::max(a.x2, b.x2), std::max(a.y2, b.y2)}));
    return shared / whole - (hull - whole) / hull;
}

bool knows(const std::string& component) {
    return component.starts_with("sim_ota_assigner") || component.starts_with("yolox_loss");
}

answer solve(const std::string& component, const recorded& c) {
    const variant v = variant_of(component);
    return component.starts_with("yolox_loss") ? solve_loss(v, c) : solve_assigner(v, c);
}

}  // namespace golden::model
