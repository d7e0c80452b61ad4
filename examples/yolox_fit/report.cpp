// SPDX-License-Identifier: Apache-2.0
#include "report.hpp"

#include "picture.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>

namespace {

std::string number(double x, int digits = 1) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", digits, x);
    return text;
}

std::string escaped(const std::string& s) {
    std::string out;
    for (const char c : s) {
        out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : c == '"' ? "&quot;" : std::string(1, c);
    }
    return out;
}

/// A colour for each truth: hues a golden angle apart.
std::string colour(int truth) { return "hsl(" + std::to_string(truth * 137 % 360) + ",85%,55%)"; }

std::string rectangle(const std::array<float, 4>& b, const std::string& style) {
    return "<rect x=\"" + number(double{b[0]}) + "\" y=\"" + number(double{b[1]}) + "\" width=\"" +
           number(std::max(0.0, double{b[2]} - double{b[0]})) + "\" height=\"" +
           number(std::max(0.0, double{b[3]} - double{b[1]})) + "\" " + style + "/>";
}

/// A prior's mark tells its level: a dot, a square, a diamond.
std::string mark(const match& m, const std::string& style) {
    const double x = double{m.x};
    const double y = double{m.y};
    const std::string tip = "<title>truth " + std::to_string(m.truth) + ", stride " +
                            std::to_string(fitter::strides[static_cast<std::size_t>(m.level)]) + ", IoU " +
                            number(double{m.overlap}, 3) + "</title>";
    const auto shape = [&](const std::string& s) { return "<" + s + " " + style + ">" + tip + "</" + s.substr(0, s.find(' ')) + ">"; };
    if (m.level == 0) return shape("circle cx=\"" + number(x) + "\" cy=\"" + number(y) + "\" r=\"3\"");
    const double h = m.level == 1 ? 4 : 7;
    if (m.level == 1) {
        return shape("rect x=\"" + number(x - h) + "\" y=\"" + number(y - h) + "\" width=\"" + number(2 * h) + "\" height=\"" +
                     number(2 * h) + "\"");
    }
    return shape("path d=\"M" + number(x) + " " + number(y - h) + "l" + number(h) + " " + number(h) + "l" + number(-h) + " " +
                 number(h) + "l" + number(-h) + " " + number(-h) + "z\"");
}

/// Truths dashed, boxes before thin and grey, boxes after and priors in the colour of their truth.
std::string overlay(const report_input& in, std::size_t image) {
    std::string s;
    for (const match& m : in.fit.matches[image]) {
        s += rectangle(m.before, "fill=\"none\" stroke=\"#ddd\" stroke-width=\"1\" opacity=\"0.45\"");
    }
    for (const match& m : in.fit.matches[image]) {
        s += rectangle(m.after, "fill=\"none\" stroke=\"" + colour(m.truth) + "\" stroke-width=\"2\" opacity=\"0.8\"");
    }
    const auto first = static_cast<std::size_t>(in.truths.offsets[image]);
    const auto last = static_cast<std::size_t>(in.truths.offsets[image + 1]);
    for (std::size_t g = first; g < last; ++g) {
        s += rectangle(in.truths.boxes[g], "fill=\"none\" stroke=\"#fff\" stroke-width=\"1.5\" stroke-dasharray=\"5 4\"");
    }
    for (const match& m : in.fit.matches[image]) {
        s += mark(m, "fill=\"" + colour(m.truth) + "\" stroke=\"#111\" stroke-width=\"0.8\"");
    }
    return s;
}

struct series {
    const char* name;
    const char* colour;
    std::function<double(const measurement&)> at;
};

const std::vector<series>& all_series() {
    static const std::vector<series> list{
        {"total", "#222", [](const measurement& m) { return double{m.value.total}; }},
        {"boxes", "#c2410c", [](const measurement& m) { return double{m.value.boxes}; }},
        {"classes", "#1d4ed8", [](const measurement& m) { return double{m.value.classes}; }},
        {"objectness", "#15803d", [](const measurement& m) { return double{m.value.objectness}; }},
        {"l1", "#a21caf", [](const measurement& m) { return double{m.value.l1}; }},
    };
    return list;
}

