// SPDX-License-Identifier: Apache-2.0
/// \file
/// golden_check [--backend NAME] FILE...: checks recorded cases of the reference implementations.

#include "components.hpp"
#include "model.hpp"
#include "rules.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>

namespace {

using namespace golden;

component* find_component(const std::string& name) {
    static const std::map<std::string, component*> components = {
        {"anchor_generator", anchor_generator},
        {"ultralytics_task_aligned_assigner", ultralytics_task_aligned_assigner},
        {"task_aligned_assigner", task_aligned_assigner},
        {"match_cost", match_cost},
        {"max_iou_assigner", max_iou_assigner},
        {"grid_assigner", grid_assigner},
        {"atss_assigner", atss_assigner},
        {"approx_max_iou_assigner", approx_max_iou_assigner},
        {"bbox_overlaps", bbox_overlaps},
        {"bbox_transforms", bbox_transforms},
        {"bucketing_bbox_coder", bucketing_bbox_coder},
        {"center_region_assigner", center_region_assigner},
        {"combined_sampler", combined_sampler},
        {"delta_xywh_bbox_coder", delta_xywh_bbox_coder},
        {"distance_point_bbox_coder", distance_point_bbox_coder},
        {"dynamic_soft_label_assigner", dynamic_soft_label_assigner},
        {"giou_loss", giou_loss},
        {"hungarian_assigner", hungarian_assigner},
        {"instance_balanced_pos_sampler", instance_balanced_pos_sampler},
        {"iou_balanced_neg_sampler", iou_balanced_neg_sampler},
        {"iou_loss", iou_loss},
        {"l1_loss", l1_loss},
        {"legacy_anchor_generator", legacy_anchor_generator},
        {"legacy_delta_xywh_bbox_coder", legacy_delta_xywh_bbox_coder},
        {"mlvl_point_generator", mlvl_point_generator},
        {"ohem_sampler", ohem_sampler},
        {"point_assigner", point_assigner},
        {"prior_utils", prior_utils},
        {"pseudo_bbox_coder", pseudo_bbox_coder},
        {"pseudo_sampler", pseudo_sampler},
        {"random_sampler", random_sampler},
        {"region_assigner", region_assigner},
        {"sim_ota_assigner", sim_ota_assigner},
        {"sim_ota_assigner_cjm", sim_ota_assigner_cjm},
        {"ssd_anchor_generator", ssd_anchor_generator},
        {"tblr_bbox_coder", tblr_bbox_coder},
        {"topk_hungarian_assigner", topk_hungarian_assigner},
        {"torchvision_box_ops", torchvision_box_ops},
        {"ultralytics_bbox_iou", ultralytics_bbox_iou},
        {"uniform_assigner", uniform_assigner},
        {"yolo_anchor_generator", yolo_anchor_generator},
        {"yolo_bbox_coder", yolo_bbox_coder},
        {"yolox_decode", yolox_decode},
        {"yolox_loss_cjm", yolox_loss_cjm},
        {"yolox_loss_megvii", yolox_loss_megvii},
        {"yolox_loss_mmdet", yolox_loss_mmdet},
    };
    const auto at = components.find(name);
    return at == components.end() ? nullptr : at->second;
}

/// The rules' own computation in the place of a backend.
void run_model(const std::string& name, checker& k) {
    k.begin("model");
    if (!model::knows(name)) throw bad_file("the model does not know " + name);
    const model::answer a = model::solve(name, k.expected());
    for (const auto& o : a.outputs) {
        if (o.second.is_whole) {
            k.output(o.first, o.second.shape, o.second.whole);
        } else {
            k.output(o.first, o.second.shape, o.second.real);
        }
    }
    if (!k.expected().raises) k.finish();
}

/// true where every case passes.
bool check_file(const std::string& path, const std::string& backend) {
    recorded_file f = read_file(path);
    component* const run = find_component(f.component);
    if (!run) throw bad_file("component " + f.component + " is not known");
    std::map<std::string, int> taken;
    std::string report;
    std::size_t passed = 0;
    for (recorded& c : f.cases) {
        std::vector<failure> failures;
        try {
            for (const std::string& rule : apply_rules(f.component, c)) ++taken[rule];
            checker k(c, backend);
            if (backend == "model") {
                run_model(f.component, k);
            } else {
                run(k);
            }
            failures = k.failures();
        } catch (const std::exception& e) {
            failures.push_back({"", e.what()});
        }
        const auto unknown = backend == "model" ? std::nullopt : c.not_understood();
        if (unknown) failures.push_back({"", *unknown + " is not understood"});
        if (failures.empty()) ++passed;
        for (const failure& x : failures) {
            report += "  FAIL " + c.name + (x.backend.empty() ? "" : " (" + x.backend + ")") + ": " + x.what + "\n";
        }
    }
    std::cout << f.component << ": " << passed << '/' << f.cases.size() << '\n' << report;
    for (const auto& t : taken) std::cout << "  " << t.first << ": " << t.second << (t.second == 1 ? " case\n" : " cases\n");
    return passed == f.cases.size();
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Checks recorded cases of the reference implementations on every backend");
    std::string backend;
    std::vector<std::string> names = backend_names();
    names.emplace_back("model");
    std::vector<std::string> files;
    app.add_option("--backend", backend, "One backend instead of all; model: the deviation rules' own computation")
        ->check(CLI::IsMember(names));
    app.add_option("files", files, "Files in the format of golden/README.md")->required();
    CLI11_PARSE(app, argc, argv);

    bool good = true;
    for (const std::string& file : files) {
        try {
            good = check_file(file, backend) && good;
        } catch (const std::exception& e) {
            std::cout << file << ": " << e.what() << '\n';
            good = false;
        }
    }
    return good ? 0 : 1;
}