/// The terms over the steps, logarithmic, with axes: a group of 640 x 300.
std::string curves(const fit_result& fit) {
    constexpr double left = 56, top = 14, width = 470, height = 240;
    double high = 1e-3;
    double low = 1e9;
    for (const measurement& m : fit.curve) {
        for (const series& s : all_series()) {
            if (s.at(m) > 0) {
                high = std::max(high, s.at(m));
                low = std::min(low, s.at(m));
            }
        }
    }
    const double top_decade = std::ceil(std::log10(high));
    const double bottom_decade = std::min(std::floor(std::log10(low)), top_decade - 1);
    const auto y = [&](double v) {
        const double l = std::clamp(std::log10(std::max(v, 1e-12)), bottom_decade, top_decade);
        return top + height * (top_decade - l) / (top_decade - bottom_decade);
    };
    const double steps = std::max<double>(1, static_cast<double>(fit.curve.size() - 1));
    std::string s = "<g font-family=\"system-ui,sans-serif\" font-size=\"12\" fill=\"#444\">";
    for (double d = bottom_decade; d <= top_decade; ++d) {
        const std::string at = number(y(std::pow(10, d)));
        s += "<path d=\"M" + number(left) + " " + at + "h" + number(width) + "\" stroke=\"#ddd\"/>";
        s += "<text x=\"" + number(left - 6) + "\" y=\"" + at + "\" dy=\"4\" text-anchor=\"end\">" +
             number(std::pow(10, d), d < 0 ? static_cast<int>(-d) : 0) + "</text>";
    }
    s += "<text x=\"" + number(left) + "\" y=\"" + number(top + height + 18) + "\">step 0</text>";
    s += "<text x=\"" + number(left + width) + "\" y=\"" + number(top + height + 18) + "\" text-anchor=\"end\">" +
         number(steps, 0) + "</text>";
    double legend = top + 12;
    for (const series& c : all_series()) {
        s += "<path fill=\"none\" stroke=\"" + std::string(c.colour) + "\" stroke-width=\"1.8\" d=\"";
        for (std::size_t i = 0; i < fit.curve.size(); ++i) {
            s += (i == 0 ? "M" : "L") + number(left + width * static_cast<double>(i) / steps) + " " + number(y(c.at(fit.curve[i])));
        }
        s += "\"/><text x=\"" + number(left + width + 12) + "\" y=\"" + number(legend) + "\" fill=\"" + c.colour + "\">" + c.name +
             "</text>";
        legend += 18;
    }
    return s + "</g>";
}

std::string picture_svg(const report_input& in, std::size_t image) {
    const std::string size = std::to_string(in.options.size);
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + size + " " + size + "\"><image width=\"" + size +
           "\" height=\"" + size + "\" href=\"" + data_url(in.pictures[image], in.options.size) + "\"/>" + overlay(in, image) +
           "</svg>";
}

std::string row(const std::string& name, const std::string& before, const std::string& after) {
    return "<tr><th>" + name + "</th><td>" + before + "</td><td>" + after + "</td></tr>";
}

std::string triple(const std::array<boxgrad::index, 3>& v) {
    return std::to_string(v[0]) + " / " + std::to_string(v[1]) + " / " + std::to_string(v[2]);
}

std::string summary(const report_input& in) {
    const measurement& first = in.fit.curve.front();
    const measurement& last = in.fit.curve.back();
    std::string s = "<table><tr><th></th><td>before</td><td>after</td></tr>";
    for (const series& c : all_series()) s += row(c.name, number(c.at(first), 4), number(c.at(last), 4));
    s += row("positives", std::to_string(first.value.positives), std::to_string(last.value.positives));
    s += row("mean IoU of positives", number(first.mean_iou, 4), number(last.mean_iou, 4));
    s += row("truths not reached", std::to_string(first.unreached), std::to_string(last.unreached));
    s += row("positives a level (8 / 16 / 32)", triple(in.fit.per_level_before), triple(in.fit.per_level_after));
    s += row("positives a truth (least / median / most)", triple(in.fit.per_truth_before), triple(in.fit.per_truth_after));
    return s + "</table>";
}

void write(const std::string& path, const std::string& text) {
    const std::string draft = path + ".part";
    {
        std::ofstream out(draft, std::ios::binary);
        out << text;
        out.flush();
        if (!out) {
            std::remove(draft.c_str());
            throw input_error(path + ": cannot be written");
        }
    }
    if (std::rename(draft.c_str(), path.c_str()) != 0) {
        std::remove(draft.c_str());
        throw input_error(path + ": cannot be written");
    }
}

constexpr const char* style = R"(
body{font:15px/1.5 system-ui,sans-serif;color:#222;background:#fafafa;margin:0 auto;max-width:1180px;padding:24px 16px}
h1{font-size:22px;margin:0 0 4px}h2{font-size:17px;margin:32px 0 8px}p{margin:4px 0 12px;color:#555}
table{border-collapse:collapse}th,td{padding:3px 14px 3px 0;text-align:right;font-variant-numeric:tabular-nums}
th{text-align:left;font-weight:500}tr{border-bottom:1px solid #e5e5e5}
.top{display:flex;flex-wrap:wrap;gap:24px;align-items:flex-start}.top svg{width:100%;max-width:640px}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(300px,1fr));gap:16px}
figure{margin:0;background:#fff;border:1px solid #e5e5e5;border-radius:6px;overflow:hidden}figure svg{display:block;width:100%}
figcaption{padding:6px 10px;font-size:13px;color:#555}
)";

}  // namespace

void write_report(const std::string& path, const report_input& in) {
    std::string s = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
                    "content=\"width=device-width,initial-scale=1\"><title>boxgrad: a YOLOX head fitted to its truths</title><style>";
    s += style;
    s += "</style><h1>A YOLOX head fitted to its truths</h1><p>" + std::to_string(in.data.images.size()) + " images, " +
         std::to_string(in.data.boxes()) + " boxes, " + std::to_string(in.data.classes.size()) + " classes; recipe " +
         escaped(in.recipe) + ", " + (in.options.adam ? "Adam" : "gradient descent") + ", " +
         std::to_string(in.fit.curve.size() - 1) + " steps, " + number(in.fit.milliseconds, 2) +
         " ms for a call with gradient (median).</p><div class=\"top\"><svg viewBox=\"0 0 640 290\" role=\"img\">" +
         curves(in.fit) + "</svg>" + summary(in) +
         "</div><h2>Assignment</h2><p>White and dashed: truths. Grey: what the assigned priors predicted before. In the colour of "
         "their truth: what they predict now, and the priors themselves; a dot has stride 8, a square 16, a diamond 32. Point at a "
         "prior for its IoU.</p><div class=\"grid\">";
    const std::size_t shown = std::min(in.data.images.size(), static_cast<std::size_t>(in.pictures_shown));
    for (std::size_t i = 0; i < shown; ++i) {
        s += "<figure>" + picture_svg(in, i) + "<figcaption>" + escaped(in.data.images[i].file) + ": " +
             std::to_string(in.truths.offsets[i + 1] - in.truths.offsets[i]) + " truths, " +
             std::to_string(in.fit.matches[i].size()) + " assigned priors</figcaption></figure>";
    }
    write(path, s + "</div></html>\n");
}

void write_figure(const std::string& path, const report_input& in) {
    std::size_t best = 0;
    for (std::size_t i = 0; i < in.fit.matches.size(); ++i) {
        const auto n = [&](std::size_t k) { return in.truths.offsets[k + 1] - in.truths.offsets[k]; };
        if (std::abs(n(i) - 10) < std::abs(n(best) - 10)) best = i;
    }
    const std::string image = picture_svg(in, best);
    write(path, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1000\" height=\"420\" viewBox=\"0 0 1000 420\"><rect width=\"1000\" "
                "height=\"420\" fill=\"#fff\"/><svg width=\"420\" height=\"420\"" +
                    image.substr(4) + "<g transform=\"translate(420 60) scale(0.9)\">" + curves(in.fit) + "</g></svg>\n");
}
